"""The contact enters another workflow as well; this one goes on."""

from __future__ import annotations

from nurture.model.decisions import EnrollIn
from nurture.model.words import Reason
from nurture.steps.base import Kind, Over, Scene, Slug, Step, TimedFields


class EnrollFields(TimedFields):
    enroll: Slug


def run(step: Step, scene: Scene) -> Over:
    fields = step.fields
    assert isinstance(fields, EnrollFields)
    return Over((EnrollIn(**scene.decided(step, Reason.STEP), workflow=fields.enroll),))  # type: ignore[arg-type]


ENROLL = Kind("enroll", EnrollFields, run)
