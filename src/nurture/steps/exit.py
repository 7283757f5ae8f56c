"""The contact leaves the workflow here, neither won nor lost."""

from __future__ import annotations

from nurture.model.words import Reason, Status
from nurture.steps.base import Kind, Leave, Scene, Slug, Step, TimedFields


class ExitFields(TimedFields):
    exit: Slug | None = None


def run(step: Step, scene: Scene) -> Leave:
    fields = step.fields
    assert isinstance(fields, ExitFields)
    return Leave(Status.EXITED, fields.exit or Reason.EXIT_STEP)


EXIT = Kind("exit", ExitFields, run)
