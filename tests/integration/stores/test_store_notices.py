"""Notices in the database: planned once, claimed once, and a doubt is kept as a doubt."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from nurture.db import notices
from nurture.db.notices import LEASE, NewNotice, NoticeKind, NoticeOutcome, NoticeState
from nurture.db.session import Database
from tests.support.stores import MINUTE, NOW, OPERATIONAL


@pytest.fixture
def database(any_store: str) -> Iterator[Database]:
    database = Database(any_store)
    yield database
    database.dispose()


def a_notice(key: str = "digest-monday", **over: object) -> NewNotice:
    values: dict[str, object] = {
        "kind": NoticeKind.DIGEST,
        "sender": "hello@example.org",
        "recipient": "kim@example.org",
        "subject": "Your calls today",
        "data": b"Subject: Your calls today\r\n\r\n\xc3\xa9\r\n",
        "message_id": f"<{key}@example.org>",
        "planned_at": NOW,
    }
    return NewNotice(key=key, **(values | over))  # type: ignore[arg-type]


def planned(database: Database, *keys: str) -> None:
    with database.write() as tx:
        notices.plan(tx, [a_notice(key) for key in keys])


def states(database: Database) -> dict[str, NoticeState]:
    with database.read() as tx:
        return {one.key: one.state for one in notices.latest(tx)}


def test_a_key_is_planned_once_ever(database: Database) -> None:
    with database.write() as tx:
        first = notices.plan(tx, [a_notice("a"), a_notice("b")])
        again = notices.plan(tx, [a_notice("b"), a_notice("c")])
        known = notices.planned_keys(tx, ["a", "z"])

    assert (first, again, known) == (2, 1, {"a"})
    assert sorted(states(database)) == ["a", "b", "c"]


def test_a_claim_takes_the_oldest_once_and_tells_the_bytes_as_they_were(database: Database) -> None:
    planned(database, "a", "b", "c")

    with database.write() as tx:
        first = notices.claim(tx, OPERATIONAL, limit=2)
        rest = notices.claim(tx, OPERATIONAL, limit=10)
        none = notices.claim(tx, OPERATIONAL, limit=10)

    assert [one.message_id for one in first] == ["<a@example.org>", "<b@example.org>"]
    assert [one.message_id for one in rest] == ["<c@example.org>"]
    assert none == []
    assert first[0].data == a_notice().data
    assert (first[0].kind, first[0].attempts) == (NoticeKind.DIGEST, 1)


def test_what_is_put_off_comes_back_at_its_time_and_counts_its_attempts(database: Database) -> None:
    planned(database, "a", "b")
    with database.write() as tx:
        deferred, refused = notices.claim(tx, OPERATIONAL, limit=2)
        later = OPERATIONAL + 5 * MINUTE
        notices.record(
            tx,
            [
                NoticeOutcome(id=deferred.id, state=NoticeState.PENDING, retry_at=later),
                NoticeOutcome(id=refused.id, state=NoticeState.PENDING, retry_at=later, untried=True),
            ],
            NOW,
        )

    with database.write() as tx:
        waiting_now = notices.waiting(tx, OPERATIONAL, 10)
        waiting_later = notices.waiting(tx, later, 10)
        early = notices.claim(tx, OPERATIONAL + 4 * MINUTE, limit=10)
        again = notices.claim(tx, later, limit=10)

    assert (waiting_now, waiting_later, early) == (0, 2, [])
    assert [one.attempts for one in again] == [2, 1]


def test_a_dialogue_whose_sender_is_gone_is_ambiguous_and_never_begun_again(database: Database) -> None:
    planned(database, "a")
    with database.write() as tx:
        (claimed,) = notices.claim(tx, OPERATIONAL, limit=1)

    with database.write() as tx:
        early = notices.rescue(tx, NOW, OPERATIONAL + LEASE)
        late = notices.rescue(tx, NOW, OPERATIONAL + LEASE + timedelta(seconds=1))
        again = notices.claim(tx, OPERATIONAL + 2 * LEASE, limit=1)

    assert (early, late, again) == (0, 1, [])
    assert states(database) == {"a": NoticeState.AMBIGUOUS}

    with database.write() as tx:
        notices.record(tx, [NoticeOutcome(id=claimed.id, state=NoticeState.SENT)], NOW)
    assert states(database) == {"a": NoticeState.SENT}


def test_an_outcome_that_is_written_stays(database: Database) -> None:
    planned(database, "a")
    with database.write() as tx:
        (claimed,) = notices.claim(tx, OPERATIONAL, limit=1)
        notices.record(tx, [NoticeOutcome(id=claimed.id, state=NoticeState.SENT, detail="250 ok")], NOW)

        notices.record(tx, [NoticeOutcome(id=claimed.id, state=NoticeState.FAILED)], NOW)
        (seen,) = notices.latest(tx)

    assert (seen.state, seen.detail, seen.ended_at) == (NoticeState.SENT, "250 ok", NOW)
