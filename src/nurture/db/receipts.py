"""How the messages and calls of steps ended, and what already went to whom: the facts a turn asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Connection, Table, and_, func, or_, select, union_all

from nurture.db.sets import AnySelect, among, given, now_param, run_on, word
from nurture.db.tables import DeliveryRow, TaskRow, table_of
from nurture.model.words import Channel, DeliveryState, Receipt, ReceiptState, TaskState

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


@dataclass(frozen=True, slots=True)
class Spent:
    """A marketing message or a call, as caps count it; ``at`` is None while it waits, and is to go when ``due``."""

    id: int
    contact_id: int
    channel: Channel
    due: datetime
    at: datetime | None

    def moment(self, now: datetime) -> datetime:
        """What waits longer than it should may go any moment: it counts as now."""
        return self.at or max(self.due, now)


def spent(
    tx: Connection, contact_ids: Collection[int], channels: Collection[Channel], since: datetime
) -> list[Spent]:
    """What caps on these channels count for these contacts: what went since a moment, and all that waits.

    A message that was skipped or failed does not count, nor a call that was called off or that nobody made.
    """
    if not contact_ids:
        return []
    values = {"ids": contact_ids, "since": since}
    written = [one.value for one in channels if one is not Channel.PHONE]
    messages = tx.execute(_MESSAGES, {**values, "channels": written}).all() if written else ()
    calls = tx.execute(_CALLS, values).all() if Channel.PHONE in channels else ()
    return [
        *(Spent(row.id, row.contact_id, Channel(row.channel), row.due, row.ended_at) for row in messages),
        *(Spent(row.id, row.contact_id, Channel.PHONE, row.due, row.ended_at) for row in calls),
    ]


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
_MESSAGES = select(_D.c.id, _D.c.contact_id, _D.c.channel, _D.c.due, _D.c.ended_at).where(
    among(_D.c.contact_id),
    among(_D.c.channel, "channels"),
    _D.c.marketing,
    _WENT_OR_WILL,
    or_(_D.c.ended_at.is_(None), _D.c.ended_at >= now_param("since")),
)
_MADE_OR_OPEN = or_(_T.c.state == word(TaskState.OPEN), _T.c.state == word(TaskState.DONE))
_CALLS = select(_T.c.id, _T.c.contact_id, _T.c.due, _T.c.ended_at).where(
    among(_T.c.contact_id), _MADE_OR_OPEN, or_(_T.c.ended_at.is_(None), _T.c.ended_at >= now_param("since"))
)
