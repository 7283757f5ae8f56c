"""The contact falls off here, with a reason of the workflow's own."""

from __future__ import annotations

from nurture.model.words import Status
from nurture.steps.base import Kind, Leave, Scene, Slug, Step, TimedFields


class LoseFields(TimedFields):
    lose: Slug


def run(step: Step, scene: Scene) -> Leave:
    fields = step.fields
    assert isinstance(fields, LoseFields)
    return Leave(Status.LOST, fields.lose)


LOSE = Kind("lose", LoseFields, run)
