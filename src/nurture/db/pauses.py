"""Pauses: spans in which timers stand still, for everything, one workflow or one contact; and the rests contacts choose.

A rest is a contact's own pause, beside whatever our people hold: it has an end from the start, and only the contact or
that end ends it. A resume wakes who was parked; nobody is bombarded, since due times move on by the engine's rules, not here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, bindparam, insert, literal_column, or_, select, update

from nurture.db.enrollments import IS_LIVE, TAKEN_AWAY, E
from nurture.db.sets import AnyRow, among, now_param
from nurture.db.tables import PauseRow, table_of
from nurture.model.preferences import THEMSELVES
from nurture.model.words import Pause

P = table_of(PauseRow)


class PauseScope(StrEnum):
    EVERYTHING = "everything"
    WORKFLOW = "workflow"
    CONTACT = "contact"


@dataclass(frozen=True, slots=True)
class PauseRecord:
    """One pause: of what, from when until when (None: it lasts), why and by whom; ``ends_at``: by itself."""

    id: int
    scope: PauseScope
    workflow: str | None
    contact_id: int | None
    since: datetime
    until: datetime | None
    reason: str
    actor: str | None
    ends_at: datetime | None = None

    @property
    def own(self) -> bool:
        """A rest that the contact chose."""
        return self.actor == THEMSELVES


def begin(
    tx: Connection,
    now: datetime,
    *,
    workflow: str | None = None,
    contact_id: int | None = None,
    reason: str = "",
    actor: str | None = None,
) -> bool:
    """Pause a workflow, a contact, or with neither everything. False when it was paused already, but for a rest."""
    if _open_of(tx, workflow, contact_id):
        return False
    scope = _scope(workflow, contact_id)
    values = {"scope": scope.value, "workflow": workflow, "contact_id": contact_id, "since": now}
    tx.execute(insert(P), {**values, "until": None, "reason": reason, "actor": actor})
    return True


def end(tx: Connection, now: datetime, *, workflow: str | None = None, contact_id: int | None = None) -> bool:
    """Resume, and wake the live enrollments that had been parked. False when it was not paused; a rest goes on."""
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


def rest(tx: Connection, now: datetime, contact_id: int, ends_at: datetime) -> bool:
    """The contact wants to rest from us until ``ends_at``; a rest that lasts ends then instead. False: it did so already.

    Lock the contact first (``contacts.lock``).
    """
    lasting = resting(tx, contact_id)
    if lasting is None:
        values = {"scope": PauseScope.CONTACT.value, "contact_id": contact_id, "since": now, "until": None}
        tx.execute(insert(P), {**values, "ends_at": ends_at, "reason": "", "actor": THEMSELVES})
        return True
    if lasting.ends_at == ends_at:
        return False
    tx.execute(_EXTEND, {"rest": lasting.id, "ends_at": ends_at})
    return True


def resting(tx: Connection, contact_id: int) -> PauseRecord | None:
    """The rest of this contact, if they chose one that lasts."""
    return next((one for one in open_pauses(tx, [contact_id]) if one.own), None)


def over(tx: Connection, now: datetime, limit: int) -> list[int]:
    """The contacts whose rest is over by now, at most so many, the oldest first."""
    return list(tx.execute(_OVER, {"now": now, "most": limit}).scalars())


def end_rests(tx: Connection, now: datetime, contact_ids: Collection[int]) -> int:
    """End the rests of these contacts, and wake their live enrollments; returns how many rests that were."""
    ended = tx.execute(_END_RESTS, {"ids": contact_ids, "now": now}).rowcount if contact_ids else 0
    if ended:
        tx.execute(_WAKE, {"ids": contact_ids, "now": now})
    return ended


def open_pauses(tx: Connection, contact_ids: Collection[int] | None = None) -> list[PauseRecord]:
    """The pauses that last, oldest first: those of everything and of workflows, and these contacts' (None: all contacts')."""
    if contact_ids is None:
        return [_record(row) for row in tx.execute(_OPEN)]
    return [_record(row) for row in tx.execute(_OPEN_FOR, {"ids": contact_ids})]


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
            Pause(row.since, row.until, row.actor == THEMSELVES, row.ends_at if row.until is None else None)
            for row in rows
            if (row.workflow is None or row.workflow == workflow)
            and (row.contact_id is None or row.contact_id == contact)
        ]
        if spans:
            found[contact, workflow] = _joined(spans)
    return found


def _joined(spans: Sequence[Pause]) -> tuple[Pause, ...]:
    """Spans that touch or overlap, as one: a clock that stands still twice at once stands still once.

    One that lasts is the contact's own only if none of ours lasts beside it.
    """
    lasting = [span for span in spans if span.until is None]
    own = bool(lasting) and all(span.own for span in lasting)
    ends = lasting[0].ends if own else None

    def joined_to(since: datetime, span: Pause) -> Pause:
        return Pause(since, span.until) if span.until else Pause(since, own=own, ends=ends)

    joined: list[Pause] = []
    for span in sorted(spans, key=lambda span: span.since):
        last = joined[-1] if joined else None
        if last is None or (last.until is not None and last.until < span.since):
            joined.append(joined_to(span.since, span))
        elif last.until is not None and (span.until is None or span.until > last.until):
            joined[-1] = joined_to(last.since, span)
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
        for pause in open_pauses(tx, [contact_id] if contact_id is not None else [])
        if (pause.scope, pause.workflow, pause.contact_id) == (scope, workflow, contact_id) and not pause.own
    ]


_LASTS = P.c.until.is_(None)
_OPEN = select(P).where(_LASTS).order_by(P.c.id)
_OPEN_FOR = select(P).where(_LASTS, or_(P.c.contact_id.is_(None), among(P.c.contact_id))).order_by(P.c.id)
_END = update(P).where(among(P.c.id)).values(until=now_param())
_IS_OWN = P.c.actor == literal_column(f"'{THEMSELVES}'")
_EXTEND = update(P).where(P.c.id == bindparam("rest")).values(ends_at=bindparam("ends_at"))
_OVER = (
    select(P.c.contact_id)
    .where(_LASTS, P.c.ends_at.is_not(None), P.c.ends_at <= now_param(), _IS_OWN)
    .order_by(P.c.ends_at, P.c.id)
    .limit(bindparam("most"))
)
_END_RESTS = update(P).where(_LASTS, _IS_OWN, among(P.c.contact_id)).values(until=now_param())
_WAKE = update(E).where(IS_LIVE, among(E.c.contact_id)).values(TAKEN_AWAY | {"wake_at": now_param()})
_FOR = (
    select(P.c.workflow, P.c.contact_id, P.c.since, P.c.until, P.c.ends_at, P.c.actor)
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
        row.ends_at,
    )
