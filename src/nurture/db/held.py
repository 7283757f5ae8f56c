"""What a pause holds, and what is let go with care: turns that fell due meanwhile, and messages that stood ready.

Everything is asked for one workflow, for some contacts, or (with neither) for all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Update, bindparam, func, select, update

from nurture.db.deliveries import ENDED, D
from nurture.db.enrollments import IS_LIVE, E, rearm
from nurture.db.sets import AnySelect, among, given, now_param, run_on, same_row, word
from nurture.db.tables import ContactRow, TaskRow, table_of
from nurture.model.words import Channel, DeliveryState, Phase, Reason, TaskState

T = table_of(TaskRow)
CONTACTS = table_of(ContactRow)


@dataclass(frozen=True, slots=True)
class Hold:
    """How much a pause holds: live enrollments, messages to contacts that have not left, calls that are open."""

    enrollments: int
    messages: int
    calls: int


@dataclass(frozen=True, slots=True)
class Ready:
    """A message that was let through before the pause and could leave now."""

    id: int
    enrollment_id: int
    version: str
    step: str
    visit: int
    due: datetime
    timezone: str | None


def hold(tx: Connection, workflow: str | None = None, contact_id: int | None = None) -> Hold:
    """How much there is to hold."""
    contact_ids = None if contact_id is None else [contact_id]
    values = {"workflow": workflow, "contacts": contact_ids}
    counted = (
        tx.execute(_of(query, table, workflow, contact_ids), values).scalar_one()
        for query, table in ((_LIVE, E), (_MESSAGES, D), (_CALLS, T))
    )
    return Hold(*counted)


def due_turns(
    tx: Connection,
    now: datetime,
    workflow: str | None = None,
    contact_ids: Collection[int] | None = None,
) -> list[int]:
    """The live enrollments whose step has fallen due, or whose wait has timed out, oldest first."""
    values = {"now": now, "workflow": workflow, "contacts": contact_ids}
    return list(tx.execute(_of(_DUE, E, workflow, contact_ids), values).scalars())


def ready(
    tx: Connection,
    now: datetime,
    workflow: str | None = None,
    contact_ids: Collection[int] | None = None,
) -> list[Ready]:
    """The messages of workflows that are due and stand ready, oldest first."""
    values = {"now": now, "workflow": workflow, "contacts": contact_ids}
    return [Ready(*row) for row in tx.execute(_of(_READY, D, workflow, contact_ids), values)]


def look_at(tx: Connection, moments: Mapping[int, datetime]) -> None:
    """Have these enrollments looked at, each at its moment and not before, unless something else wakes it."""
    rows = [{"id": number, "wake_at": at} for number, at in moments.items()]
    if rows:
        run_on(tx, _look_at, rows)


def skip_late(tx: Connection, messages: Collection[Ready], now: datetime) -> None:
    """These are too late by what their steps say: skipped, and their enrollments go on."""
    if messages:
        values = {"ids": [one.id for one in messages], "now": now}
        tx.execute(_SKIP, values)
        rearm(tx, [(one.enrollment_id, one.step, one.visit) for one in messages], now)


def put_off(tx: Connection, moments: Mapping[int, datetime]) -> None:
    """These messages leave later: ``{delivery id: when}``."""
    rows = [{"id": number, "due": at} for number, at in moments.items()]
    if rows:
        run_on(tx, _put_off, rows)


def _of(query: AnySelect, table: Any, workflow: str | None, contact_ids: Collection[int] | None) -> AnySelect:
    if workflow is not None:
        query = query.where(table.c.workflow == bindparam("workflow"))
    if contact_ids is not None:
        query = query.where(among(table.c.contact_id, "contacts"))
    return query


_PENDING = D.c.state == word(DeliveryState.PENDING)
_TO_CONTACTS = D.c.channel == word(Channel.EMAIL)
_LIVE = select(func.count()).select_from(E).where(IS_LIVE)
_MESSAGES = select(func.count()).select_from(D).where(_PENDING, _TO_CONTACTS)
_CALLS = select(func.count()).select_from(T).where(T.c.state == word(TaskState.OPEN))
_DUE = (
    select(E.c.id)
    .where(IS_LIVE, E.c.phase != word(Phase.ACTING), E.c.step.is_not(None), E.c.due <= now_param())
    .order_by(E.c.due, E.c.id)
)
_READY = (
    select(D.c.id, D.c.enrollment_id, E.c.version, D.c.step, D.c.visit, D.c.due, CONTACTS.c.timezone)
    .join(E, E.c.id == D.c.enrollment_id)
    .join(CONTACTS, CONTACTS.c.id == D.c.contact_id)
    .where(_PENDING, _TO_CONTACTS, D.c.due <= now_param())
    .order_by(D.c.due, D.c.id)
)
_SKIP = (
    update(D)
    .where(among(D.c.id), _PENDING)
    .values(
        ENDED
        | {"state": DeliveryState.SKIPPED.value, "reason": Reason.LATE.value}
        | {"ended_at": now_param()}
    )
)


@cache
def _look_at(dialect: str) -> Update:
    row = given(dialect, id=E.c.id, wake_at=E.c.wake_at)
    return update(E).where(same_row(dialect, E.c.id, row), IS_LIVE).values(wake_at=row.c.wake_at)


@cache
def _put_off(dialect: str) -> Update:
    row = given(dialect, id=D.c.id, due=D.c.due)
    return update(D).where(same_row(dialect, D.c.id, row), _PENDING).values(due=row.c.due)
