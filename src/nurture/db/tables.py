"""Every table of nurture, in the order in which a reader meets them.

Choices are words with a CHECK, never native enums; instants are aware; natural keys are unique before anything leaves.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Computed,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeEngine
from sqlmodel import Field, SQLModel

from nurture.db.types import BigId, Json, UtcDateTime
from nurture.model.accounts import Role

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(SQLModel):
    metadata = MetaData(naming_convention=NAMING)


def one_of(column: str, *words: str) -> CheckConstraint:
    """A column that holds one of these words."""
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def key() -> Any:
    return Field(default=None, primary_key=True, sa_type=BigId)


def ref(target: str, *, optional: bool = False, index: bool = False) -> Any:
    if optional:
        return Field(default=None, foreign_key=target, sa_type=BigId, index=index)
    return Field(foreign_key=target, sa_type=BigId, index=index)


def instant(*, optional: bool = False) -> Any:
    return Field(default=None, sa_type=UtcDateTime) if optional else Field(sa_type=UtcDateTime)


def counted(kind: TypeEngine[Any], by: str) -> Any:
    """A column that the database counts by itself, from others of its row."""
    return Field(default=None, sa_column=Column(kind, Computed(by)))


NEVER_REUSED = {"sqlite_autoincrement": True}
"""For ids that live on in links, Message-IDs and cursors: SQLite gives none of a deleted row to another."""
ROOM_TO_CHANGE = {"postgresql_with": {"fillfactor": 70}} | NEVER_REUSED
"""For rows that change many times: PostgreSQL keeps the new version beside the old one, and its indexes as they are."""


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
    OPEN = "open"
    DONE = "done"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class ContactRow(Base, table=True):
    """One person. ``email_key`` is the normalised address; the hashes meet the suppression list."""

    __tablename__ = "contacts"
    __table_args__ = (
        # The list of contacts, a page at a time: the latest activity first, or by name.
        Index("ix_contacts_active_at_id", "active_at", "id"),
        Index("ix_contacts_sort_name_id", "sort_name", "id"),
        NEVER_REUSED,
    )

    id: int = key()
    email: str
    email_key: str = Field(unique=True)
    email_hash: str = Field(index=True)
    phone: str | None = None
    phone_hash: str | None = Field(default=None, index=True)
    first_name: str | None = None
    last_name: str | None = None
    timezone: str | None = None
    locale: str | None = None
    owner: str | None = None
    tags: list[str] = Field(default_factory=list, sa_type=Json)
    score: float = 0
    fields: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    created_at: datetime = instant()
    updated_at: datetime = instant()
    last_active_at: datetime | None = instant(optional=True)
    active_at: datetime = counted(UtcDateTime(), "coalesce(last_active_at, created_at)")
    """When they did something last; when they came, if they never did."""
    sort_name: str = counted(
        Text(),
        "lower(coalesce(nullif(ltrim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), ''), email_key))",
    )
    """The name in small letters, or the address of who has none."""


class EventRow(Base, table=True):
    """What happened, append-only. Ids of one contact grow in the order of arrival (the contact's row is locked)."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_contact_id_id", "contact_id", "id"),  # facts of a batch; one person's history
        Index("ix_events_name_arrived_at", "name", "arrived_at"),  # reports
        NEVER_REUSED,
    )

    id: int = key()
    contact_id: int = ref("contacts.id")
    name: str
    at: datetime = instant()
    arrived_at: datetime = instant()
    data: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    external_id: str | None = Field(default=None, unique=True)
    source: str = "nurture"
    enrollment_id: int | None = Field(default=None, sa_type=BigId)
    step: str | None = None
    visit: int | None = None
    human: bool = True


class ContentRow(Base, table=True):
    """The bytes of a published file, kept by their hash, so that a delivery can always show what it used."""

    __tablename__ = "contents"

    hash: str = Field(primary_key=True)
    data: bytes = Field(sa_type=LargeBinary)


class PublicationRow(Base, table=True):
    """Which content a path of the project has now."""

    __tablename__ = "publications"

    path: str = Field(primary_key=True)
    hash: str = Field(foreign_key="contents.hash")
    published_at: datetime = instant()


class VersionRow(Base, table=True):
    """One structure of one workflow; ``content`` is the latest text that has it. Never changed, never deleted."""

    __tablename__ = "versions"

    version: str = Field(primary_key=True)
    workflow: str = Field(index=True)
    content: str = Field(foreign_key="contents.hash")
    path: str
    published_at: datetime = instant()


class WorkflowRow(Base, table=True):
    """The version that new contacts enter."""

    __tablename__ = "workflows"

    name: str = Field(primary_key=True)
    version: str = Field(foreign_key="versions.version")
    published_at: datetime = instant()


class EnrollmentRow(Base, table=True):
    """One contact in one version of one workflow. The first block is the value; the second belongs to the store."""

    __tablename__ = "enrollments"
    __table_args__ = (
        one_of("status", "active", "completed", "lost", "exited"),
        one_of("phase", "waiting", "acting", "watching"),
        # One live enrollment per contact and workflow.
        Index(
            "uq_enrollments_live",
            "contact_id",
            "workflow",
            unique=True,
            sqlite_where=text("status = 'active'"),
            postgresql_where=text("status = 'active'"),
        ),
        # The claim: oldest due first.
        Index(
            "ix_enrollments_wake_at_id",
            "wake_at",
            "id",
            sqlite_where=text("wake_at IS NOT NULL"),
            postgresql_where=text("wake_at IS NOT NULL"),
        ),
        Index("ix_enrollments_workflow_status", "workflow", "status", "stage"),
        ROOM_TO_CHANGE,
    )

    id: int = key()
    contact_id: int = ref("contacts.id", index=True)
    workflow: str
    version: str = Field(foreign_key="versions.version")
    entered_at: datetime = instant()
    status: str = "active"
    ended_at: datetime | None = instant(optional=True)
    end_reason: str | None = None
    reopen_until: datetime | None = instant(optional=True)
    stage: str
    visit: int = 1
    stage_entered_at: datetime | None = instant(optional=True)
    entered_by: str = "event"
    evidence: int | None = Field(default=None, sa_type=BigId)
    resting: bool = False
    stages: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    step: str | None = None
    phase: str = "waiting"
    since: datetime | None = instant(optional=True)
    due: datetime | None = instant(optional=True)
    first_due: datetime | None = instant(optional=True)
    ran: list[Any] = Field(default_factory=list, sa_type=Json)
    cursor: int = Field(default=0, sa_type=BigId)
    history: int = Field(default=0, sa_type=BigId)
    parent: int | None = Field(default=None, sa_type=BigId, index=True)
    holdout: bool = False

    wake_at: datetime | None = instant(optional=True)
    """Business time of the next look; an event or a receipt sets it to now."""
    last_event: int = Field(default=0, sa_type=BigId)
    """The last event that concerns it; beyond ``cursor`` it is unread, and no delivery leaves."""
    lease_until: datetime | None = instant(optional=True)
    """Operational time; a claim that lapsed is anybody's."""
    fence: int = Field(default=0, sa_type=BigId)
    """Grows with every claim: a late holder cannot write."""
    trouble: str | None = None
    """Why ``decide`` could not play this enrollment the last time."""


class TurnRow(Base, table=True):
    """One call of ``decide``, with everything it decided: the answer to "why?"."""

    __tablename__ = "turns"

    id: int = key()
    enrollment_id: int = ref("enrollments.id", index=True)
    at: datetime = instant()
    decisions: list[Any] = Field(sa_type=Json)


class RefusalRow(Base, table=True):
    """An entry that did not happen, and by which rule."""

    __tablename__ = "refusals"

    id: int = key()
    contact_id: int = ref("contacts.id", index=True)
    workflow: str
    at: datetime = instant()
    reason: str
    event_id: int | None = Field(default=None, sa_type=BigId)


class TransitionRow(Base, table=True):
    """A change of stage with its evidence; what the funnel counts. ``before`` is set when a rested contact did not go on."""

    __tablename__ = "transitions"
    __table_args__ = (
        one_of("change", "entered", "validated", "skipped", "lost", "exited", "completed", "reopened"),
        Index("ix_transitions_workflow_stage", "workflow", "stage", "change"),
    )

    id: int = key()
    enrollment_id: int = ref("enrollments.id", index=True)
    contact_id: int = ref("contacts.id", index=True)
    workflow: str
    stage: str
    visit: int = 1
    change: str
    at: datetime = instant()
    reason: str
    event_id: int | None = Field(default=None, sa_type=BigId)
    before: str | None = None
    actor: str | None = None


class DeliveryRow(Base, table=True):
    """One message of one step to one person. Exactly one row per (enrollment, step, visit), before anything leaves.

    Without an enrollment it is an offer handed out on request, where no workflow did; its key is the event's.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("enrollment_id", "step", "visit"),
        one_of("state", *DeliveryState),
        # The claim: what may leave now, oldest first.
        Index(
            "ix_deliveries_pending",
            "due",
            "id",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
        # The rescuer: claims and dialogues that may have lapsed.
        Index(
            "ix_deliveries_leased",
            "lease_until",
            sqlite_where=text("state IN ('claimed', 'sending')"),
            postgresql_where=text("state IN ('claimed', 'sending')"),
        ),
        Index("ix_deliveries_contact_id_planned_at", "contact_id", "planned_at"),  # frequency caps
        ROOM_TO_CHANGE,
    )

    id: int = key()
    key: str = Field(unique=True)
    enrollment_id: int | None = ref("enrollments.id", optional=True)
    contact_id: int = ref("contacts.id")
    workflow: str | None = None
    step: str
    visit: int = 1
    channel: str = "email"
    template: str
    purpose: str = ""
    marketing: bool = True
    offer: str | None = None
    team: str | None = None
    """For a notice to our own people: ``owner``, a team or an address."""
    grant_id: int | None = Field(default=None, sa_type=BigId)
    event_id: int | None = Field(default=None, sa_type=BigId)
    stage: str = ""
    planned_at: datetime = instant()
    due: datetime = instant()
    state: str = "pending"
    reason: str | None = None
    detail: str | None = Field(default=None, sa_type=Text)
    """What the server said, in its words."""
    attempts: int = 0
    retry_at: datetime | None = instant(optional=True)
    """Operational time of the next attempt after a temporary refusal."""
    lease_until: datetime | None = instant(optional=True)
    fence: int = Field(default=0, sa_type=BigId)
    message_id: str | None = Field(default=None, unique=True)
    recipient: str | None = None
    template_hash: str | None = None
    ended_at: datetime | None = instant(optional=True)
    """Business time of the terminal state."""


class TaskRow(Base, table=True):
    """One call for a person to make."""

    __tablename__ = "tasks"
    __table_args__ = (
        UniqueConstraint("enrollment_id", "step", "visit"),
        one_of("state", *TaskState),
        Index("ix_tasks_assignee_due", "assignee", "due"),
        Index(
            "ix_tasks_open",
            "expires",
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        NEVER_REUSED,
    )

    id: int = key()
    key: str = Field(unique=True)
    enrollment_id: int = ref("enrollments.id")
    contact_id: int = ref("contacts.id", index=True)
    workflow: str
    stage: str = ""
    step: str
    visit: int = 1
    script: str
    assign: str
    assignee: str | None = None
    held: bool = True
    appeared_at: datetime = instant()
    due: datetime = instant()
    expires: datetime = instant()
    state: str = "open"
    outcome: str | None = None
    reason: str | None = None
    ended_at: datetime | None = instant(optional=True)


class OutcomeRow(Base, table=True):
    """What somebody said of a call. It becomes an event at ``settles_at`` (business time), unless taken back before."""

    __tablename__ = "outcomes"
    __table_args__ = (
        # The sweep: what is to become an event now.
        Index(
            "ix_outcomes_unsettled",
            "settles_at",
            sqlite_where=text("settled_at IS NULL AND undone_at IS NULL"),
            postgresql_where=text("settled_at IS NULL AND undone_at IS NULL"),
        ),
        NEVER_REUSED,
    )

    id: int = key()
    task_id: int = ref("tasks.id", index=True)
    outcome: str
    data: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    actor: str
    reported_at: datetime = instant()
    settles_at: datetime = instant()
    undone_at: datetime | None = instant(optional=True)
    settled_at: datetime | None = instant(optional=True)
    closed: str | None = None
    """The suppression that this very click added, so that taking it back lifts it and no other."""


class RequestRow(Base, table=True):
    """An offer asked for on a form that waits for the asker's yes by mail. ``key`` is what the link names."""

    __tablename__ = "requests"
    __table_args__ = (Index("ix_requests_email_key_at", "email_key", "at"), NEVER_REUSED)

    id: int = key()
    key: str = Field(unique=True)
    email: str
    email_key: str
    offer: str
    answers: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    consent: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    """Purpose, wording and its version as they were shown and ticked; empty for an offer that asks for none."""
    proof: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    at: datetime = instant()
    confirmed_at: datetime | None = instant(optional=True)


class NoticeRow(Base, table=True):
    """A mail of the installation itself, of no workflow: a caller's morning list, a test mail, a question to confirm."""

    __tablename__ = "notices"
    __table_args__ = (
        one_of("kind", "digest", "test", "confirm"),
        one_of("state", "pending", "sending", "sent", "failed", "ambiguous"),
        Index(
            "ix_notices_open",
            "state",
            "id",
            sqlite_where=text("state IN ('pending', 'sending')"),
            postgresql_where=text("state IN ('pending', 'sending')"),
        ),
        NEVER_REUSED,
    )

    id: int = key()
    key: str = Field(unique=True)
    kind: str
    sender: str
    recipient: str
    subject: str
    data: bytes = Field(sa_type=LargeBinary)
    """The whole message as it leaves."""
    message_id: str = Field(unique=True)
    planned_at: datetime = instant()
    state: str = "pending"
    attempts: int = 0
    retry_at: datetime | None = instant(optional=True)
    lease_until: datetime | None = instant(optional=True)
    """Operational times."""
    detail: str | None = Field(default=None, sa_type=Text)
    ended_at: datetime | None = instant(optional=True)


class ConsentRow(Base, table=True):
    """The ledger of permission, append-only: what was granted or withdrawn, when, by which words."""

    __tablename__ = "consents"
    __table_args__ = (
        one_of("action", "granted", "withdrawn"),
        Index("ix_consents_contact_id_purpose", "contact_id", "purpose", "channel"),
        NEVER_REUSED,
    )

    id: int = key()
    contact_id: int = ref("contacts.id")
    channel: str
    purpose: str
    action: str
    at: datetime = instant()
    source: str
    wording: str | None = Field(default=None, sa_type=Text)
    wording_version: str | None = None
    expires_at: datetime | None = instant(optional=True)
    event_id: int | None = Field(default=None, sa_type=BigId)
    proof: dict[str, Any] = Field(default_factory=dict, sa_type=Json)


class SuppressionRow(Base, table=True):
    """An address that must not be written to or called, by the keyed hash of its normalised form; survives erasure."""

    __tablename__ = "suppressions"
    __table_args__ = (UniqueConstraint("address_hash", "channel", "reason"),)

    id: int = key()
    address_hash: str
    channel: str
    reason: str
    at: datetime = instant()
    source: str


class PauseRow(Base, table=True):
    """A span in which timers stand still: for everything, a workflow or a contact. Loss clocks leave it out."""

    __tablename__ = "pauses"
    __table_args__ = (one_of("scope", "everything", "workflow", "contact"),)

    id: int = key()
    scope: str
    workflow: str | None = None
    contact_id: int | None = ref("contacts.id", optional=True, index=True)
    since: datetime = instant()
    until: datetime | None = instant(optional=True)
    reason: str = ""
    actor: str | None = None


class StateRow(Base, table=True):
    """Small facts of the installation: the clock's offset, the key of address hashes, a paused channel, heartbeats."""

    __tablename__ = "state"

    name: str = Field(primary_key=True)
    value: dict[str, Any] = Field(sa_type=Json)
    at: datetime = instant()


class LeaseRow(Base, table=True):
    """Who leads (operational time): any number of schedulers may run, one rings."""

    __tablename__ = "leases"

    name: str = Field(primary_key=True)
    holder: str
    until: datetime = instant()


class UserRow(Base, table=True):
    """A person who may log in. All its times are operational."""

    __tablename__ = "users"
    __table_args__ = (one_of("role", *Role), NEVER_REUSED)

    id: int = key()
    email: str
    email_key: str = Field(unique=True)
    name: str = ""
    role: str
    password_hash: str
    timezone: str | None = None
    created_at: datetime = instant()
    disabled_at: datetime | None = instant(optional=True)


class LoginRow(Base, table=True):
    """One browser in which somebody is logged in; without its row a cookie is worth nothing."""

    __tablename__ = "logins"

    token_hash: str = Field(primary_key=True)
    user_id: int = ref("users.id", index=True)
    created_at: datetime = instant()
    seen_at: datetime = instant()
    ends_at: datetime = instant()


class TokenRow(Base, table=True):
    """What another system shows to use the API; only its hash is kept."""

    __tablename__ = "tokens"
    __table_args__ = (NEVER_REUSED,)

    id: int = key()
    name: str = Field(unique=True)
    hash: str = Field(unique=True)
    scopes: list[str] = Field(default_factory=list, sa_type=Json)
    created_at: datetime = instant()
    used_at: datetime | None = instant(optional=True)
    revoked_at: datetime | None = instant(optional=True)


class AuditRow(Base, table=True):
    """What people did: who, when, what, to whom."""

    __tablename__ = "audit"

    id: int = key()
    at: datetime = instant()
    actor: str
    action: str
    subject: str
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=Json)


def table_of(row: type[Base]) -> Table:
    """The Core table of a row class."""
    table: Table = row.__table__  # type: ignore[attr-defined]
    return table
