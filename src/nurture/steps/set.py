"""A change of what we know of the contact: a field, the score, a tag."""

from __future__ import annotations

from collections.abc import Mapping

from nurture.model.calendars import zone_names
from nurture.model.decisions import SetFields
from nurture.model.words import Reason, Scalar
from nurture.steps.base import ExpressionText, Kind, Over, Scene, Step, TimedFields

TAG_KEYS = ("add_tag", "remove_tag")
MOST_SCORE = 1e12
"""Keeps infinity, and what is no number at all, out of the contacts."""
TEXTS = frozenset(("first_name", "last_name", "phone", "timezone", "locale", "owner"))


class SetStepFields(TimedFields):
    """``set: {score: contact.score + 10, plan: '"plus"', add_tag: '"client"'}``: names and expressions."""

    set: Mapping[str, ExpressionText]


def run(step: Step, scene: Scene) -> Over:
    fields = step.fields
    assert isinstance(fields, SetStepFields)
    found: dict[str, Scalar] = {
        name: value
        for name, expression in fields.set.items()
        if not isinstance(value := expression.value(scene.scope), frozenset)  # tags have keys of their own
    }
    values = {name: _as_kept(name, value) for name, value in found.items() if _fits(name, value)}
    unfit = [f"'{found[name]}' is no {name}: it stays as it was" for name in found if name not in values]
    change = SetFields(
        **scene.decided(step, Reason.STEP, *unfit),  # type: ignore[arg-type]
        values={name: value for name, value in values.items() if name not in TAG_KEYS},
        add_tags=_tag(values.get("add_tag")),
        remove_tags=_tag(values.get("remove_tag")),
    )
    return Over((change,))


def _fits(name: str, value: Scalar) -> bool:
    """What an event said may be anything; a score must be a number, and a time zone one that exists."""
    if name == "score":
        if value is None or isinstance(value, bool | str):
            return value is None
        return abs(value) < MOST_SCORE
    return name != "timezone" or not value or value in zone_names()


def _as_kept(name: str, value: Scalar) -> Scalar:
    """A score is never null, and the contact's own words are texts."""
    if name == "score":
        return value or 0
    return str(value) if name in TEXTS and value is not None else value


def _tag(value: Scalar) -> frozenset[str]:
    return frozenset((str(value),)) if value is not None else frozenset()


SET = Kind("set", SetStepFields, run)
