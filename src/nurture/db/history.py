"""What became of contacts so far, read for rehearsals: how often they answered, and all that happened to some of them.

Read only, and in sets: never a query for each contact.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, func, or_, select, true

from nurture.db.consents import C, ConsentAction
from nurture.db.enrollments import VALUE_COLUMNS, E, value_of
from nurture.db.events import EVENTS
from nurture.db.sets import among, limit_param, pairs, word
from nurture.db.tables import (
    ContactRow,
    DeliveryRow,
    SuppressionRow,
    TaskRow,
    TransitionRow,
    table_of,
)
from nurture.model.decisions import Change
from nurture.model.words import Channel, DeliveryState, Enrollment, SuppressionReason

D = table_of(DeliveryRow)
T = table_of(TaskRow)
MOVES = table_of(TransitionRow)
CONTACTS = table_of(ContactRow)
S = table_of(SuppressionRow)
MOST_MOVES = 20_000
"""Changes of stage that are looked at for the pace, the newest."""


@dataclass(frozen=True, slots=True)
class Step:
    """A change of stage of one enrollment."""

    enrollment: int
    stage: str
    change: Change
    at: datetime
    event: int | None
    reason: str
    before: str | None


@dataclass(frozen=True, slots=True)
class Sent:
    """A message or call of an enrollment, when it left or appeared; ``kind`` is ``email`` or ``call``."""

    enrollment: int
    kind: str
    step: str
    visit: int
    what: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Permission:
    """One entry of the ledger: granted, or taken back."""

    contact: int
    purpose: str
    granted: bool
    at: datetime
    id: int
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Closed:
    """An address of the contact came onto the suppression list."""

    contact: int
    channel: Channel
    reason: SuppressionReason
    at: datetime


# --- how often they answered --------------------------------------------------------------------------------------


def mailed(tx: Connection, workflow: str) -> dict[str, int]:
    """In how many enrollments the message of each step was sent."""
    return pairs(tx.execute(_MAILED, {"workflow": workflow}))


def answered(tx: Connection, workflow: str, names: Collection[str]) -> dict[tuple[str, str], int]:
    """In how many enrollments a person answered the message of a step so: ``{(step, event): enrollments}``."""
    rows = tx.execute(_ANSWERED, {"workflow": workflow, "names": names})
    return {(row.step, row.name): row.number for row in rows}


def paces(tx: Connection, workflow: str) -> list[Step]:
    """The newest entries and validations of stages, oldest first."""
    rows = tx.execute(_PACES, {"workflow": workflow, "most": MOST_MOVES}).all()
    return [_step(row) for row in reversed(rows)]


def newest_people(tx: Connection, limit: int) -> list[int]:
    """The ids of the contacts that came last."""
    return list(tx.execute(_NEWEST_PEOPLE, {"most": limit}).scalars())


# --- what happened to some ----------------------------------------------------------------------------------------


def newest(tx: Connection, workflow: str, limit: int) -> list[Enrollment]:
    """The enrollments of a workflow that began last, newest first."""
    rows = tx.execute(_NEWEST, {"workflow": workflow, "most": limit})
    return [value_of(row) for row in rows]


def moves(tx: Connection, enrollment_ids: Collection[int]) -> list[Step]:
    """Every change of stage of these enrollments, in the order in which they were recorded."""
    return [_step(row) for row in tx.execute(_MOVES, {"ids": enrollment_ids})] if enrollment_ids else []


def touches(tx: Connection, enrollment_ids: Collection[int]) -> list[Sent]:
    """The messages that were sent and the calls that appeared in these enrollments."""
    if not enrollment_ids:
        return []
    found = [Sent(row[0], "email", *row[1:]) for row in tx.execute(_SENT, {"ids": enrollment_ids})]
    found += [Sent(row[0], "call", *row[1:]) for row in tx.execute(_CALLED, {"ids": enrollment_ids})]
    return sorted(found, key=lambda one: one.at)


def marketing(tx: Connection, contact_ids: Collection[int]) -> list[tuple[int, int | None, datetime]]:
    """Every marketing mail that these contacts got: contact, enrollment, when."""
    rows = tx.execute(_MARKETING, {"ids": contact_ids}) if contact_ids else ()
    return [(row.contact_id, row.enrollment_id, row.ended_at) for row in rows]


def permissions(tx: Connection, contact_ids: Collection[int]) -> list[Permission]:
    """Everything these contacts granted for e-mail or took back, oldest first."""
    rows = tx.execute(_PERMISSIONS, {"ids": contact_ids}) if contact_ids else ()
    granted = ConsentAction.GRANTED.value
    return [
        Permission(row.contact_id, row.purpose, row.action == granted, row.at, row.id, row.expires_at)
        for row in rows
    ]


def closed(tx: Connection, contact_ids: Collection[int]) -> list[Closed]:
    """Since when the addresses and numbers of these contacts are on the suppression list."""
    rows = tx.execute(_CLOSED, {"ids": contact_ids}) if contact_ids else ()
    return [Closed(row.id, Channel(row.channel), SuppressionReason(row.reason), row.at) for row in rows]


# --- statements ---------------------------------------------------------------------------------------------------

_WENT = and_(D.c.channel == word(Channel.EMAIL), D.c.state == word(DeliveryState.SENT))
_MAILED = (
    select(D.c.step, func.count(D.c.enrollment_id.distinct()))
    .where(D.c.workflow == bindparam("workflow"), _WENT)
    .group_by(D.c.step)
)
_ANSWERED = (
    select(EVENTS.c.step, EVENTS.c.name, func.count(EVENTS.c.enrollment_id.distinct()).label("number"))
    .join(E, E.c.id == EVENTS.c.enrollment_id)
    .where(
        E.c.workflow == bindparam("workflow"),
        among(EVENTS.c.name, "names"),
        EVENTS.c.human == true(),
        EVENTS.c.step.is_not(None),
    )
    .group_by(EVENTS.c.step, EVENTS.c.name)
)
_STEP = (
    MOVES.c.enrollment_id,
    MOVES.c.stage,
    MOVES.c.change,
    MOVES.c.at,
    MOVES.c.event_id,
    MOVES.c.reason,
    MOVES.c.before,
)
_PACES = (
    select(*_STEP)
    .where(
        MOVES.c.workflow == bindparam("workflow"),
        MOVES.c.change.in_([word(Change.ENTERED), word(Change.VALIDATED)]),
    )
    .order_by(MOVES.c.id.desc())
    .limit(limit_param("most"))
)
_MOVES = select(*_STEP).where(among(MOVES.c.enrollment_id)).order_by(MOVES.c.id)
_NEWEST_PEOPLE = select(CONTACTS.c.id).order_by(CONTACTS.c.id.desc()).limit(limit_param("most"))
_NEWEST = (
    select(*VALUE_COLUMNS)
    .where(E.c.workflow == bindparam("workflow"))
    .order_by(E.c.id.desc())
    .limit(limit_param("most"))
)
_SENT = select(D.c.enrollment_id, D.c.step, D.c.visit, D.c.template, D.c.ended_at).where(
    among(D.c.enrollment_id), _WENT
)
_CALLED = select(T.c.enrollment_id, T.c.step, T.c.visit, T.c.script, T.c.appeared_at).where(
    among(T.c.enrollment_id),
    or_(T.c.ended_at.is_(None), T.c.ended_at > T.c.appeared_at, T.c.outcome.is_not(None)),
)
_MARKETING = select(D.c.contact_id, D.c.enrollment_id, D.c.ended_at).where(
    among(D.c.contact_id), _WENT, D.c.marketing == true()
)
_PERMISSIONS = (
    select(C.c.contact_id, C.c.purpose, C.c.action, C.c.at, C.c.id, C.c.expires_at)
    .where(among(C.c.contact_id), C.c.channel == word(Channel.EMAIL))
    .order_by(C.c.id)
)
_CLOSED = (
    select(CONTACTS.c.id, S.c.channel, S.c.reason, S.c.at)
    .select_from(CONTACTS)
    .join(
        S,
        or_(
            and_(S.c.channel == word(Channel.EMAIL), S.c.address_hash == CONTACTS.c.email_hash),
            and_(S.c.channel == word(Channel.PHONE), S.c.address_hash == CONTACTS.c.phone_hash),
        ),
    )
    .where(among(CONTACTS.c.id))
)


def _step(row: Sequence[object]) -> Step:
    enrollment, stage, change, at, event, reason, before = row
    return Step(enrollment, stage, Change(str(change)), at, event, reason, before)  # type: ignore[arg-type]
