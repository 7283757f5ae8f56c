"""How often contacts want to hear from us, and the rests they choose: kept, told, and ended by nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nurture.db import outbox, pauses, preferences
from nurture.db.preferences import Preference
from nurture.db.session import Database
from nurture.model.words import Pause
from tests.support.stores import (
    DAY,
    NOW,
    OPERATIONAL,
    a_workflow,
    acting,
    enrolled,
    people,
    planned,
    wake_times,
)


@pytest.fixture
def database(any_store: str) -> Iterator[Database]:
    found = Database(any_store)
    with found.write() as tx:
        a_workflow(tx)
    yield found
    found.dispose()


def test_the_latest_choice_of_how_often_counts_and_none_is_no_row(database: Database) -> None:
    with database.write() as tx:
        ana, bea = people(tx, "ana", "bea")
        kept = [preferences.choose(tx, ana, days, NOW, "page") for days in (7, 7, 30)]
        preferences.choose(tx, bea, 14, NOW, "page")
        gone = [preferences.choose(tx, bea, None, NOW + DAY, "page") for _ in range(2)]

        assert preferences.days_of(tx, [ana, bea]) == {ana: 30}
        assert preferences.of(tx, ana) == Preference(30, NOW, "page")
    assert (kept, gone) == ([True, False, True], [True, False])


def test_a_rest_stands_beside_a_pause_of_ours_and_each_is_ended_by_its_own(database: Database) -> None:
    with database.write() as tx:
        (ana,) = people(tx, "ana")
        (mine,) = enrolled(tx, [ana], wake_at=None)

        chosen = [pauses.rest(tx, NOW, ana, NOW + days * DAY) for days in (14, 14, 28)]
        held = pauses.begin(tx, NOW + DAY, contact_id=ana, reason="a call", actor="kim")
        both = pauses.pauses_for(tx, [(ana, "welcome")])
        resumed = pauses.end(tx, NOW + 2 * DAY, contact_id=ana)
        (resting,) = pauses.open_pauses(tx, [ana])
        alone = pauses.pauses_for(tx, [(ana, "welcome")])
        ended = [pauses.end_rests(tx, NOW + 3 * DAY, [ana]) for _ in range(2)]

        assert wake_times(tx) == {mine: NOW + 3 * DAY}
    assert chosen == [True, False, True]
    assert (held, resumed, ended) == (True, True, [1, 0])
    assert (resting.own, resting.ends_at) == (True, NOW + 28 * DAY)
    assert both == {(ana, "welcome"): (Pause(NOW),)}
    assert alone == {(ana, "welcome"): (Pause(NOW, own=True, ends=NOW + 28 * DAY),)}


def test_rests_are_over_when_their_time_has_come_the_oldest_first(database: Database) -> None:
    with database.write() as tx:
        ana, bea, carl = people(tx, "ana", "bea", "carl")
        for contact, days in ((ana, 3), (bea, 1), (carl, 9)):
            pauses.rest(tx, NOW, contact, NOW + days * DAY)

        assert pauses.over(tx, NOW + 5 * DAY, 10) == [bea, ana]
        assert pauses.over(tx, NOW + 5 * DAY, 1) == [bea]
        assert pauses.open_pauses(tx, ()) == []
        assert len(pauses.open_pauses(tx)) == 3


def test_a_rest_holds_marketing_and_lets_answers_leave(database: Database) -> None:
    with database.write() as tx:
        ana, bea = people(tx, "ana", "bea")
        news, answer = acting(tx, [ana, bea])
        planned(tx, [news], [ana])
        planned(tx, [answer], [bea], marketing=False, purpose="transactional")
        for contact in (ana, bea):
            pauses.rest(tx, NOW, contact, NOW + 14 * DAY)

        (leaving,) = outbox.claim(tx, NOW, OPERATIONAL)
        pauses.begin(tx, NOW, contact_id=bea, reason="a call", actor="kim")
        held = outbox.mark_sending(
            tx,
            [outbox.Leaving(leaving.id, leaving.fence, "<m@example.org>", "b@example.org")],
            NOW,
            OPERATIONAL + DAY,
        )

    assert leaving.contact_id == bea
    assert held == frozenset()
