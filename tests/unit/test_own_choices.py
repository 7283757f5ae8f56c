"""What contacts chose about our mail, in the engine: a cap of their own, and a pause in which they are still answered."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nurture.engine.caps import with_own_cap
from nurture.model.preferences import HOW_OFTEN, in_words
from nurture.model.words import Pause, Scalar
from tests.support.worlds import MONDAY, a_world, one_stage, sent, shifts, touches, with_manners

ANSWER_AND_NEWS = """\
- {email: receipt, purpose: transactional}
- {email: guide, purpose: transactional}
- {email: news, after: 1 day}
"""


def test_their_own_cap_stands_beside_those_of_the_workspace():
    ours = with_manners(messages=1, days=2)
    world = a_world(
        one_stage("- {email: one}\n- {email: two, after: 1 hour}"), workspace=with_own_cap(ours, 7)
    )

    world.track("a.happened")
    world.advance(days=8)

    assert shifts(world) == [("frequency-cap", "Mon 09:00")]
    assert touches(world)[-1] == ("two", "Mon 09:00")


def test_their_own_cap_lets_answers_pass():
    world = a_world(one_stage(ANSWER_AND_NEWS), workspace=with_own_cap(with_manners(), 30))

    world.track("a.happened")
    world.advance(days=2)

    assert sent(world) == ["receipt", "guide", "news"]
    assert len(world.messages) == 1


def test_in_a_pause_of_their_own_they_are_answered_at_once_and_nothing_else_comes():
    world = a_world(one_stage(ANSWER_AND_NEWS))
    world.pauses = (Pause(MONDAY, own=True),)

    world.track("a.happened")
    world.advance(days=10)

    assert touches(world) == [("receipt", "Mon 09:00"), ("guide", "Mon 09:00")]
    assert world.only().step == "news"


def test_a_pause_of_ours_holds_answers_too_also_beside_their_own():
    world = a_world(one_stage(ANSWER_AND_NEWS))
    world.pauses = (Pause(MONDAY), Pause(MONDAY, own=True))

    world.track("a.happened")
    world.advance(days=10)

    assert sent(world) == []


def test_who_was_brought_in_by_us_is_not_answered_in_their_pause():
    world = a_world(one_stage(ANSWER_AND_NEWS))
    world.pauses = (Pause(MONDAY, own=True),)

    world.enroll(next(iter(world.workflows)))
    world.advance(days=10)

    assert sent(world) == []


def test_what_fell_due_in_their_pause_goes_when_it_is_over_and_the_next_a_day_later():
    world = a_world(one_stage("- {email: one, after: 1 day}\n- {email: two, after: 1 day}"))
    world.track("a.happened")
    over = MONDAY + timedelta(days=14)

    world.pauses = (Pause(MONDAY, own=True),)
    world.advance_to(over)
    world.pauses = (Pause(MONDAY, over),)
    world.wake = dict.fromkeys(world.enrollments, over)
    world.advance(days=2)

    assert [one for one, _ in touches(world)] == ["one", "two"]
    assert len({when for _, when in touches(world)}) == 2


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"choice": "fewer", "days": 14}, "Chose how often: at most one in two weeks"),
        ({"choice": "fewer", "days": None}, "Chose how often: as they come"),
        ({"choice": "pause", "until": "2026-04-03"}, "Asked for a pause until 3 April 2026"),
        ({"choice": "go-on"}, "Ended their own pause before its time"),
        ({}, "Chose something about our mail"),
    ],
)
def test_each_choice_is_told_in_words(data: dict[str, Scalar], said: str):
    assert in_words(data) == said
    assert list(HOW_OFTEN) == [7, 14, 30]
