"""What is older than it is to be kept: counted, and let go of in small bites.

Whole contacts are forgotten as in an erasure (``db.forgetting``); here are the rows that go while the contact stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    Text,
    Update,
    cast,
    delete,
    func,
    literal_column,
    or_,
    select,
    update,
)

from nurture.db.ledger_guard import erasing
from nurture.db.sets import given, limit_param, now_param, run_on, same_row, word
from nurture.db.tables import (
    ConsentRow,
    ContactRow,
    DeliveryRow,
    EnrollmentRow,
    HitRow,
    NoticeRow,
    ReportRow,
    TaskRow,
    TurnRow,
    table_of,
)
from nurture.model.words import Status, TaskState

CONTACTS, ENROLLMENTS, TASKS = table_of(ContactRow), table_of(EnrollmentRow), table_of(TaskRow)
DELIVERIES, CONSENTS, HITS = table_of(DeliveryRow), table_of(ConsentRow), table_of(HitRow)
REPORTS, NOTICES, TURNS = table_of(ReportRow), table_of(NoticeRow), table_of(TurnRow)

TRACES = ("ip", "user_agent")
"""What a proof of permission holds of the device that somebody used, also with a word in front (``confirmed_ip``)."""


def count(tx: Connection, rule: str, before: datetime) -> int:
    """How much of it is older than ``before``."""
    home, old = _OLD[rule]
    return tx.execute(select(func.count()).select_from(home).where(old), {"before": before}).scalar_one()


def quiet_contacts(tx: Connection, before: datetime, most: int) -> list[int]:
    """Contacts who did nothing since ``before`` and are in nothing now, the longest silent first."""
    return list(tx.execute(_QUIET, {"before": before, "most": most}).scalars())


def let_go(tx: Connection, rule: str, before: datetime, most: int) -> int:
    """Let go of at most ``most`` rows; returns how many went."""
    return _RULES[rule](tx, before, most)


def _delete(table: Table, old: ColumnElement[bool]) -> Callable[[Connection, datetime, int], int]:
    some = select(table.c.id).where(old).order_by(table.c.id).limit(limit_param("most"))
    query = delete(table).where(table.c.id.in_(some))
    return lambda tx, before, most: tx.execute(query, {"before": before, "most": most}).rowcount


def _strip_proofs(tx: Connection, before: datetime, most: int) -> int:
    """The words, the version, the time and the page stay; where somebody sat, and at which device, goes."""
    rows = [
        {"id": id_, "proof": {name: value for name, value in proof.items() if not name.endswith(TRACES)}}
        for id_, proof in tx.execute(_PROOFS, {"before": before, "most": most})
    ]
    if rows:
        with erasing(tx):
            run_on(tx, _write_proofs, rows)
    return len(rows)


# --- statements -------------------------------------------------------------------------------------------------

_BEFORE = now_param("before")
_BUSY = (
    select(ENROLLMENTS.c.id)
    .where(ENROLLMENTS.c.contact_id == CONTACTS.c.id, ENROLLMENTS.c.status == word(Status.ACTIVE))
    .exists(),
    select(TASKS.c.id)
    .where(TASKS.c.contact_id == CONTACTS.c.id, TASKS.c.state == word(TaskState.OPEN))
    .exists(),
    select(DELIVERIES.c.id)
    .where(DELIVERIES.c.contact_id == CONTACTS.c.id, DELIVERIES.c.ended_at.is_(None))
    .exists(),
)
_IS_QUIET = (CONTACTS.c.active_at < _BEFORE) & ~or_(*_BUSY)
_QUIET = (
    select(CONTACTS.c.id)
    .where(_IS_QUIET)
    .order_by(CONTACTS.c.active_at, CONTACTS.c.id)
    .limit(limit_param("most"))
)

_LATER = CONSENTS.alias("later")
_REPLACED = (
    select(_LATER.c.id)
    .where(
        _LATER.c.contact_id == CONSENTS.c.contact_id,
        _LATER.c.purpose == CONSENTS.c.purpose,
        _LATER.c.channel == CONSENTS.c.channel,
        _LATER.c.id > CONSENTS.c.id,
        _LATER.c.at < _BEFORE,
    )
    .exists()
)
_TRACED = or_(*(cast(CONSENTS.c.proof, Text).like(f'%{name}"%') for name in TRACES))
_IS_OVER = or_(
    (CONSENTS.c.action == literal_column("'withdrawn'")) & (CONSENTS.c.at < _BEFORE),
    CONSENTS.c.expires_at < _BEFORE,
    _REPLACED,
)
_PROOFS = (
    select(CONSENTS.c.id, CONSENTS.c.proof)
    .where(_TRACED, _IS_OVER)
    .order_by(CONSENTS.c.id)
    .limit(limit_param("most"))
)
_ENDED = select(ENROLLMENTS.c.id).where(ENROLLMENTS.c.ended_at < _BEFORE)

_OLD: Mapping[str, tuple[Table, ColumnElement[bool]]] = {
    "contacts_without_activity": (CONTACTS, _IS_QUIET),
    "proofs": (CONSENTS, _TRACED & _IS_OVER),
    "hits": (HITS, (HITS.c.at < _BEFORE) & HITS.c.grade.is_not(None)),
    "reports": (REPORTS, REPORTS.c.arrived_at < _BEFORE),
    "notices": (NOTICES, NOTICES.c.ended_at < _BEFORE),
    "turns": (TURNS, TURNS.c.enrollment_id.in_(_ENDED)),
}
_RULES: Mapping[str, Callable[[Connection, datetime, int], int]] = {
    "proofs": _strip_proofs,
    **{name: _delete(*_OLD[name]) for name in ("hits", "reports", "notices", "turns")},
}


@cache
def _write_proofs(dialect: str) -> Update:
    row = given(dialect, id=CONSENTS.c.id, proof=CONSENTS.c.proof)
    return update(CONSENTS).where(same_row(dialect, CONSENTS.c.id, row)).values(proof=row.c.proof)
