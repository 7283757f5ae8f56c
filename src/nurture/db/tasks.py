"""The calls people are to make, from appearing to their end: opened = done + expired + cancelled + open.

Whoever ends a call wakes the enrollment that waits for it, in the same transaction. Who may call is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Connection, Text, and_, bindparam, func, select, update

from nurture.db.enrollments import rearm
from nurture.db.outcomes import closed_for_now, unsettled
from nurture.db.sets import (
    AnyRow,
    AnySelect,
    among,
    given,
    insert_rows,
    limit_param,
    now_param,
    pairs,
    run_on,
    word,
)
from nurture.db.tables import ContactRow, SuppressionRow, TaskRow, table_of
from nurture.model.words import Channel, Reason, TaskState

T = table_of(TaskRow)
S = table_of(SuppressionRow)
CONTACTS = table_of(ContactRow)
GIVING_OUT = 0x63616C6C
"""PostgreSQL's advisory lock for giving out calls ("call")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A call as it was decided. A skipped one is born ``cancelled``, with its reason and ``ended_at``."""

    key: str
    enrollment_id: int
    contact_id: int
    workflow: str
    stage: str
    step: str
    visit: int
    script: str
    assign: str
    assignee: str | None
    held: bool
    appeared_at: datetime
    due: datetime
    expires: datetime
    state: TaskState = TaskState.OPEN
    reason: str | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One call as it now stands. ``held``: the enrollment waits for it."""

    id: int
    key: str
    enrollment_id: int
    contact_id: int
    workflow: str
    stage: str
    step: str
    visit: int
    script: str
    assign: str
    assignee: str | None
    held: bool
    appeared_at: datetime
    due: datetime
    expires: datetime
    state: TaskState
    outcome: str | None
    reason: str | None
    ended_at: datetime | None


def open_tasks(tx: Connection, tasks: Sequence[NewTask]) -> list[int | None]:
    """Write down calls. Returns ids in the same order; None for one that had appeared before."""
    rows = [{name: getattr(task, name) for name in _NEW} for task in tasks]
    ids = pairs(insert_rows(tx, T, rows, returning=("key", "id"), skip_conflicts=True))
    return [ids.pop(task.key, None) for task in tasks]


def finish(tx: Connection, task_id: int, outcome: str, at: datetime) -> Task | None:
    """The call was made, with this outcome; its enrollment goes on. None when it was no longer open."""
    row = tx.execute(_FINISH, {"task": task_id, "came_out": outcome, "now": at}).first()
    if row is None:
        return None
    task = _task(row)
    rearm(tx, [(task.enrollment_id, task.step, task.visit)], at)
    return task


def redate(tx: Connection, task_id: int, due: datetime, expires: datetime) -> Task | None:
    """Call again at ``due``: the same task with another date. None when it was no longer open."""
    row = tx.execute(_REDATE, {"task": task_id, "again": due, "ends": expires}).first()
    return _task(row) if row else None


def assign(tx: Connection, task_id: int, assignee: str | None) -> Task | None:
    """Give the call to somebody else. None when it was no longer open."""
    row = tx.execute(_ASSIGN, {"task": task_id, "to": assignee}).first()
    return _task(row) if row else None


def expire(tx: Connection, now: datetime) -> list[Task]:
    """End the calls that nobody made in time; their enrollments go on. Returns them.

    One that somebody has just told the outcome of waits until that is settled or taken back.
    """
    expired = [_task(row) for row in tx.execute(_EXPIRE, {"now": now})]
    rearm(tx, [(task.enrollment_id, task.step, task.visit) for task in expired], now)
    return expired


def call_off(tx: Connection, now: datetime) -> list[Task]:
    """Cancel the open calls to numbers that were closed since they were planned; their enrollments go on.

    A number closed by a click that may still be taken back only hides its calls (``waiting``). Returns the cancelled.
    """
    gone = [_task(row) for row in tx.execute(_CALL_OFF, {"now": now})]
    rearm(tx, [(task.enrollment_id, task.step, task.visit) for task in gone], now)
    return gone


def cancel(tx: Connection, about: tuple[int, str, int], reason: Reason, now: datetime) -> bool:
    """Cancel the open call of this enrollment, step and visit; False when there is none."""
    enrollment, step, visit = about
    values = {
        "enrollment": enrollment,
        "at_step": step,
        "in_visit": visit,
        "because": reason.value,
        "now": now,
    }
    return tx.execute(_CANCEL, values).rowcount > 0


def clear(tx: Connection, enrollment_ids: Collection[int], reason: Reason, now: datetime) -> int:
    """Cancel the open calls of these enrollments; returns how many there were."""
    if not enrollment_ids:
        return 0
    return tx.execute(_CLEAR, {"ids": enrollment_ids, "because": reason.value, "now": now}).rowcount


def get(tx: Connection, task_id: int) -> Task | None:
    row = tx.execute(_BY_ID, {"task": task_id}).first()
    return _task(row) if row else None


def by_ids(tx: Connection, ids: Collection[int]) -> dict[int, Task]:
    """Calls by id; unknown ids are left out."""
    return {row.id: _task(row) for row in tx.execute(_BY_IDS, {"ids": ids})} if ids else {}


def of_contact(tx: Connection, contact_id: int) -> list[Task]:
    """Every call ever planned for a contact, in the order in which they appeared."""
    return [_task(row) for row in tx.execute(_OF_CONTACT, {"contact": contact_id})]


def open_of_each(tx: Connection, contact_ids: Collection[int]) -> dict[int, list[Task]]:
    """The open calls of each contact, in the order in which they appeared; those without are left out."""
    found: dict[int, list[Task]] = {}
    for row in tx.execute(_OPEN_OF_EACH, {"ids": contact_ids}) if contact_ids else ():
        found.setdefault(row.contact_id, []).append(_task(row))
    return found


def queue(tx: Connection, *, limit: int = 200) -> list[Task]:
    """Open calls, the first due first; also those of which something was said that can still be taken back."""
    return [_task(row) for row in tx.execute(_OPEN.limit(limit))]


def waiting(tx: Connection, *, limit: int = 200) -> list[Task]:
    """The calls that are to be made, the first due first: open, without an outcome, to a number that is open."""
    return [_task(row) for row in tx.execute(_WAITING.limit(limit_param("most")), {"most": limit})]


def waiting_for(tx: Connection, who: str | None, *, limit: int = 200) -> list[Task]:
    """Those of one person, by their key; None: those that nobody has."""
    mine = T.c.assignee == bindparam("who") if who else T.c.assignee.is_(None)
    values: dict[str, Any] = {"most": limit} | ({"who": who} if who else {})
    rows = tx.execute(_WAITING.where(mine).limit(limit_param("most")), values)
    return [_task(row) for row in rows]


def waiting_until(tx: Connection, before: datetime) -> list[Task]:
    """The same, of everybody who has any, due before a moment."""
    rows = tx.execute(_WAITING.where(T.c.assignee.is_not(None), T.c.due < now_param()), {"now": before})
    return [_task(row) for row in rows]


def waiting_counts(tx: Connection) -> dict[str | None, int]:
    """How many calls each person is to make; None: how many nobody has."""
    return pairs(tx.execute(_WAITING_COUNTS))


def one_hand_at_a_time(tx: Connection) -> None:
    """Whoever gives out calls does so alone until their transaction ends: two would not see each other's calls.

    SQLite has one writer anyway.
    """
    if tx.dialect.name != "sqlite":
        tx.execute(_ALONE, {"lock": GIVING_OUT})


def load_per_day(
    tx: Connection, days: Mapping[date, tuple[datetime, datetime]], people: Collection[str]
) -> dict[tuple[str, date], int]:
    """How many calls each of these people has due on each day, made or not: what round-robin looks at.

    ``days`` says when each of them begins and ends.
    """
    rows = [{"day": day.isoformat(), "starts": start, "ends": end} for day, (start, end) in days.items()]
    if not rows or not people:
        return {}
    counted = run_on(tx, _load_per_day, rows, people=people)
    return {(who, date.fromisoformat(day)): count for who, day, count in counted}


# --- statements -------------------------------------------------------------------------------------------------

_NEW = tuple(field.name for field in fields(NewTask))
_TASK = tuple(T.c[field.name] for field in fields(Task))
_IS_OPEN = T.c.state == word(TaskState.OPEN)
_OF = T.c.id == bindparam("task")

_FINISH = (
    update(T)
    .where(_OF, _IS_OPEN)
    .values(state=TaskState.DONE.value, outcome=bindparam("came_out", type_=Text), ended_at=now_param())
    .returning(*_TASK)
)
_REDATE = (
    update(T).where(_OF, _IS_OPEN).values(due=now_param("again"), expires=now_param("ends")).returning(*_TASK)
)
_ASSIGN = update(T).where(_OF, _IS_OPEN).values(assignee=bindparam("to", type_=Text)).returning(*_TASK)
_EXPIRE = (
    update(T)
    .where(_IS_OPEN, T.c.expires <= now_param(), ~unsettled(T.c.id))
    .values(state=TaskState.EXPIRED.value, ended_at=now_param())
    .returning(*_TASK)
)
_CANCEL = (
    update(T)
    .where(
        T.c.enrollment_id == bindparam("enrollment"),
        T.c.step == bindparam("at_step"),
        T.c.visit == bindparam("in_visit"),
        _IS_OPEN,
    )
    .values(state=TaskState.CANCELLED.value, reason=bindparam("because", type_=Text), ended_at=now_param())
)
_CLEAR = (
    update(T)
    .where(among(T.c.enrollment_id), _IS_OPEN)
    .values(state=TaskState.CANCELLED.value, reason=bindparam("because", type_=Text), ended_at=now_param())
)
_BY_ID = select(*_TASK).where(_OF)
_BY_IDS = select(*_TASK).where(among(T.c.id))
_OF_CONTACT = select(*_TASK).where(T.c.contact_id == bindparam("contact")).order_by(T.c.appeared_at, T.c.id)
_OPEN_OF_EACH = select(*_TASK).where(among(T.c.contact_id), _IS_OPEN).order_by(T.c.appeared_at, T.c.id)
_OPEN = select(*_TASK).where(_IS_OPEN).order_by(T.c.due, T.c.id)
_UNTOLD = and_(_IS_OPEN, ~unsettled(T.c.id))
_PHONE_CLOSED = (
    select(S.c.id)
    .select_from(S)
    .join(CONTACTS, and_(S.c.address_hash == CONTACTS.c.phone_hash, S.c.channel == word(Channel.PHONE)))
    .where(CONTACTS.c.id == T.c.contact_id)
    .correlate(T)
)
_CALL_OFF = (
    update(T)
    .where(_UNTOLD, _PHONE_CLOSED.where(~closed_for_now(CONTACTS.c.phone_hash)).exists())
    .values(state=TaskState.CANCELLED.value, reason=Reason.SUPPRESSED.value, ended_at=now_param())
    .returning(*_TASK)
)
_WAITING = select(*_TASK).where(_UNTOLD, ~_PHONE_CLOSED.exists()).order_by(T.c.due, T.c.id)
_WAITING_COUNTS = (
    select(T.c.assignee, func.count()).where(_UNTOLD, ~_PHONE_CLOSED.exists()).group_by(T.c.assignee)
)


_ALONE = select(func.pg_advisory_xact_lock(bindparam("lock", type_=BigInteger)))


@cache
def _load_per_day(dialect: str) -> AnySelect:
    span = given(dialect, day=Text(), starts=T.c.due, ends=T.c.due)
    return (
        select(T.c.assignee, span.c.day, func.count())
        .select_from(T)
        .join(span, and_(T.c.due >= span.c.starts, T.c.due < span.c.ends))
        .where(among(T.c.assignee, "people"), T.c.state != word(TaskState.CANCELLED))
        .group_by(T.c.assignee, span.c.day)
    )


def _task(row: AnyRow) -> Task:
    values: Mapping[str, Any] = dict(zip(Task.__slots__, row, strict=True))
    return Task(**{**values, "state": TaskState(values["state"])})
