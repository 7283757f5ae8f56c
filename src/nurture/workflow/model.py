"""A workflow as the engine walks it: stages in order, the steps inside them, and the ways a contact falls off.

Values only. ``reader`` makes them from text, ``engine.decide`` plays them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from nurture.model.errors import Place
from nurture.model.expressions import Expression
from nurture.model.matching import DATE_REACHED, SEGMENT_ENTERED, DateRule, EventMatch
from nurture.model.timing import Duration, Unit
from nurture.model.workspace import TRANSACTIONAL
from nurture.steps.base import Step, TouchFields


class TriggerKind(StrEnum):
    EVENT = "event"
    SEGMENT = "segment"
    DATE = "date"
    LOST = "lost"
    MANUAL = "manual"


_EVENTS = {TriggerKind.SEGMENT: SEGMENT_ENTERED, TriggerKind.DATE: DATE_REACHED}


@dataclass(frozen=True, slots=True)
class Trigger:
    """What enters a stage. ``name`` is the segment of a segment trigger, or ``WORKFLOW/STAGE`` of a lost trigger."""

    kind: TriggerKind
    place: Place
    match: EventMatch | None = None
    date: DateRule | None = None
    name: str | None = None

    @property
    def as_written(self) -> str:
        """``segment warm``, ``date contact.renewal_on - 90 days``, or the event and when it counts."""
        if self.kind is TriggerKind.EVENT:
            return str(self.match)
        return " ".join(str(word) for word in (self.kind, self.date or self.name) if word)

    @property
    def event(self) -> str | None:
        """The event by whose name it is noticed; None for what no event can trigger."""
        if self.kind is TriggerKind.EVENT:
            return self.match.name if self.match else None
        return _EVENTS.get(self.kind)


@dataclass(frozen=True, slots=True)
class Loss:
    """One way to fall off a stage: after a time, in silence, or on an event; with its reason and what comes next."""

    reason: str
    place: Place
    after: Duration | None = None
    silent: Duration | None = None
    on: EventMatch | None = None
    enroll: str | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One state of the funnel: what the contact needs here, what proves they got it, and how they fall off.

    ``first`` is the id of the first step of its list, None when it has no steps.
    """

    name: str
    index: int
    need: str
    validate: EventMatch
    place: Place
    bucket: str | None = None
    trigger: Trigger | None = None
    entry: bool = False
    reenter: bool = False
    first: str | None = None
    losses: tuple[Loss, ...] = ()
    was: str | None = None
    """What it was called in the version before, when it was renamed."""


@dataclass(frozen=True, slots=True)
class Reentry:
    """May a contact who left come back: never, after a span since the last end, or always (restarts)?"""

    kind: Literal["never", "after", "always"]
    after: Duration | None = None


REOPEN = Duration(90, Unit.DAYS)


@dataclass(frozen=True, slots=True)
class Workflow:
    """A whole workflow file. ``version`` is the hash of its structure; two files with one structure share it."""

    name: str
    title: str
    version: str
    place: Place
    stages: tuple[Stage, ...]
    steps: Mapping[str, Step]
    purpose: str = ""
    persona: str | None = None
    calendar: str | None = None
    reentry: Reentry = Reentry("never")
    reopen: Duration = REOPEN
    exit_when: Expression | None = None
    exit_place: Place | None = None
    priority: int = 50
    holdout: float = 0.0
    """The share of contacts that get nothing, 0 to 1."""
    text: str = field(default="", repr=False, compare=False)

    def stage(self, name: str) -> Stage:
        return next(stage for stage in self.stages if stage.name == name)

    def after(self, stage: Stage) -> Stage | None:
        """The stage behind this one, None behind the last."""
        return self.stages[stage.index + 1] if stage.index + 1 < len(self.stages) else None

    def entries(self) -> tuple[Stage, ...]:
        """The stages whose trigger enrolls: the first, and those with ``entry: yes``."""
        return tuple(stage for stage in self.stages if stage.index == 0 or stage.entry)


def followers(workflows: Iterable[Workflow]) -> Mapping[str, tuple[tuple[Workflow, Stage], ...]]:
    """Who takes in whom another workflow loses: by ``WORKFLOW/STAGE``, the stages whose trigger is a loss there."""
    found: dict[str, list[tuple[Workflow, Stage]]] = {}
    for workflow in workflows:
        for stage in workflow.entries():
            if stage.trigger and stage.trigger.kind is TriggerKind.LOST and stage.trigger.name:
                found.setdefault(stage.trigger.name, []).append((workflow, stage))
    return {lost: tuple(stages) for lost, stages in found.items()}


def purposes_of(workflows: Iterable[Workflow]) -> frozenset[str]:
    """Every permission that a message or call of these workflows may rely on; ``transactional`` is none."""
    found: set[str] = set()
    for workflow in workflows:
        steps = (step.fields for step in workflow.steps.values())
        found |= {workflow.purpose, *(one.purpose or "" for one in steps if isinstance(one, TouchFields))}
    return frozenset(found - {"", TRANSACTIONAL})
