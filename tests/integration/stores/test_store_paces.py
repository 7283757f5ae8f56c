"""Where senders' rates stand is known to all workers at once; who waits for a turn goes back as they came."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from nurture.db import deliveries, outbox, paces, reckoning
from nurture.db.paces import Held
from nurture.db.reckoning import Look
from nurture.db.session import Database
from nurture.model.pace import MINUTE, SLACK, Asking, Pace, give_turns
from nurture.model.words import DeliveryState, Reason
from tests.support.stores import (
    DAY,
    NOW,
    OPERATIONAL,
    a_workflow,
    enrolled,
    people,
    planned,
    wake_times,
)

PACE = Pace("default", 60)


@pytest.fixture
def database(any_store: str) -> Iterator[Database]:
    database = Database(any_store)
    yield database
    database.dispose()


def go(database: Database, count: int) -> int:
    """How many of so many messages one worker may send now."""
    with database.write() as tx:
        meters = paces.lock(tx, {PACE.name}, OPERATIONAL)
        turns = give_turns([Asking(number, (PACE,)) for number in range(count)], meters, OPERATIONAL)
        paces.save(tx, meters)
    return count - len(turns)


def test_a_meter_begins_in_step_and_is_kept(database: Database) -> None:
    with database.write() as tx:
        fresh = paces.lock(tx, {"default", "default example.org"}, OPERATIONAL)
        fresh["default"].take(PACE, OPERATIONAL)
        paces.save(tx, fresh)

    with database.write() as tx:
        kept = paces.lock(tx, {"default", "default example.org"}, OPERATIONAL + MINUTE)

    assert kept["default"].in_step_at == OPERATIONAL + PACE.apart
    assert kept["default example.org"].in_step_at == OPERATIONAL


def test_workers_who_ask_at_once_share_one_rate(database: Database) -> None:
    with ThreadPoolExecutor(6) as workers:
        went = list(workers.map(lambda _: go(database, 4), range(6)))

    assert sum(went) == 60 * SLACK // MINUTE


def test_a_meter_that_is_in_step_is_forgotten_and_comes_back(database: Database) -> None:
    go(database, 2)

    with database.write() as tx:
        paces.forget(tx, OPERATIONAL + MINUTE / 2)
        remembered = paces.lock(tx, {"default"}, OPERATIONAL + DAY)
    with database.write() as tx:
        paces.forget(tx, OPERATIONAL + 2 * MINUTE)
        new = paces.lock(tx, {"default"}, OPERATIONAL + DAY)

    assert remembered["default"].in_step_at < OPERATIONAL + MINUTE
    assert new["default"].in_step_at == OPERATIONAL + DAY


def test_a_held_message_goes_back_unattempted_until_its_turn(database: Database) -> None:
    with database.write() as tx:
        a_workflow(tx)
        (ana,) = people(tx, "ana")
        (enrollment,) = enrolled(tx, [ana])
        planned(tx, [enrollment], [ana])
        (claim,) = outbox.claim(tx, NOW, OPERATIONAL)
        turn = OPERATIONAL + 2 * MINUTE
        paces.hold(
            tx,
            [
                Held(claim.id, claim.fence + 1, turn, "not ours"),
                Held(claim.id, claim.fence, turn, "at most 60"),
            ],
        )

    with database.write() as tx:
        (held,) = deliveries.of_contact(tx, ana)
        too_soon = outbox.claim(tx, NOW, turn - MINUTE)
        in_turn = outbox.claim(tx, NOW, turn)

    assert (held.state, held.reason, held.detail) == (DeliveryState.PENDING, Reason.RATE_LIMIT, "at most 60")
    assert (held.attempts, held.retry_at) == (0, turn)
    assert (too_soon, [one.id for one in in_turn]) == ([], [claim.id])
    assert in_turn[0].retry_at == turn


def test_who_waits_is_looked_at_by_then_and_never_later_than_before(database: Database) -> None:
    with database.write() as tx:
        a_workflow(tx)
        ana, bea, carl = people(tx, "ana", "bea", "carl")
        soon = enrolled(tx, [ana], wake_at=NOW + MINUTE)
        later = enrolled(tx, [bea], wake_at=NOW + DAY)
        paused = enrolled(tx, [carl], wake_at=None)
        waiting = reckoning.waiting(tx, {"welcome"}, without_zone=False)

        reckoning.look_again(tx, [Look(one, NOW + 5 * MINUTE) for one in (*waiting, *paused)])

    with database.read() as tx:
        assert reckoning.live_versions(tx) == {"welcome"}
        assert reckoning.waiting(tx, set(), without_zone=True) == waiting == [*soon, *later]
        assert wake_times(tx) == {soon[0]: NOW + MINUTE, later[0]: NOW + 5 * MINUTE, paused[0]: None}
