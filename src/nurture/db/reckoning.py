"""Which enrollments wait by a calendar or a zone, and when each is to be looked at again. Nothing here reckons."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, Update, bindparam, case, or_, select, update

from nurture.db.enrollments import IS_LIVE, TAKEN_AWAY, E
from nurture.db.sets import among, given, run_on, same_row
from nurture.db.tables import ContactRow, table_of

CONTACTS = table_of(ContactRow)
CHUNK = 10_000


@dataclass(frozen=True, slots=True)
class Look:
    """One enrollment, and when (business time) it is to be looked at, unless its turn comes sooner."""

    id: int
    wake_at: datetime


def live_versions(tx: Connection) -> set[str]:
    """The versions in which somebody is under way."""
    return set(tx.execute(_VERSIONS).scalars())


def waiting(tx: Connection, versions: Collection[str], *, without_zone: bool) -> list[int]:
    """The live enrollments of these versions that a timer will wake, soonest first.

    ``without_zone`` adds, of every version, those of contacts who have no zone of their own.
    """
    return list(tx.execute(_WAITING, {"versions": versions, "all_without": without_zone}).scalars())


def look_again(tx: Connection, looks: Iterable[Look]) -> None:
    """Have these looked at by then at the latest; a worker that is deciding one of them now decides in vain."""
    rows = [{"id": one.id, "wake_at": one.wake_at} for one in looks]
    for first in range(0, len(rows), CHUNK):
        run_on(tx, _look_again, rows[first : first + CHUNK])


# --- statements -------------------------------------------------------------------------------------------------

_VERSIONS = select(E.c.version).where(IS_LIVE).distinct()
_WAITING = (
    select(E.c.id)
    .join(CONTACTS, CONTACTS.c.id == E.c.contact_id)
    .where(
        IS_LIVE,
        E.c.wake_at.is_not(None),
        or_(among(E.c.version, "versions"), CONTACTS.c.timezone.is_(None) & bindparam("all_without")),
    )
    .order_by(E.c.wake_at, E.c.id)
)


@cache
def _look_again(dialect: str) -> Update:
    row = given(dialect, id=E.c.id, wake_at=E.c.wake_at)
    sooner = case((E.c.wake_at < row.c.wake_at, E.c.wake_at), else_=row.c.wake_at)
    return (
        update(E)
        .where(same_row(dialect, E.c.id, row), IS_LIVE, E.c.wake_at.is_not(None))
        .values(TAKEN_AWAY | {"wake_at": sooner})
    )
