"""What people said of calls, while it can be taken back and after: reported = undone + settled + still to settle.

One that was settled is an event and stays; nothing here is deleted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Text, and_, bindparam, insert, select, update

from nurture.db.sets import AnyRow, among, limit_param, now_param
from nurture.db.tables import ContactRow, OutcomeRow, TaskRow, table_of
from nurture.model.words import Scalar

O = table_of(OutcomeRow)  # noqa: E741 - as the other stores name theirs
T = table_of(TaskRow)
CONTACTS = table_of(ContactRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOutcome:
    """An outcome as it was clicked. ``data`` goes into the event; ``closed`` is the hash of a number it closed."""

    task_id: int
    outcome: str
    data: Mapping[str, Scalar]
    actor: str
    reported_at: datetime
    settles_at: datetime
    closed: str | None = None


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """One outcome as it now stands. All times are business time."""

    id: int
    task_id: int
    outcome: str
    data: Mapping[str, Scalar]
    actor: str
    reported_at: datetime
    settles_at: datetime
    undone_at: datetime | None
    settled_at: datetime | None
    closed: str | None

    @property
    def pending(self) -> bool:
        return self.undone_at is None and self.settled_at is None


def add(tx: Connection, new: NewOutcome) -> CallOutcome:
    """Write down an outcome; it settles at its time unless it is taken back."""
    values = {name: getattr(new, name) for name in _NEW} | {"data": dict(new.data)}
    return _outcome(tx.execute(_ADD, values).one())


def get(tx: Connection, outcome_id: int) -> CallOutcome | None:
    row = tx.execute(_BY_ID, {"told": outcome_id}).first()
    return _outcome(row) if row else None


def of_task(tx: Connection, task_id: int) -> list[CallOutcome]:
    """Every outcome ever reported of a call, oldest first, those taken back too."""
    return [_outcome(row) for row in tx.execute(_OF_TASK, {"task": task_id})]


def pending_of_number(tx: Connection, phone_hash: str) -> list[CallOutcome]:
    """What was reported of calls to this number, whoever has it, and is not settled yet, oldest first."""
    return [_outcome(row) for row in tx.execute(_PENDING_OF_NUMBER, {"number": phone_hash})]


def pending_of_tasks(tx: Connection, task_ids: Collection[int]) -> list[CallOutcome]:
    """What was reported of these calls and is not settled yet, oldest first."""
    rows = tx.execute(_PENDING_OF_TASKS, {"ids": task_ids}) if task_ids else ()
    return [_outcome(row) for row in rows]


def pending_by(tx: Connection, actor: str) -> list[CallOutcome]:
    """What this person reported and may still take back, newest first."""
    return [_outcome(row) for row in tx.execute(_PENDING_BY, {"who": actor})]


def reported_since(tx: Connection, since: datetime) -> bool:
    """Did anybody report an outcome after this moment?"""
    return tx.execute(_SINCE, {"since": since}).first() is not None


def undo(tx: Connection, outcome_id: int, now: datetime) -> CallOutcome | None:
    """Take an outcome back; None when its time was over, or it was taken back before."""
    row = tx.execute(_UNDO, {"told": outcome_id, "now": now}).first()
    return _outcome(row) if row else None


def due(tx: Connection, now: datetime, limit: int) -> dict[int, int]:
    """Outcomes that are to be settled now, oldest first: ``{outcome id: contact id}``."""
    return {row.id: row.contact_id for row in tx.execute(_DUE, {"now": now, "most": limit})}


def settle(tx: Connection, ids: Collection[int], now: datetime) -> list[CallOutcome]:
    """Note these as settled; returns those that were not before, in the order in which they were reported."""
    rows = tx.execute(_SETTLE, {"ids": ids, "now": now}).all() if ids else ()
    return sorted((_outcome(row) for row in rows), key=lambda one: (one.settles_at, one.id))


def put_off(tx: Connection, outcome_id: int, until: datetime) -> None:
    """Try to settle this one again at ``until``."""
    tx.execute(_PUT_OFF, {"told": outcome_id, "until": until})


def hand_on(tx: Connection, outcome_id: int, closed: str | None) -> None:
    """What closed a number rests on this outcome from now on; None: taking it back lifts nothing."""
    tx.execute(_HAND_ON, {"told": outcome_id, "hash": closed})


def rests_elsewhere(tx: Connection, hashes: Collection[str]) -> None:
    """Something that stays closed these numbers too: no click that can be taken back lifts them any more."""
    if hashes:
        tx.execute(_RESTS_ELSEWHERE, {"hashes": hashes})


# --- statements -------------------------------------------------------------------------------------------------

PENDING = and_(O.c.settled_at.is_(None), O.c.undone_at.is_(None))
"""Not settled and not taken back: the call waits for it, whatever its date."""


def unsettled(task: ColumnElement[int]) -> ColumnElement[bool]:
    """Has this call an outcome that still may be taken back, or is just being settled?"""
    return select(O.c.id).where(O.c.task_id == task, PENDING).correlate_except(O).exists()


def closed_for_now(phone_hash: ColumnElement[str | None]) -> ColumnElement[bool]:
    """Does only a click that may still be taken back close this number?"""
    return select(O.c.id).where(O.c.closed == phone_hash, PENDING).correlate_except(O).exists()


_NEW = tuple(field.name for field in fields(NewOutcome))
_ALL = tuple(O.c[field.name] for field in fields(CallOutcome))
_THIS = O.c.id == bindparam("told")
_ADD = insert(O).returning(*_ALL)
_BY_ID = select(*_ALL).where(_THIS)
_OF_TASK = select(*_ALL).where(O.c.task_id == bindparam("task")).order_by(O.c.id)
_SINCE = select(O.c.id).where(O.c.reported_at > now_param("since")).limit(1)
_PENDING_OF_NUMBER = (
    select(*_ALL)
    .join(T, T.c.id == O.c.task_id)
    .join(CONTACTS, CONTACTS.c.id == T.c.contact_id)
    .where(CONTACTS.c.phone_hash == bindparam("number"), PENDING)
    .order_by(O.c.id)
)
_PENDING_OF_TASKS = select(*_ALL).where(among(O.c.task_id), PENDING).order_by(O.c.id)
_PENDING_BY = select(*_ALL).where(O.c.actor == bindparam("who"), PENDING).order_by(O.c.id.desc())
_UNDO = (
    update(O)
    .where(_THIS, PENDING, O.c.settles_at > now_param())
    .values(undone_at=now_param())
    .returning(*_ALL)
)
_DUE = (
    select(O.c.id, T.c.contact_id)
    .select_from(O)
    .join(T, T.c.id == O.c.task_id)
    .where(PENDING, O.c.settles_at <= now_param())
    .order_by(O.c.settles_at, O.c.id)
    .limit(limit_param("most"))
)
_SETTLE = update(O).where(among(O.c.id), PENDING).values(settled_at=now_param()).returning(*_ALL)
_PUT_OFF = update(O).where(_THIS, PENDING).values(settles_at=now_param("until"))
_HAND_ON = update(O).where(_THIS).values(closed=bindparam("hash", type_=Text))
_RESTS_ELSEWHERE = update(O).where(among(O.c.closed, "hashes"), PENDING).values(closed=None)


def _outcome(row: AnyRow) -> CallOutcome:
    return CallOutcome(*row)
