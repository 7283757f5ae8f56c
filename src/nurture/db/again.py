"""Messages that failed over their template, tried once more when somebody mended it: those that still belong where they would go.

A message whose contact has left its stage, or came to its step again since, stays as it ended: nobody gets the tips of four
weeks at once. What the law and manners say is asked again when it leaves.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, exists, func, null, or_, select, update

from nurture.db.deliveries import ENDED
from nurture.db.sets import among, now_param, word
from nurture.db.tables import DeliveryRow, EnrollmentRow, table_of
from nurture.model.words import Channel, DeliveryState, Reason, Status

D, E = table_of(DeliveryRow), table_of(EnrollmentRow)


def failed_over(tx: Connection, template: str, since: datetime) -> int:
    """How many messages of this template, planned at or after ``since``, failed over it and could be tried again."""
    return int(tx.execute(_COUNT, {"wanted": template, "since": since}).scalar_one())


def try_template(tx: Connection, template: str, since: datetime, now: datetime) -> list[int]:
    """Make them due now; returns their ids."""
    return _try(tx, _OF_TEMPLATE, {"wanted": template, "since": since, "now": now})


def try_these(tx: Connection, ids: Collection[int], now: datetime) -> list[int]:
    """Make those of these messages due now that failed over their template and still belong; returns their ids."""
    return _try(tx, (_may_go, among(D.c.id)), {"ids": ids, "now": now}) if ids else []


def _try(tx: Connection, which: Sequence[ColumnElement[bool]], values: Mapping[str, Any]) -> list[int]:
    # First their enrollments stand still: one that leaves its stage just now would clear what waits in it too early.
    tx.execute(_HELD.where(_held.c.id.in_(select(D.c.enrollment_id).where(*which))), values).all()
    return list(tx.execute(_AGAIN.where(*which).returning(D.c.id), values).scalars())


# --- statements -------------------------------------------------------------------------------------------------

_in_place: ColumnElement[bool] = exists(
    select(E.c.id).where(
        E.c.id == D.c.enrollment_id,
        E.c.status == word(Status.ACTIVE),
        E.c.stage == D.c.stage,
        E.c.resting.is_(False),
    )
)
_newer = D.alias("newer")
_followed: ColumnElement[bool] = exists(
    select(_newer.c.id).where(
        _newer.c.enrollment_id == D.c.enrollment_id,
        _newer.c.step == D.c.step,
        _newer.c.visit > D.c.visit,
    )
)
_may_go = and_(
    D.c.state == word(DeliveryState.FAILED),
    D.c.reason == word(Reason.TEMPLATE_FAILED),
    D.c.channel != word(Channel.WEBHOOK),
    or_(D.c.enrollment_id.is_(None), and_(_in_place, ~_followed)),
)
_held = E.alias("held")
_HELD = select(_held.c.id).order_by(_held.c.id).with_for_update()
_OF_TEMPLATE = (_may_go, D.c.template == bindparam("wanted"), D.c.planned_at >= bindparam("since"))
_COUNT = select(func.count()).select_from(D).where(*_OF_TEMPLATE)
_AGAIN = update(D).values(
    ENDED
    | {"state": DeliveryState.PENDING.value, "due": now_param(), "again_at": now_param(), "attempts": 0}
    | {"reason": null(), "detail": null(), "retry_at": null(), "ended_at": null()}
)
