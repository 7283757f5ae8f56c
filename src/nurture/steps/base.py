"""What every step has: an id, a place in the file, time rules, and what comes after it.

A step says what it wants to do; whether it may is asked elsewhere (``engine.gates``), and doing it is the workers' part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum
from typing import Annotated, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, InstanceOf, StringConstraints, WithJsonSchema

from nurture.model.decisions import Call, Decision, Send
from nurture.model.errors import Place, TextError
from nurture.model.expressions import Expression, Scope, parse_expression
from nurture.model.matching import DateRule, EventMatch, parse_date_rule, parse_event_match
from nurture.model.timing import (
    Calendar,
    Duration,
    Instant,
    Rule,
    Window,
    parse_clock,
    parse_days,
    parse_duration,
    parse_quiet,
    parse_window,
    resolve,
)
from nurture.model.words import Enrollment, Event, Facts, Status
from nurture.model.workspace import Workspace

Slug = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)
]
"""A word in slug form: lower-case letters, digits and dashes."""

_Value = TypeVar("_Value")


def parsed(parse: Callable[[str], _Value]) -> BeforeValidator:
    """Reads a text with ``parse``; what is no text (a value read already) is left as it is."""
    return BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)


def text_like(*examples: str) -> WithJsonSchema:
    """What an editor is told: a text, such as these."""
    return WithJsonSchema({"type": "string", "examples": list(examples)})


def _yes_or_no(text: str) -> bool:
    words = {"yes": True, "true": True, "no": False, "false": False}
    if text.lower() not in words:
        raise TextError(f"'{text}' is neither yes nor no", hint="write yes or no")
    return words[text.lower()]


YesNo = Annotated[
    bool, parsed(_yes_or_no), WithJsonSchema({"enum": [True, False, "yes", "no", "true", "false"]})
]
DurationText = Annotated[InstanceOf[Duration], parsed(parse_duration), text_like("2 days", "3 business days")]
DaysText = Annotated[
    InstanceOf[frozenset[int]], parsed(parse_days), text_like("weekdays", "mon,wed", "mon-fri")
]
ClockText = Annotated[InstanceOf[time], parsed(parse_clock), text_like("09:30")]
WindowText = Annotated[InstanceOf[Window], parsed(parse_window), text_like("weekdays 09:00-17:00")]
QuietText = Annotated[InstanceOf[Window], parsed(parse_quiet), text_like("21:00-08:00")]
ExpressionText = Annotated[
    InstanceOf[Expression],
    parsed(parse_expression),
    WithJsonSchema({"type": ["string", "number", "boolean"], "examples": ["contact.score >= 40"]}),
]
EventText = Annotated[
    InstanceOf[EventMatch],
    parsed(parse_event_match),
    text_like('offer.requested where event.offer == "guide"'),
]
DateText = Annotated[InstanceOf[DateRule], parsed(parse_date_rule), text_like("contact.renewal_on - 3 days")]


class IfLate(StrEnum):
    SEND = "send"
    SKIP = "skip"
    SHIFT = "shift"


class StepFields(BaseModel):
    """The fields of one step kind; a kind adds its own. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    id: Slug | None = None
    was: Slug | None = None
    need: str | None = None


class TimedFields(StepFields):
    """Steps that may be put off: ``after``, ``on``, ``at``, ``window``, ``quiet``."""

    after: DurationText | None = None
    on: DaysText | None = None
    at: ClockText | None = None
    window: WindowText | None = None
    quiet: QuietText | None = None


class LateFields(TimedFields):
    """Steps that may come too late to be of use: then they may be skipped or shifted."""

    if_late: IfLate = IfLate.SEND
    max_late: DurationText | None = None


class TouchFields(LateFields):
    """Steps that touch the contact, by some permission."""

    purpose: Slug | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a workflow as the engine walks it.

    ``next`` is the step after it in the same list. ``branches`` names the first step of each list below it
    (None for an empty list), ``parent`` the step whose branch this one stands in, ``above`` that branch's name.
    """

    id: str
    kind: str
    fields: StepFields
    rule: Rule
    stage: str
    place: Place
    next: str | None = None
    parent: str | None = None
    above: str | None = None
    branches: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scene:
    """What a step may look at when it is arrived at or runs."""

    workflow: str
    purpose: str
    calendar: Calendar
    zone: ZoneInfo
    workspace: Workspace
    enrollment: Enrollment
    facts: Facts
    event: Event | None
    """The event that moved the contact here: ``event.FIELD`` in expressions and templates."""
    at: datetime
    """The moment the step counts from: its due time when it runs, the end of the step before when it is arrived at."""
    now: datetime
    variants: Mapping[str, str] = field(default_factory=dict)
    """Variants picked by a person for a walk: split id → variant."""

    @property
    def scope(self) -> Scope:
        return Scope(
            contact=self.facts.contact,
            event=self.event.data if self.event else None,
            stage=self.enrollment.stage,
            workspace=self.workspace,
        )

    def decided(self, step: Step, reason: str, *because: str) -> dict[str, object]:
        """The fields that every decision of ``step`` shares."""
        return {
            "at": self.at,
            "stage": step.stage,
            "step": step.id,
            "visit": self.enrollment.visit,
            "reason": reason,
            "because": because,
            "place": step.place,
        }


@dataclass(frozen=True, slots=True)
class Act:
    """The step wants this message or call; with ``hold`` the enrollment stays until its receipt."""

    decision: Send | Call
    hold: bool = True


@dataclass(frozen=True, slots=True)
class Over:
    """The step is done where it stands; the list goes on."""

    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True, slots=True)
class Take:
    """The step goes into one of its branches (None: past them all)."""

    branch: str | None
    reason: str
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Watch:
    """The step looks out for an event until this moment."""

    until: Instant
    since: datetime
    """Events before this moment do not count."""
    step: str | None
    """The watched step, for evidence that concerns one message or call."""


@dataclass(frozen=True, slots=True)
class Jump:
    """The contact enters this stage anew, without fresh evidence."""

    stage: str


@dataclass(frozen=True, slots=True)
class Leave:
    """The enrollment ends here."""

    status: Status
    reason: str


Outcome = Act | Over | Take | Watch | Jump | Leave
BranchForm = Literal["list", "map", "variants", "list-or-word"]


def due_by_rule(step: Step, scene: Scene) -> Instant:
    """When the step is due by its own time rules, counted from ``scene.at``."""
    return resolve(step.rule, scene.at, scene.zone, scene.calendar)


@dataclass(frozen=True, slots=True)
class Kind:
    """One step kind: its key in the file, its fields, the lists below it, when it is due and what it then wants."""

    name: str
    fields: type[StepFields]
    run: Callable[[Step, Scene], Outcome]
    due: Callable[[Step, Scene], Instant] = due_by_rule
    branches: Mapping[str, BranchForm] = field(default_factory=dict)
    """Keys that hold lists of steps, and how: a list, name → list, name → {weight, do}, or a list or a word."""
    value_is_id: bool = False
