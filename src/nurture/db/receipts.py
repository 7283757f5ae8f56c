"""How the messages and calls of steps ended, and what already went to whom: the facts a turn asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Connection, Table, and_, func, or_, select, union_all

from nurture.db.sets import AnySelect, among, given, now_param, run_on, word
from nurture.db.tables import DeliveryRow, TaskRow, table_of
from nurture.db.types import UtcDateTime
from nurture.model.words import DeliveryState, Receipt, ReceiptState

_D = table_of(DeliveryRow)
_T = table_of(TaskRow)


def receipts(tx: Connection, acting: Mapping[int, tuple[str, int]]) -> dict[int, Receipt]:
    """The receipt of the step each enrollment acts on: ``{enrollment id: (step, visit)}``.

    Those whose message or call is not over yet are left out. A call that was made has its outcome as the reason.
    """
    rows = [
        {"enrollment_id": enrollment, "step": step, "visit": visit}
        for enrollment, (step, visit) in acting.items()
    ]
    if not rows:
        return {}
    return {
        enrollment: Receipt(step, visit, ReceiptState(state), at, reason)
        for enrollment, step, visit, state, at, reason in run_on(tx, _receipts, rows)
    }


def recent_marketing(
    tx: Connection, contact_ids: Collection[int], since: datetime
) -> dict[int, tuple[datetime, ...]]:
    """When marketing messages went, or will go, to each contact since a moment, in order; none: left out."""
    if not contact_ids:
        return {}
    found: dict[int, list[datetime]] = {}
    for contact, at in tx.execute(_RECENT, {"ids": contact_ids, "since": since}):
        found.setdefault(contact, []).append(at)
    return {contact: tuple(moments) for contact, moments in found.items()}


@cache
def _receipts(dialect: str) -> CompoundSelect[*tuple[Any, ...]]:
    acting = given(dialect, enrollment_id=_D.c.enrollment_id, step=_D.c.step, visit=_D.c.visit)

    def ended(table: Table, reason: ColumnElement[str]) -> AnySelect:
        return (
            select(
                table.c.enrollment_id, table.c.step, table.c.visit, table.c.state, table.c.ended_at, reason
            )
            .select_from(acting)
            .join(
                table,
                and_(
                    table.c.enrollment_id == acting.c.enrollment_id,
                    table.c.step == acting.c.step,
                    table.c.visit == acting.c.visit,
                ),
            )
            .where(table.c.ended_at.is_not(None))
        )

    return union_all(ended(_D, _D.c.reason), ended(_T, func.coalesce(_T.c.outcome, _T.c.reason)))


_WENT_OR_WILL = or_(
    *(
        _D.c.state == word(state)
        for state in DeliveryState
        if state not in (DeliveryState.SKIPPED, DeliveryState.FAILED)
    )
)
_MOMENT = func.coalesce(_D.c.ended_at, _D.c.due, type_=UtcDateTime)
_RECENT = (
    select(_D.c.contact_id, _MOMENT)
    .where(among(_D.c.contact_id), _D.c.marketing, _WENT_OR_WILL, now_param("since") <= _MOMENT)
    .order_by(_MOMENT)
)
