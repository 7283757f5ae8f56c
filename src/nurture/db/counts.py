"""How many: the few numbers that commands and pages tell beside their answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select

from nurture.db.outbox import IS_MAIL, IS_WEBHOOK
from nurture.db.outcomes import PENDING
from nurture.db.sets import among, now_param, word
from nurture.db.tables import (
    ContactRow,
    DeliveryRow,
    EnrollmentRow,
    EventRow,
    OutcomeRow,
    TaskRow,
    TransitionRow,
    table_of,
)
from nurture.db.types import UtcDateTime
from nurture.model.words import Channel, DeliveryState, Status, TaskState

E = table_of(EnrollmentRow)
D = table_of(DeliveryRow)
T = table_of(TaskRow)
EVENTS = table_of(EventRow)
MOVES = table_of(TransitionRow)
OUTCOMES = table_of(OutcomeRow)
CONTACTS = table_of(ContactRow)


def contacts_under_way(tx: Connection, workflow: str | None = None, contact_id: int | None = None) -> int:
    """How many contacts have a live enrollment: in one workflow, of one contact, or at all."""
    query = select(func.count(E.c.contact_id.distinct())).where(E.c.status == word(Status.ACTIVE))
    if workflow is not None:
        query = query.where(E.c.workflow == bindparam("workflow"))
    if contact_id is not None:
        query = query.where(E.c.contact_id == bindparam("contact"))
    return tx.execute(query, {"workflow": workflow, "contact": contact_id}).scalar_one()


def next_moment(tx: Connection, after: datetime | None = None) -> datetime | None:
    """When the next thing falls due (business time): a turn, a message, the end of a call, what was said of one.

    None: nothing waits.
    ``after`` leaves out what fell due by then, done or not.
    """
    moments = [
        tx.execute(first if after is None else first.where(column > now_param("after")), {"after": after})
        for first, column in (
            (_NEXT_TURN, E.c.wake_at),
            (_NEXT_MESSAGE, D.c.due),
            (_NEXT_WEBHOOK, D.c.due),
            (_NEXT_EXPIRY, T.c.expires),
            (_NEXT_OUTCOME, OUTCOMES.c.settles_at),
        )
    ]
    return min((at for moment in moments if (at := moment.scalar_one()) is not None), default=None)


@dataclass(frozen=True, slots=True)
class Done:
    """What was done in a span of business time: messages that went to contacts, calls that appeared."""

    messages: int
    calls: int


def done_between(tx: Connection, since: datetime, until: datetime) -> Done:
    """After ``since``, up to and with ``until``. For demos: it reads every message and call."""
    values = {"since": since, "until": until}
    return Done(tx.execute(_SENT, values).scalar_one(), tx.execute(_APPEARED, values).scalar_one())


def waiting_since(tx: Connection, now: datetime) -> datetime | None:
    """Since when the oldest work that may be done now waits (business time); None when none does."""
    oldest: datetime | None = tx.execute(_NEXT_TURN).scalar_one()
    return oldest if oldest is not None and oldest <= now else None


def known_external(tx: Connection, external_ids: list[str]) -> int:
    """How many of these ids from outside are stored."""
    query = select(func.count()).where(among(EVENTS.c.external_id, "externals"))
    return tx.execute(query, {"externals": external_ids}).scalar_one()


def funnel(tx: Connection) -> list[tuple[str, str, str, int]]:
    """How many enrollments stand, or ended, where: (workflow, stage, status, count)."""
    rows = tx.execute(_FUNNEL).all()
    return [(row.workflow, row.stage, row.status, row.number) for row in rows]


@dataclass(frozen=True, slots=True)
class LastMove:
    """The last change of stage of one enrollment."""

    email: str
    workflow: str
    stage: str
    change: str
    reason: str


def last_moves(tx: Connection) -> list[LastMove]:
    """How far every enrollment came, the longest stories first."""
    return [LastMove(*row) for row in tx.execute(_LAST_MOVES)]


_MOVES_OF = (
    select(MOVES.c.enrollment_id, func.max(MOVES.c.id).label("last"), func.count().label("number"))
    .group_by(MOVES.c.enrollment_id)
    .subquery()
)
_LAST_MOVES = (
    select(CONTACTS.c.email, MOVES.c.workflow, MOVES.c.stage, MOVES.c.change, MOVES.c.reason)
    .join(_MOVES_OF, _MOVES_OF.c.last == MOVES.c.id)
    .join(CONTACTS, CONTACTS.c.id == MOVES.c.contact_id)
    .order_by(_MOVES_OF.c.number.desc(), MOVES.c.id)
)
_NEXT_TURN = select(func.min(E.c.wake_at, type_=UtcDateTime))
_NEXT_DELIVERY = select(func.min(D.c.due, type_=UtcDateTime)).where(D.c.state == word(DeliveryState.PENDING))
_NEXT_MESSAGE, _NEXT_WEBHOOK = _NEXT_DELIVERY.where(IS_MAIL), _NEXT_DELIVERY.where(IS_WEBHOOK)
_NEXT_EXPIRY = select(func.min(T.c.expires, type_=UtcDateTime)).where(T.c.state == word(TaskState.OPEN))
_NEXT_OUTCOME = select(func.min(OUTCOMES.c.settles_at, type_=UtcDateTime)).where(PENDING)
_SENT = select(func.count(D.c.id)).where(
    D.c.state == word(DeliveryState.SENT),
    D.c.channel == word(Channel.EMAIL),
    D.c.ended_at > now_param("since"),
    D.c.ended_at <= now_param("until"),
)
_APPEARED = select(func.count(T.c.id)).where(
    T.c.appeared_at > now_param("since"), T.c.appeared_at <= now_param("until")
)
_FUNNEL = (
    select(E.c.workflow, E.c.stage, E.c.status, func.count().label("number"))
    .group_by(E.c.workflow, E.c.stage, E.c.status)
    .order_by(E.c.workflow, E.c.stage, E.c.status)
)
