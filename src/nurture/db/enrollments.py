"""Who stands where in which workflow, and whose turn it is.

Enrollments are claimed to be decided: a claim carries a fence and lapses, so that a killed worker delays a contact by
seconds and a late one writes nothing. Whatever wakes an enrollment also takes it from a worker that decided without
knowing. Nothing here decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Text,
    Update,
    and_,
    bindparam,
    case,
    exists,
    func,
    null,
    or_,
    select,
    update,
)

from nurture.db.sets import (
    ONE,
    AnyRow,
    AnySelect,
    among,
    given,
    in_order_of_index,
    insert_rows,
    limit_param,
    now_param,
    run_on,
    same_row,
    word,
)
from nurture.db.tables import EnrollmentRow, table_of
from nurture.db.types import UtcDateTime
from nurture.model.decisions import Turn
from nurture.model.words import Enrollment, EnteredBy, Phase, Ran, StageRecord, Status

E = table_of(EnrollmentRow)
VALUES = tuple(field.name for field in fields(Enrollment))
VALUE_COLUMNS = tuple(E.c[name] for name in VALUES)
IS_LIVE = E.c.status == word(Status.ACTIVE)

BATCH = 250
LEASE = timedelta(seconds=45)
"""How long a claim holds, in operational time."""
AHEAD = 2 * LEASE
"""A lease that reaches further than this was taken while the clock was wrong: it holds nobody up."""
FREE = or_(
    E.c.lease_until.is_(None), ~E.c.lease_until.between(now_param("operational"), now_param("too_far"))
)
"""Nobody has this enrollment in hand; ``too_far`` is ``AHEAD`` of the operational time."""

# What every change of hands does: the holder of the old fence can no longer write.
TAKEN_AWAY = {"lease_until": null(), "fence": E.c.fence + ONE}


@dataclass(frozen=True, slots=True)
class Claimed:
    """An enrollment that is ours until the lease lapses or something wakes it."""

    enrollment: Enrollment
    fence: int


# --- the turn ---------------------------------------------------------------------------------------------------


def claim_due(
    tx: Connection, now: datetime, operational: datetime, *, limit: int = BATCH, lease: timedelta = LEASE
) -> list[Claimed]:
    """Claim up to ``limit`` enrollments whose time has come, in one statement. Oldest first.

    ``now`` is business time, ``operational`` rules the lease. Two workers never get the same enrollment.
    """
    in_order_of_index(tx)
    moments = {"now": now, "operational": operational, "lapses": operational + lease}
    rows = tx.execute(_CLAIM, moments | {"too_far": operational + AHEAD, "most": limit}).all()
    return [Claimed(value_of(row), row.fence) for row in sorted(rows, key=lambda row: (row.wake_at, row.id))]


def record_turns(tx: Connection, turns: Sequence[tuple[Claimed, Turn]], now: datetime) -> set[int]:
    """Write down where these enrollments now stand, and give them back. Returns the ids that were written.

    One that is missing was taken from us meanwhile: nothing that was decided for it may be written, it will be
    decided again.
    """
    if not turns:
        return set()
    rows = [
        _row(turn.enrollment) | {"fence": claimed.fence, "wake_at": turn.wake_at} for claimed, turn in turns
    ]
    written = run_on(tx, _record, rows, now=now)
    return set(written.scalars())


def release(tx: Connection, claimed: Iterable[Claimed]) -> None:
    """Give claims back undone: they are due for anybody at once."""
    rows = [{"id": claim.enrollment.id, "fence": claim.fence} for claim in claimed]
    run_on(tx, _release, rows)


def put_off(tx: Connection, troubled: Iterable[tuple[Claimed, str]], until: datetime) -> None:
    """Push enrollments that could not be decided to ``until`` (business time), each with what was the trouble."""
    rows = [
        {"id": claim.enrollment.id, "fence": claim.fence, "trouble": trouble} for claim, trouble in troubled
    ]
    run_on(tx, _put_off, rows, until=until)


def seize(tx: Connection, enrollment_id: int) -> Claimed | None:
    """Take a live enrollment, from whoever holds it, for a person's decision in this transaction; None when it is over."""
    row = tx.execute(_SEIZE, {"enrollment": enrollment_id}).first()
    return Claimed(value_of(row), row.fence) if row else None


# --- waking -----------------------------------------------------------------------------------------------------


def note_events(tx: Connection, events: Mapping[int, int], now: datetime) -> None:
    """Tell enrollments of an event: ``{enrollment id: event id}``.

    They are due now, and their deliveries stay until they have read it.
    """
    rows = [{"id": enrollment, "event": event} for enrollment, event in events.items()]
    if rows:
        run_on(tx, _note_events, rows, now=now)


def rearm(tx: Connection, ended: Iterable[tuple[int | None, str, int]], now: datetime) -> None:
    """Wake the enrollments that act on these messages or calls: ``(enrollment id, step, visit)``."""
    rows = [{"id": one, "step": step, "visit": visit} for one, step, visit in ended if one is not None]
    if rows:
        run_on(tx, _rearm, rows, now=now)


# --- entering and ending ----------------------------------------------------------------------------------------


def insert(tx: Connection, entries: Sequence[tuple[Enrollment, datetime | None]]) -> list[int | None]:
    """Store new enrollments (their ``id`` is not looked at), each with the time of its first look.

    Returns the ids in the same order; None where the contact already has a live enrollment in that workflow.
    """
    rows = []
    for enrollment, wake_at in entries:
        row = _row(enrollment)
        del row["id"]
        rows.append(
            row | {"wake_at": wake_at, "last_event": enrollment.cursor, "lease_until": None, "fence": 0}
        )
    stored = insert_rows(
        tx, E, rows, returning=("id", "contact_id", "workflow", "status"), skip_conflicts=True
    )
    ids: dict[tuple[int, str, str], list[int]] = {}
    for id_, contact, workflow, status in sorted(stored, reverse=True):
        ids.setdefault((contact, workflow, status), []).append(id_)
    # Only a live one can meet another; then the first of them is the one that was stored.
    wanted = ((entry.contact_id, entry.workflow, entry.status) for entry, _ in entries)
    return [ids[entered].pop() if ids.get(entered) else None for entered in wanted]


def end_many(
    tx: Connection, ids: Collection[int], status: Status, reason: str, now: datetime
) -> list[Enrollment]:
    """End these live enrollments, whatever they were doing. Returns those that were live, as they now are."""
    if not ids:
        return []
    values = {"ids": ids, "now": now, "ends_as": status.value, "reason": reason}
    return [value_of(row) for row in tx.execute(_END, values)]


# --- finding ----------------------------------------------------------------------------------------------------


def get(tx: Connection, ids: Collection[int]) -> dict[int, Enrollment]:
    """The enrollments with these ids; unknown ids are left out."""
    return {found.id: found for found in _find(tx, _BY_ID, ids=ids)}


def of_contact(tx: Connection, contact_id: int) -> list[Enrollment]:
    """Every enrollment that a contact ever had, oldest first."""
    return _find(tx, _BY_CONTACT, ids=(contact_id,))


def live_of(tx: Connection, contact_ids: Collection[int]) -> list[Enrollment]:
    """The live enrollments of these contacts, oldest first."""
    return _find(tx, _LIVE, ids=contact_ids)


def reopenable_of(tx: Connection, contact_ids: Collection[int], now: datetime) -> list[Enrollment]:
    """Of each contact and workflow without a live enrollment the latest one, if evidence may still revive it."""
    return _find(tx, _REOPENABLE, ids=contact_ids, now=now)


def children_of(tx: Connection, parents: Collection[int]) -> list[Enrollment]:
    """The live enrollments that the losses of these ``parents`` made."""
    return _find(tx, _CHILDREN, ids=parents)


def last_ends(tx: Connection, pairs: Collection[tuple[int, str]]) -> dict[tuple[int, str], datetime]:
    """When the latest enrollment of each ``(contact id, workflow)`` ended; those that never ended are left out."""
    rows = [{"contact_id": contact, "workflow": workflow} for contact, workflow in pairs]
    if not rows:
        return {}
    found = run_on(tx, _last_ends, rows)
    return {(contact, workflow): ended for contact, workflow, ended in found}


def ids_in(tx: Connection, workflow: str, *, live: bool = True) -> list[int]:
    """The ids of a workflow's enrollments, the live ones only or all, oldest first."""
    query = select(E.c.id).where(E.c.workflow == bindparam("workflow")).order_by(E.c.id)
    return list(tx.execute(query.where(IS_LIVE) if live else query, {"workflow": workflow}).scalars())


# --- statements: built once, the same text for every size of set ------------------------------------------------


def _find(tx: Connection, query: AnySelect, **values: Any) -> list[Enrollment]:
    return [value_of(row) for row in tx.execute(query, values)] if values["ids"] else []


def _claim() -> Update:
    due = (
        select(E.c.id)
        .where(E.c.wake_at <= now_param(), FREE)
        .order_by(E.c.wake_at, E.c.id)
        .limit(limit_param("most"))
        .with_for_update(skip_locked=True)
        .cte("due_now")
    )
    return (
        update(E)
        .where(E.c.id == due.c.id)
        .values(lease_until=bindparam("lapses", type_=UtcDateTime), fence=E.c.fence + ONE)
        .returning(*VALUE_COLUMNS, E.c.wake_at, E.c.fence)
    )


_CLAIM = _claim()


_SEIZE = (
    update(E)
    .where(E.c.id == bindparam("enrollment"), IS_LIVE)
    .values(TAKEN_AWAY)
    .returning(*VALUE_COLUMNS, E.c.fence)
)


@cache
def _record(dialect: str) -> Update:
    row = given(dialect, **{name: E.c[name] for name in (*VALUES, "fence", "wake_at")})
    return (
        update(E)
        .where(same_row(dialect, E.c.id, row), E.c.fence == row.c.fence)
        .values(
            {name: row.c[name] for name in VALUES if name != "id"}
            | TAKEN_AWAY
            | {"wake_at": case((E.c.last_event > row.c.cursor, now_param()), else_=row.c.wake_at)}
            | {"trouble": null()}
        )
        .returning(E.c.id)
    )


@cache
def _release(dialect: str) -> Update:
    row = given(dialect, id=E.c.id, fence=E.c.fence)
    return update(E).where(same_row(dialect, E.c.id, row), E.c.fence == row.c.fence).values(TAKEN_AWAY)


@cache
def _put_off(dialect: str) -> Update:
    row = given(dialect, id=E.c.id, fence=E.c.fence, trouble=E.c.trouble)
    return (
        update(E)
        .where(same_row(dialect, E.c.id, row), E.c.fence == row.c.fence)
        .values(TAKEN_AWAY | {"wake_at": now_param("until"), "trouble": row.c.trouble})
    )


@cache
def _note_events(dialect: str) -> Update:
    row = given(dialect, id=E.c.id, event=BigInteger())
    return (
        update(E)
        .where(same_row(dialect, E.c.id, row), E.c.last_event < row.c.event)
        .values(TAKEN_AWAY | {"last_event": row.c.event, "wake_at": now_param()})
    )


@cache
def _rearm(dialect: str) -> Update:
    row = given(dialect, id=E.c.id, step=Text(), visit=E.c.visit)
    return (
        update(E)
        .where(
            same_row(dialect, E.c.id, row),
            E.c.step == row.c.step,
            E.c.visit == row.c.visit,
            E.c.phase == word(Phase.ACTING),
            IS_LIVE,
        )
        .values(TAKEN_AWAY | {"wake_at": now_param()})
    )


_END = (
    update(E)
    .where(among(E.c.id), IS_LIVE)
    .values(
        TAKEN_AWAY
        | {"status": bindparam("ends_as", type_=Text), "end_reason": bindparam("reason", type_=Text)}
        | {"ended_at": now_param(), "step": null(), "due": null(), "wake_at": null()}
        | {"phase": Phase.WAITING.value}
    )
    .returning(*VALUE_COLUMNS)
)

_OTHER = E.alias("other")
_BY_ID = select(*VALUE_COLUMNS).where(among(E.c.id)).order_by(E.c.id)
_BY_CONTACT = select(*VALUE_COLUMNS).where(among(E.c.contact_id)).order_by(E.c.id)
_LIVE = _BY_CONTACT.where(IS_LIVE)
_CHILDREN = select(*VALUE_COLUMNS).where(among(E.c.parent), IS_LIVE).order_by(E.c.id)
_REOPENABLE = _BY_CONTACT.where(
    E.c.status == word(Status.LOST),
    E.c.reopen_until > now_param(),
    # The latest one only, and none while another is live; a live one is always the latest.
    ~exists().where(
        and_(_OTHER.c.contact_id == E.c.contact_id, _OTHER.c.workflow == E.c.workflow, _OTHER.c.id > E.c.id)
    ),
)


@cache
def _last_ends(dialect: str) -> AnySelect:
    pair = given(dialect, contact_id=E.c.contact_id, workflow=E.c.workflow)
    return (
        select(E.c.contact_id, E.c.workflow, func.max(E.c.ended_at, type_=UtcDateTime))
        .join(pair, and_(E.c.contact_id == pair.c.contact_id, E.c.workflow == pair.c.workflow))
        .where(E.c.ended_at.is_not(None))
        .group_by(E.c.contact_id, E.c.workflow)
    )


# --- rows and values --------------------------------------------------------------------------------------------


def _row(enrollment: Enrollment) -> dict[str, Any]:
    row = {name: getattr(enrollment, name) for name in VALUES}
    row["stages"] = {
        name: {"visits": record.visits, "clock_from": _text(record.clock_from), "validated": record.validated}
        for name, record in enrollment.stages.items()
    }
    row["ran"] = [[ran.step, _text(ran.due), *(() if ran.took_place else (False,))] for ran in enrollment.ran]
    return row


def value_of(row: AnyRow) -> Enrollment:
    """The enrollment in a row that begins with ``VALUE_COLUMNS``."""
    value = dict(zip(VALUES, row, strict=False))
    value["status"] = Status(value["status"])
    value["phase"] = Phase(value["phase"])
    value["entered_by"] = EnteredBy(value["entered_by"])
    value["stages"] = {
        name: StageRecord(record["visits"], _instant(record["clock_from"]), record["validated"])
        for name, record in value["stages"].items()
    }
    value["ran"] = tuple(Ran(step, datetime.fromisoformat(due), *rest) for step, due, *rest in value["ran"])
    return Enrollment(**value)


def _text(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
