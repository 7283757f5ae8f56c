"""Ways out of the list: to a stage, into another workflow, lost with a reason, or simply out."""

from __future__ import annotations

from nurture.model.decisions import EnrollIn
from nurture.model.words import Reason, Status
from nurture.steps.base import Jump, Kind, Leave, Over, Scene, Slug, Step, TimedFields


class EnrollFields(TimedFields):
    enroll: Slug


class JumpFields(TimedFields):
    jump: Slug


class LoseFields(TimedFields):
    lose: Slug


class ExitFields(TimedFields):
    exit: Slug | None = None


def run_enroll(step: Step, scene: Scene) -> Over:
    fields = step.fields
    assert isinstance(fields, EnrollFields)
    return Over((EnrollIn(**scene.decided(step, Reason.STEP), workflow=fields.enroll),))  # type: ignore[arg-type]


def run_jump(step: Step, scene: Scene) -> Jump:
    fields = step.fields
    assert isinstance(fields, JumpFields)
    return Jump(fields.jump)


def run_lose(step: Step, scene: Scene) -> Leave:
    fields = step.fields
    assert isinstance(fields, LoseFields)
    return Leave(Status.LOST, fields.lose)


def run_exit(step: Step, scene: Scene) -> Leave:
    fields = step.fields
    assert isinstance(fields, ExitFields)
    return Leave(Status.EXITED, fields.exit or Reason.EXIT_STEP)


ENROLL = Kind("enroll", EnrollFields, run_enroll)
JUMP = Kind("jump", JumpFields, run_jump)
LOSE = Kind("lose", LoseFields, run_lose)
EXIT = Kind("exit", ExitFields, run_exit)
