"""How often contacts want to hear from us, as they chose themselves. Without a row our own caps alone hold.

It keeps the latest choice only; each one stands in the events. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select

from nurture.db.sets import among
from nurture.db.tables import PreferenceRow, table_of

P = table_of(PreferenceRow)


@dataclass(frozen=True, slots=True)
class Preference:
    """At most one marketing mail in ``days``, chosen at ``at`` (business time)."""

    days: int
    at: datetime
    source: str


def days_of(tx: Connection, contact_ids: Collection[int]) -> dict[int, int]:
    """The days between two marketing mails that each contact wants; who never chose is left out."""
    if not contact_ids:
        return {}
    return {row.contact_id: row.days for row in tx.execute(_DAYS, {"ids": contact_ids})}


def of(tx: Connection, contact_id: int) -> Preference | None:
    """What this contact chose."""
    row = tx.execute(_OF, {"contact": contact_id}).one_or_none()
    return Preference(row.days, row.at, row.source) if row else None


def choose(tx: Connection, contact_id: int, days: int | None, now: datetime, source: str) -> bool:
    """Keep this choice, or with None forget the one before; False when it was so already.

    Lock the contact first (``contacts.lock``).
    """
    before = of(tx, contact_id)
    if (before.days if before else None) == days:
        return False
    tx.execute(_FORGET, {"contact": contact_id})
    if days is not None:
        tx.execute(insert(P), {"contact_id": contact_id, "days": days, "at": now, "source": source})
    return True


_DAYS = select(P.c.contact_id, P.c.days).where(among(P.c.contact_id))
_OF = select(P.c.days, P.c.at, P.c.source).where(P.c.contact_id == bindparam("contact"))
_FORGET = delete(P).where(P.c.contact_id == bindparam("contact"))
