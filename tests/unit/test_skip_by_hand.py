"""A person has the contact go past a step: a message is skipped, anything else goes straight on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nurture.engine.decide import skip_by_hand
from nurture.engine.explain import sentence
from nurture.engine.world import World
from nurture.model.decisions import Branch, Call, Skip, Turn
from nurture.model.errors import NurtureError
from nurture.model.words import Channel, Phase, Reason
from tests.support.worlds import WORKSPACE, a_world, one_stage

STEPS = """
- {email: hello, after: 1 day}
- {email: again, after: 2 days}
"""


def skipped(world: World) -> Turn:
    one = world.only()
    return skip_by_hand(world.workflows["one"], one, world._facts(one), world.now, "they read it already")


def test_a_message_that_waits_is_skipped_with_the_persons_reason_and_the_next_is_waited_for() -> None:
    world = a_world(one_stage(STEPS))
    world.track("a.happened")

    turn = skipped(world)

    skip = turn.decisions[0]
    assert isinstance(skip, Skip)
    assert (skip.what, skip.channel, skip.reason) == ("hello", Channel.EMAIL, Reason.BY_HAND)
    assert sentence(skip, WORKSPACE.zone).endswith("because a person did it (they read it already).")
    assert turn.enrollment.step == "again"
    assert turn.enrollment.since == world.now
    assert turn.wake_at == world.now


def test_a_call_that_is_open_is_skipped_and_its_outcomes_are_passed() -> None:
    world = a_world(
        one_stage("- {call_task: ring, outcomes: {voicemail: [{email: sorry}]}}\n- {email: after-it}")
    )
    world.track("a.happened")
    assert [type(one) for _, _, one in world.log][-1] is Call
    assert world.only().phase is Phase.ACTING

    turn = skipped(world)

    assert isinstance(turn.decisions[0], Skip)
    assert turn.decisions[0].channel is Channel.PHONE
    assert (turn.enrollment.step, turn.enrollment.phase) == ("after-it", Phase.WAITING)


def test_a_wait_for_an_event_goes_straight_on_without_its_timeout() -> None:
    world = a_world(
        one_stage(
            "- {wait_until: quote.requested, timeout: 5 days, on_timeout: [{email: nudge}]}\n- {email: after-it}"
        )
    )
    world.track("a.happened")

    turn = skipped(world)

    assert isinstance(turn.decisions[0], Branch)
    assert (turn.decisions[0].branch, turn.decisions[0].reason) == (None, Reason.BY_HAND)
    assert turn.enrollment.step == "after-it"


def test_the_last_step_that_is_skipped_leaves_the_contact_in_the_stage() -> None:
    world = a_world(one_stage("- {email: hello, after: 1 day}"))
    world.track("a.happened")

    turn = skipped(world)

    assert turn.enrollment.live
    assert turn.enrollment.step is None


def test_where_no_step_is_left_there_is_nothing_to_skip() -> None:
    world = a_world(one_stage("- {email: hello}"))
    world.track("a.happened")
    one = replace(world.only(), step=None)

    with pytest.raises(NurtureError, match="no step to skip"):
        skip_by_hand(world.workflows["one"], one, world._facts(one), world.now, "why")
