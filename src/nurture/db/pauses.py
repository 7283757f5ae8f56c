"""Pauses: spans in which timers stand still, for everything, one workflow or one contact.

A resume wakes who was parked; nobody is bombarded, since due times move on by the engine's rules, not here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from nurture.db.enrollments import IS_LIVE, TAKEN_AWAY, E
from nurture.db.sets import AnyRow, among, now_param
from nurture.db.tables import PauseRow, table_of
from nurture.model.words import Pause

P = table_of(PauseRow)


class PauseScope(StrEnum):
    EVERYTHING = "everything"
    WORKFLOW = "workflow"
    CONTACT = "contact"


@dataclass(frozen=True, slots=True)
class PauseRecord:
    """One pause: of what, from when until when (None: it lasts), why and by whom."""

    id: int
    scope: PauseScope
    workflow: str | None
    contact_id: int | None
    since: datetime
    until: datetime | None
    reason: str
    actor: str | None


def begin(
    tx: Connection,
    now: datetime,
    *,
    workflow: str | None = None,
    contact_id: int | None = None,
    reason: str = "",
    actor: str | None = None,
) -> bool:
    """Pause a workflow, a contact, or with neither everything. False when it was paused already."""
    if _open_of(tx, workflow, contact_id):
        return False
    scope = _scope(workflow, contact_id)
    values = {"scope": scope.value, "workflow": workflow, "contact_id": contact_id, "since": now}
    tx.execute(insert(P), {**values, "until": None, "reason": reason, "actor": actor})
    return True


def end(tx: Connection, now: datetime, *, workflow: str | None = None, contact_id: int | None = None) -> bool:
    """Resume, and wake the live enrollments that had been parked. False when it was not paused."""
    ids = [row.id for row in _open_of(tx, workflow, contact_id)]
    if not ids:
        return False
    tx.execute(_END, {"ids": ids, "now": now})
    parked = update(E).where(IS_LIVE).values(TAKEN_AWAY | {"wake_at": now_param()})
    if workflow is not None:
        tx.execute(parked.where(E.c.workflow == bindparam("of")), {"now": now, "of": workflow})
    elif contact_id is not None:
        tx.execute(parked.where(E.c.contact_id == bindparam("of")), {"now": now, "of": contact_id})
    else:
        tx.execute(parked, {"now": now})
    return True


def open_pauses(tx: Connection) -> list[PauseRecord]:
    """The pauses that last, oldest first."""
    return [_record(row) for row in tx.execute(select(P).where(P.c.until.is_(None)).order_by(P.c.id))]


def pauses_for(
    tx: Connection, pairs: Collection[tuple[int, str]]
) -> dict[tuple[int, str], tuple[Pause, ...]]:
    """The spans in which each ``(contact id, workflow)`` stood still, in order, without overlaps; none: left out."""
    if not pairs:
        return {}
    rows = tx.execute(_FOR, {"ids": {contact for contact, _ in pairs}}).all()
    if not rows:
        return {}
    found = {}
    for contact, workflow in pairs:
        spans = [
            (row.since, row.until)
            for row in rows
            if (row.workflow is None or row.workflow == workflow)
            and (row.contact_id is None or row.contact_id == contact)
        ]
        if spans:
            found[contact, workflow] = _joined(spans)
    return found


def _joined(spans: Sequence[tuple[datetime, datetime | None]]) -> tuple[Pause, ...]:
    """Spans that touch or overlap, as one: a clock that stands still twice at once stands still once."""
    joined: list[Pause] = []
    for since, until in sorted(spans, key=lambda span: span[0]):
        last = joined[-1] if joined else None
        if last is None or (last.until is not None and last.until < since):
            joined.append(Pause(since, until))
        elif last.until is not None and (until is None or until > last.until):
            joined[-1] = Pause(last.since, until)
    return tuple(joined)


def _scope(workflow: str | None, contact_id: int | None) -> PauseScope:
    if workflow is not None and contact_id is not None:
        raise ValueError("a pause is for a workflow or for a contact, not for both")
    if workflow is not None:
        return PauseScope.WORKFLOW
    return PauseScope.CONTACT if contact_id is not None else PauseScope.EVERYTHING


def _open_of(tx: Connection, workflow: str | None, contact_id: int | None) -> list[PauseRecord]:
    scope = _scope(workflow, contact_id)
    return [
        pause
        for pause in open_pauses(tx)
        if (pause.scope, pause.workflow, pause.contact_id) == (scope, workflow, contact_id)
    ]


_END = update(P).where(among(P.c.id)).values(until=now_param())
_FOR = (
    select(P.c.workflow, P.c.contact_id, P.c.since, P.c.until)
    .where(or_(P.c.contact_id.is_(None), among(P.c.contact_id)))
    .order_by(P.c.since)
)


def _record(row: AnyRow) -> PauseRecord:
    return PauseRecord(
        row.id,
        PauseScope(row.scope),
        row.workflow,
        row.contact_id,
        row.since,
        row.until,
        row.reason,
        row.actor,
    )
