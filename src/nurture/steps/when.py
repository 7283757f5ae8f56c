"""A fork on what we know of the contact: ``do`` when it holds, ``else`` when it does not."""

from __future__ import annotations

from nurture.model.words import Reason
from nurture.steps.base import ExpressionText, Kind, Scene, Step, Take, TimedFields


class WhenFields(TimedFields):
    when: ExpressionText


def run(step: Step, scene: Scene) -> Take:
    fields = step.fields
    assert isinstance(fields, WhenFields)
    holds = fields.when.holds(scene.scope)
    return Take(
        "do" if holds else "else", Reason.CONDITION, (f"{fields.when} is {'true' if holds else 'not true'}",)
    )


WHEN = Kind("when", WhenFields, run, branches={"do": "list", "else": "list"})
