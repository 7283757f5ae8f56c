"""How much waits: what schedulers ask every second, counted only as far as it matters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, or_, select

from nurture.db import enrollments, hooks, notices, outbox
from nurture.db.sets import now_param, word
from nurture.db.tables import DeliveryRow, EnrollmentRow, table_of
from nurture.model.words import DeliveryState

E = table_of(EnrollmentRow)
D = table_of(DeliveryRow)
MOST = 5_000
"""Beyond this many it only matters that there are many."""


@dataclass(frozen=True, slots=True)
class Due:
    """Enrollments that wait for a turn, and messages that wait to leave, notices of our own among them.

    Never more than ``MOST`` of each. ``webhooks`` counts the endpoints that something waits for.
    """

    turns: int
    deliveries: int
    webhooks: int = 0


def count(tx: Connection, now: datetime, operational: datetime) -> Due:
    values = {"now": now, "operational": operational, "too_far": operational + enrollments.AHEAD}
    turns = tx.execute(_TURNS, values).scalar_one()
    deliveries = tx.execute(_DELIVERIES, values).scalar_one()
    return Due(
        turns,
        min(MOST, deliveries + notices.waiting(tx, operational, MOST)),
        len(hooks.waiting_for(tx, now, operational)),
    )


_TURNS = select(func.count()).select_from(
    select(E.c.id)
    .where(
        E.c.wake_at <= now_param(),
        enrollments.FREE,
    )
    .limit(MOST)
    .subquery()
)
_DELIVERIES = select(func.count()).select_from(
    select(D.c.id)
    .where(
        D.c.state == word(DeliveryState.PENDING),
        outbox.IS_MAIL,
        D.c.due <= now_param(),
        or_(D.c.retry_at.is_(None), D.c.retry_at <= now_param("operational")),
    )
    .limit(MOST)
    .subquery()
)
