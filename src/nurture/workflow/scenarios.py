"""A scenario: one contact, what they do and when, and what must then happen to them: the test of a workflow, in words.

Refuses unknown keys and words that cannot be read; whether the names exist is for the checks, whether it all comes true
for `nurture test`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, InstanceOf, StringConstraints, model_validator

from nurture.model.calendars import read_zone
from nurture.model.contact_values import scalar
from nurture.model.errors import Place, Problem, TextError, on_one_line
from nurture.model.matching import parse_event_match
from nurture.model.timing import Calendar, Duration, Rule, TimingError, parse_rule, resolve, to_utc
from nurture.model.words import Scalar
from nurture.steps.base import DurationText, Slug, YesNo, parsed, text_like
from nurture.workflow.documents import FieldName
from nurture.workflow.forms import read_form, without_echoes
from nurture.workflow.yaml_text import ListNode, MapNode, Node, TextNode, read_yaml

A_CLOCK = "write a day and a time, such as 2026-03-04 09:30"
HOW_LATE = "write start, +2 days, +3 hours, +1 day at 09:30, or 2026-03-04 09:30"
YEARS = range(1970, 2200)
"""Whatever is counted from here stays within the years that a calendar has."""
_CLOCK = re.compile(r"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d)?)(?:\s+(\S+))?")


class Wanted(StrEnum):
    """What a line under ``expect`` is about; the value is its key."""

    EMAIL = "email"
    CALL_TASK = "call_task"
    OFFER = "offer"
    NOTIFY = "notify"
    WEBHOOK = "webhook"
    NOT = "not"
    STAGE = "stage"
    VALIDATED = "validated"
    LOST = "lost"
    EXITED = "exited"
    COMPLETED = "completed"
    REFUSED = "refused"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment as it was written: counted from the start by a ``rule``, or as a clock showed it (``zone`` None: the contact's)."""

    text: str
    rule: Rule | None = None
    clock: datetime | None = None
    zone: ZoneInfo | None = None

    def instant(self, start: datetime, zone: ZoneInfo, calendar: Calendar) -> datetime:
        """In UTC. Days, weeks and months keep the contact's clock; hours and minutes are elapsed time."""
        return resolve(self.rule, start, zone, calendar).at if self.rule else self.by_clock(zone)

    def by_clock(self, zone: ZoneInfo) -> datetime:
        """The instant of a moment that was written as a clock shows it; ``zone`` is the contact's."""
        assert self.clock is not None
        return self.clock.astimezone(UTC) if self.clock.tzinfo else to_utc(self.clock, self.zone or zone)


@dataclass(frozen=True, slots=True)
class Told:
    """An event that the scenario tells, with its values as written."""

    name: str
    at: Moment
    words: Mapping[str, str]
    place: Place

    @property
    def data(self) -> Mapping[str, Scalar]:
        return {name: scalar(word) for name, word in self.words.items()}


@dataclass(frozen=True, slots=True)
class Expectation:
    """One line under ``expect``. ``at`` None: at any time. ``within`` is how far off it may be, either way."""

    kind: Wanted
    name: str
    place: Place
    at: Moment | None = None
    within: Duration | None = None
    reason: str | None = None

    def __str__(self) -> str:
        words = f"{self.kind} {self.name}" if self.kind is not Wanted.COMPLETED else "completed"
        return f"{words}: {self.reason}" if self.reason else words


@dataclass(frozen=True, slots=True)
class Scenario:
    """Given, when, expect. ``given`` are fields over the persona's example, or, without a persona, all there is."""

    name: str
    workflow: str
    start: Moment
    place: Place
    persona: str | None = None
    given: Mapping[str, str] | None = None
    events: tuple[Told, ...] = ()
    expect: tuple[Expectation, ...] = ()
    until: Moment | None = None
    variants: Mapping[str, str] | None = None
    order: bool = False
    consent: bool = True
    held_out: bool = False


@dataclass(frozen=True, slots=True)
class ScenarioFile:
    """One file of ``scenarios/``: as far as it could be read, and what is wrong with it."""

    file: str
    scenario: Scenario | None
    top: MapNode | None
    problems: tuple[Problem, ...] = ()
    draft: Scenario | None = None
    """What could be read of it, for the checks, also when something is wrong with the rest."""

    @property
    def name(self) -> str:
        """What it is called, on one line; the file's own name while it says none."""
        if self.scenario:
            return self.scenario.name
        said = self.top.text("scenario") if self.top else None
        return on_one_line(said.text) if said else self.file


# --- words --------------------------------------------------------------------------------------------------------


def parse_moment(text: str) -> Moment:
    """Read ``start``, ``+2 days``, ``+1 day at 09:30`` or ``2026-03-04 09:30 [ZONE]``. Raises TextError."""
    said = text.strip()
    if said == "start":
        return Moment(said, rule=parse_rule("after 0 minutes"))
    if said.startswith("+"):
        try:
            return Moment(said, rule=parse_rule(f"after {said[1:].strip()}"))
        except TimingError as error:
            error.column = max(0, error.column - len("after ") + 1)
            raise
    try:
        return parse_clock_moment(text)
    except TextError as error:
        error.hint = HOW_LATE if error.hint == A_CLOCK else error.hint
        raise


def parse_clock_moment(text: str) -> Moment:
    """Read ``2026-03-04 09:30``, with a zone behind it if it is not the contact's. Raises TextError."""
    said = text.strip()
    found = _CLOCK.fullmatch(said)
    try:
        clock = datetime.fromisoformat(found.group(1) if found else said)
    except ValueError:
        raise TimingError(f"'{said}' is no moment", hint=A_CLOCK) from None
    if not found and clock.tzinfo is None:
        raise TimingError(f"'{said}' does not say at what time", hint="write 2026-03-04 09:30")
    if clock.year not in YEARS:
        raise TimingError(f"'{said}' is no moment that anybody lives through", hint=A_CLOCK)
    zone = read_zone(found.group(2)) if found and found.group(2) else None
    return Moment(said, clock=clock, zone=zone)


def _event_name(text: str) -> str:
    match = parse_event_match(text)
    if match.where is not None:
        raise TextError(
            "an event that happens has values, no conditions",
            column=text.index(" where "),
            hint="write {at: +1 day, event: NAME, field: value}",
        )
    return match.name


MomentText = Annotated[
    InstanceOf[Moment], parsed(parse_moment), text_like("start", "+2 days", "+1 day at 09:30")
]
ClockText = Annotated[
    InstanceOf[Moment],
    parsed(parse_clock_moment),
    text_like("2026-03-02 09:00", "2026-03-02 09:00 America/Toronto"),
]
EventName = Annotated[str, parsed(_event_name), text_like("offer.downloaded", "sale.closed")]
StageName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*(/[a-z0-9]+(-[a-z0-9]+)*)?$"),
]
"""A stage of the scenario's own workflow, or ``WORKFLOW/STAGE``."""


# --- forms --------------------------------------------------------------------------------------------------------


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ScenarioForm(_Form):
    """The top of a scenario file; ``events`` and ``expect`` are read apart."""

    scenario: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    workflow: Slug
    start: ClockText
    as_: Annotated[Slug | None, Field(alias="as")] = None
    given: Mapping[FieldName, str | tuple[str, ...]] | None = None
    until: MomentText | None = None
    variants: Mapping[Slug, Slug] | None = None
    order: YesNo = False
    consent: YesNo = True
    held_out: YesNo = False


class EventForm(_Form):
    """One event; every other key is one of its values."""

    at: MomentText
    event: EventName


class ExpectForm(_Form):
    """One line under ``expect``: one thing, when, and why."""

    at: MomentText | None = None
    within: DurationText | None = None
    reason: Slug | None = None
    email: Slug | None = None
    call_task: Slug | None = None
    offer: Slug | None = None
    notify: Slug | None = None
    webhook: Slug | None = None
    not_: Annotated[StageName | None, Field(alias="not")] = None
    stage: StageName | None = None
    validated: StageName | None = None
    lost: Slug | None = None
    exited: Slug | None = None
    completed: YesNo | None = None
    refused: Slug | None = None
    skipped: Slug | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> ExpectForm:
        said = [key for key, value in self.wanted().items() if value is not None]
        if len(said) != 1:
            what = f"says {' and '.join(said)} at once" if said else "does not say what is to happen"
            raise TextError(f"this line {what}", hint=f"write one of {', '.join(Wanted)}")
        if self.completed is False:
            raise TextError("'completed: no' is no expectation", hint="write how it ends: lost: REASON")
        if self.reason and not self.skipped:
            raise TextError("a reason belongs to 'skipped'", hint="lost, exited and refused name theirs")
        if self.not_ and self.at:
            raise TextError(
                "'not' means at no time", hint="remove 'at'; 'until' at the top ends the scenario"
            )
        if self.within and not self.at:
            raise TextError("'within' needs an 'at' to be near to", hint="add at: +2 days")
        return self

    def wanted(self) -> dict[Wanted, object]:
        return {kind: getattr(self, "not_" if kind is Wanted.NOT else kind.value) for kind in Wanted}


# --- the reader ---------------------------------------------------------------------------------------------------


def read_scenario(source: bytes | str, file: str) -> ScenarioFile:
    """One scenario; without its values when anything is wrong with it: half a test proves nothing."""
    top, problems = read_yaml(source, file)
    scenario = _scenario(top, problems) if top else None
    told = without_echoes(problems)
    return ScenarioFile(file, None if told else scenario, top, tuple(told), scenario)


def _scenario(top: MapNode, problems: list[Problem]) -> Scenario | None:
    form = read_form(ScenarioForm, top, problems, elsewhere=("events", "expect"), may_be_empty=("events",))
    events = [_event(node, problems) for node in _items(top, "events", problems)]
    lines = _items(top, "expect", problems)
    expect = [_expectation(node, problems) for node in lines]
    if not lines:
        place = top.key("expect") or top
        message = "a scenario that expects nothing proves nothing"
        problems.append(Problem(place.place, "missing-key", message, "add expect: with one line at least"))
    if form is None:
        return None
    return Scenario(
        name=on_one_line(form.scenario),
        workflow=form.workflow,
        start=form.start,
        place=top.place,
        persona=form.as_,
        given=None if form.given is None else _flat(form.given),
        events=tuple(event for event in events if event),
        expect=tuple(line for line in expect if line),
        until=form.until,
        variants=form.variants,
        order=form.order,
        consent=form.consent,
        held_out=form.held_out,
    )


def _items(top: MapNode, key: str, problems: list[Problem]) -> list[MapNode]:
    """The groups of keys in a list; anything else in it is a problem."""
    node = top.get(key)
    if node is None or (isinstance(node, TextNode) and node.is_null):
        return []
    if not isinstance(node, ListNode):
        problems.append(Problem(node.place, "bad-value", f"'{key}' is no list", "begin each line with '- '"))
        return []
    for item in node.items:
        if not isinstance(item, MapNode):
            hint = (
                "write it as {at: +1 day, event: NAME}"
                if key == "events"
                else "write it as {email: NAME, at: +1 day}"
            )
            problems.append(Problem(item.place, "bad-value", "this is no group of keys", hint))
    return [item for item in node.items if isinstance(item, MapNode)]


def _event(node: MapNode, problems: list[Problem]) -> Told | None:
    known = ("at", "event")
    more = {name.text: value for name, value in node.entries if name.text not in known}
    words = {name: _word(value, problems) for name, value in more.items()}
    form = read_form(EventForm, node, problems, elsewhere=tuple(more), may_be_empty=tuple(more))
    if form is None:
        return None
    place = (node.get("event") or node).place
    return Told(form.event, form.at, {name: word for name, word in words.items() if word is not None}, place)


def _word(node: Node, problems: list[Problem]) -> str | None:
    """The value of an event's field; None for null."""
    if isinstance(node, TextNode):
        return None if node.is_null else node.text
    problems.append(Problem(node.place, "bad-value", "an event's value is one word, number or text"))
    return None


def _expectation(node: MapNode, problems: list[Problem]) -> Expectation | None:
    form = read_form(ExpectForm, node, problems)
    if form is None:
        return None
    kind, name = next((kind, name) for kind, name in form.wanted().items() if name is not None)
    place = (node.get(kind.value) or node).place
    said = "" if kind is Wanted.COMPLETED else str(name)
    return Expectation(kind, said, place, form.at, form.within, form.reason)


def _flat(given: Mapping[str, Any]) -> dict[str, str]:
    """Lists (of tags) as one text with commas, as a spreadsheet has them."""
    return {name: value if isinstance(value, str) else ",".join(value) for name, value in given.items()}
