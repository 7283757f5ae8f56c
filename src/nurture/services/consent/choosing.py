"""What contacts choose on their own page: fewer messages, a rest of some weeks, and the end of that rest.

Each choice is stored as an event of theirs. It gives and takes no permission, and nobody of ours is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from nurture.db import contacts, pauses, preferences
from nurture.model.errors import NurtureError
from nurture.model.matching import PREFERENCE_CHANGED
from nurture.model.preferences import FEWER, GO_ON, HOW_OFTEN, PAUSE, WEEKS
from nurture.model.words import Scalar
from nurture.services.consent.recipient import Recipient, find
from nurture.services.events.ingest import Happening, take_in
from nurture.services.running.pausing import let_go
from nurture.services.runtime import Runtime

MORNING = time(9)
"""A rest ends at this hour of its last day where the contact is: what then is due must not come at night."""
PAGE = "page"


def choose_how_often(runtime: Runtime, key: str, days: int | None) -> None:
    """At most one marketing mail in so many days, or with None as they come. Raises NurtureError for other days."""
    if days is not None and days not in HOW_OFTEN:
        raise NurtureError("that is none of the choices")
    now = runtime.now()

    def choose(tx: Connection, one: Recipient) -> Mapping[str, Scalar] | None:
        if not preferences.choose(tx, one.contact.id, days, now, PAGE):
            return None
        return {"choice": FEWER, "days": days}

    _choose(runtime, key, now, choose)


def rest(runtime: Runtime, key: str, weeks: int) -> None:
    """No marketing mail for so many weeks; no timer of theirs runs. Raises NurtureError for other numbers of weeks."""
    if weeks not in WEEKS:
        raise NurtureError("that is none of the choices")
    now = runtime.now()

    def choose(tx: Connection, one: Recipient) -> Mapping[str, Scalar] | None:
        ends_at = end_of_rest(now, weeks, one.zone)
        if not pauses.rest(tx, now, one.contact.id, ends_at):
            return None
        return {"choice": PAUSE, "weeks": weeks, "until": ends_at.astimezone(one.zone).date().isoformat()}

    _choose(runtime, key, now, choose)


def go_on(runtime: Runtime, key: str) -> None:
    """End the rest before its time; what our own people hold stays held."""
    now = runtime.now()

    def choose(tx: Connection, one: Recipient) -> Mapping[str, Scalar] | None:
        who = [one.contact.id]
        if not pauses.end_rests(tx, now, who):
            return None
        let_go(tx, runtime, now, contact_ids=who)
        return {"choice": GO_ON}

    _choose(runtime, key, now, choose)


def end_of_rest(now: datetime, weeks: int, zone: ZoneInfo) -> datetime:
    """In the morning of the same day of the week: pressed twice in a day, it is the same."""
    day = now.astimezone(zone).date() + timedelta(weeks=weeks)
    return datetime.combine(day, MORNING, zone)


def _choose(
    runtime: Runtime,
    key: str,
    now: datetime,
    choose: Callable[[Connection, Recipient], Mapping[str, Scalar] | None],
) -> None:
    """Keep a choice and tell it as an event, in one transaction; what was so before is no event."""

    def write(tx: Connection) -> None:
        one = find(runtime, tx, key, now)
        if one is None:
            return
        if not contacts.lock(tx, {one.contact.id}):
            return  # erased at this moment
        if data := choose(tx, one):
            told = Happening(
                contact_id=one.contact.id,
                name=PREFERENCE_CHANGED,
                data={**data, "source": PAGE},
                source=PAGE,
            )
            take_in(tx, runtime.shelf, [told], now)

    runtime.database.retrying(write)
