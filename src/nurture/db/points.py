"""The points that events brought to contacts, each until it fades; a contact's score is what was set, and these.

Adds and takes away as a set. It knows no rules.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, Update, func, select, update

from nurture.db.contacts import CONTACTS
from nurture.db.sets import among, given, insert_rows, limit_param, now_param, run_on, same_row
from nurture.db.tables import PointsRow, table_of
from nurture.db.types import UtcDateTime

P = table_of(PointsRow)


@dataclass(frozen=True, slots=True)
class Points:
    """What one event brought by one rule; they count until ``fades_at``, for ever without one."""

    contact_id: int
    event_id: int
    rule: str
    points: float
    at: datetime
    fades_at: datetime | None = None


def add(tx: Connection, points: Sequence[Points], now: datetime) -> set[int]:
    """Add them to the contacts' scores, each once; returns whose score is another now. Lock the contacts first."""
    rows = [asdict(one) | {"faded_at": None} for one in points]
    stored = insert_rows(tx, P, rows, returning=("contact_id", "points"), skip_conflicts=True)
    return _change_scores(tx, [(row.contact_id, row.points) for row in stored], now)


def fading(tx: Connection, now: datetime, *, most: int) -> dict[int, int]:
    """Points whose time is over: ``{id: contact id}``, oldest first."""
    rows = tx.execute(_FADING, {"now": now, "most": most})
    return {row.id: row.contact_id for row in rows}


def fade(tx: Connection, ids: Collection[int], now: datetime) -> set[int]:
    """Take these off the contacts' scores, each once; returns whose score is another now. Lock the contacts first."""
    gone = tx.execute(_FADE, {"ids": ids, "now": now}).all()
    return _change_scores(tx, [(row.contact_id, -row.points) for row in gone], now)


def next_fading(tx: Connection, after: datetime) -> datetime | None:
    """When the next points fade after a moment; None when none will."""
    moment: datetime | None = tx.execute(_NEXT, {"after": after}).scalar_one()
    return moment


def of_contacts(tx: Connection, contact_ids: Collection[int]) -> dict[int, list[Points]]:
    """The points that count for each of these contacts now, oldest first; who has none is left out."""
    found: dict[int, list[Points]] = {}
    for row in tx.execute(_OF_CONTACTS, {"ids": contact_ids}) if contact_ids else ():
        found.setdefault(row.contact_id, []).append(Points(*row))
    return found


def of_contact(tx: Connection, contact_id: int) -> list[Points]:
    """The points that count for a contact now, oldest first."""
    return of_contacts(tx, [contact_id]).get(contact_id, [])


def _change_scores(tx: Connection, changes: Sequence[tuple[int, float]], now: datetime) -> set[int]:
    sums: dict[int, float] = {}
    for contact, points in changes:
        sums[contact] = sums.get(contact, 0) + points
    rows = _moved({contact: by for contact, by in sums.items() if by})
    if rows:
        run_on(tx, _add_to_score, rows, now=now)
    return {contact for contact, by in sums.items() if by}


def _moved(sums: Mapping[int, float]) -> list[dict[str, float]]:
    return [{"id": contact, "score": by} for contact, by in sorted(sums.items())]


_FADING = (
    select(P.c.id, P.c.contact_id)
    .where(P.c.faded_at.is_(None), P.c.fades_at.is_not(None), P.c.fades_at <= now_param())
    .order_by(P.c.fades_at)
    .limit(limit_param("most"))
)
_NEXT = select(func.min(P.c.fades_at, type_=UtcDateTime)).where(
    P.c.faded_at.is_(None), P.c.fades_at.is_not(None), P.c.fades_at > now_param("after")
)
_FADE = (
    update(P)
    .where(among(P.c.id), P.c.faded_at.is_(None))
    .values(faded_at=now_param())
    .returning(P.c.contact_id, P.c.points)
)
_OF_CONTACTS = (
    select(P.c.contact_id, P.c.event_id, P.c.rule, P.c.points, P.c.at, P.c.fades_at)
    .where(among(P.c.contact_id), P.c.faded_at.is_(None))
    .order_by(P.c.id)
)


@cache
def _add_to_score(dialect: str) -> Update:
    row = given(dialect, id=CONTACTS.c.id, score=CONTACTS.c.score)
    return (
        update(CONTACTS)
        .where(same_row(dialect, CONTACTS.c.id, row))
        .values(score=CONTACTS.c.score + row.c.score, updated_at=now_param())
    )
