"""The nouns: a contact, what happened to them, where they stand in a workflow, and what was decided about them.

Frozen values only. They know nothing of files, rows or messages, and never change in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from nurture.model.workspace import Workspace

Scalar = str | float | int | bool | None
NOTHING: Mapping[str, Scalar] = MappingProxyType({})
Said = Scalar | list[str]
Payload = Mapping[str, Said | Mapping[str, Said]]
"""What a webhook says, as JSON has it."""


class Channel(StrEnum):
    EMAIL = "email"
    PHONE = "phone"
    PORTAL = "portal"
    TEAM = "team"
    WEBHOOK = "webhook"


BACKSTAGE = frozenset((Channel.TEAM, Channel.WEBHOOK))
"""Ways to our own people and systems: the contact notices nothing, so that no gate but a pause holds what goes there."""


class Status(StrEnum):
    """Where an enrollment is: ``active`` is the only live one; the others are ends."""

    ACTIVE = "active"
    COMPLETED = "completed"
    LOST = "lost"
    EXITED = "exited"


class Phase(StrEnum):
    """What an enrollment does at its step."""

    WAITING = "waiting"
    """Until the step is due."""
    ACTING = "acting"
    """Its message or call is under way; it ends with a receipt."""
    WATCHING = "watching"
    """A ``wait_until`` looks out for its event, or for its timeout."""


class EnteredBy(StrEnum):
    """What put the contact into the stage: only ``event`` lets a transactional message pass the gates."""

    EVENT = "event"
    ENROLL = "enroll"
    JUMP = "jump"
    SEGMENT = "segment"
    DATE = "date"
    HAND = "hand"
    LOST = "lost"


class Reason(StrEnum):
    """Why something was or was not done. The value is for code and reports, the reference explains each in words."""

    # Law: a message or call that must not happen is skipped.
    SUPPRESSED = "suppressed"
    NO_CONSENT = "no-consent"
    HOLDOUT = "holdout"
    NO_PHONE = "no-phone"
    NOT_ALLOWED = "recipient-not-allowed"
    # Manners: it is moved to a better time, and skipped when that takes too long.
    WINDOW = "outside-window"
    QUIET_HOURS = "quiet-hours"
    FREQUENCY_CAP = "frequency-cap"
    PRIORITY = "priority"
    RATE_LIMIT = "rate-limit"
    DOMAIN_RESTS = "domain-rests"
    UNSIGNED = "unsigned"
    HELD_TOO_LONG = "held-too-long"
    LATE = "late"
    # Circumstances.
    STAGE_LEFT = "stage-left"
    ERASED = "erased"
    TEMPLATE_FAILED = "template-failed"
    OFFER_MISSING = "offer-missing"
    ENDPOINT_MISSING = "endpoint-missing"
    MESSAGE_REFUSED = "message-refused"
    ADDRESS_DEAD = "address-dead"
    GAVE_UP = "gave-up"
    INTERRUPTED = "interrupted"
    # Why a contact left, beside the words a workflow declares for its own loss branches.
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    DID_NOT_GO_ON = "did-not-go-on"
    EXIT_WHEN = "exit-when"
    EXIT_STEP = "exit-step"
    RESTARTED = "restarted"
    REOPENED = "reopened"
    BY_HAND = "by-hand"
    STEP_FAILED = "step-failed"
    # Why an entry was refused.
    ALREADY_ENROLLED = "already-enrolled"
    TOO_SOON = "too-soon"
    NEVER_AGAIN = "never-again"
    # Why the next thing happened.
    DUE = "due"
    RECKONED_ANEW = "reckoned-anew"
    EVENT = "event"
    TIMEOUT = "timeout"
    RECEIPT = "receipt"
    CONDITION = "condition"
    CHANCE = "chance"
    STEP = "step"
    MIGRATED = "migrated"
    ALREADY_RAN = "already-ran"


@dataclass(frozen=True, slots=True)
class Contact:
    """One person we may reach. ``fields`` holds what the workspace declares; an unset field is null."""

    id: int
    email: str
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    timezone: str | None = None
    locale: str | None = None
    owner: str | None = None
    tags: frozenset[str] = frozenset()
    score: float = 0
    fields: Mapping[str, Scalar] = field(default_factory=lambda: NOTHING)
    created_at: datetime | None = None
    last_active_at: datetime | None = None
    """The arrival of the last human activity: reply, human click, download, form, call reached."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to or by a contact. Ids grow in the order of arrival."""

    id: int
    name: str
    at: datetime
    """When it happened, as told; counts for look-backs and reports, never later than ``arrived_at``."""
    arrived_at: datetime
    """When we stored it (business time); clocks start here."""
    data: Mapping[str, Scalar] = field(default_factory=lambda: NOTHING)
    contact_id: int = 0
    enrollment_id: int | None = None
    """The enrollment whose message or call it concerns, if it concerns one."""
    step: str | None = None
    visit: int | None = None
    """None, too, for the outcome of a call that was over when it came: it is shown, and moves nothing."""
    human: bool = True
    """False for what a machine did (a scanner's click, a prefetched open): shown, never evidence."""

    @property
    def concerns_a_touch(self) -> bool:
        """E-mail events and call outcomes are evidence only for the message or call they concern."""
        return about_a_touch(self.name)


def about_a_touch(event: str) -> bool:
    """Is an event of this name about a message or a call of ours?"""
    return event.startswith("email.") or event == "call.outcome"


@dataclass(frozen=True, slots=True)
class Grant:
    """A live consent for one channel and purpose. ``expires_at`` is set for implied consent."""

    id: int
    channel: Channel
    purpose: str
    granted_at: datetime
    expires_at: datetime | None = None

    def lasts_until(self, end: datetime | None) -> bool:
        """Does it hold at least as long as one that ends then? None is for ever."""
        return self.expires_at is None or (end is not None and self.expires_at >= end)


class SuppressionReason(StrEnum):
    UNSUBSCRIBED = "unsubscribed"
    HARD_BOUNCE = "hard-bounce"
    SOFT_BOUNCES = "soft-bounces"
    """Too many messages in a row did not arrive: it ends by itself."""
    COMPLAINT = "complaint"
    MANUAL = "manual"
    ERASED = "erased"
    """Everything of the person was erased: nobody but they themselves may bring them back."""
    WRONG_NUMBER = "wrong-number"
    DO_NOT_CALL = "do-not-call"


@dataclass(frozen=True, slots=True)
class Pause:
    """A span in which timers stood still; ``until`` is None while it lasts."""

    since: datetime
    until: datetime | None = None
    own: bool = False
    """It lasts because the contact asked for a rest, and for no other reason."""
    ends: datetime | None = None
    """When such a rest ends by itself."""


class DeliveryState(StrEnum):
    """pending → claimed → sending → sent | failed | skipped | ambiguous; a claim that lapses goes back."""

    PENDING = "pending"
    CLAIMED = "claimed"
    SENDING = "sending"
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"
    AMBIGUOUS = "ambiguous"


class TaskState(StrEnum):
    """A call: open → done | expired | cancelled."""

    OPEN = "open"
    DONE = "done"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class ReceiptState(StrEnum):
    """The terminal state of a message or call; the first four are a delivery's, the last three a task's."""

    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"
    AMBIGUOUS = "ambiguous"
    DONE = "done"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Receipt:
    """How the message or call of a step ended, and when (business time)."""

    step: str
    visit: int
    state: ReceiptState
    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Ran:
    """A message or call that ran in this visit of the stage, and when it had become due."""

    step: str
    due: datetime
    took_place: bool = True
    """False for one that was decided in this visit and did not happen: a move to another version must not ask it again."""


@dataclass(frozen=True, slots=True)
class StageRecord:
    """What an enrollment remembers of one stage."""

    visits: int = 0
    clock_from: datetime | None = None
    """Loss clocks count from here: the first entry since the last fresh evidence (a jump does not restart them)."""
    validated: bool = False


@dataclass(frozen=True, slots=True)
class Enrollment:
    """One contact in one version of one workflow: stage, step, what it waits for, and until when.

    ``step`` is None when the stage's list is finished or the contact rests (``resting``) between stages.
    """

    id: int
    contact_id: int
    workflow: str
    version: str
    entered_at: datetime
    status: Status = Status.ACTIVE
    ended_at: datetime | None = None
    end_reason: str | None = None
    reopen_until: datetime | None = None
    """Set on a loss by timer or not-interested: until then a validation revives the enrollment."""
    stage: str = ""
    visit: int = 1
    stage_entered_at: datetime | None = None
    entered_by: EnteredBy = EnteredBy.EVENT
    evidence: int | None = None
    """The event that moved the contact to where it stands."""
    resting: bool = False
    stages: Mapping[str, StageRecord] = field(default_factory=dict)
    step: str | None = None
    phase: Phase = Phase.WAITING
    since: datetime | None = None
    """The step's clock started here: the end of the step before it in its list, or the entry to the list."""
    due: datetime | None = None
    """When the step is due, its wait times out. None while it acts."""
    first_due: datetime | None = None
    """Set when the step was moved: when it had been due before manners did; after lateness, its new date."""
    ran: tuple[Ran, ...] = ()
    cursor: int = 0
    """The last event that was read."""
    history: int = 0
    """Events after this id belong to the present visit of the stage; a ``wait_until`` looks back so far."""
    parent: int | None = None
    """The enrollment whose loss enrolled this one; it ends when that loss is taken back."""
    holdout: bool = False

    @property
    def live(self) -> bool:
        return self.status is Status.ACTIVE


@dataclass(frozen=True, slots=True)
class Rival:
    """A marketing message that an enrollment stands before, and that nothing but time keeps from leaving."""

    enrollment: int
    workflow: str
    priority: int
    due: datetime
    first_due: datetime
    """When it had been due before manners moved it."""

    @property
    def rank(self) -> tuple[int, datetime, int]:
        """Who goes first when a cap bites: the higher priority, then what was due first, then the older enrollment."""
        return -self.priority, self.first_due, self.enrollment


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything ``decide`` may know about a contact beside the enrollment itself, loaded for a whole batch."""

    contact: Contact
    workspace: Workspace
    """As it is for this contact: what they chose themselves stands among its caps."""
    events: tuple[Event, ...] = ()
    """In order of arrival, those since the present stage visit began; the ones after the cursor are unread."""
    evidence: Event | None = None
    """The event that moved the contact to where it stands."""
    receipt: Receipt | None = None
    grants: tuple[Grant, ...] = ()
    withdrawn: frozenset[str] = frozenset()
    """Purposes for which the contact took the permission back."""
    suppressed: Mapping[Channel, frozenset[SuppressionReason]] = field(default_factory=dict)
    pauses: tuple[Pause, ...] = ()
    recent: Mapping[Channel, tuple[datetime, ...]] = field(default_factory=dict)
    """What caps count, by channel: when marketing messages went and calls were made, in the span the caps look at.

    One that waits still counts at its due time, and at this moment once that is past."""
    variants: Mapping[str, str] = field(default_factory=dict)
    """The variants into which this contact fell in this workflow before: split → variant."""
    rivals: tuple[Rival, ...] = ()
    """What else stands before this contact: the next marketing messages of their other enrollments."""
    replaced: bool = False
    """This enrollment has ended, and the contact is in the workflow by another one now."""

    @property
    def paused(self) -> bool:
        """Timers stand still for this contact or workflow now."""
        return any(pause.until is None for pause in self.pauses)

    @property
    def resting(self) -> bool:
        """They stand still only because the contact asked for a rest: what they ask for themselves is answered."""
        lasting = [pause for pause in self.pauses if pause.until is None]
        return bool(lasting) and all(pause.own for pause in lasting)
