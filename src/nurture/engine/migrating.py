"""From one version of a workflow into another, half way: where a contact goes on, when, and why some cannot.

Pure. What was sent stays sent: a step that had its turn in this stage is not asked again in the new order of things.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from nurture.engine.play import Play
from nurture.model.decisions import Migrate, Turn
from nurture.model.words import Enrollment, Facts, Phase, Ran, Reason
from nurture.steps.base import Step
from nurture.workflow.counterparts import Counterparts
from nurture.workflow.model import Workflow


class Obstacle(StrEnum):
    """Why an enrollment cannot go on in another version."""

    STAGE_GONE = "stage-gone"
    STEP_GONE = "step-gone"
    STEP_ELSEWHERE = "step-elsewhere"
    """The step stands in another stage now."""
    UNDER_WAY = "under-way"
    """Its message or call is under way, and a person asks to move it to a step of another name."""
    NAME_TAKEN = "name-taken"
    """A step was given a name that another one bears in their version: what was sent could not be told apart."""


@dataclass(frozen=True, slots=True)
class Way:
    """How enrollments come from ``before`` to ``after``."""

    before: Workflow
    after: Workflow
    same: Counterparts

    def goal(self, one: Enrollment) -> str | None:
        """The step it goes on at; None where it stands at none, or there is no such step."""
        return self.same.steps.get(one.step) if one.step else None

    def obstacle(self, one: Enrollment) -> Obstacle | None:
        """Why this enrollment cannot come along, or None."""
        if self.taken():
            return Obstacle.NAME_TAKEN
        stage = self.same.stages.get(one.stage)
        if stage is None:
            return Obstacle.STAGE_GONE
        if one.step is None:
            return None
        goal = self.goal(one)
        if goal is None:
            return Obstacle.STEP_GONE
        if self.after.steps[goal].stage != stage:
            return Obstacle.STEP_ELSEWHERE
        if one.phase is Phase.ACTING and self.is_another(one.step):
            return Obstacle.UNDER_WAY
        return None

    def taken(self) -> list[str]:
        """New names of steps that other steps bear in the old version."""
        return [new for new in self.renamed().values() if new in self.before.steps]

    def is_another(self, step: str) -> bool:
        """A person sends whoever stands at ``step`` to a step that is not the same under a new name."""
        goal = self.same.steps.get(step)
        if step not in self.same.asked or goal is None or goal == step:
            return False
        old = self.before.steps[step]
        return goal in self.before.steps or old.kind != self.after.steps[goal].kind

    def renamed(self) -> dict[str, str]:
        """Steps that have another name now: what was recorded of them takes the new one."""
        return {old: new for old, new in self.same.steps.items() if old != new and not self.is_another(old)}


def migrate(way: Way, one: Enrollment, facts: Facts, now: datetime, done: Collection[str] = ()) -> Turn:
    """The turn that takes a live enrollment along; ask ``way.obstacle`` first.

    ``done`` are the steps, by their old names, that had their turn in this visit of the stage, whatever came of it. The
    step's time is worked out anew from where its clock started; what is due by it is for the next look, which is now.
    """
    goal = way.goal(one)
    moved = replace(
        one,
        version=way.after.version,
        stage=way.same.stages[one.stage],
        stages={way.same.stages.get(name, name): record for name, record in one.stages.items()},
        step=goal,
        ran=_ran(way, one, done),
    )
    play = Play(way.after, moved, facts, now)
    play.decide(_decision(way, one, moved, now))
    if one.step and goal and one.phase is not Phase.ACTING:
        _stand(play, way, one.step, goal)
    return play.turn(now)


def _stand(play: Play, way: Way, step: str, goal: str) -> None:
    old, new = way.before.steps[step], way.after.steps[goal]
    since = play.enrollment.since or play.now
    if way.is_another(step) or old.kind != new.kind:
        play.arrive(goal, since)
        return
    if play.enrollment.first_due and _times(old) != _times(new):
        # Manners had moved it from where the old rule put it; the new rule begins afresh.
        play.become(first_due=None, due=None)
    play.set_due()


def _times(step: Step) -> tuple[object, ...]:
    return step.rule, *(getattr(step.fields, name, None) for name in ("wait", "until"))


def _ran(way: Way, one: Enrollment, done: Collection[str]) -> tuple[Ran, ...]:
    """What ran, by its new names; before it what had its turn and did not take place."""
    steps = way.same.steps
    known = {ran.step for ran in one.ran}
    since = one.stage_entered_at or one.entered_at
    silent = [Ran(steps.get(name, name), since, False) for name in sorted(set(done) - known - {one.step})]
    return (*silent, *(replace(ran, step=steps.get(ran.step, ran.step)) for ran in one.ran))


def _decision(way: Way, one: Enrollment, moved: Enrollment, now: datetime) -> Migrate:
    place = way.after.steps[moved.step].place if moved.step else way.after.stage(moved.stage).place
    return Migrate(
        at=now,
        stage=moved.stage,
        reason=Reason.MIGRATED,
        step=moved.step,
        visit=moved.visit,
        place=place,
        from_version=one.version,
        to_version=moved.version,
        before=one.step if one.step != moved.step else None,
    )
