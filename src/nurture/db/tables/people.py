"""The people we may reach: what happened to them, what they allowed, and what must not be written to or called.

Events and consents are only ever added; a suppression outlives the contact.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Text, UniqueConstraint
from sqlmodel import Field

from nurture.db.tables.base import NEVER_REUSED, Base, counted, instant, key, one_of, only, ref
from nurture.db.types import BigId, Json, UtcDateTime


class ContactRow(Base, table=True):
    """One person. ``email_key`` is the normalised address; the hashes meet the suppression list."""

    __tablename__ = "contacts"
    __table_args__ = (
        # The list of contacts, a page at a time: the latest activity first, or by name.
        Index("ix_contacts_active_at_id", "active_at", "id"),
        Index("ix_contacts_sort_name_id", "sort_name", "id"),
        # Who changed lately: each minute they are asked whether they entered or left a segment.
        Index("ix_contacts_updated_at", "updated_at"),
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


class ConsentRow(Base, table=True):
    """The ledger of permission, append-only: what was granted or withdrawn, when, by which words.

    The database itself refuses to change a row, and to delete one but in an erasure (see ``ledger_guard``).
    """

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
    implied: bool = False
    """Nobody ticked a box: it follows from a purchase or an inquiry, and ends."""
    actor: str | None = None
    """Who of us wrote it down, where somebody did."""


class SuppressionRow(Base, table=True):
    """An address that must not be written to or called, by the keyed hash of its normalised form; survives erasure."""

    __tablename__ = "suppressions"
    __table_args__ = (
        UniqueConstraint("address_hash", "channel", "reason"),
        # Those that end by themselves.
        Index("ix_suppressions_resting", "at", **only("reason = 'soft-bounces'")),
    )

    id: int = key()
    address_hash: str
    channel: str
    reason: str
    at: datetime = instant()
    source: str


class SuppressionChangeRow(Base, table=True):
    """How the suppression list came to be what it is, append-only as the ledger is: by hashes too, and no address."""

    __tablename__ = "suppression_changes"
    __table_args__ = (
        one_of("change", "added", "asked", "ended"),
        # The story of one address.
        Index("ix_suppression_changes_address_hash", "address_hash", "channel"),
        NEVER_REUSED,
    )

    id: int = key()
    address_hash: str
    channel: str
    change: str
    """``asked``: its owner was asked by mail whether they want to hear from us again."""
    reason: str | None = None
    at: datetime = instant()
    source: str
    actor: str | None = None
    request: str | None = None
    """The request whose confirmation ended it, or was asked for."""


class PointsRow(Base, table=True):
    """Points that an event brought a contact by one rule of ``[[scores]]``; they count until ``fades_at``."""

    __tablename__ = "points"
    __table_args__ = (
        UniqueConstraint("event_id", "rule"),
        # What is to fade next.
        Index("ix_points_fades_at", "fades_at", **only("faded_at IS NULL AND fades_at IS NOT NULL")),
    )

    id: int = key()
    contact_id: int = ref("contacts.id", index=True)
    event_id: int = Field(sa_type=BigId)
    rule: str
    points: float
    at: datetime = instant()
    fades_at: datetime | None = instant(optional=True)
    faded_at: datetime | None = instant(optional=True)


class SavedSegmentRow(Base, table=True):
    """A condition over contacts that somebody saved in the admin; those that workflows name stand in files."""

    __tablename__ = "saved_segments"

    name: str = Field(primary_key=True)
    title: str = ""
    condition: str = Field(sa_type=Text)
    actor: str
    saved_at: datetime = instant()


class MembershipRow(Base, table=True):
    """A contact is in a segment since ``since``. Who no longer fits stays until the grace is over; nothing is deleted."""

    __tablename__ = "memberships"
    __table_args__ = (
        Index("uq_memberships_live", "segment", "contact_id", unique=True, **only("left_at IS NULL")),
        NEVER_REUSED,
    )

    id: int = key()
    segment: str
    contact_id: int = ref("contacts.id", index=True)
    since: datetime = instant()
    fading_since: datetime | None = instant(optional=True)
    """The condition no longer holds since then, and the grace runs."""
    left_at: datetime | None = instant(optional=True)
