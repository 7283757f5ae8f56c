"""The answer to "why?": every turn with what it decided, every entry that was refused, every change of stage.

Append-only. Read it for people; the engine never asks it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from nurture.db.codec import decision_from_json, decision_to_json
from nurture.db.sets import AnyRow, among, insert_rows
from nurture.db.tables import RefusalRow, TransitionRow, TurnRow, table_of
from nurture.model.decisions import Change, Decision

TURNS = table_of(TurnRow)
REFUSALS = table_of(RefusalRow)
TRANSITIONS = table_of(TransitionRow)


@dataclass(frozen=True, slots=True)
class LoggedTurn:
    """One turn as it was recorded."""

    id: int
    enrollment_id: int
    at: datetime
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An entry that did not happen, and by which rule."""

    contact_id: int
    workflow: str
    at: datetime
    reason: str
    event_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A change of stage with its evidence. ``actor`` is who did it by hand."""

    enrollment_id: int
    contact_id: int
    workflow: str
    stage: str
    visit: int
    change: Change
    at: datetime
    reason: str
    event_id: int | None = None
    before: str | None = None
    actor: str | None = None


def write(tx: Connection, turns: Sequence[tuple[int, datetime, Sequence[Decision]]]) -> None:
    """Record turns: ``(enrollment id, when, what was decided)``."""
    rows = [
        {"enrollment_id": enrollment, "at": at, "decisions": [decision_to_json(one) for one in decided]}
        for enrollment, at, decided in turns
    ]
    insert_rows(tx, TURNS, rows)


def of_enrollments(tx: Connection, enrollment_ids: Collection[int]) -> list[LoggedTurn]:
    """The turns of these enrollments, in the order in which they were taken."""
    return [_turn(row) for row in tx.execute(_TURNS, {"ids": enrollment_ids})] if enrollment_ids else []


def refuse(tx: Connection, refusals: Sequence[Refusal]) -> None:
    """Record entries that did not happen."""
    insert_rows(tx, REFUSALS, [{name: getattr(one, name) for name in _REFUSAL} for one in refusals])


def refusals_of(tx: Connection, contact_id: int) -> list[Refusal]:
    """The refused entries of a contact, oldest first."""
    rows = tx.execute(_REFUSALS, {"contact": contact_id})
    return [Refusal(**dict(zip(_REFUSAL, row, strict=True))) for row in rows]


def move(tx: Connection, transitions: Sequence[Transition]) -> None:
    """Record changes of stage, in this order."""
    insert_rows(tx, TRANSITIONS, [{name: getattr(one, name) for name in _TRANSITION} for one in transitions])


def transitions_of(tx: Connection, contact_id: int) -> list[Transition]:
    """Every change of stage of a contact, in the order in which they were recorded."""
    rows = tx.execute(_TRANSITIONS, {"contact": contact_id})
    found = (dict(zip(_TRANSITION, row, strict=True)) for row in rows)
    return [Transition(**{**one, "change": Change(one["change"])}) for one in found]


_REFUSAL = tuple(field.name for field in fields(Refusal))
_TRANSITION = tuple(field.name for field in fields(Transition))

_TURNS = (
    select(TURNS.c.id, TURNS.c.enrollment_id, TURNS.c.at, TURNS.c.decisions)
    .where(among(TURNS.c.enrollment_id))
    .order_by(TURNS.c.id)
)
_REFUSALS = (
    select(*(REFUSALS.c[name] for name in _REFUSAL))
    .where(REFUSALS.c.contact_id == bindparam("contact"))
    .order_by(REFUSALS.c.id)
)
_TRANSITIONS = (
    select(*(TRANSITIONS.c[name] for name in _TRANSITION))
    .where(TRANSITIONS.c.contact_id == bindparam("contact"))
    .order_by(TRANSITIONS.c.id)
)


def _turn(row: AnyRow) -> LoggedTurn:
    decided = tuple(decision_from_json(one) for one in row.decisions)
    return LoggedTurn(row.id, row.enrollment_id, row.at, decided)
