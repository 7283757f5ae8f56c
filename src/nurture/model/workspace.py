"""The workspace: who we are, how we count days, what contacts carry, and how much mail is good manners.

Values only; they are read from ``nurture.toml`` by ``workflow.workspace``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from nurture.model.timing import DEFAULT_CALENDAR, Calendar, Duration, Window
from nurture.model.warm_up import WarmUp

if TYPE_CHECKING:  # what a contact is said by words that know the workspace
    from nurture.model.matching import EventMatch
    from nurture.model.words import Channel


class FieldType(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    BOOL = "bool"
    DATE = "date"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Field:
    """One field that contacts carry; ``choices`` holds the words a choice allows."""

    name: str
    type: FieldType
    choices: tuple[str, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether its type could be read: a choice between no words stands for one that could not."""
        return self.type is not FieldType.CHOICE or bool(self.choices)


@dataclass(frozen=True, slots=True)
class Cap:
    """At most ``most`` marketing messages, or calls, for one contact in any span of ``per``."""

    most: int
    per: Duration
    chosen: bool = False
    """The contact asked for it themselves, and it holds for nobody else."""

    def __str__(self) -> str:
        return f"{self.most} per {self.per}"


@dataclass(frozen=True, slots=True)
class Sender:
    """Whom messages come from. ``rate`` and ``per_domain_rate`` are messages per minute; None is no limit.

    With a ``dkim_selector`` its mail is signed, by the key in ``dkim_key_file`` or the one that the machine was given.
    """

    name: str
    address: str
    reply_to: str | None = None
    return_path_domain: str | None = None
    dkim_selector: str | None = None
    dkim_key_file: str | None = None
    rate: int | None = None
    per_domain_rate: int | None = None
    warm_up: WarmUp | None = None


@dataclass(frozen=True, slots=True)
class Team:
    """People who take calls; ``capacity`` is calls a day for each, None is no limit."""

    name: str
    members: tuple[str, ...]
    capacity: int | None = None
    absences: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Another system that is told of what happens: its name in workflows, and its address."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class ScoreRule:
    """``add`` points when such an event comes; they fade after ``decay``, without one never."""

    on: EventMatch
    add: float
    decay: Duration | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How much mail is what was meant. ``messages`` in fourteen days are published without asking; None: any number.

    A workflow that plans more in a day than ``floor`` and ``factor`` times what its plan foresaw is paused. Without a
    ``floor`` that holds only where the plan foresaw any: one that has no volume yet cannot leave it.
    """

    messages: int | None = None
    factor: float = 10
    floor: int | None = None


@dataclass(frozen=True, slots=True)
class Tracked:
    """What we learn of a message beside that it left: visits to its links, and that it was shown."""

    clicks: bool = False
    opens: bool = False


UNTRACKED = Tracked()
TRANSACTIONAL = "transactional"


@dataclass(frozen=True, slots=True)
class Tracking:
    """What is tracked: ``usual`` for marketing messages, and what holds instead for some purposes.

    Transactional messages are not tracked unless their own word says so: somebody asked for them.
    """

    usual: Tracked = Tracked(clicks=True)
    purposes: Mapping[str, Tracked] = field(default_factory=dict)

    def of(self, purpose: str, *, marketing: bool) -> Tracked:
        """What is tracked of a message for this purpose."""
        if not marketing:
            return self.purposes.get(TRANSACTIONAL, UNTRACKED)
        return self.purposes.get(purpose, self.usual)


@dataclass(frozen=True, slots=True)
class Bounces:
    """When an address at which mail keeps failing is left alone: after ``soft_days`` different days with a message that
    did not arrive, within ``within_days``; then nothing goes there for ``rest_days``."""

    soft_days: int = 5
    within_days: int = 30
    rest_days: int = 30


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what is kept; None is for good. ``proofs`` counts from the end of the permission that they prove.

    By itself only what shows a person's device goes: visits to links after a year, and where a permission was given
    three years after it ended.
    """

    contacts_without_activity: timedelta | None = None
    proofs: timedelta | None = timedelta(days=3 * 365)
    hits: timedelta | None = timedelta(days=365)
    reports: timedelta | None = None
    notices: timedelta | None = None
    turns: timedelta | None = None


@dataclass(frozen=True)
class Workspace:
    """Everything ``nurture.toml`` says."""

    name: str
    timezone: str = "UTC"
    postal_address: str = ""
    currency: str = "USD"
    privacy_url: str | None = None
    movable_clock: bool = False
    fields: Mapping[str, Field] = field(default_factory=dict)
    events: frozenset[str] = frozenset()
    outcomes: frozenset[str] = frozenset()
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    senders: Mapping[str, Sender] = field(default_factory=dict)
    teams: Mapping[str, Team] = field(default_factory=dict)
    webhooks: Mapping[str, Endpoint] = field(default_factory=dict)
    caps: Mapping[Channel, tuple[Cap, ...]] = field(default_factory=dict)
    """By channel; all caps of a channel hold at once, over all workflows together."""
    quiet: Window | None = None
    costs: Mapping[str, float] = field(default_factory=dict)
    scores: tuple[ScoreRule, ...] = ()
    limits: Limits = Limits()
    tracking: Tracking = Tracking()
    bounces: Bounces = Bounces()
    retention: Retention = Retention()

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def zone_of(self, timezone: str | None) -> ZoneInfo:
        """The zone of a contact, or of somebody who reads; the workspace's for who has none."""
        return ZoneInfo(timezone) if timezone else self.zone

    def calendar(self, name: str | None) -> Calendar:
        """The named calendar; without a name Monday to Friday, nine to five, no holidays."""
        return self.calendars[name] if name else DEFAULT_CALENDAR
