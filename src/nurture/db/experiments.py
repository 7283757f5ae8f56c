"""What the reports on experiments count: who came to a split or entered a workflow, and what they did after.

Reads one row for each contact; what a number means is said in ``reports``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, Text, and_, bindparam, func, select

from nurture.db.sets import AnySelect
from nurture.db.tables import EnrollmentRow, EventRow, VariantRow, table_of
from nurture.db.types import UtcDateTime
from nurture.model.words import Status

V = table_of(VariantRow)
E = table_of(EnrollmentRow)
HAPPENED = table_of(EventRow)


@dataclass(frozen=True, slots=True)
class Exposed:
    """A contact who fell into a variant, and when they first did what is measured; None while they have not."""

    variant: str
    contact_id: int
    at: datetime
    ended_at: datetime | None
    did_at: datetime | None


@dataclass(frozen=True, slots=True)
class Deed(Exposed):
    """The same, once for each time they did it, with what that event says."""

    data: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Entrant:
    """The first enrollment of a contact, held out or not, and when they first bought something after it began."""

    contact_id: int
    holdout: bool
    entered_at: datetime
    ended_at: datetime | None
    status: Status
    sold_at: datetime | None


def exposed(tx: Connection, workflow: str, split: str, event: str, *, own: bool) -> list[Exposed]:
    """Everybody who came to this split and was not held out, each once.

    ``own``: only what concerns the messages and calls of that very enrollment counts.
    """
    did_at = func.min(HAPPENED.c.at, type_=UtcDateTime)
    query = _exposed(V.outerjoin(HAPPENED, _did(own=own)), did_at).group_by(*_WHO)
    return [
        Exposed(*row) for row in tx.execute(query, {"workflow": workflow, "split": split, "event": event})
    ]


def deeds(tx: Connection, workflow: str, split: str, event: str, *, own: bool) -> list[Deed]:
    """The same with a row for each event, in their order, for events that must be looked at one by one."""
    query = _exposed(V.outerjoin(HAPPENED, _did(own=own)), HAPPENED.c.at, HAPPENED.c.data).order_by(
        V.c.contact_id, HAPPENED.c.at, HAPPENED.c.id
    )
    return [Deed(*row) for row in tx.execute(query, {"workflow": workflow, "split": split, "event": event})]


def entrants(tx: Connection, workflow: str) -> list[Entrant]:
    """Everybody who entered a workflow since somebody was first held out of it; nobody while nobody was."""
    rows = tx.execute(_ENTRANTS, {"workflow": workflow, "event": "sale.closed"})
    return [Entrant(*row[:4], Status(row[4]), row[5]) for row in rows]


_WHO = (V.c.variant, V.c.contact_id, V.c.at, E.c.ended_at)


def _did(*, own: bool) -> ColumnElement[bool]:
    """What a contact did after they fell into the variant. Machines do nothing that counts."""
    did = and_(
        HAPPENED.c.contact_id == V.c.contact_id,
        HAPPENED.c.name == bindparam("event", type_=Text),
        HAPPENED.c.at >= V.c.at,
        HAPPENED.c.human,
    )
    return and_(did, HAPPENED.c.enrollment_id == V.c.enrollment_id) if own else did


def _exposed(joined: FromClause, *more: ColumnElement[Any]) -> AnySelect:
    found: Select[*tuple[Any, ...]] = select(*_WHO, *more)
    return (
        found.select_from(joined.join(E, E.c.id == V.c.enrollment_id))
        .where(
            V.c.workflow == bindparam("workflow", type_=Text),
            V.c.step == bindparam("split", type_=Text),
            E.c.holdout.is_(False),
        )
        .order_by(V.c.contact_id)
    )


_OF_WORKFLOW = E.c.workflow == bindparam("workflow", type_=Text)
_HELD_OUT = E.alias("held_out")
_BEGAN = (
    select(func.min(_HELD_OUT.c.entered_at))
    .where(_HELD_OUT.c.workflow == bindparam("workflow", type_=Text), _HELD_OUT.c.holdout)
    .scalar_subquery()
)
_FIRST = (
    select(func.min(E.c.id).label("id"))
    .where(_OF_WORKFLOW, E.c.entered_at >= _BEGAN)
    .group_by(E.c.contact_id)
    .subquery()
)
_BOUGHT = and_(
    HAPPENED.c.contact_id == E.c.contact_id,
    HAPPENED.c.name == bindparam("event", type_=Text),
    HAPPENED.c.at >= E.c.entered_at,
)
_ENTRANT = (E.c.contact_id, E.c.holdout, E.c.entered_at, E.c.ended_at, E.c.status)
_ENTRANTS = (
    select(*_ENTRANT, func.min(HAPPENED.c.at, type_=UtcDateTime))
    .select_from(_FIRST.join(E, E.c.id == _FIRST.c.id).outerjoin(HAPPENED, _BOUGHT))
    .group_by(*_ENTRANT)
    .order_by(E.c.contact_id)
)
