"""What can be decided about one contact at one moment: send, skip, wait, move on, leave… and the turn that holds it.

A decision is a record and an instruction at once: the store writes it down as it stands, and does what it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from nurture.model.errors import Place
from nurture.model.timing import Duration
from nurture.model.words import Channel, Enrollment, EnteredBy, Payload, Scalar, Status


class Change(StrEnum):
    """How a contact's place in the funnel changed."""

    ENTERED = "entered"
    VALIDATED = "validated"
    SKIPPED = "skipped"
    LOST = "lost"
    EXITED = "exited"
    COMPLETED = "completed"
    REOPENED = "reopened"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What every decision carries: the moment it counts from, the step and stage it concerns, and why."""

    at: datetime
    stage: str
    reason: str
    step: str | None = None
    visit: int = 1
    because: tuple[str, ...] = ()
    """The derivation, in words a marketer reads."""
    event: int | None = None
    """The event that is the evidence."""
    place: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait(Decision):
    """Nothing happens at this step before ``until``; a wait for an event says which in ``for_events``."""

    until: datetime | None
    for_events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift(Decision):
    """Manners moved the step from ``due`` to ``until``."""

    due: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Send(Decision):
    """One message leaves: to the contact, or with ``to`` to a member of the team or to another system."""

    template: str
    purpose: str
    due: datetime
    marketing: bool = True
    channel: Channel = Channel.EMAIL
    offer: str | None = None
    grant: int | None = None
    """The consent it relies on."""
    to: str | None = None
    """``owner``, a team or an address: a notice to our own people. For a webhook: the endpoint."""
    payload: Payload | None = None
    """What a webhook says; empty when it is rendered from its template as it leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Decision):
    """A task for a person: phone this contact."""

    script: str
    assign: str
    due: datetime
    expires: datetime
    purpose: str = ""
    held: bool = True
    """The enrollment waits for the outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver(Decision):
    """An offer is handed over without a mail: it now stands in the contact's portal and reports."""

    offer: str
    due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip(Decision):
    """A message or call does not happen; ``what`` names its template, script or offer."""

    what: str
    channel: Channel
    due: datetime
    purpose: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch(Decision):
    """A ``when``, ``split``, ``wait_until`` or call took this branch; None when it goes straight on."""

    branch: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFields(Decision):
    """Fields of the contact change; ``add_tags`` and ``remove_tags`` likewise."""

    values: Mapping[str, Scalar]
    add_tags: frozenset[str] = frozenset()
    remove_tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Move(Decision):
    """The contact's stage changed; every one has its evidence or its reason."""

    change: Change
    by: EnteredBy = EnteredBy.EVENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Clear(Decision):
    """Messages not yet in a mail dialogue are skipped and open tasks cancelled, those of the stage just left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrollIn(Decision):
    """The contact enters another workflow; refused there by the same rules as any entry."""

    workflow: str
    by: EnteredBy = EnteredBy.ENROLL


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish(Decision):
    """The enrollment ends. ``before`` is the stage a rested contact did not go on to."""

    status: Status
    before: str | None = None
    reopen: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse(Decision):
    """An entry that did not happen, and by which rule."""

    workflow: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrate(Decision):
    """The enrollment goes on in another version of its workflow; ``before`` is what its step was called until now."""

    from_version: str
    to_version: str
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One call of ``decide``: the enrollment as it now is, what was decided, and when to look again."""

    enrollment: Enrollment
    decisions: tuple[Decision, ...]
    wake_at: datetime | None
    """The next timer of any kind; None when only an event, a receipt or a resume can move it."""
