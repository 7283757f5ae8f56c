"""What leaves by mail: a workflow's deliveries, the installation's own notices, and offers that wait for a yes.

A row is there, under its unique key, before anything leaves.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field

from nurture.db.tables.base import NEVER_REUSED, ROOM_TO_CHANGE, Base, instant, key, one_of, only, ref
from nurture.db.types import BigId, Json
from nurture.model.words import DeliveryState


class DeliveryRow(Base, table=True):
    """One message of one step to one person. Exactly one row per (enrollment, step, visit), before anything leaves.

    Without an enrollment it is an offer handed out on request, where no workflow did; its key is the event's.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("enrollment_id", "step", "visit"),
        one_of("state", *DeliveryState),
        # The claims: what may leave now, oldest first. An endpoint that is away must not stand in the way of mail.
        Index("ix_deliveries_pending", "due", "id", **only("state = 'pending' AND channel != 'webhook'")),
        Index(
            "ix_deliveries_webhooks", "team", "due", "id", **only("state = 'pending' AND channel = 'webhook'")
        ),
        # The rescuer: claims and dialogues that may have lapsed.
        Index("ix_deliveries_leased", "lease_until", **only("state IN ('claimed', 'sending')")),
        Index("ix_deliveries_contact_id_planned_at", "contact_id", "planned_at"),  # frequency caps
        Index("ix_deliveries_planned_at", "planned_at"),  # the breaker: what was planned today
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
    """For a notice to our own people: ``owner``, a team or an address. For a webhook: the endpoint."""
    payload: dict[str, Any] | None = Field(default=None, sa_type=Json)
    """What a webhook says, as it was worked out when it was decided."""
    grant_id: int | None = Field(default=None, sa_type=BigId)
    event_id: int | None = Field(default=None, sa_type=BigId)
    stage: str = ""
    planned_at: datetime = instant()
    due: datetime = instant()
    again_at: datetime | None = instant(optional=True)
    """When somebody had it tried once more: how late it may leave counts from then."""
    state: str = "pending"
    reason: str | None = None
    detail: str | None = Field(default=None, sa_type=Text)
    """What the server said, in its words."""
    attempts: int = 0
    retry_at: datetime | None = instant(optional=True)
    """Operational time of the next attempt: after a temporary refusal, or when its sender's rate has room."""
    lease_until: datetime | None = instant(optional=True)
    fence: int = Field(default=0, sa_type=BigId)
    message_id: str | None = Field(default=None, unique=True)
    recipient: str | None = None
    template_hash: str | None = None
    ended_at: datetime | None = instant(optional=True)
    """Business time of the terminal state."""


class PaceRow(Base, table=True):
    """How far a sender, or a sender to one domain, has used up its messages a minute. Operational times."""

    __tablename__ = "paces"

    name: str = Field(primary_key=True)
    in_step_at: datetime = instant()
    promised_at: datetime = instant()


class NoticeRow(Base, table=True):
    """A mail of the installation itself, of no workflow: a caller's morning list, a test mail, a question to confirm."""

    __tablename__ = "notices"
    __table_args__ = (
        one_of("kind", "digest", "test", "confirm"),
        one_of("state", "pending", "sending", "sent", "failed", "ambiguous"),
        Index("ix_notices_open", "state", "id", **only("state IN ('pending', 'sending')")),
        NEVER_REUSED,
    )

    id: int = key()
    key: str = Field(unique=True)
    kind: str
    sender: str
    recipient: str
    subject: str
    about: str | None = None
    """Whom it shows, where it is a test: ``contact:7``."""
    data: bytes = Field(sa_type=LargeBinary)
    """The whole message as it leaves; empty once it is over."""
    message_id: str = Field(unique=True)
    planned_at: datetime = instant()
    state: str = "pending"
    attempts: int = 0
    retry_at: datetime | None = instant(optional=True)
    lease_until: datetime | None = instant(optional=True)
    """Operational times."""
    detail: str | None = Field(default=None, sa_type=Text)
    ended_at: datetime | None = instant(optional=True)


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
