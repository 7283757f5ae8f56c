"""The calls that people make, and what they said of them.

One task per (enrollment, step, visit). What was said becomes an event only when it can no longer be taken back.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from nurture.db.tables.base import NEVER_REUSED, Base, instant, key, one_of, only, ref
from nurture.db.types import Json
from nurture.model.words import TaskState


class TaskRow(Base, table=True):
    """One call for a person to make."""

    __tablename__ = "tasks"
    __table_args__ = (
        UniqueConstraint("enrollment_id", "step", "visit"),
        one_of("state", *TaskState),
        Index("ix_tasks_assignee_due", "assignee", "due"),
        Index("ix_tasks_open", "expires", **only("state = 'open'")),
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
        Index("ix_outcomes_unsettled", "settles_at", **only("settled_at IS NULL AND undone_at IS NULL")),
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
