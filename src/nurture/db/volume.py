"""How much each workflow planned to send since a moment: what the breaker looks at once a minute."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, func, or_, select

from nurture.db.deliveries import D
from nurture.db.sets import now_param, pairs, word
from nurture.db.tables import PauseRow, table_of
from nurture.model.words import Channel, DeliveryState

P = table_of(PauseRow)
BREAKER = "nurture"
"""Whom the audit log and the pauses name when a workflow was paused by itself."""


def planned_since(tx: Connection, since: datetime) -> dict[str, int]:
    """Messages to contacts, by workflow: those planned since a moment (business time) and not skipped.

    After a person let a workflow go that the breaker had paused, its count begins anew.
    """
    return pairs(tx.execute(_PLANNED, {"since": since, "by": BREAKER}))


_RESUMED = (
    select(P.c.workflow, func.max(P.c.until).label("until"))
    .where(P.c.actor == bindparam("by"), P.c.workflow.is_not(None), P.c.until >= now_param("since"))
    .group_by(P.c.workflow)
    .subquery()
)
_PLANNED = (
    select(D.c.workflow, func.count())
    .outerjoin(_RESUMED, _RESUMED.c.workflow == D.c.workflow)
    .where(
        D.c.planned_at >= now_param("since"),
        D.c.channel == word(Channel.EMAIL),
        D.c.state != word(DeliveryState.SKIPPED),
        and_(D.c.workflow.is_not(None), or_(_RESUMED.c.until.is_(None), D.c.planned_at > _RESUMED.c.until)),
    )
    .group_by(D.c.workflow)
)
