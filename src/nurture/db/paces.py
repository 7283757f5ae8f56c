"""Where each sender's rate stands, for all workers at once, and the messages that wait for their turn.

A meter is locked until its transaction ends: two workers never give the same turn. Which turns are given is decided in
``model.pace``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, Text, Update, bindparam, delete, func, null, select, update

from nurture.db import leave
from nurture.db.deliveries import ENDED, D
from nurture.db.sets import among, given, insert_rows, limit_param, now_param, run_on, same_row, word
from nurture.db.tables import EnrollmentRow, PaceRow, table_of
from nurture.model.pace import MINUTE, Meter
from nurture.model.words import Channel, DeliveryState, Reason

P = table_of(PaceRow)
E = table_of(EnrollmentRow)


@dataclass(frozen=True, slots=True)
class Held:
    """A claimed message that goes back until its turn (operational time); ``said`` is which rate, or what, holds it."""

    id: int
    fence: int
    until: datetime
    said: str
    reason: Reason = Reason.RATE_LIMIT


def lock(tx: Connection, names: Set[str], operational: datetime) -> dict[str, Meter]:
    """The meters of these names, ours until the transaction ends; one that is new is in step."""
    rows = [
        {"name": name, "in_step_at": operational, "promised_at": operational - MINUTE}
        for name in sorted(names)
    ]
    insert_rows(tx, P, rows, skip_conflicts=True)
    found = {name: Meter(in_step, promised) for name, in_step, promised in tx.execute(_LOCK, {"ids": names})}
    return found if len(found) == len(rows) else lock(tx, names, operational)  # forgotten in this very moment


def save(tx: Connection, meters: Mapping[str, Meter]) -> None:
    """Write down how far these meters have moved."""
    rows = [
        {"name": name, "in_step_at": meter.in_step_at, "promised_at": meter.promised_at}
        for name, meter in meters.items()
    ]
    if rows:
        run_on(tx, _save, rows)


def hold(tx: Connection, held: Sequence[Held]) -> None:
    """Give these claims back until their turn: no attempt was made, and none is counted."""
    rows = [
        {
            "id": one.id,
            "fence": one.fence,
            "retry_at": one.until,
            "detail": one.said,
            "reason": one.reason.value,
        }
        for one in held
    ]
    if rows:
        run_on(tx, _hold, rows)


def ahead(tx: Connection, said: str, before: datetime, most: int) -> list[datetime]:
    """When those fell due (business time) that wait in words that begin so and ask again before ``before``: at most so many.

    The oldest first; without those that a pause holds, for nobody knows when they come.
    """
    values = {"said": said, "before": before, "most": most}
    return list(tx.execute(_AHEAD, values).scalars())


def wake(tx: Connection, reason: Reason) -> int:
    """Let all that are held for this reason ask again at once; returns how many."""
    return tx.execute(_WAKE, {"why": reason.value}).rowcount


def forget(tx: Connection, operational: datetime) -> None:
    """Forget the meters that have been in step for a minute: a new one would say the same."""
    tx.execute(_FORGET, {"before": operational - MINUTE})


# --- statements -------------------------------------------------------------------------------------------------

# In one order, so that two workers never wait for each other.
_LOCK = select(P.c.name, P.c.in_step_at, P.c.promised_at).where(among(P.c.name)).order_by(P.c.name)
_LOCK = _LOCK.with_for_update()
_FORGET = delete(P).where(P.c.in_step_at < now_param("before"), P.c.promised_at < now_param("before"))
_AHEAD = (
    select(D.c.due)
    .outerjoin(E, E.c.id == D.c.enrollment_id)
    .where(
        # As the index of what is pending has it.
        D.c.state == word(DeliveryState.PENDING),
        D.c.channel != word(Channel.WEBHOOK),
        D.c.reason == word(Reason.RATE_LIMIT),
        D.c.retry_at < now_param("before"),
        func.substr(D.c.detail, 1, func.length(bindparam("said", type_=Text)))
        == bindparam("said", type_=Text),
        ~leave.unread(),
        ~leave.paused(),
    )
    .order_by(D.c.due, D.c.id)
    .limit(limit_param("most"))
)
_WAKE = (
    update(D)
    .where(D.c.state == word(DeliveryState.PENDING), D.c.reason == bindparam("why", type_=Text))
    .values(retry_at=null())
)


@cache
def _save(dialect: str) -> Update:
    row = given(dialect, name=P.c.name, in_step_at=P.c.in_step_at, promised_at=P.c.promised_at)
    moved = {"in_step_at": row.c.in_step_at, "promised_at": row.c.promised_at}
    return update(P).where(P.c.name == row.c.name).values(moved)


@cache
def _hold(dialect: str) -> Update:
    named = ("id", "fence", "retry_at", "detail", "reason")
    row = given(dialect, **{name: D.c[name] for name in named})
    return (
        update(D)
        .where(
            same_row(dialect, D.c.id, row),
            D.c.fence == row.c.fence,
            D.c.state == word(DeliveryState.CLAIMED),
        )
        .values(
            ENDED
            | {"state": DeliveryState.PENDING.value, "reason": row.c.reason}
            | {"retry_at": row.c.retry_at, "detail": row.c.detail}
        )
    )
