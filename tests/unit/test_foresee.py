"""What is foreseen is what happens: the same steps at the same moments, while nothing else does."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings

from nurture.engine.foresee import Foreseen, Standing, foresee
from nurture.engine.world import World
from nurture.model.decisions import Call, Decision, Finish, HandOver, Move, Send, Skip
from nurture.model.words import Channel
from nurture.workflow.model import Workflow
from tests.support.generated import Act, live_through, lives, workflows
from tests.support.worlds import a_workflow, a_world, one_stage, with_manners

TWO_MONTHS = timedelta(days=60)
NOTICED = (Send, Call, HandOver, Skip, Move, Finish)


def foreseen_in(world: World, span: timedelta = TWO_MONTHS) -> tuple[Foreseen, ...]:
    standings = [
        Standing(one, world.workflows[one.workflow], world._facts(one)) for one in world.enrollments.values()
    ]
    pauses = dict.fromkeys(world.workflows, world.pauses)
    return foresee(standings, world.calls, world.workflows, pauses, world.now, world.now + span)


def told(at: datetime, enrollment: int, decision: Decision) -> tuple[object, ...]:
    kind = type(decision).__name__
    return at, enrollment, kind, decision.stage, decision.step, decision.visit, decision.reason


def lived_on(world: World, span: timedelta = TWO_MONTHS) -> list[tuple[object, ...]]:
    before = len(world.log)
    world.advance_to(world.now + span)
    return [
        told(at, key, one)
        for at, key, one in world.log[before:]
        if isinstance(one, NOTICED) and getattr(one, "channel", None) is not Channel.TEAM
    ]


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(workflows(), lives())
def test_whatever_life_was_lived_what_is_foreseen_then_happens(workflow: Workflow, acts: list[Act]) -> None:
    world = a_world(workflow, workspace=with_manners(messages=2, days=7, quiet="21:00-08:00"))
    live_through(world, acts)

    foreseen = [told(one.at, one.enrollment, one.decision) for one in foreseen_in(world)]

    assert foreseen == lived_on(world)


def test_a_loss_that_leads_elsewhere_is_foreseen_with_what_comes_there() -> None:
    first = one_stage(
        "- {email: hello, after: 1 day}", losses="- {after: 10 days, reason: quiet, enroll: two}"
    )
    second = a_workflow(
        "workflow: two\ntitle: Two\npurpose: nurture\nstages:\n  - stage: again\n    need: Know more\n"
        "    trigger: manual\n    validate: b.happened\n    steps:\n      - {email: come-back, after: 2 days}\n"
        "    loss:\n      - {after: 30 days, reason: timed-out}\n"
    )
    world = a_world(first, second)
    world.track("a.happened")

    seen = foreseen_in(world)

    assert [(one.workflow, type(one.decision).__name__, one.decision.step) for one in seen] == [
        ("one", "Send", "hello"),
        ("one", "Finish", None),
        ("two", "Move", None),
        ("two", "Send", "come-back"),
        ("two", "Finish", None),
    ]


def test_manners_are_foreseen_with_the_one_that_shifts() -> None:
    workflow = one_stage("- {email: hello, after: 12 hours}")
    world = a_world(workflow, workspace=with_manners(quiet="20:00-08:00"))
    world.track("a.happened")

    seen = foreseen_in(world, timedelta(days=5))

    assert [one.decision.step for one in seen] == ["hello"]
    assert [decision.reason for decision in seen[0].led] == ["quiet-hours"]
    assert seen[0].at - world.now == timedelta(hours=23)


def test_a_paused_contact_has_nothing_ahead() -> None:
    world = a_world(one_stage("- {email: hello, after: 1 day}"))
    world.track("a.happened")
    world.pause()

    assert foreseen_in(world) == ()
