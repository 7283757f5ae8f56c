"""What a contact's path is made of: journeys through workflows, their stages, the proof of each, how they fell off.

Values only; ``services.story.path`` makes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from nurture.db.deliveries import Delivery
from nurture.db.suppressions import Suppression
from nurture.db.tasks import Task
from nurture.model.errors import Place
from nurture.model.words import NOTHING, Contact, Enrollment, Scalar, Status
from nurture.services.consent.chosen import NOTHING_CHOSEN, Chosen
from nurture.services.consent.permission import LedgerLine
from nurture.services.story.marks import Mark
from nurture.services.story.why import Line


class LegState(StrEnum):
    """What a stage is to the contact. ``left``: they were there, and went elsewhere without evidence."""

    AHEAD = "ahead"
    CURRENT = "current"
    VALIDATED = "validated"
    RESTING = "resting"
    SKIPPED = "skipped"
    LOST = "lost"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Proof:
    """Why a stage was entered or validated: an event with its source, or a person's or a workflow's reason."""

    at: datetime
    said: str
    event: str | None = None
    source: str | None = None
    data: Mapping[str, Scalar] = field(default_factory=lambda: NOTHING)
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """One time the contact was in a stage; ``left_at`` is None while they are."""

    entered_at: datetime
    entered: Proof
    left_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Leg:
    """One stage of the workflow, and what the contact lived through there. ``proof`` is what validated it."""

    stage: str
    need: str
    bucket: str | None
    state: LegState
    place: Place
    visits: tuple[Visit, ...] = ()
    proof: Proof | None = None
    skipped_at: datetime | None = None
    marks: tuple[Mark, ...] = ()
    coming: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Fall:
    """How a journey ended, or will end if nothing happens, short of its goal; ``before``: the stage never gone on to."""

    at: datetime
    status: Status
    stage: str
    reason: str
    said: str
    before: str | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Journey:
    """One enrollment on its way. ``said`` is its state in a sentence, ``fall`` its loss, ``fall_ahead`` the one to come."""

    enrollment: Enrollment
    title: str
    file: str
    latest: bool
    """Whether it is in the version that new contacts enter."""
    legs: tuple[Leg, ...]
    at: datetime | None
    said: str
    fall: Fall | None = None
    fall_ahead: Fall | None = None

    @property
    def live(self) -> bool:
        return self.enrollment.live

    @property
    def coming(self) -> tuple[Mark, ...]:
        return tuple(mark for leg in self.legs for mark in leg.coming)


@dataclass(frozen=True, slots=True)
class ContactPath:
    """The whole story of a contact: live journeys first, then the newest. ``story`` is newest first."""

    contact: Contact
    zone: ZoneInfo
    now: datetime
    journeys: tuple[Journey, ...]
    outside: tuple[Mark, ...]
    """What happened while no workflow was under way."""
    beyond: tuple[tuple[str, datetime], ...]
    """Workflows they will enter if nothing happens, and when."""
    story: tuple[Line, ...]
    ledger: tuple[LedgerLine, ...]
    """Everything they granted and withdrew, oldest first."""
    suppressions: tuple[Suppression, ...]
    deliveries: tuple[Delivery, ...]
    calls: tuple[Task, ...]
    paused: bool
    """By somebody of ours."""
    chosen: Chosen = NOTHING_CHOSEN
    """What they chose themselves: how often at most, and a pause of their own."""
    trouble: str | None = None
    """Why nobody can say what comes next."""

    @property
    def present(self) -> tuple[Journey, ...]:
        """The journeys under way; where there are none, the last one."""
        return tuple(one for one in self.journeys if one.live) or self.journeys[:1]

    @property
    def earlier(self) -> tuple[Journey, ...]:
        return self.journeys[len(self.present) :]

    @property
    def next(self) -> tuple[Mark, Journey] | None:
        """The very next touchpoint."""
        coming = [(mark, journey) for journey in self.journeys for mark in journey.coming]
        return min(coming, key=lambda one: one[0].at, default=None)
