"""``nurture.toml``: who we are, what contacts carry, how we count days, who calls, and how much mail is good manners.

Refuses unknown keys and values that cannot be used, all at once and each at its line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    StringConstraints,
)

from nurture.model import workspace as model
from nurture.model.calendars import read_zone
from nurture.model.errors import Problem, TextError, did_you_mean
from nurture.model.expression_tree import CONTACT_FIELDS
from nurture.model.matching import CONTACT_CHANGED, EventMatch, is_own_action, parse_event_match
from nurture.model.teams import person_key
from nurture.model.timing import Calendar, TimingError, parse_duration, read_calendar
from nurture.model.words import Channel
from nurture.steps.base import DurationText, EventText, QuietText, Slug, parsed
from nurture.workflow.endpoints import EndpointForm
from nurture.workflow.forms import plain, read_form, text_problem
from nurture.workflow.retention import RetentionForm
from nurture.workflow.senders import Address, Rate, SenderForm
from nurture.workflow.toml_text import read_toml
from nurture.workflow.tracking import TrackingForm
from nurture.workflow.yaml_text import ListNode, MapNode, Node, TextNode

FILE = "nurture.toml"

_CAPPED = {"messages": Channel.EMAIL, "calls": Channel.PHONE}
"""The keys of [caps] and what they count. A channel that is added gets its line here, and its key in the form."""

_FIELD_TYPES = ("text", "number", "bool", "date")
_COSTS = ("email", "call_minute")
_SECTIONS = (
    "workspace",
    "fields",
    "events",
    "outcomes",
    "calendars",
    "senders",
    "teams",
    "webhooks",
    "caps",
    "limits",
    "tracking",
    "bounces",
    "retention",
    "costs",
    "scores",
)


def _event(text: str) -> str:
    match = parse_event_match(text)
    if match.where is not None:
        raise TextError("only the event's name belongs here", column=len(match.name))
    return match.name


def _earning(match: EventMatch) -> EventMatch:
    """What we do ourselves earns nobody points, and a change of the score would bring points for ever."""
    if is_own_action(match.name) or match.name == CONTACT_CHANGED:
        hint = "name what the contact does, such as email.clicked, offer.downloaded or sale.closed"
        raise TextError(f"'{match.name}' brings no points: the contact does nothing by it", hint=hint)
    return match


def _cap(text: str) -> model.Cap:
    count, _, span = text.partition(" per ")
    if not count.strip().isdecimal() or not int(count) or not span:
        raise TextError(f"'{text}' is no cap", hint="write '3 per 7 days'")
    try:
        return model.Cap(int(count), parse_duration(span))
    except TimingError as error:
        raise error.moved(len(count) + len(" per ")) from None


MOST_POINTS = 1_000_000
EventName = Annotated[str, AfterValidator(_event)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class _WorkspaceForm(_Form):
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    postal_address: str = ""
    timezone: Annotated[str, AfterValidator(lambda text: read_zone(text).key)] = "UTC"
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "USD"
    privacy_url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")] | None = None
    clock: Literal["movable", "real"] = "real"


class _NamesForm(_Form):
    names: tuple[Slug, ...] = ()


class _EventsForm(_Form):
    names: tuple[EventName, ...] = ()


class _CalendarForm(_Form):
    days: str = "mon-fri"
    hours: str = "09:00-17:00"
    country: str | None = None
    holidays: tuple[str, ...] = ()


class _TeamForm(_Form):
    members: Annotated[tuple[Address, ...], Field(min_length=1)]
    capacity: Rate | None = None
    absences: Mapping[str, tuple[str, ...]] = {}


Caps = Annotated[
    tuple[Annotated[InstanceOf[model.Cap], parsed(_cap)], ...],
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
    Field(min_length=1),
]
"""One cap as a text, or several as a list of texts."""


class _CapsForm(_Form):
    messages: Caps = ()
    calls: Caps = ()
    quiet: QuietText | None = None


class _LimitsForm(_Form):
    messages: Rate | None = None
    factor: Annotated[float, Field(ge=1, le=1_000_000, allow_inf_nan=False)] = 10
    floor: Annotated[int, Field(ge=0)] | None = None


class _BouncesForm(_Form):
    soft_days: Annotated[Rate, Field(le=100)] = model.Bounces().soft_days
    within_days: Annotated[Rate, Field(le=365)] = model.Bounces().within_days
    rest_days: Annotated[Rate, Field(le=365)] = model.Bounces().rest_days


class _ScoreForm(_Form):
    on: Annotated[EventText, AfterValidator(_earning)]
    add: Annotated[float, Field(ge=-MOST_POINTS, le=MOST_POINTS, allow_inf_nan=False)]
    decay: DurationText | None = None


def read_workspace(source: bytes | str, file: str = FILE) -> tuple[model.Workspace | None, list[Problem]]:
    """The workspace as far as it can be read, None when the file is no TOML; and every problem in it."""
    top, problems = read_toml(source, file)
    if top is None:
        return None, problems
    reader = _Reader(top, problems)
    workspace = reader.workspace()
    return workspace, sorted(problems)


_Section = TypeVar("_Section", bound=BaseModel)
_Named = TypeVar("_Named")


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


class _Reader:
    def __init__(self, top: MapNode, problems: list[Problem]) -> None:
        self.top = top
        self.problems = problems

    def workspace(self) -> model.Workspace:
        self._refuse_unknown_sections()
        about = self._section(_WorkspaceForm, "workspace")
        if self.top.get("workspace") is None and not self._misspelt("workspace"):
            self._problem(
                self.top, "missing-key", "[workspace] is missing", 'write [workspace] and name = "…" below it'
            )
        caps, tracking = self._section(_CapsForm, "caps"), self._section(TrackingForm, "tracking")
        bounces = self._section(_BouncesForm, "bounces")
        retention = self._section(RetentionForm, "retention")
        events, outcomes = self._section(_EventsForm, "events"), self._section(_NamesForm, "outcomes")
        return model.Workspace(
            name=about.name if about else "",
            timezone=about.timezone if about else "UTC",
            postal_address=about.postal_address if about else "",
            currency=about.currency if about else "USD",
            privacy_url=about.privacy_url if about else None,
            movable_clock=about.clock == "movable" if about else False,
            fields=self._fields(),
            events=frozenset(events.names if events else ()),
            outcomes=frozenset(outcomes.names if outcomes else ()),
            calendars=self._each("calendars", self._calendar),
            senders=self._each("senders", self._sender),
            teams=self._each("teams", self._team),
            webhooks=self._each("webhooks", self._endpoint),
            caps={channel: capped for key, channel in _CAPPED.items() if (capped := getattr(caps, key, ()))},
            quiet=caps.quiet if caps else None,
            costs=self._costs(),
            scores=self._scores(),
            limits=self._limits(),
            tracking=tracking.tracking() if tracking else model.Tracking(),
            bounces=model.Bounces(**bounces.model_dump()) if bounces else model.Bounces(),
            retention=retention.retention() if retention else model.Retention(),
        )

    def _misspelt(self, section: str) -> bool:
        """Whether it stands there under a name that is nearly right, which has been told."""
        return any(
            did_you_mean(key.text, (section,)) for key, _ in self.top.entries if key.text not in _SECTIONS
        )

    def _refuse_unknown_sections(self) -> None:
        for key, _ in self.top.entries:
            if key.text not in _SECTIONS:
                hint = did_you_mean(key.text, _SECTIONS) or f"known here: {', '.join(_SECTIONS)}"
                self._problem(key, "unknown-key", f"'{key.text}' is not known here", hint)

    def _section(self, form: type[_Section], name: str) -> _Section | None:
        node = self.top.get(name)
        if isinstance(node, MapNode):
            return read_form(form, node, self.problems)
        if node is not None:
            self._problem(
                node,
                "bad-value",
                f"'{name}' holds 'key = value' lines",
                f"write [{name}] on a line of its own",
            )
        return None

    def _named(self, section: str) -> list[tuple[TextNode, Node]]:
        node = self.top.get(section)
        if node is None or isinstance(node, MapNode):
            return list(node.entries) if node else []
        self._problem(
            node, "bad-value", f"'{section}' holds names", f"write [{section}] on a line of its own"
        )
        return []

    def _each(self, section: str, read: Callable[[str, MapNode], _Named]) -> dict[str, _Named]:
        """Every named part of a section. One that cannot be read stays known by its name, so that its users are not blamed."""
        found: dict[str, _Named] = {}
        for key, node in self._named(section):
            if isinstance(node, MapNode):
                found[key.text] = read(key.text, node)
            else:
                self._problem(
                    key,
                    "bad-value",
                    f"'{key.text}' holds 'key = value' lines",
                    f"write [{section}.{key.text}]",
                )
        return found

    def _calendar(self, name: str, node: MapNode) -> Calendar:
        form = read_form(_CalendarForm, node, self.problems) or _CalendarForm()
        given = {"days": form.days, "hours": form.hours, "country": form.country, "holidays": form.holidays}
        sound = True
        for key, value in given.items():
            if node.get(key) is not None:
                try:
                    read_calendar(name, **{key: value})  # type: ignore[arg-type]  # one at a time, to know which is wrong
                except TimingError as error:
                    sound = False
                    self.problems.append(text_problem(error, node.get(key) or node.place))
        if not sound:
            return Calendar(name)
        return read_calendar(
            name, days=form.days, hours=form.hours, country=form.country, holidays=form.holidays
        )

    def _sender(self, name: str, node: MapNode) -> model.Sender:
        form = read_form(SenderForm, node, self.problems)
        if form is None:
            return model.Sender(name, "")
        key = node.get("dkim_key_file")
        if key is not None and form.dkim_selector is None:
            hint = 'add dkim_selector = "…": the name under which others find the key'
            self._problem(key, "missing-key", "a key without a selector signs for nobody", hint)
        return form.sender(name)

    def _team(self, name: str, node: MapNode) -> model.Team:
        form = read_form(_TeamForm, node, self.problems)
        if form:
            self._absences(form, node.get("absences"))
        return model.Team(name, form.members, form.capacity, form.absences) if form else model.Team(name, ())

    def _endpoint(self, name: str, node: MapNode) -> model.Endpoint:
        form = read_form(EndpointForm, node, self.problems)
        return model.Endpoint(name, form.url if form else "")

    def _absences(self, form: _TeamForm, node: Node | None) -> None:
        """Only members are away, and only on days that a calendar knows."""
        members = {person_key(who) for who in form.members}
        for key, days in node.entries if isinstance(node, MapNode) else ():
            if person_key(key.text) not in members:
                hint = did_you_mean(key.text, members) or f"its members are {', '.join(sorted(members))}"
                self._problem(key, "bad-value", f"'{key.text}' is no member of this team", hint)
            for day in days.items if isinstance(days, ListNode) else ():
                if isinstance(day, TextNode) and not _is_day(day.text):
                    self._problem(day, "bad-value", f"'{day.text}' is no day", "write it as 2026-12-24")

    def _fields(self) -> dict[str, model.Field]:
        found = {}
        for key, node in self._named("fields"):
            if key.text in CONTACT_FIELDS or key.text == "id":
                self._problem(
                    key, "reserved-field", f"every contact has '{key.text}' already", "choose another name"
                )
            elif not key.text.isidentifier() or key.text != key.text.lower():
                self._problem(
                    key, "bad-word", f"'{key.text}' is no field name", "use lower-case letters, digits and _"
                )
            else:
                found[key.text] = self._field(key.text, node)
        return found

    def _field(self, name: str, node: Node) -> model.Field:
        value = plain(node)
        if isinstance(value, str) and value in _FIELD_TYPES:
            return model.Field(name, model.FieldType(value))
        if (
            isinstance(node, ListNode)
            and isinstance(value, list)
            and value
            and all(isinstance(v, str) for v in value)
        ):
            return model.Field(name, model.FieldType.CHOICE, tuple(str(v) for v in value))
        hint = (did_you_mean(value, _FIELD_TYPES) if isinstance(value, str) else None) or (
            f"write one of {', '.join(_FIELD_TYPES)}, or a list of words"
        )
        self._problem(node, "bad-value", f"this is no type for '{name}'", hint)
        return model.Field(name, model.FieldType.CHOICE)  # of no words: nothing is known of it

    def _limits(self) -> model.Limits:
        form = self._section(_LimitsForm, "limits")
        return model.Limits(form.messages, form.factor, form.floor) if form else model.Limits()

    def _costs(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for key, node in self._named("costs"):
            try:
                found[key.text] = float(node.text) if isinstance(node, TextNode) else -1
            except ValueError:
                found[key.text] = -1
            if key.text not in _COSTS:
                hint = did_you_mean(key.text, _COSTS) or f"known here: {', '.join(_COSTS)}"
                self._problem(key, "unknown-key", f"'{key.text}' is not known here", hint)
            if not 0 <= found[key.text] < 10**9:
                self._problem(
                    node,
                    "bad-value",
                    f"the cost of '{key.text}' is no amount",
                    "write a number, such as 0.60",
                )
                del found[key.text]
        return found

    def _scores(self) -> tuple[model.ScoreRule, ...]:
        node = self.top.get("scores")
        if node is not None and not isinstance(node, ListNode):
            self._problem(node, "bad-value", "scores are a list", "write [[scores]] with two brackets")
        items = node.items if isinstance(node, ListNode) else ()
        forms = [read_form(_ScoreForm, item, self.problems) for item in items if isinstance(item, MapNode)]
        return tuple(model.ScoreRule(form.on, form.add, form.decay) for form in forms if form)

    def _problem(self, where: Node, code: str, message: str, hint: str | None = None) -> None:
        self.problems.append(Problem(where.place, code, message, hint))
