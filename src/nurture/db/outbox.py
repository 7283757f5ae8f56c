"""What leaves: messages are claimed, let through the last gate, sent, and their end wakes their enrollment.

Law is asked in the claim and again right before the dialogue, in the same statement that gives leave. A dialogue whose
end nobody saw is ambiguous, and never sent again by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    Update,
    and_,
    bindparam,
    case,
    null,
    or_,
    select,
    update,
)

from nurture.db import leave
from nurture.db.deliveries import ENDED, D
from nurture.db.enrollments import rearm
from nurture.db.sets import (
    ONE,
    AnyRow,
    among,
    given,
    in_order_of_index,
    limit_param,
    now_param,
    run_on,
    same_row,
    word,
)
from nurture.db.tables import ContactRow, EnrollmentRow, table_of
from nurture.db.types import UtcDateTime
from nurture.model.words import Channel, DeliveryState, Reason

E = table_of(EnrollmentRow)
CONTACTS = table_of(ContactRow)

BATCH = 250
LEASE = timedelta(seconds=45)


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A message that is ours to send until the lease lapses.

    ``again_at`` is set when somebody had it tried once more, ``message_id`` when it was handed over before.
    """

    id: int
    fence: int
    key: str
    enrollment_id: int | None
    contact_id: int
    workflow: str | None
    stage: str
    step: str
    visit: int
    channel: Channel
    template: str
    purpose: str
    marketing: bool
    offer: str | None
    team: str | None
    payload: Mapping[str, Any] | None
    grant_id: int | None
    event_id: int | None
    planned_at: datetime
    due: datetime
    again_at: datetime | None
    attempts: int
    retry_at: datetime | None
    message_id: str | None


@dataclass(frozen=True, slots=True)
class Leaving:
    """What is about to leave: noted before the dialogue begins."""

    id: int
    fence: int
    message_id: str
    recipient: str
    template_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended. ``pending`` puts it off until ``retry_at`` (operational time)."""

    id: int
    fence: int
    state: DeliveryState
    reason: str | None = None
    detail: str | None = None
    retry_at: datetime | None = None


# --- sending ----------------------------------------------------------------------------------------------------


def claim(
    tx: Connection,
    now: datetime,
    operational: datetime,
    *,
    limit: int = BATCH,
    lease: timedelta = LEASE,
    endpoint: str | None = None,
) -> list[ClaimedDelivery]:
    """Claim up to ``limit`` mails, or webhooks for ``endpoint``, that may leave now, in one statement. Oldest due first.

    Those that law forbids (the address is suppressed, the consent is gone) are not claimed but end as skipped in the
    same statement, and their enrollments go on. One whose enrollment has an unread event or is paused stays. Call it
    again while it returns fewer than ``limit`` only because some were skipped: the next tick does.
    """
    values = {
        "now": now,
        "operational": operational,
        "lapses": operational + lease,
        "most": limit,
    }
    in_order_of_index(tx)
    taken = tx.execute(
        _CLAIM_MAILS if endpoint is None else _CLAIM_WEBHOOKS, values | {"endpoint": endpoint}
    ).all()
    rearm(tx, [(row.enrollment_id, row.step, row.visit) for row in taken if row.state != "claimed"], now)
    ours = sorted((row for row in taken if row.state == "claimed"), key=lambda row: (row.due, row.id))
    return [_claimed(row) for row in ours]


def mark_sending(
    tx: Connection, leaving: Sequence[Leaving], now: datetime, lapses: datetime
) -> frozenset[int]:
    """The last gate, right before the dialogue: returns the ids that may leave, now ``sending`` until ``lapses``.

    In the same statement, of those still ours, the ones that law forbids by now end as skipped (their enrollments go
    on), and the ones with an unread event or a pause go back to pending. Commit before the first word to the server.
    """
    if not leaving:
        return frozenset()
    rows = [{name: getattr(one, name) for name in _LEAVING} for one in leaving]
    judged = run_on(tx, _mark_sending, rows, now=now, lapses=lapses).all()
    rearm(tx, [(row.enrollment_id, row.step, row.visit) for row in judged if row.state == "skipped"], now)
    return frozenset(row.id for row in judged if row.state == "sending")


def record_outcomes(tx: Connection, outcomes: Sequence[Outcome], now: datetime) -> set[int]:
    """Write down how attempts ended, and wake the enrollments of those that are over, in this transaction.

    Returns the ids that were written; one that is missing was no longer ours.
    """
    if not outcomes:
        return set()
    rows = [{name: getattr(outcome, name) for name in _OUTCOME} for outcome in outcomes]
    written = run_on(tx, _record, rows, now=now).all()
    rearm(tx, [(row.enrollment_id, row.step, row.visit) for row in written if row.state != "pending"], now)
    return {row.id for row in written}


def release(tx: Connection, claims: Iterable[ClaimedDelivery]) -> None:
    """Give claims back unattempted; one already in its dialogue stays as it is."""
    rows = [{"id": claim.id, "fence": claim.fence} for claim in claims]
    if rows:
        run_on(tx, _release, rows)


def renew(tx: Connection, claims: Iterable[ClaimedDelivery], lapses: datetime) -> set[int]:
    """Keep claims and dialogues until ``lapses`` (operational time); returns the ids that are still ours."""
    rows = [{"id": claim.id, "fence": claim.fence} for claim in claims]
    if not rows:
        return set()
    renewed = run_on(tx, _renew, rows, lapses=lapses)
    return set(renewed.scalars())


def resolve_ambiguous(tx: Connection, ids: Collection[int], state: DeliveryState, now: datetime) -> set[int]:
    """A person says how ambiguous messages ended: ``sent``, ``failed``, or ``pending`` to send once more.

    Sent again it has the same Message-ID. Returns the ids that were ambiguous.
    """
    if state not in (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.PENDING):
        raise ValueError(f"an ambiguous message cannot become {state}")
    values = {"ids": ids, "ends_as": state.value, "now": now}
    return set(tx.execute(_RESOLVE, values).scalars()) if ids else set()


# --- statements -------------------------------------------------------------------------------------------------

_CLAIMED = tuple(D.c[field.name] for field in fields(ClaimedDelivery))
_LEAVING = tuple(field.name for field in fields(Leaving))
_OUTCOME = tuple(field.name for field in fields(Outcome))
_WHOSE = (D.c.enrollment_id, D.c.step, D.c.visit)

_PENDING, _CLAIMED_STATE, _SENDING = (
    word(state) for state in (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.SENDING)
)


def _is_ours(*states: DeliveryState) -> ColumnElement[bool]:
    """Beside the fence: in one of these states. Said by the states it is not in.

    Otherwise PostgreSQL, while its statistics are young, may look for rows that are named by id in the index of all
    leased ones.
    """
    return and_(*(D.c.state != word(state) for state in DeliveryState if state not in states))


def _claim(*which: ColumnElement[bool]) -> Update:
    """The oldest of these that may leave or must not; the second kind ends in the same statement."""
    ready = (
        select(D.c.id)
        .outerjoin(E, E.c.id == D.c.enrollment_id)
        .where(
            D.c.state == _PENDING,
            D.c.due <= now_param(),
            or_(D.c.retry_at.is_(None), D.c.retry_at <= now_param("operational")),
            *which,
            ~leave.unread(),
            ~leave.paused(),
        )
        .order_by(D.c.due, D.c.id)
        .limit(limit_param("most"))
        .with_for_update(of=D, skip_locked=True)
        .cte("ready")
    )
    judged = (
        select(D.c.id, leave.forbidden().label("forbidden"))
        .select_from(ready)
        .join(D, D.c.id == ready.c.id)
        .join(CONTACTS, CONTACTS.c.id == D.c.contact_id)
        .cte("judged")
        .prefix_with("MATERIALIZED")  # judged once per message, not once per column
    )
    may = judged.c.forbidden.is_(None)
    return (
        update(D)
        .where(D.c.id == judged.c.id)  # locked above: still pending
        .values(
            state=case((may, DeliveryState.CLAIMED.value), else_=DeliveryState.SKIPPED.value),
            reason=judged.c.forbidden,
            lease_until=case((may, bindparam("lapses", type_=UtcDateTime))),
            ended_at=case((~may, now_param())),
            fence=D.c.fence + ONE,
        )
        .returning(*_CLAIMED, D.c.state)
    )


# Worded as their indexes are, so that neither looks through what belongs to the other.
IS_WEBHOOK = D.c.channel == word(Channel.WEBHOOK)
IS_MAIL = D.c.channel != word(Channel.WEBHOOK)
_CLAIM_MAILS = _claim(IS_MAIL)
_CLAIM_WEBHOOKS = _claim(IS_WEBHOOK, D.c.team == bindparam("endpoint", type_=Text))


@cache
def _mark_sending(dialect: str) -> Update:
    row = given(dialect, **{name: D.c[name] for name in _LEAVING})
    judged = (
        select(
            *(row.c[name] for name in _LEAVING),
            leave.forbidden().label("forbidden"),
            or_(leave.unread(), leave.paused()).label("held"),
            leave.latest_word().label("grant_used"),
        )
        .select_from(row)
        .join(D, same_row(dialect, D.c.id, row))
        .outerjoin(E, E.c.id == D.c.enrollment_id)
        .join(CONTACTS, CONTACTS.c.id == D.c.contact_id)
        .where(D.c.fence == row.c.fence, _is_ours(DeliveryState.CLAIMED))
        .with_for_update(of=D)
        .cte("judged")
        .prefix_with("MATERIALIZED")  # judged once per message, not once per column
    )
    forbidden, held = judged.c.forbidden.is_not(None), judged.c.held
    state = case(
        (forbidden, DeliveryState.SKIPPED.value),
        (held, DeliveryState.PENDING.value),
        else_=DeliveryState.SENDING.value,
    )
    stays = or_(forbidden, held)
    return (
        update(D)
        .where(D.c.id == judged.c.id, D.c.fence == judged.c.fence)  # locked above: still claimed
        .values(
            state=state,
            reason=judged.c.forbidden,
            ended_at=case((forbidden, now_param())),
            lease_until=case((stays, null()), else_=bindparam("lapses", type_=UtcDateTime)),
            # One that goes keeps its fence: the holder stays the holder.
            fence=case((stays, D.c.fence + ONE), else_=D.c.fence),
            attempts=case((stays, D.c.attempts), else_=D.c.attempts + ONE),
            message_id=case((stays, D.c.message_id), else_=judged.c.message_id),
            # The permission it goes by is the one that holds now.
            grant_id=case((stays, D.c.grant_id), else_=judged.c.grant_used),
            recipient=case((stays, D.c.recipient), else_=judged.c.recipient),
            template_hash=case((stays, D.c.template_hash), else_=judged.c.template_hash),
        )
        .returning(D.c.id, D.c.state, *_WHOSE)
    )


@cache
def _record(dialect: str) -> Update:
    row = given(dialect, **{name: D.c[name] for name in _OUTCOME})
    over = row.c.state != _PENDING
    return (
        update(D)
        .where(
            same_row(dialect, D.c.id, row),
            D.c.fence == row.c.fence,
            _is_ours(DeliveryState.CLAIMED, DeliveryState.SENDING),
        )
        .values(
            ENDED
            | {name: row.c[name] for name in ("state", "reason", "detail", "retry_at")}
            | {"ended_at": case((over, now_param()))}
            # Put off before the last point: ``mark_sending`` did not count it.
            | {
                "attempts": case(
                    (and_(D.c.state == _CLAIMED_STATE, ~over), D.c.attempts + ONE), else_=D.c.attempts
                )
            }
        )
        .returning(D.c.id, D.c.state, *_WHOSE)
    )


@cache
def _release(dialect: str) -> Update:
    row = given(dialect, id=D.c.id, fence=D.c.fence)
    return (
        update(D)
        .where(same_row(dialect, D.c.id, row), D.c.fence == row.c.fence, _is_ours(DeliveryState.CLAIMED))
        .values(ENDED | {"state": DeliveryState.PENDING.value})
    )


@cache
def _renew(dialect: str) -> Update:
    row = given(dialect, id=D.c.id, fence=D.c.fence)
    return (
        update(D)
        .where(
            same_row(dialect, D.c.id, row),
            D.c.fence == row.c.fence,
            _is_ours(DeliveryState.CLAIMED, DeliveryState.SENDING),
        )
        .values(lease_until=bindparam("lapses", type_=UtcDateTime))
        .returning(D.c.id)
    )


_AGAIN = bindparam("ends_as", type_=Text) == DeliveryState.PENDING.value
_RESOLVE = (
    update(D)
    .where(among(D.c.id), D.c.state == word(DeliveryState.AMBIGUOUS))
    .values(
        ENDED
        | {"state": bindparam("ends_as", type_=Text), "reason": Reason.BY_HAND.value, "retry_at": null()}
        | {"ended_at": case((_AGAIN, null()), else_=now_param())}
    )
    .returning(D.c.id)
)


def _claimed(row: AnyRow) -> ClaimedDelivery:
    values: Mapping[str, Any] = dict(zip(ClaimedDelivery.__slots__, row, strict=False))
    return ClaimedDelivery(**{**values, "channel": Channel(values["channel"])})
