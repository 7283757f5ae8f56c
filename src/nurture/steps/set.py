"""A change of what we know of the contact: a field, the score, a tag. What a field cannot hold leaves it as it was."""

from __future__ import annotations

from collections.abc import Mapping

from nurture.model.calendars import zone_names
from nurture.model.contact_values import TEXT_FIELDS, as_text, read_value
from nurture.model.decisions import SetFields
from nurture.model.errors import TextError
from nurture.model.expressions import Value
from nurture.model.words import Reason, Scalar
from nurture.model.workspace import Field, FieldType, Workspace
from nurture.steps.base import ExpressionText, Kind, Over, Scene, Step, TimedFields

TAG_KEYS = ("add_tag", "remove_tag")
TEXTS = frozenset((*TEXT_FIELDS, *TAG_KEYS))
MOST_SCORE = 1e12
"""Keeps infinity, and what is no number at all, out of the contacts."""


class SetStepFields(TimedFields):
    """``set: {score: contact.score + 10, plan: '"plus"', add_tag: '"client"'}``: names and expressions."""

    set: Mapping[str, ExpressionText]


def run(step: Step, scene: Scene) -> Over:
    fields = step.fields
    assert isinstance(fields, SetStepFields)
    values: dict[str, Scalar] = {}
    unfit: list[str] = []
    for name, expression in fields.set.items():
        try:
            values[name] = kept_value(name, expression.value(scene.scope), scene.workspace)
        except TextError as error:
            unfit.append(f"{error.message}: '{name}' stays as it was")
    change = SetFields(
        **scene.decided(step, Reason.STEP, *unfit),  # type: ignore[arg-type]
        values={name: value for name, value in values.items() if name not in TAG_KEYS},
        add_tags=_tag(values.get("add_tag")),
        remove_tags=_tag(values.get("remove_tag")),
    )
    return Over((change,))


def kept_value(name: str, value: Value, workspace: Workspace) -> Scalar:
    """``value`` as the field, the score or the tag of this name keeps it. Raises TextError for what it cannot hold.

    What an event said may be anything: a number that came as a text is taken, a word that is no choice is not.
    """
    if isinstance(value, frozenset):
        raise TextError("a set of tags is no value", hint="use add_tag")
    if name == "score":
        return _score(value)
    if value is None:
        return None
    field = workspace.fields.get(name)
    if field is not None:
        return _of_field(field, value)
    if name not in TEXTS:
        return value  # declared once, and no more: it is kept as the workflow's version knew it
    text = as_text(value)
    if name == "timezone" and text and text not in zone_names():
        raise TextError(f"'{text}' is no time zone", hint="write for example America/Toronto")
    return text


def _of_field(field: Field, value: str | float | bool) -> Scalar:
    """As whoever typed it into a form would have it: one reader for every way into a contact."""
    if field.type is FieldType.TEXT:
        return as_text(value)
    if field.type is FieldType.BOOL and not isinstance(value, str | bool):
        raise TextError(f"{field.name} is yes or no, not '{value}'")
    if field.type is FieldType.NUMBER and isinstance(value, bool):
        raise TextError(f"{field.name} is a number, not '{as_text(value)}'")
    if field.type is FieldType.DATE and isinstance(value, str):
        value = value.strip()[:10] if "T" in value else value  # the day of a moment
    return read_value(field, as_text(value))


def _score(value: Scalar) -> float:
    """A score is never null."""
    if isinstance(value, bool | str) or (value is not None and not abs(value) < MOST_SCORE):
        raise TextError(f"'{as_text(value)}' is no number")
    return value or 0


def _tag(value: Scalar) -> frozenset[str]:
    return frozenset((str(value),)) if value is not None and value != "" else frozenset()


SET = Kind("set", SetStepFields, run)
