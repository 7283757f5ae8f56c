"""Take work from workers that are gone: what they had not begun goes back, what nobody saw the end of is in doubt.

Nothing is ever sent again on a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, or_, update

from nurture.db.deliveries import ENDED, D
from nurture.db.enrollments import rearm
from nurture.db.outbox import IS_MAIL, IS_WEBHOOK, LEASE
from nurture.db.sets import now_param, word
from nurture.model.words import DeliveryState, Reason


@dataclass(frozen=True, slots=True)
class Rescued:
    """How many lapsed claims went back to pending, and how many dialogues broke off unseen."""

    returned: int
    ambiguous: int


def rescue(tx: Connection, now: datetime, operational: datetime) -> Rescued:
    """Take lapsed work from dead workers: a claim goes back, a dialogue becomes ambiguous and its enrollment goes on.

    A webhook goes back in any case: sent again it bears the same id, by which the other side knows it. A lease taken
    while the clock was ahead is cut to one from now: whoever lives renews it, and a dead worker's lapses as ever.
    """
    tx.execute(_CUT, {"too_far": operational + 2 * LEASE, "lapses": operational + LEASE})
    returned = tx.execute(_RETURN_LAPSED, {"operational": operational}).rowcount
    broken = tx.execute(_BREAK_OFF, {"now": now, "operational": operational}).all()
    rearm(tx, broken, now)
    return Rescued(returned, len(broken))


# --- statements -------------------------------------------------------------------------------------------------

_CLAIMED, _SENDING = word(DeliveryState.CLAIMED), word(DeliveryState.SENDING)
# Said as their index says it: SQLite would read every message otherwise.
_IN_HAND = D.c.state.in_((_CLAIMED, _SENDING))
_CUT = (
    update(D).where(_IN_HAND, D.c.lease_until > now_param("too_far")).values(lease_until=now_param("lapses"))
)
_LAPSED = and_(_IN_HAND, D.c.lease_until < now_param("operational"))
_RETURN_LAPSED = (
    update(D)
    .where(or_(D.c.state == _CLAIMED, and_(D.c.state == _SENDING, IS_WEBHOOK)), _LAPSED)
    .values(ENDED | {"state": DeliveryState.PENDING.value})
)
_BREAK_OFF = (
    update(D)
    .where(D.c.state == _SENDING, IS_MAIL, _LAPSED)
    .values(
        ENDED
        | {"state": DeliveryState.AMBIGUOUS.value, "reason": Reason.INTERRUPTED.value}
        | {"ended_at": now_param()}
    )
    .returning(D.c.enrollment_id, D.c.step, D.c.visit)
)
