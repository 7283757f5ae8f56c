"""What people said of calls, on both databases: taken back in time or settled once, and what waits meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from nurture.db import contacts, outcomes, suppressions, tasks
from nurture.db.contacts import Change
from nurture.db.outcomes import CallOutcome, NewOutcome
from nurture.db.session import Database
from nurture.db.suppressions import Suppression
from nurture.db.tasks import Task
from nurture.model.words import Channel, SuppressionReason
from tests.support.stores import DAY, MINUTE, NOW, a_workflow, acting, called, people, wake_times


@pytest.fixture
def database(any_store: str) -> Iterator[Database]:
    database = Database(any_store)
    with database.write() as tx:
        a_workflow(tx)
    yield database
    database.dispose()


def a_call(tx: Connection, name: str = "ana", **over: object) -> Task:
    """A call to a new contact with a phone of their own."""
    (contact,) = people(tx, name)
    contacts.apply_changes(tx, {contact: Change({"phone": f"+1416555{contact:04}"})}, NOW)
    (call,) = called(tx, acting(tx, [contact]), [contact], **over)
    found = tasks.get(tx, call)
    assert found is not None
    return found


def told(tx: Connection, task: Task, outcome: str = "reached", **over: object) -> CallOutcome:
    values = {"data": {"minutes": 2.5}, "actor": "kim@example.org", "reported_at": NOW} | over
    return outcomes.add(
        tx,
        NewOutcome(task_id=task.id, outcome=outcome, settles_at=NOW + 2 * MINUTE, **values),  # type: ignore[arg-type]
    )


def number_of(tx: Connection, task: Task) -> str:
    _, phone = suppressions.hashes_of(tx, [task.contact_id])[task.contact_id]
    assert phone is not None
    return phone


def close_phone(tx: Connection, contact_id: int) -> str:
    _, phone = suppressions.hashes_of(tx, [contact_id])[contact_id]
    assert phone is not None
    reason = SuppressionReason.DO_NOT_CALL
    suppressions.add(
        tx, [Suppression(address_hash=phone, channel=Channel.PHONE, reason=reason, at=NOW, source="test")]
    )
    return phone


def test_an_outcome_is_told_back_and_settled_once_in_its_time(database: Database) -> None:
    with database.write() as tx:
        call = a_call(tx)
        one = told(tx, call)

        early = outcomes.due(tx, NOW + MINUTE, 10)
        due = outcomes.due(tx, NOW + 2 * MINUTE, 10)
        settled = outcomes.settle(tx, list(due), NOW + 2 * MINUTE)
        again = outcomes.settle(tx, list(due), NOW + 3 * MINUTE)

        assert outcomes.due(tx, NOW + DAY, 10) == {}
        assert outcomes.of_task(tx, call.id) == settled
    assert (early, due) == ({}, {one.id: call.contact_id})
    assert [(each.id, each.data, each.settled_at) for each in settled] == [
        (one.id, {"minutes": 2.5}, NOW + 2 * MINUTE)
    ]
    assert again == []


def test_an_outcome_is_taken_back_before_its_time_once_and_never_settles(database: Database) -> None:
    with database.write() as tx:
        call = a_call(tx)
        one, other = told(tx, call), told(tx, call, "voicemail")

        undone = outcomes.undo(tx, one.id, NOW + MINUTE)
        twice = outcomes.undo(tx, one.id, NOW + MINUTE)
        late = outcomes.undo(tx, other.id, NOW + 2 * MINUTE)

        assert outcomes.due(tx, NOW + DAY, 10) == {other.id: call.contact_id}
        assert [each.id for each in outcomes.pending_by(tx, "kim@example.org")] == [other.id]
        assert [each.id for each in outcomes.pending_of_number(tx, number_of(tx, call))] == [other.id]
    assert undone is not None
    assert undone.undone_at == NOW + MINUTE
    assert (twice, late) == (None, None)


def test_a_call_with_an_outcome_is_off_the_queue_and_does_not_expire_until_that_is_settled(
    database: Database,
) -> None:
    with database.write() as tx:
        call, other = a_call(tx, expires=NOW + DAY), a_call(tx, "bea", assignee=None)
        one = told(tx, call)

        assert [each.id for each in tasks.waiting(tx)] == [other.id]
        assert tasks.waiting_for(tx, "kim@example.com") == []
        assert [each.id for each in tasks.waiting_for(tx, None)] == [other.id]
        assert tasks.waiting_counts(tx) == {None: 1}
        assert tasks.expire(tx, NOW + DAY) == []
        outcomes.settle(tx, [one.id], NOW + DAY)
        assert [each.id for each in tasks.waiting(tx)] == [call.id, other.id]
        assert tasks.waiting_counts(tx) == {None: 1, "kim@example.com": 1}
        assert [each.id for each in tasks.expire(tx, NOW + DAY)] == [call.id]


def test_a_closed_number_calls_its_calls_off_but_a_click_only_hides_them(database: Database) -> None:
    with database.write() as tx:
        told_of, other = a_call(tx), a_call(tx, "bea")
        phone = close_phone(tx, other.contact_id)
        one = told(tx, told_of, "do-not-call", closed=phone)

        hidden = tasks.waiting(tx)
        kept = tasks.call_off(tx, NOW)
        outcomes.rests_elsewhere(tx, [phone])
        gone = tasks.call_off(tx, NOW + MINUTE)

        assert wake_times(tx)[other.enrollment_id] == NOW + MINUTE
        found = outcomes.get(tx, one.id)
        assert found is not None
        assert found.closed is None
    assert (hidden, kept) == ([], [])
    assert [(each.id, each.state, each.reason) for each in gone] == [(other.id, "cancelled", "suppressed")]


def test_an_outcome_can_be_put_off_and_given_what_another_closed(database: Database) -> None:
    with database.write() as tx:
        one = told(tx, a_call(tx))

        outcomes.put_off(tx, one.id, NOW + DAY)
        outcomes.hand_on(tx, one.id, "a-hash")

        assert outcomes.due(tx, NOW + DAY - MINUTE, 10) == {}
        found = outcomes.get(tx, one.id)
        assert found is not None
        assert (found.closed, found.settles_at, found.pending) == ("a-hash", NOW + DAY, True)
