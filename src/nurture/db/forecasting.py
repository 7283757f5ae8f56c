"""What a forecast begins with: for many contacts at once what is on its way to them, and how fast new ones come.

Reads only; each answer is one statement for the whole set.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, or_, select

from nurture.db.enrollments import VALUE_COLUMNS, E, value_of
from nurture.db.sets import ONE, AnyRow, among, now_param, word
from nurture.db.tables import DeliveryRow, TaskRow, TransitionRow, table_of
from nurture.db.types import UtcDateTime
from nurture.model.decisions import Change
from nurture.model.words import Channel, DeliveryState, Enrollment, TaskState

D = table_of(DeliveryRow)
T = table_of(TaskRow)
MOVES = table_of(TransitionRow)


@dataclass(frozen=True, slots=True)
class OnItsWay:
    """A message to a contact that was planned and has not left. ``retry_at`` is operational time."""

    enrollment_id: int
    contact_id: int
    workflow: str
    step: str
    visit: int
    channel: Channel
    marketing: bool
    due: datetime
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class Ringing:
    """A call that is open."""

    id: int
    enrollment_id: int
    contact_id: int
    stage: str
    step: str
    visit: int
    script: str
    assign: str
    held: bool
    appeared_at: datetime
    due: datetime
    expires: datetime


@dataclass(frozen=True, slots=True)
class Entries:
    """How many entered a stage of a workflow by their own event since a moment, and when the first ever did."""

    workflow: str
    stage: str
    count: int
    first: datetime


def journeys_of(tx: Connection, contact_ids: Collection[int]) -> dict[int, list[Enrollment]]:
    """Every enrollment these contacts ever had, oldest first, by contact."""
    found: dict[int, list[Enrollment]] = {}
    for row in tx.execute(_JOURNEYS, {"ids": contact_ids}) if contact_ids else ():
        one = value_of(row)
        found.setdefault(one.contact_id, []).append(one)
    return found


def on_their_way(tx: Connection, contact_ids: Collection[int]) -> list[OnItsWay]:
    """The messages of workflows that these contacts are still to get."""
    rows = tx.execute(_ON_THEIR_WAY, {"ids": contact_ids}) if contact_ids else ()
    return [_on_its_way(row) for row in rows]


def ringing(tx: Connection, contact_ids: Collection[int]) -> list[Ringing]:
    """The open calls of these contacts."""
    return [Ringing(*row) for row in tx.execute(_RINGING, {"ids": contact_ids})] if contact_ids else []


def calls_made(tx: Connection, contact_ids: Collection[int], since: datetime) -> dict[int, list[datetime]]:
    """When calls to these contacts were made since a moment, by contact."""
    found: dict[int, list[datetime]] = {}
    for contact, at in tx.execute(_MADE, {"ids": contact_ids, "since": since}) if contact_ids else ():
        found.setdefault(contact, []).append(at)
    return found


def entries(tx: Connection, since: datetime) -> list[Entries]:
    """Who came by themselves: by workflow and stage, those since a moment counted."""
    return [Entries(*row) for row in tx.execute(_ENTRIES, {"since": since})]


_JOURNEYS = select(*VALUE_COLUMNS).where(among(E.c.contact_id)).order_by(E.c.id)
_WAITS = or_(
    *(
        D.c.state == word(state)
        for state in (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.SENDING)
    )
)
_ON_THEIR_WAY = (
    select(*(D.c[field.name] for field in fields(OnItsWay)))
    .where(among(D.c.contact_id), D.c.enrollment_id.is_not(None), _WAITS)
    .order_by(D.c.id)
)
_RINGING = (
    select(*(T.c[field.name] for field in fields(Ringing)))
    .where(among(T.c.contact_id), T.c.state == word(TaskState.OPEN))
    .order_by(T.c.id)
)
_MADE = (
    select(T.c.contact_id, T.c.ended_at)
    .where(among(T.c.contact_id), T.c.state == word(TaskState.DONE), T.c.ended_at >= now_param("since"))
    .order_by(T.c.ended_at)
)
_LATELY = MOVES.c.at >= now_param("since")
_ENTRIES = (
    select(
        MOVES.c.workflow,
        MOVES.c.stage,
        func.count().filter(_LATELY),
        func.min(MOVES.c.at, type_=UtcDateTime),
    )
    .where(
        MOVES.c.change == word(Change.ENTERED),
        MOVES.c.visit == ONE,
        MOVES.c.event_id.is_not(None),
        MOVES.c.actor.is_(None),
    )
    .group_by(MOVES.c.workflow, MOVES.c.stage)
)


def _on_its_way(row: AnyRow) -> OnItsWay:
    values: Mapping[str, Any] = dict(zip(OnItsWay.__slots__, row, strict=True))
    return OnItsWay(**{**values, "channel": Channel(values["channel"])})
