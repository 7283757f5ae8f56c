"""Enrollments are claimed by one, written by its holder only, and woken by whatever happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from nurture.db import enrollments, events
from nurture.db.enrollments import LEASE, Claimed
from nurture.db.events import NewEvent
from nurture.db.session import Database
from nurture.model.decisions import Turn
from nurture.model.words import Enrollment, EnteredBy, Phase, Ran, StageRecord, Status
from tests.support.stores import (
    DAY,
    MINUTE,
    NOW,
    OPERATIONAL,
    a_workflow,
    acting,
    an_enrollment,
    enrolled,
    people,
    wake_times,
)


@pytest.fixture
def database(any_store: str) -> Iterator[Database]:
    database = Database(any_store)
    with database.write() as tx:
        a_workflow(tx)
    yield database
    database.dispose()


def claim(database: Database, now: datetime = NOW, **more: int) -> list[Claimed]:
    with database.write() as tx:
        return enrollments.claim_due(tx, now, OPERATIONAL, **more)


def decided(
    claimed: Claimed, wake_at: datetime | None = NOW + DAY, **changes: object
) -> tuple[Claimed, Turn]:
    return claimed, Turn(replace(claimed.enrollment, **changes), (), wake_at)  # type: ignore[arg-type]


def test_an_enrollment_comes_back_as_it_was_stored(database: Database) -> None:
    with database.write() as tx:
        (ana,) = people(tx, "ana")
        stored = an_enrollment(
            ana,
            visit=2,
            entered_by=EnteredBy.JUMP,
            stages={"lead-offer": StageRecord(2, NOW, validated=True), "first-sale": StageRecord()},
            ran=(Ran("first-mail", NOW), Ran("call", NOW + MINUTE)),
            phase=Phase.WATCHING,
            first_due=NOW - DAY,
            reopen_until=NOW + DAY,
            cursor=7,
            history=3,
            holdout=True,
        )
        (id_,) = enrollments.insert(tx, [(stored, NOW)])
        assert id_ is not None

        loaded = enrollments.get(tx, [id_])

    assert loaded == {id_: replace(stored, id=id_)}


def test_the_oldest_due_are_claimed_first_and_none_before_its_time(database: Database) -> None:
    with database.write() as tx:
        ana, bea, carl = people(tx, "ana", "bea", "carl")
        (late,) = enrolled(tx, [ana], wake_at=NOW)
        (first,) = enrolled(tx, [bea], wake_at=NOW - DAY)
        enrolled(tx, [carl], wake_at=NOW + MINUTE)

    taken = [claim(database, limit=1), claim(database, limit=1), claim(database, limit=1)]

    assert [[one.enrollment.id for one in batch] for batch in taken] == [[first], [late], []]


def test_two_claimers_never_share_an_enrollment(database: Database, any_store: str) -> None:
    with database.write() as tx:
        due = enrolled(tx, people(tx, *(f"p{number}" for number in range(300))))

    def work(_: int) -> list[int]:
        own = Database(any_store)
        taken = []
        while batch := claim(own, limit=7):
            taken += [one.enrollment.id for one in batch]
        own.dispose()
        return taken

    with ThreadPoolExecutor(6) as pool:
        claimed = [id_ for taken in pool.map(work, range(6)) for id_ in taken]

    assert Counter(claimed) == Counter(due)


def test_a_claim_that_lapsed_is_anybodys_and_its_late_holder_writes_nothing(database: Database) -> None:
    with database.write() as tx:
        enrolled(tx, people(tx, "ana"))
    (late,) = claim(database)
    with database.write() as tx:
        held = enrollments.claim_due(tx, NOW, OPERATIONAL + LEASE - timedelta(seconds=1))
        (again,) = enrollments.claim_due(tx, NOW, OPERATIONAL + LEASE + timedelta(seconds=1))

    with database.write() as tx:
        by_late = enrollments.record_turns(tx, [decided(late, stage="nowhere")], NOW)
        by_holder = enrollments.record_turns(tx, [decided(again, stage="first-sale")], NOW)
        by_holder_twice = enrollments.record_turns(tx, [decided(again, stage="nowhere")], NOW)

    assert held == []
    assert (by_late, by_holder, by_holder_twice) == (set(), {again.enrollment.id}, set())
    with database.read() as tx:
        assert enrollments.get(tx, [again.enrollment.id])[again.enrollment.id].stage == "first-sale"


def test_a_turn_that_did_not_know_of_an_event_is_not_written(database: Database) -> None:
    with database.write() as tx:
        (ana,) = people(tx, "ana")
        (id_,) = enrolled(tx, [ana])
    (claimed,) = claim(database)

    with database.write() as tx:
        (stored,) = events.store(tx, [NewEvent(contact_id=ana, name="sale.closed", at=NOW, arrived_at=NOW)])
        enrollments.note_events(tx, {id_: stored.id}, NOW)
    with database.write() as tx:
        written = enrollments.record_turns(tx, [decided(claimed, status=Status.LOST)], NOW)

    assert written == set()
    assert [one.enrollment for one in claim(database)] == [claimed.enrollment]


def test_events_left_unread_by_a_turn_wake_the_enrollment_at_once(database: Database) -> None:
    with database.write() as tx:
        (ana,) = people(tx, "ana")
        (id_,) = enrolled(tx, [ana], wake_at=None)
        enrollments.note_events(tx, {id_: 12}, NOW)
    (claimed,) = claim(database)

    with database.write() as tx:
        enrollments.record_turns(tx, [decided(claimed, cursor=11)], NOW)
        unread = wake_times(tx)
    (claimed,) = claim(database)
    with database.write() as tx:
        enrollments.record_turns(tx, [decided(claimed, cursor=12)], NOW)
        read = wake_times(tx)

    assert (unread, read) == ({id_: NOW}, {id_: NOW + DAY})


def test_an_older_event_wakes_nobody_twice(database: Database) -> None:
    with database.write() as tx:
        (id_,) = enrolled(tx, people(tx, "ana"), wake_at=None)
        enrollments.note_events(tx, {id_: 12}, NOW)
        enrollments.note_events(tx, {id_: 11}, NOW + DAY)

        assert wake_times(tx) == {id_: NOW}


def test_released_enrollments_are_due_at_once(database: Database) -> None:
    with database.write() as tx:
        enrolled(tx, people(tx, "ana"))
    claimed = claim(database)

    with database.write() as tx:
        enrollments.release(tx, claimed)

    assert [one.enrollment for one in claim(database)] == [one.enrollment for one in claimed]


def test_an_undecidable_enrollment_is_put_off_and_delays_no_other(database: Database) -> None:
    with database.write() as tx:
        poison, fine = enrolled(tx, people(tx, "ana", "bea"))
    claimed = {one.enrollment.id: one for one in claim(database)}

    with database.write() as tx:
        enrollments.put_off(tx, [(claimed[poison], "no such stage")], NOW + 60 * MINUTE)
        enrollments.record_turns(tx, [decided(claimed[fine])], NOW)

    assert claim(database) == []
    assert [one.enrollment.id for one in claim(database, NOW + 60 * MINUTE)] == [poison]


def test_a_receipt_wakes_only_the_enrollment_that_acts_on_its_step(database: Database) -> None:
    with database.write() as tx:
        ana, bea, carl = people(tx, "ana", "bea", "carl")
        (waits,) = acting(tx, [ana])
        (elsewhere,) = enrolled(tx, [bea], wake_at=None, step="other", phase=Phase.ACTING)
        (passed,) = enrolled(tx, [carl], wake_at=None, phase=Phase.WAITING)

        enrollments.rearm(tx, [(one, "first-mail", 1) for one in (waits, elsewhere, passed)], NOW)

        assert wake_times(tx) == {waits: NOW, elsewhere: None, passed: None}


def test_a_contact_has_one_live_enrollment_in_a_workflow(database: Database) -> None:
    with database.write() as tx:
        ana, bea = people(tx, "ana", "bea")
        first = enrollments.insert(tx, [(an_enrollment(ana), NOW)])
        mixed = enrollments.insert(
            tx, [(an_enrollment(ana), NOW), (an_enrollment(bea), NOW), (an_enrollment(bea), NOW)]
        )
        live = enrollments.live_of(tx, [ana, bea])

    assert first[0] is not None
    assert mixed[0] is None
    assert mixed[1] is not None
    assert mixed[2] is None
    assert [one.id for one in live] == [first[0], mixed[1]]


def test_a_race_into_one_workflow_has_one_winner(database: Database, any_store: str) -> None:
    with database.write() as tx:
        (ana,) = people(tx, "ana")

    def enter(_: int) -> int | None:
        own = Database(any_store)
        with own.write() as tx:
            (id_,) = enrollments.insert(tx, [(an_enrollment(ana), NOW)])
        own.dispose()
        return id_

    with ThreadPoolExecutor(8) as pool:
        entered = [id_ for id_ in pool.map(enter, range(8)) if id_ is not None]

    assert len(entered) == 1


def test_ending_from_outside_takes_the_enrollment_from_its_worker(database: Database) -> None:
    with database.write() as tx:
        live, over = enrolled(tx, people(tx, "ana", "bea"))
        enrollments.end_many(tx, [over], Status.LOST, "went-silent", NOW - DAY)
    (claimed,) = claim(database)

    with database.write() as tx:
        ended = enrollments.end_many(tx, [live, over], Status.EXITED, "by-hand", NOW)
        written = enrollments.record_turns(tx, [decided(claimed)], NOW)

    assert [(one.id, one.status, one.end_reason, one.ended_at, one.step) for one in ended] == [
        (live, Status.EXITED, "by-hand", NOW, None)
    ]
    assert written == set()
    assert claim(database, NOW + 365 * DAY) == []


def test_the_latest_timer_loss_may_reopen_while_none_lives(database: Database) -> None:
    def lost(contact: int, **over: object) -> Enrollment:
        values = {"status": Status.LOST, "ended_at": NOW, "reopen_until": NOW + DAY}
        return an_enrollment(contact, **(values | over))

    with database.write() as tx:
        ana, bea, carl = people(tx, "ana", "bea", "carl")
        ids = enrollments.insert(
            tx,
            [
                (lost(ana), None),
                (lost(ana), None),
                (lost(bea), None),
                (an_enrollment(bea), NOW),
                (lost(carl, reopen_until=NOW), None),
            ],
        )

        reopenable = enrollments.reopenable_of(tx, [ana, bea, carl], NOW)

    assert [one.id for one in reopenable] == [ids[1]]


def test_the_last_end_of_a_pair_is_known(database: Database) -> None:
    with database.write() as tx:
        a_workflow(tx, "win-back")
        ana, bea = people(tx, "ana", "bea")
        over = {"status": Status.COMPLETED}
        enrollments.insert(
            tx,
            [
                (an_enrollment(ana, ended_at=NOW - 9 * DAY, **over), None),
                (an_enrollment(ana, ended_at=NOW - 2 * DAY, **over), None),
                (an_enrollment(ana, ended_at=NOW, workflow="win-back", **over), None),
                (an_enrollment(bea), NOW),
            ],
        )

        ends = enrollments.last_ends(tx, [(ana, "welcome"), (bea, "welcome"), (bea, "win-back")])

    assert ends == {(ana, "welcome"): NOW - 2 * DAY}


def test_children_are_the_live_ones_of_these_parents(database: Database) -> None:
    with database.write() as tx:
        a_workflow(tx, "win-back")
        ana, bea = people(tx, "ana", "bea")
        parent, other = enrolled(tx, [ana, bea])
        child, _ = enrolled(tx, [ana, bea], workflow="win-back", version="win-back", parent=parent)
        enrollments.end_many(tx, [child], Status.EXITED, "by-hand", NOW)

        children = enrollments.children_of(tx, [parent, other])

    assert [(one.contact_id, one.parent) for one in children] == [(bea, parent)]
