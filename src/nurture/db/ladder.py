"""What people did after they asked for an offer: took it, asked for another, bought. Each contact counts once.

An offer counts from a contact's first request of it; what came before that is none of its doing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, Select, and_, func, literal_column, select

from nurture.db.tables import EventRow, table_of

EVENTS = table_of(EventRow)


@dataclass(slots=True)
class Climb:
    """Contacts who asked for an offer, and those of them who took it, asked for each other one later, or bought later.

    ``origins`` are those who asked and those of them who bought, by the words ``utm_source`` and ``referrer`` of the
    request.
    """

    asked: int = 0
    took: int = 0
    bought: int = 0
    then: dict[str, int] = field(default_factory=dict)
    origins: dict[tuple[str | None, str | None], tuple[int, int]] = field(default_factory=dict)


def climbs(tx: Connection) -> Mapping[str, Climb]:
    """For each offer that was ever asked for, whatever became of the offer."""
    found: dict[str, Climb] = {}
    for offer, source, referrer, asked, took, bought in tx.execute(_ASKED):
        climb = found.setdefault(offer, Climb())
        climb.asked += asked
        climb.took += took
        climb.bought += bought
        climb.origins[source, referrer] = (asked, bought)
    for offer, other, number in tx.execute(_THEN):
        found[offer].then[other] = number
    return found


_OFFER = EVENTS.c.data["offer"].as_string()


def _firsts(name: str) -> Select[tuple[int, str, int]]:
    """Each contact's first event of this name about each offer."""
    return (
        select(EVENTS.c.contact_id, _OFFER.label("offer"), func.min(EVENTS.c.id).label("id"))
        .where(EVENTS.c.name == literal_column(f"'{name}'"), _OFFER.is_not(None))
        .group_by(EVENTS.c.contact_id, _OFFER)
    )


_REQUESTS = _firsts("offer.requested").subquery("requests")
_DOWNLOADS = _firsts("offer.downloaded").subquery("downloads")
_OTHERS = _firsts("offer.requested").subquery("others")
_SALES = (
    select(EVENTS.c.contact_id, func.max(EVENTS.c.id).label("id"))
    .where(EVENTS.c.name == literal_column("'sale.closed'"))
    .group_by(EVENTS.c.contact_id)
    .subquery("sales")
)
_SOURCE, _REFERRER = (EVENTS.c.data[name].as_string() for name in ("utm_source", "referrer"))
_ASKED = (
    select(
        _REQUESTS.c.offer,
        _SOURCE,
        _REFERRER,
        func.count(_REQUESTS.c.contact_id),
        func.count(_DOWNLOADS.c.contact_id),
        func.count(_SALES.c.contact_id),
    )
    .select_from(_REQUESTS)
    .join(EVENTS, EVENTS.c.id == _REQUESTS.c.id)
    .outerjoin(
        _DOWNLOADS,
        and_(_DOWNLOADS.c.contact_id == _REQUESTS.c.contact_id, _DOWNLOADS.c.offer == _REQUESTS.c.offer),
    )
    # The latest sale: an earlier one was won by something else.
    .outerjoin(_SALES, and_(_SALES.c.contact_id == _REQUESTS.c.contact_id, _SALES.c.id > _REQUESTS.c.id))
    .group_by(_REQUESTS.c.offer, _SOURCE, _REFERRER)
)
_THEN = (
    select(_REQUESTS.c.offer, _OTHERS.c.offer, func.count())
    .join(_OTHERS, and_(_OTHERS.c.contact_id == _REQUESTS.c.contact_id, _OTHERS.c.id > _REQUESTS.c.id))
    .group_by(_REQUESTS.c.offer, _OTHERS.c.offer)
)
