"""Offers asked for on a form that wait for the asker's yes by mail.

A request holds what was typed until it is confirmed, and no longer; one that nobody confirms is forgotten. It decides
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from nurture.db.sets import now_param
from nurture.db.tables import RequestRow, table_of
from nurture.model.words import NOTHING

R = table_of(RequestRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody asked for. ``key`` is what the link in the mail names; times are business time.

    ``answers`` is what is still to be stored of the form, empty when only the permission waits.
    """

    key: str
    email: str
    email_key: str
    offer: str
    at: datetime
    answers: Mapping[str, Any] = field(default_factory=dict)
    consent: Mapping[str, str] = field(default_factory=dict)
    proof: Mapping[str, str] = field(default_factory=dict)
    confirmed_at: datetime | None = None


_NAMES = tuple(one.name for one in fields(Request))


def add(tx: Connection, request: Request) -> None:
    values: dict[str, Any] = {name: getattr(request, name) for name in _NAMES}
    maps = {name: dict(values[name]) for name in ("answers", "consent", "proof")}
    tx.execute(insert(R), values | maps)


def by_key(tx: Connection, key: str) -> Request | None:
    row = tx.execute(_BY_KEY, {"wanted": key}).one_or_none()
    return Request(**dict(zip(_NAMES, row, strict=True))) if row else None


def since(tx: Connection, email_key: str, moment: datetime) -> list[Request]:
    """What was asked for with this address after ``moment``, oldest first."""
    rows = tx.execute(_SINCE, {"wanted": email_key, "since": moment})
    return [Request(**dict(zip(_NAMES, row, strict=True))) for row in rows]


def confirm(tx: Connection, key: str, now: datetime, left: Mapping[str, Any] = NOTHING) -> bool:
    """Note the yes, and forget what was typed but ``left``; False when it was noted before, or there is no such request."""
    return tx.execute(_CONFIRM, {"wanted": key, "now": now, "left": dict(left)}).rowcount == 1


def forget_unconfirmed(tx: Connection, before: datetime) -> int:
    """Delete what nobody confirmed since ``before``; returns how many."""
    return tx.execute(_FORGET, {"before": before}).rowcount


_COLUMNS = tuple(R.c[name] for name in _NAMES)
_BY_KEY = select(*_COLUMNS).where(R.c.key == bindparam("wanted"))
_SINCE = (
    select(*_COLUMNS)
    .where(R.c.email_key == bindparam("wanted"), R.c.at > now_param("since"))
    .order_by(R.c.id)
)
_CONFIRM = (
    update(R)
    .where(R.c.key == bindparam("wanted"), R.c.confirmed_at.is_(None))
    .values(confirmed_at=now_param(), answers=bindparam("left", type_=R.c.answers.type), proof={})
)
_FORGET = delete(R).where(R.c.confirmed_at.is_(None), R.c.at < now_param("before"))
