"""What is published, and where each contact stands in it.

A version is never changed and never deleted. An enrollment keeps the version it entered.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, LargeBinary
from sqlmodel import Field

from nurture.db.tables.base import NEVER_REUSED, ROOM_TO_CHANGE, Base, instant, key, one_of, only, ref
from nurture.db.types import BigId, Json


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


class ReleaseRow(Base, table=True):
    """One state of the project that was live: all its files and heads, so that it can be made live again."""

    __tablename__ = "releases"
    __table_args__ = (one_of("kind", "publish", "rollback"), NEVER_REUSED)

    id: int = key()
    at: datetime = instant()
    actor: str
    kind: str = "publish"
    files: dict[str, Any] = Field(sa_type=Json)
    """The hash of the content of every path."""
    heads: dict[str, Any] = Field(sa_type=Json)
    """The version of every workflow."""
    expected: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    """What the plan foresaw, by workflow; the breaker compares what leaves with it."""


class EnrollmentRow(Base, table=True):
    """One contact in one version of one workflow. The first block is the value; the second belongs to the store."""

    __tablename__ = "enrollments"
    __table_args__ = (
        one_of("status", "active", "completed", "lost", "exited"),
        one_of("phase", "waiting", "acting", "watching"),
        # One live enrollment per contact and workflow.
        Index("uq_enrollments_live", "contact_id", "workflow", unique=True, **only("status = 'active'")),
        # The claim: oldest due first.
        Index("ix_enrollments_wake_at_id", "wake_at", "id", **only("wake_at IS NOT NULL")),
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


class PauseRow(Base, table=True):
    """A span in which timers stand still: for everything, a workflow or a contact. Loss clocks leave it out."""

    __tablename__ = "pauses"
    __table_args__ = (
        one_of("scope", "everything", "workflow", "contact"),
        # What holds everybody or a workflow now, however many contacts rest.
        Index("ix_pauses_standing", "workflow", **only("until IS NULL AND contact_id IS NULL")),
        # Those that end by themselves.
        Index("ix_pauses_ends_at", "ends_at", **only("until IS NULL AND ends_at IS NOT NULL")),
    )

    id: int = key()
    scope: str
    workflow: str | None = None
    contact_id: int | None = ref("contacts.id", optional=True, index=True)
    since: datetime = instant()
    until: datetime | None = instant(optional=True)
    ends_at: datetime | None = instant(optional=True)
    """When it is to end by itself; None: when somebody ends it."""
    reason: str = ""
    actor: str | None = None
