"""The keys of a workflow file above its steps: what a workflow, a stage and a loss may say.

Refuses unknown keys and words that cannot be read; whether what they say makes sense is for the checks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, InstanceOf, StringConstraints, model_validator

from nurture.model.errors import Place, TextError
from nurture.model.matching import AS_WRITTEN, DateRule, parse_date_rule, parse_event_match
from nurture.model.timing import parse_duration
from nurture.steps.base import DurationText, EventText, ExpressionText, Slug, YesNo, parsed, text_like
from nurture.workflow.model import REOPEN, Reentry, Trigger, TriggerKind


def parse_trigger(text: str) -> Trigger:
    """Read ``EVENT [where …]``, ``segment NAME``, ``date [every] contact.FIELD - 90 days``, ``lost WORKFLOW/STAGE``, ``manual``.

    The trigger's place is that of nothing yet; the reader knows it.
    """
    nowhere = Place("")
    words = text.split(maxsplit=1)
    head, rest = (words[0] if words else ""), (words[1].strip() if len(words) > 1 else "")
    start = text.index(head) + len(head)
    if text.strip() == "manual":
        return Trigger(TriggerKind.MANUAL, nowhere)
    if head in _SHAPES and not rest:
        raise TextError(f"'{head}' does not say which", column=start, hint=f"write {_SHAPES[head]}")
    if head == "segment":
        return Trigger(TriggerKind.SEGMENT, nowhere, name=_slug(rest, text.index(rest, start)))
    if head == "date":
        return Trigger(TriggerKind.DATE, nowhere, date=_date(text, start))
    if head == "lost":
        return Trigger(TriggerKind.LOST, nowhere, name=_workflow_and_stage(rest, text.index(rest, start)))
    try:
        return Trigger(TriggerKind.EVENT, nowhere, match=parse_event_match(text))
    except TextError as error:
        if error.hint == AS_WRITTEN:  # nobody knows every kind of trigger by heart
            error.hint = f"{AS_WRITTEN}, {', '.join(_SHAPES.values())}, or manual"
        raise


_SHAPES = {
    "segment": "segment NAME",
    "date": "date contact.FIELD - 90 days",
    "lost": "lost WORKFLOW/STAGE",
}


def _date(text: str, start: int) -> DateRule:
    """What stands behind ``date``: a day that contacts carry, or with ``every`` its anniversaries."""
    rest = text[start:].lstrip()
    every = rest.startswith("every ")
    if every:
        rest = rest.removeprefix("every")
    try:
        return replace(parse_date_rule(rest), every=every)
    except TextError as error:
        error.column += len(text) - len(rest)
        raise


def _slug(word: str, column: int) -> str:
    if not all(part.isascii() and part.isalnum() and part == part.lower() for part in word.split("-")):
        raise TextError(
            f"'{word}' is no word in slug form",
            column=column,
            hint="use lower-case letters, digits and dashes",
        )
    return word


def _workflow_and_stage(text: str, column: int) -> str:
    workflow, slash, stage = text.partition("/")
    if not slash or not workflow or not stage:
        raise TextError(
            f"'{text}' names no stage of a workflow", column=column, hint="write lost WORKFLOW/STAGE"
        )
    return f"{_slug(workflow, column)}/{_slug(stage, column + len(workflow) + 1)}"


def parse_reentry(text: str) -> Reentry:
    """Read ``never``, ``always`` or a duration since the last end."""
    if text in ("never", "always"):
        return Reentry("never" if text == "never" else "always")
    try:
        return Reentry("after", parse_duration(text))
    except TextError as error:
        error.hint = (
            f"{error.hint}; or never, or always" if error.hint else "write never, always, or 180 days"
        )
        raise


def parse_percent(text: str) -> float:
    """Read ``5%`` as 0.05; a bare number is refused, since 5 and 0.05 look alike."""
    digits = text.strip().removesuffix("%").strip()
    try:
        number = float(digits)
    except ValueError:
        raise TextError(f"'{text}' is no percentage", hint="write 5%") from None
    if not text.strip().endswith("%"):
        raise TextError(
            f"'{text}' could mean two things", hint=f"write {number if number >= 1 else number * 100:g}%"
        )
    if not 0 <= number < 100:
        raise TextError(f"'{text}' is out of range", hint="write 0% to 99%")
    return number / 100


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class WorkflowFields(_Fields):
    """The top of a workflow file."""

    workflow: Slug
    title: str = ""
    purpose: Slug | None = None
    persona: Slug | None = None
    calendar: Slug | None = None
    reentry: Annotated[
        InstanceOf[Reentry], parsed(parse_reentry), text_like("never", "180 days", "always")
    ] = Reentry("never")
    reopen: DurationText = REOPEN
    exit_when: ExpressionText | None = None
    priority: Annotated[int, Field(ge=0, le=100)] = 50
    holdout: Annotated[float, parsed(parse_percent), text_like("5%")] = 0.0


class StageFields(_Fields):
    """One stage; ``steps`` and ``loss`` are read apart."""

    stage: Slug
    need: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    bucket: str | None = None
    trigger: (
        Annotated[
            InstanceOf[Trigger],
            parsed(parse_trigger),
            text_like(
                'offer.requested where event.offer == "guide"',
                "segment warm",
                "date contact.renewal_on - 90 days",
                "date every contact.born_on",
                "lost win-back/last-try",
                "manual",
            ),
        ]
        | None
    ) = None
    validation: EventText = Field(alias="validate")
    entry: YesNo = False
    reenter: YesNo = False
    was: Slug | None = None


class LossFields(_Fields):
    """One way to fall off a stage; exactly one of ``after``, ``silent`` and ``on``."""

    reason: Slug
    after: DurationText | None = None
    silent: DurationText | None = None
    on: EventText | None = None
    enroll: Slug | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> LossFields:
        said = [key for key in ("after", "silent", "on") if getattr(self, key) is not None]
        if len(said) != 1:
            what = f"says {' and '.join(said)}" if said else "does not say when"
            raise TextError(
                f"this loss {what}", hint="write one of after, silent and on; a second loss for the other"
            )
        return self


class VariantFields(_Fields):
    """One variant of a split; ``do`` is read apart."""

    weight: Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)] = 1.0
