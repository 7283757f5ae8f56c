"""What comes back about a message, and what people ask of us beside yes and no.

Reports of bounces, complaints and replies; visits to the links and pictures of a message; how often somebody wants to
hear from us. Nothing here moves a contact: an event that follows from it does.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Text
from sqlmodel import Field

from nurture.db.tables.base import NEVER_REUSED, Base, instant, key, one_of, only, ref
from nurture.db.types import BigId, Json
from nurture.model.visits import Grade, HitKind


class ReportRow(Base, table=True):
    """A mail or a provider's message about something we sent, read once: ``fingerprint`` is what it is known by.

    What matches no message of ours has no ``delivery_id`` and changes nothing. It holds no address but its hash.
    """

    __tablename__ = "reports"
    __table_args__ = (
        one_of("kind", "hard", "soft", "complaint", "autoreply", "reply", "challenge", "not_bounce"),
        # Soft bounces of an address in a window.
        Index("ix_reports_address_hash_arrived_at", "address_hash", "arrived_at"),
        Index("ix_reports_unmatched", "arrived_at", **only("matched_by IS NULL")),
        NEVER_REUSED,
    )

    id: int = key()
    fingerprint: str = Field(unique=True)
    source: str
    """``mailbox``, ``pipe``, or the provider that told us: ``ses``, ``postmark``, ``mailgun``, ``sendgrid``."""
    kind: str
    status: str | None = None
    """The enhanced code (RFC 3463)."""
    because: str = ""
    """Which rule read it so, in words without an address."""
    matched_by: str | None = None
    """``return-path``, ``message-id`` or ``recipient``."""
    delivery_id: int | None = ref("deliveries.id", optional=True, index=True)
    contact_id: int | None = ref("contacts.id", optional=True, index=True)
    address_hash: str | None = None
    event_id: int | None = Field(default=None, sa_type=BigId)
    notice_id: int | None = Field(default=None, sa_type=BigId)
    """The mail of the installation itself that it is about."""
    effect: str = "nothing"
    at: datetime = instant()
    arrived_at: datetime = instant()


class TargetRow(Base, table=True):
    """Where a tracked link leads: an address that stands in a published template, never one made for a person."""

    __tablename__ = "targets"

    key: str = Field(primary_key=True)
    url: str = Field(sa_type=Text)
    first_at: datetime = instant()


class HitRow(Base, table=True):
    """A visit to a link or picture of a message. ``grade`` is who it is taken for, by the signs in ``because``.

    ``mark`` makes one of what one visitor asks for again within seconds. A visit waits some seconds for what comes
    beside it; until then it has no grade.
    """

    __tablename__ = "hits"
    __table_args__ = (
        one_of("kind", *HitKind),
        one_of("grade", *Grade),
        Index("ix_hits_delivery_id_at", "delivery_id", "at"),
        # The figures of a workflow read nothing else.
        Index("ix_hits_answers", "delivery_id", "kind", "grade"),
        Index("ix_hits_unsettled", "at", **only("grade IS NULL")),
        NEVER_REUSED,
    )

    id: int = key()
    mark: str = Field(unique=True)
    delivery_id: int = ref("deliveries.id")
    contact_id: int = ref("contacts.id", index=True)
    kind: str
    target: str | None = Field(default=None, foreign_key="targets.key")
    at: datetime = instant()
    """Business time."""
    method: str = "GET"
    agent: str = ""
    place_hash: str = ""
    """The visitor's network address by a hash that is keyed anew for each message: it only tells visits of one place apart."""
    grade: str | None = None
    because: list[str] = Field(default_factory=list, sa_type=Json)
    event_id: int | None = Field(default=None, sa_type=BigId)


class PreferenceRow(Base, table=True):
    """How often a contact wants marketing mail at most: one in ``days``. Without a row: as our own caps allow."""

    __tablename__ = "preferences"

    contact_id: int = Field(primary_key=True, foreign_key="contacts.id", sa_type=BigId)
    days: int
    at: datetime = instant()
    source: str


class DomainDayRow(Base, table=True):
    """What became of our mail to one receiving domain in one day: for warming up, and for the share of complaints."""

    __tablename__ = "domain_days"
    __table_args__ = (
        # All days of a domain, whichever sender.
        Index("ix_domain_days_domain_day", "domain", "day"),
        # Of all domains: the latest, for people to look at; the oldest, to be forgotten.
        Index("ix_domain_days_day", "day"),
        Index("ix_domain_days_complained", "day", **only("complained > 0")),
    )

    sender: str = Field(primary_key=True)
    """Its name in nurture.toml; empty for what comes back, which is counted by domain alone."""
    domain: str = Field(primary_key=True)
    day: str = Field(primary_key=True)
    """The date of operational time in UTC, as 2026-11-22."""
    sent: int = 0
    bounced: int = 0
    complained: int = 0
