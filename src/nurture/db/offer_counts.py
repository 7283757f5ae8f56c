"""How many people asked for each offer, and how many took it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, literal_column, select

from nurture.db.tables import EventRow, table_of

EVENTS = table_of(EventRow)


@dataclass(frozen=True, slots=True)
class Taken:
    """Contacts, each counted once."""

    asked: int = 0
    downloaded: int = 0


def taken_by_offer(tx: Connection) -> dict[str, Taken]:
    """For each offer that was ever asked for or taken: by how many contacts."""
    people: dict[tuple[str, str], int] = {
        (offer, name): number for offer, name, number in tx.execute(_PEOPLE) if offer is not None
    }
    return {
        offer: Taken(people.get((offer, "offer.requested"), 0), people.get((offer, "offer.downloaded"), 0))
        for offer, _ in people
    }


_OFFER = EVENTS.c.data["offer"].as_string()
_PEOPLE = (
    select(_OFFER, EVENTS.c.name, func.count(EVENTS.c.contact_id.distinct()))
    .where(EVENTS.c.name.in_([literal_column("'offer.requested'"), literal_column("'offer.downloaded'")]))
    .group_by(_OFFER, EVENTS.c.name)
)
