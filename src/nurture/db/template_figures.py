"""How often each template was sent lately, and which languages contacts have: what a list of templates tells beside its files.

It changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select

from nurture.db.tables import ContactRow, DeliveryRow, table_of
from nurture.model.words import DeliveryState

D, CONTACTS = table_of(DeliveryRow), table_of(ContactRow)


@dataclass(frozen=True, slots=True)
class Sent:
    """How many of one template left, and when the last did."""

    count: int
    last: datetime


def sent_since(tx: Connection, since: datetime) -> Mapping[str, Sent]:
    """By the name of the template, of what was planned at or after ``since``: a range of one index, not the whole history."""
    rows = tx.execute(_SENT, {"since": since, "sent": DeliveryState.SENT.value})
    return {row.template: Sent(row.number, row.last) for row in rows}


def locales(tx: Connection) -> Mapping[str, int]:
    """How many contacts have each locale; those without one have the empty one."""
    return {row.locale or "": row.number for row in tx.execute(_LOCALES)}


# --- statements -------------------------------------------------------------------------------------------------

_SENT = (
    select(D.c.template, func.count().label("number"), func.max(D.c.ended_at).label("last"))
    .where(D.c.planned_at >= bindparam("since"), D.c.state == bindparam("sent"))
    .group_by(D.c.template)
)
_LOCALES = select(CONTACTS.c.locale, func.count().label("number")).group_by(CONTACTS.c.locale)
