"""What an outcome would lead to, in words, before anybody clicks it; told by the production rules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nurture.engine.prospect import after_outcome
from nurture.engine.world import World
from nurture.model.words import Status
from nurture.services.phone.calls import allowed_outcomes
from nurture.steps.call_task import OUTCOMES
from tests.support.worlds import WORKSPACE, a_world, one_stage

STEPS = """
    - call_task: ring
      outcomes:
        voicemail:
          - {email: sorry, after: 1 day}
        no-answer:
          - {call_task: ring-again}
        booked:
          - {wait_until: a.happened, timeout: 2 days, on_timeout: [{email: remind}]}
        has-planner:
          - {lose: has-planner}
        wrong-number:
          - {wait: 3 days}
    - {email: thanks}
"""
LOSSES = '- {on: call.outcome where event.outcome == "not-interested", reason: not-interested, enroll: again}'
VALIDATES = 'call.outcome where event.outcome == "reached"'


@pytest.fixture
def world() -> World:
    """Ana stands at the call."""
    world = a_world(one_stage(STEPS, LOSSES, validate=VALIDATES))
    world.track("a.happened")
    world.advance_to(world.now)
    return world


def follows(world: World, outcome: str, **over: object) -> str:
    (enrollment,) = world.enrollments.values()
    facts = replace(world._facts(enrollment), **over)  # type: ignore[arg-type]
    workflow = world.workflows["one"]
    return after_outcome(workflow, enrollment, facts, world.now, outcome, ("ring", 1), WORKSPACE.zone)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("reached", "Stage 'first' is validated, then the workflow is completed."),
        ("voicemail", "Mail 'sorry' on Tue 3 Mar 2026 09:00."),
        ("no-answer", "Call 'ring-again' is opened."),
        ("booked", "'ring-booked-1' waits for its event until Wed 4 Mar 2026 09:00."),
        ("has-planner", "The contact is lost: has-planner."),
        ("not-interested", "The contact is lost: not-interested, then workflow 'again' begins."),
        ("wrong-number", "The number is closed at once. A wait until Thu 5 Mar 2026 09:00."),
        ("do-not-call", "The number is closed at once. Mail 'thanks' goes out."),
        ("call-back", "The same call again, at the time you choose."),
    ],
)
def test_each_outcome_says_what_it_leads_to(world: World, outcome: str, said: str) -> None:
    assert follows(world, outcome) == said
    assert [one.status for one in world.enrollments.values()] == [Status.ACTIVE]


def test_a_closed_gate_is_told_too(world: World) -> None:
    said = follows(world, "do-not-call", grants=())

    assert (
        said
        == "The number is closed at once. 'thanks' is skipped, because there is no live consent for this purpose, "
        "then no further step: stage 'first' waits for its evidence."
    )


def test_every_outcome_of_the_language_is_offered_once_and_what_closes_the_number_stands_last() -> None:
    offered = allowed_outcomes(replace(WORKSPACE, outcomes=frozenset({"has-planner", "reached"})))

    assert sorted(offered) == sorted(OUTCOMES | {"has-planner"})
    assert offered[-3:] == ("has-planner", "wrong-number", "do-not-call")
