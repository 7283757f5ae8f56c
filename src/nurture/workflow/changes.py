"""One change between two versions: what sort it is, what it was before, and a sentence for people.

Values only; they are found by ``diff``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from nurture.model.errors import Place
from nurture.steps.base import Step
from nurture.workflow.model import Stage


class ChangeKind(StrEnum):
    """What sort of change it is; programs and pages go by it."""

    STAGE_ADDED = "stage-added"
    STAGE_REMOVED = "stage-removed"
    STAGE_MOVED = "stage-moved"
    STAGE_RENAMED = "stage-renamed"
    STEP_ADDED = "step-added"
    STEP_REMOVED = "step-removed"
    STEP_MOVED = "step-moved"
    STEP_RENAMED = "step-renamed"
    WAIT_LENGTHENED = "wait-lengthened"
    WAIT_SHORTENED = "wait-shortened"
    TIME = "time"
    CONTENT = "content"
    CONDITION = "condition"
    BRANCH = "branch"
    FIELD = "field"
    TRIGGER = "trigger"
    VALIDATE = "validate"
    LOSS = "loss"
    POLICY = "policy"
    WORDS = "words"
    """Only people read it; nobody's way depends on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change. ``before`` and ``after`` are as the files spell it; ``place`` is its line in the newer file, or the older."""

    kind: ChangeKind
    said: str
    """One sentence, without a full stop."""
    stage: str | None = None
    step: str | None = None
    before: str | None = None
    after: str | None = None
    place: Place | None = None

    @property
    def how(self) -> str:
        """Is something ``added`` or ``removed`` by it, or only ``changed``?"""
        if self.kind in (ChangeKind.STEP_ADDED, ChangeKind.STAGE_ADDED):
            return "added"
        if self.kind in (ChangeKind.STEP_REMOVED, ChangeKind.STAGE_REMOVED):
            return "removed"
        return "changed"


def of_stage(
    kind: ChangeKind, stage: Stage, said: str, before: str | None = None, after: str | None = None
) -> Change:
    return Change(kind=kind, said=said, stage=stage.name, before=before, after=after, place=stage.place)


def of_step(
    kind: ChangeKind,
    step: Step,
    said: str,
    before: str | None = None,
    after: str | None = None,
) -> Change:
    return Change(
        kind=kind, said=said, stage=step.stage, step=step.id, before=before, after=after, place=step.place
    )


def turned(
    kind: ChangeKind,
    what: str,
    old: object,
    new: object,
    place: Place | None,
    stage: str | None = None,
    step: str | None = None,
) -> Change:
    """Something is one thing instead of another."""
    before, after = text_of(old), text_of(new)
    if before is None:
        said = f"{what} is {after}, which is new"
    elif after is None:
        said = f"{what} is gone: it was {before}"
    else:
        said = f"{what} is {after} instead of {before}"
    return Change(kind=kind, said=said, stage=stage, step=step, before=before, after=after, place=place)


def text_of(value: object) -> str | None:
    """A value as the file spells it."""
    match value:
        case None | "" | () | frozenset():
            return None
        case bool():
            return "yes" if value else "no"
        case tuple() | list():
            return ", ".join(filter(None, (text_of(one) for one in value)))
        case Mapping():
            return ", ".join(f"{name} {text_of(one)}" for name, one in value.items()) or None
        case float():
            return f"{value:g}"
        case _:
            kind, after = getattr(value, "kind", None), getattr(value, "after", None)
            if kind in ("never", "always", "after"):
                return str(after) if kind == "after" else str(kind)
            return str(value)
