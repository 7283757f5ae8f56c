"""The installation itself: who may log in, which systems hold a token, who did what, and small facts of the house.

Passwords and tokens are kept as hashes only.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field

from nurture.db.tables.base import NEVER_REUSED, Base, instant, key, one_of, ref
from nurture.db.types import Json
from nurture.model.accounts import Role


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
