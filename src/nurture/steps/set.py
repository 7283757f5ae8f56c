"""A change of what we know of the contact: a field, the score, a tag."""

from __future__ import annotations

from collections.abc import Mapping

from nurture.model.decisions import SetFields
from nurture.model.words import Reason, Scalar
from nurture.steps.base import ExpressionText, Kind, Over, Scene, Step, TimedFields

TAG_KEYS = ("add_tag", "remove_tag")


class SetStepFields(TimedFields):
    """``set: {score: contact.score + 10, plan: '"plus"', add_tag: '"client"'}``: names and expressions."""

    set: Mapping[str, ExpressionText]


def run(step: Step, scene: Scene) -> Over:
    fields = step.fields
    assert isinstance(fields, SetStepFields)
    values: dict[str, Scalar] = {
        name: value
        for name, expression in fields.set.items()
        if not isinstance(value := expression.value(scene.scope), frozenset)  # tags have keys of their own
    }
    changes = {name: value for name, value in values.items() if name not in TAG_KEYS}
    change = SetFields(
        **scene.decided(step, Reason.STEP),  # type: ignore[arg-type]
        values=changes,
        add_tags=_tag(values.get("add_tag")),
        remove_tags=_tag(values.get("remove_tag")),
    )
    return Over((change,))


def _tag(value: Scalar) -> frozenset[str]:
    return frozenset((str(value),)) if value is not None else frozenset()


SET = Kind("set", SetStepFields, run)
