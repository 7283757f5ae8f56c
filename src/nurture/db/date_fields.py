"""Who carries one of these days, and in which zones people live; asked when days come.

Compares the texts of dates, and leaves what they mean to the engine.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, bindparam, false, func, select

from nurture.db.conditions import contact_cell
from nurture.db.contacts import CONTACTS
from nurture.db.sets import among, limit_param


def carrying(
    tx: Connection, field: str, days: Collection[str], *, every: bool, after: int = 0, most: int
) -> list[int]:
    """Contacts, by id from ``after`` on, whose ``field`` holds one of ``days``.

    Days are written ``2026-05-01``; with ``every`` ``05-01``, and the year is not asked.
    """
    text = contact_cell(field).text
    day = func.substr(text, 6, 5) if every else func.substr(text, 1, 10)
    carries = among(day, "days") if text is not None else false()
    query = select(CONTACTS.c.id).where(CONTACTS.c.id > bindparam("after"), carries).order_by(CONTACTS.c.id)
    return list(
        tx.execute(query.limit(limit_param("most")), {"days": days, "after": after, "most": most}).scalars()
    )


def zones(tx: Connection) -> frozenset[str | None]:
    """The zones that contacts live in; None stands for those who have none."""
    return frozenset(tx.execute(select(CONTACTS.c.timezone).distinct()).scalars())
