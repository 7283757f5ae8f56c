"""Mails of the installation itself, of no workflow: a caller's morning list, a test mail, a question to confirm.

Each is planned once ever, by its key, with the very bytes that will leave. A dialogue whose end nobody saw is ambiguous,
and never begun again by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache

from sqlalchemy import Connection, Insert, Update, bindparam, case, func, null, or_, select, update

from nurture.db.sets import (
    ONE,
    AnyRow,
    among,
    given,
    insert_into,
    limit_param,
    now_param,
    run_on,
    same_row,
    word,
)
from nurture.db.tables import NoticeRow, table_of
from nurture.db.types import UtcDateTime

N = table_of(NoticeRow)

LEASE = timedelta(minutes=15)
"""Longer than the longest dialogue with a mail server: nothing waits for a notice, and none may go twice."""


class NoticeKind(StrEnum):
    DIGEST = "digest"
    TEST = "test"
    CONFIRM = "confirm"


class NoticeState(StrEnum):
    """pending → sending → sent | failed | ambiguous; what is put off goes back."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNotice:
    """A notice, built. ``data`` is the whole message; ``sender`` and ``recipient`` are the envelope's addresses."""

    key: str
    kind: NoticeKind
    sender: str
    recipient: str
    subject: str
    data: bytes
    message_id: str
    planned_at: datetime
    about: str | None = None


@dataclass(frozen=True, slots=True)
class ClaimedNotice:
    """A notice that is ours to send. ``attempts`` counts this one."""

    id: int
    kind: NoticeKind
    sender: str
    recipient: str
    data: bytes
    message_id: str
    planned_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeOutcome:
    """How an attempt ended. ``pending`` puts it off until ``retry_at`` (operational time).

    ``untried``: the server was never asked to take it, so that the attempt does not count.
    """

    id: int
    state: NoticeState
    detail: str | None = None
    retry_at: datetime | None = None
    untried: bool = False


@dataclass(frozen=True, slots=True)
class PlannedNotice:
    """A notice as people look at it."""

    id: int
    key: str
    kind: NoticeKind
    recipient: str
    subject: str
    planned_at: datetime
    state: NoticeState
    attempts: int
    detail: str | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class NamedNotice:
    """A notice that somebody answers, or tells us about."""

    id: int
    kind: NoticeKind
    recipient: str
    ended_at: datetime | None


def plan(tx: Connection, notices: Sequence[NewNotice]) -> int:
    """Plan notices, each key once ever; returns how many were new."""
    rows = [{name: getattr(one, name) for name in _NEW} for one in notices]
    return len(tx.execute(_plan(tx.dialect.name), rows).all()) if rows else 0


def planned_keys(tx: Connection, keys: Collection[str]) -> set[str]:
    """Those of the keys that were planned before: for who would rather not build the same mail again."""
    return set(tx.execute(_PLANNED_KEYS, {"keys": keys}).scalars()) if keys else set()


def claim(tx: Connection, operational: datetime, limit: int) -> list[ClaimedNotice]:
    """Up to ``limit`` notices that may leave now, oldest first, noted as ``sending``: commit before the dialogue."""
    rows = tx.execute(
        _CLAIM, {"operational": operational, "lapses": operational + LEASE, "most": limit}
    ).all()
    return sorted((_claimed(row) for row in rows), key=lambda one: one.id)


def still_sending(tx: Connection, ids: Collection[int]) -> frozenset[int]:
    """Those of these that are still there and on their way, kept from anybody else until the end of ``tx``."""
    return frozenset(tx.execute(_STILL_SENDING, {"ids": ids}).scalars()) if ids else frozenset()


def record(tx: Connection, outcomes: Sequence[NoticeOutcome], now: datetime) -> None:
    """Write down how attempts ended, also of one that was given up as ambiguous meanwhile: now we know."""
    rows = [
        {
            "id": one.id,
            "state": one.state.value,
            "detail": one.detail,
            "retry_at": one.retry_at,
            "uncounted": int(one.untried),
            "ended_at": None if one.state is NoticeState.PENDING else now,
        }
        for one in outcomes
    ]
    if rows:
        run_on(tx, _record, rows)


def rescue(tx: Connection, now: datetime, operational: datetime) -> int:
    """Dialogues whose sender is gone become ambiguous; returns how many.

    A lease taken while the clock was ahead is cut to one from now.
    """
    tx.execute(_CUT, {"too_far": operational + 2 * LEASE, "lapses": operational + LEASE})
    return tx.execute(_BREAK_OFF, {"now": now, "operational": operational}).rowcount


def waiting(tx: Connection, operational: datetime, most: int) -> int:
    """How many may leave now, counted up to ``most``."""
    return tx.execute(_WAITING, {"operational": operational, "most": most}).scalar_one()


def by_message_ids(tx: Connection, message_ids: Collection[str]) -> dict[str, NamedNotice]:
    """The notices with these ids (in angle brackets) that were on their way at all; unknown ones are left out."""
    rows = tx.execute(_NAMED, {"message_ids": message_ids}) if message_ids else ()
    return {
        row.message_id: NamedNotice(row.id, NoticeKind(row.kind), row.recipient, row.ended_at) for row in rows
    }


def latest(tx: Connection, limit: int = 50, before: int | None = None) -> list[PlannedNotice]:
    """The newest notices, newest first, with ids below ``before``."""
    rows = tx.execute(_LATEST, {"before": before or 2**62, "most": limit})
    return [_planned(row) for row in rows]


# --- statements -------------------------------------------------------------------------------------------------

_NEW = tuple(field.name for field in fields(NewNotice))
# Said as their index says it: SQLite would read every notice otherwise.
_IS_OPEN = N.c.state.in_((word(NoticeState.PENDING), word(NoticeState.SENDING)))
_MAY_LEAVE = (
    _IS_OPEN,
    N.c.state == word(NoticeState.PENDING),
    or_(N.c.retry_at.is_(None), N.c.retry_at <= now_param("operational")),
)
_PICKED = (
    select(N.c.id)
    .where(*_MAY_LEAVE)
    .order_by(N.c.id)
    .limit(limit_param("most"))
    .with_for_update(skip_locked=True)
    .cte("picked")
)
_CLAIM = (
    update(N)
    .where(N.c.id == _PICKED.c.id)
    .values(
        state=NoticeState.SENDING.value,
        attempts=N.c.attempts + ONE,
        lease_until=bindparam("lapses", type_=UtcDateTime),
    )
    .returning(*(N.c[field.name] for field in fields(ClaimedNotice)))
)
_STILL_SENDING = (
    select(N.c.id)
    .where(among(N.c.id), N.c.state == word(NoticeState.SENDING))
    .order_by(N.c.id)
    .with_for_update()
)
_CUT = (
    update(N)
    .where(_IS_OPEN, N.c.state == word(NoticeState.SENDING), N.c.lease_until > now_param("too_far"))
    .values(lease_until=now_param("lapses"))
)
_BREAK_OFF = (
    update(N)
    .where(_IS_OPEN, N.c.state == word(NoticeState.SENDING), N.c.lease_until < now_param("operational"))
    .values(
        state=NoticeState.AMBIGUOUS.value,
        lease_until=null(),
        data=b"",
        detail="the sender was gone before the mail server's answer was written down",
        ended_at=now_param(),
    )
)
_PLANNED_KEYS = select(N.c.key).where(among(N.c.key, "keys"))
_WAITING = select(func.count()).select_from(
    select(N.c.id).where(*_MAY_LEAVE).limit(limit_param("most")).subquery()
)
_NAMED = select(N.c.message_id, N.c.id, N.c.kind, N.c.recipient, N.c.ended_at).where(
    among(N.c.message_id, "message_ids"), N.c.attempts > 0
)
_LATEST = (
    select(*(N.c[field.name] for field in fields(PlannedNotice)))
    .where(N.c.id < bindparam("before"))
    .order_by(N.c.id.desc())
    .limit(bindparam("most"))
)


@cache
def _plan(dialect: str) -> Insert:
    # Bytes cannot travel in the JSON of ``insert_rows``.
    return insert_into(N, dialect).on_conflict_do_nothing().returning(N.c.id)


@cache
def _record(dialect: str) -> Update:
    names = ("id", "state", "detail", "retry_at", "ended_at")
    row = given(dialect, **{name: N.c[name] for name in names}, uncounted=N.c.attempts)
    unsettled = or_(N.c.state == word(NoticeState.SENDING), N.c.state == word(NoticeState.AMBIGUOUS))
    return (
        update(N)
        .where(same_row(dialect, N.c.id, row), unsettled)
        .values(
            {name: row.c[name] for name in names if name != "id"}
            | {"lease_until": null(), "attempts": N.c.attempts - row.c.uncounted}
            # It may name people, and is never sent again.
            | {"data": case((row.c.state == word(NoticeState.PENDING), N.c.data), else_=b"")}
        )
    )


def _claimed(row: AnyRow) -> ClaimedNotice:
    values = dict(zip(ClaimedNotice.__slots__, row, strict=True))
    return ClaimedNotice(**{**values, "kind": NoticeKind(values["kind"])})


def _planned(row: AnyRow) -> PlannedNotice:
    values = dict(zip(PlannedNotice.__slots__, row, strict=True))
    return PlannedNotice(
        **{**values, "kind": NoticeKind(values["kind"]), "state": NoticeState(values["state"])}
    )
