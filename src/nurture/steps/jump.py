"""The contact goes to another stage, or to the top of this one, without fresh evidence: loss clocks run on."""

from __future__ import annotations

from nurture.steps.base import Jump, Kind, Scene, Slug, Step, TimedFields


class JumpFields(TimedFields):
    jump: Slug


def run(step: Step, scene: Scene) -> Jump:
    fields = step.fields
    assert isinstance(fields, JumpFields)
    return Jump(fields.jump)


JUMP = Kind("jump", JumpFields, run)
