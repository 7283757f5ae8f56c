"""What waits for a person, in numbers: messages in doubt, calls that are late, people with too much on their list.

Each answer is one statement. What it means and what to do about it is said in ``services.running.needs``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import ColumnElement, Connection, FromClause, ScalarSelect, and_, bindparam, func, or_, select

from nurture.db.outbox import IS_MAIL
from nurture.db.sets import AnySelect, given, now_param, pairs, run_on, word
from nurture.db.tables import DeliveryRow, EnrollmentRow, SuppressionRow, TaskRow, table_of
from nurture.model.words import DeliveryState, Phase, Status, SuppressionReason, TaskState

E = table_of(EnrollmentRow)
D = table_of(DeliveryRow)
T = table_of(TaskRow)
S = table_of(SuppressionRow)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many of each wait for a person. ``failed`` and ``bounced`` are counted since the moment that was asked for."""

    ambiguous: int
    failed: int
    bounced: int
    troubled: int
    calls_late: int
    calls_unassigned: int


@dataclass(frozen=True, slots=True)
class DueSteps:
    """Live enrollments of one version whose step falls due in a span."""

    version: str
    step: str
    count: int


def waiting(tx: Connection, now: datetime, since: datetime) -> Waiting:
    """What waits now (business time); failures and bounces since ``since``."""
    failed = pairs(tx.execute(_UNDELIVERED, {"since": since}))
    return Waiting(
        failed.get(DeliveryState.AMBIGUOUS, 0),
        failed.get(DeliveryState.FAILED, 0),
        *tx.execute(_WAITING, {"now": now, "since": since}).one(),
    )


def calls_until(tx: Connection, until: datetime) -> dict[str | None, int]:
    """How many open calls each person (by key) is to make before ``until``, late ones included; None: nobody's."""
    return pairs(tx.execute(_CALLS_UNTIL, {"until": until}))


def messages_until(tx: Connection, until: datetime) -> int:
    """How many planned messages may leave before ``until``."""
    return tx.execute(_MESSAGES_UNTIL, {"until": until}).scalar_one()


def steps_until(tx: Connection, until: datetime) -> list[DueSteps]:
    """Whose next step falls due before ``until``, by step; paused ones sleep and are left out."""
    return [DueSteps(*row) for row in tx.execute(_STEPS_UNTIL, {"until": until})]


def held_steps(
    tx: Connection, now: datetime, workflow: str | None = None, contact_id: int | None = None
) -> list[DueSteps]:
    """Whose step has fallen due although timers stand still: of one workflow, of one contact, or of all."""
    query = _HELD if workflow is None else _HELD.where(E.c.workflow == bindparam("workflow"))
    if contact_id is not None:
        query = query.where(E.c.contact_id == bindparam("contact"))
    values = {"now": now, "workflow": workflow, "contact": contact_id}
    return [DueSteps(*row) for row in tx.execute(query, values)]


def late_steps(tx: Connection, limits: Sequence[tuple[str, str, datetime]]) -> dict[tuple[str, str], int]:
    """How many at each ``(version, step)`` fell due before the moment given with it."""
    rows = [{"version": version, "step": step, "before": before} for version, step, before in limits]
    if not rows:
        return {}
    return {(row.version, row.step): row.number for row in run_on(tx, _late, rows)}


# --- statements -------------------------------------------------------------------------------------------------

_IS_OPEN = T.c.state == word(TaskState.OPEN)
_PENDING = and_(D.c.state == word(DeliveryState.PENDING), IS_MAIL)
_AT_A_TIMER = and_(E.c.status == word(Status.ACTIVE), E.c.phase == word(Phase.WAITING))
_NUMBER = func.count().label("number")


def _count(of: FromClause, *conditions: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count()).select_from(of).where(*conditions).scalar_subquery()


# One look at all messages for both.
_UNDELIVERED = (
    select(D.c.state, func.count())
    .where(
        or_(
            D.c.state == word(DeliveryState.AMBIGUOUS),
            and_(D.c.state == word(DeliveryState.FAILED), D.c.ended_at >= now_param("since")),
        )
    )
    .group_by(D.c.state)
)
_WAITING = select(
    _count(S, S.c.reason == word(SuppressionReason.HARD_BOUNCE), S.c.at >= now_param("since")),
    _count(E, E.c.trouble.is_not(None), E.c.status == word(Status.ACTIVE)),
    _count(T, _IS_OPEN, T.c.due < now_param()),
    _count(T, _IS_OPEN, T.c.assignee.is_(None)),
)
_CALLS_UNTIL = (
    select(T.c.assignee, _NUMBER).where(_IS_OPEN, T.c.due < now_param("until")).group_by(T.c.assignee)
)
_MESSAGES_UNTIL = select(func.count()).where(_PENDING, D.c.due < now_param("until"))
_STEPS_UNTIL = (
    select(E.c.version, E.c.step, _NUMBER)
    .where(E.c.wake_at < now_param("until"), _AT_A_TIMER, E.c.step.is_not(None), E.c.due < now_param("until"))
    .group_by(E.c.version, E.c.step)
)
_HELD = (
    select(E.c.version, E.c.step, _NUMBER)
    .where(_AT_A_TIMER, E.c.step.is_not(None), E.c.due <= now_param())
    .group_by(E.c.version, E.c.step)
)


@cache
def _late(dialect: str) -> AnySelect:
    limit = given(dialect, version=E.c.version, step=E.c.step, before=E.c.due)
    return (
        select(E.c.version, E.c.step, _NUMBER)
        .join(limit, and_(limit.c.version == E.c.version, limit.c.step == E.c.step))
        .where(_AT_A_TIMER, E.c.due < limit.c.before)
        .group_by(E.c.version, E.c.step)
    )
