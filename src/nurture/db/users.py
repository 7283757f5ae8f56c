"""The people who log in, and the browsers in which they are: found by address or by the hash of a cookie's token.

Holds no password and no token, only what they can be checked against. All times are operational.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Text, bindparam, delete, insert, select, update

from nurture.db.sets import AnyRow, insert_rows, now_param, word
from nurture.db.tables import LoginRow, UserRow, table_of
from nurture.db.types import UtcDateTime
from nurture.model.accounts import Account, Role
from nurture.model.addresses import same_key

U = table_of(UserRow)
L = table_of(LoginRow)


@dataclass(frozen=True, slots=True)
class Login:
    """One browser of somebody."""

    account: Account
    seen_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """A person in the list of those who may log in; ``seen_at`` is None for who never did, or logged out."""

    account: Account
    created_at: datetime
    disabled: bool
    seen_at: datetime | None


def add(
    tx: Connection, email: str, name: str, role: Role, password_hash: str, now: datetime
) -> Account | None:
    """A new person; None when the address is taken. Raises AddressError."""
    row = {
        "email": email,
        "email_key": same_key(email),
        "name": name,
        "role": role.value,
        "password_hash": password_hash,
        "created_at": now,
    }
    for (number,) in insert_rows(tx, U, [row], returning=("id",), skip_conflicts=True):
        return Account(number, email, name, role)
    return None


def by_email(tx: Connection, email: str) -> Account | None:
    """The person with this address, disabled or not. Raises AddressError."""
    row = tx.execute(_BY_EMAIL, {"key": same_key(email)}).first()
    return _account(row) if row else None


def by_id(tx: Connection, user_id: int) -> Account | None:
    row = tx.execute(_BY_ID, {"user": user_id}).first()
    return _account(row) if row else None


def password_hash(tx: Connection, email: str) -> tuple[Account, str] | None:
    """Who may log in with this address, and what the password is checked against; None also for the disabled."""
    row = tx.execute(_ENABLED, {"key": same_key(email)}).first()
    return (_account(row), row.password_hash) if row else None


def everyone(tx: Connection) -> list[Known]:
    """All of them by address."""
    seen: dict[int, datetime] = {}
    for user_id, at in tx.execute(select(L.c.user_id, L.c.seen_at)):
        seen[user_id] = max(at, seen.get(user_id, at))
    return [
        Known(_account(row), row.created_at, row.disabled_at is not None, seen.get(row.id))
        for row in tx.execute(select(U).order_by(U.c.email_key))
    ]


def lock_admins(tx: Connection) -> list[int]:
    """Those who may manage people and log in; nobody changes them before this transaction ends."""
    return list(tx.execute(_ADMINS).scalars())


def set_password(tx: Connection, user_id: int, hashed: str) -> None:
    tx.execute(_SET_PASSWORD, {"user": user_id, "hashed": hashed})


def set_role(tx: Connection, user_id: int, role: Role) -> None:
    tx.execute(_SET_ROLE, {"user": user_id, "to": role.value})


def set_profile(tx: Connection, user_id: int, name: str, timezone: str | None) -> None:
    tx.execute(_SET_PROFILE, {"user": user_id, "called": name, "zone": timezone})


def set_disabled(tx: Connection, user_id: int, at: datetime | None) -> None:
    """Lock somebody out from ``at``, or with None let them in again."""
    tx.execute(_SET_DISABLED, {"user": user_id, "at": at})


def open_login(tx: Connection, token_hash: str, user_id: int, now: datetime, ends: datetime) -> None:
    """A browser logs in; those whose time is over are forgotten."""
    tx.execute(_FORGET_OVER, {"now": now})
    tx.execute(
        insert(L),
        {"token_hash": token_hash, "user_id": user_id, "created_at": now, "seen_at": now, "ends_at": ends},
    )


def login(tx: Connection, token_hash: str, now: datetime) -> Login | None:
    """Who is logged in by this token now; None when nobody is, or no more."""
    row = tx.execute(_LOGIN, {"token": token_hash, "now": now}).first()
    return Login(_account(row), row.seen_at, row.ends_at) if row else None


def keep_login(tx: Connection, token_hash: str, now: datetime, ends: datetime) -> None:
    tx.execute(_KEEP, {"token": token_hash, "now": now, "ends": ends})


def close_login(tx: Connection, token_hash: str) -> None:
    tx.execute(delete(L).where(L.c.token_hash == bindparam("token")), {"token": token_hash})


def close_logins(tx: Connection, user_id: int, *, but: str | None = None) -> None:
    """Log somebody out everywhere, ``but`` in the browser with this token hash."""
    tx.execute(_CLOSE_ALL, {"user": user_id, "but": but or ""})


# --- statements -------------------------------------------------------------------------------------------------

_OF = U.c.id == bindparam("user")
_COLUMNS = (U.c.id, U.c.email, U.c.name, U.c.role, U.c.timezone)
_BY_EMAIL = select(*_COLUMNS).where(U.c.email_key == bindparam("key"))
_BY_ID = select(*_COLUMNS).where(_OF)
_ENABLED = select(*_COLUMNS, U.c.password_hash).where(
    U.c.email_key == bindparam("key"), U.c.disabled_at.is_(None)
)
_ADMINS = (
    select(U.c.id)
    .where(U.c.role == word(Role.ADMIN), U.c.disabled_at.is_(None))
    .order_by(U.c.id)
    .with_for_update()
)
_SET_PASSWORD = update(U).where(_OF).values(password_hash=bindparam("hashed", type_=Text))
_SET_ROLE = update(U).where(_OF).values(role=bindparam("to", type_=Text))
_SET_PROFILE = (
    update(U).where(_OF).values(name=bindparam("called", type_=Text), timezone=bindparam("zone", type_=Text))
)
_SET_DISABLED = update(U).where(_OF).values(disabled_at=bindparam("at", type_=UtcDateTime))
_FORGET_OVER = delete(L).where(L.c.ends_at < now_param())
_LOGIN = (
    select(*_COLUMNS, L.c.seen_at, L.c.ends_at)
    .join(L, L.c.user_id == U.c.id)
    .where(L.c.token_hash == bindparam("token"), L.c.ends_at >= now_param(), U.c.disabled_at.is_(None))
)
_KEEP = (
    update(L)
    .where(L.c.token_hash == bindparam("token"))
    .values(seen_at=now_param(), ends_at=bindparam("ends", type_=UtcDateTime))
)
_CLOSE_ALL = delete(L).where(L.c.user_id == bindparam("user"), L.c.token_hash != bindparam("but"))


def _account(row: AnyRow) -> Account:
    return Account(row.id, row.email, row.name, Role(row.role), row.timezone)
