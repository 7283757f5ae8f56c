"""What happened to or by a contact, stored once, in the order of arrival.

An event with an id from outside is stored once however often it comes. Nothing here is ever changed or taken back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cache

from sqlalchemy import BigInteger, Connection, bindparam, func, select

from nurture.db.sets import AnyRow, AnySelect, among, given, insert_rows, now_param, pairs, run_on
from nurture.db.tables import EventRow, table_of
from nurture.model.words import NOTHING, Event, Scalar

EVENTS = table_of(EventRow)
_NAMES = tuple(field.name for field in fields(Event))
_COLUMNS = tuple(EVENTS.c[name] for name in _NAMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event to be stored; ``external_id`` makes it idempotent, whoever sends it again."""

    contact_id: int
    name: str
    at: datetime
    arrived_at: datetime
    data: Mapping[str, Scalar] = field(default_factory=lambda: NOTHING)
    external_id: str | None = None
    source: str = "nurture"
    enrollment_id: int | None = None
    step: str | None = None
    visit: int | None = None
    human: bool = True


_NEW = tuple(field.name for field in fields(NewEvent))


@dataclass(frozen=True, slots=True)
class Stored:
    """The id an event has; ``duplicate`` when it had been stored before."""

    id: int
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """An event by name, its contact, and where it came from."""

    name: str
    contact_id: int
    source: str


def store(tx: Connection, events: Sequence[NewEvent]) -> list[Stored]:
    """Store events in this order, each external id once; the results stand in the same order.

    Lock the contacts first (``contacts.lock``), so that the ids of one contact grow as transactions commit. An event
    that another transaction is just storing under the same external id is waited for.
    """
    rows = [{name: getattr(event, name) for name in _NEW} for event in events]
    stored = insert_rows(tx, EVENTS, rows, returning=("id", "external_id"), skip_conflicts=True)
    # Ids grow in the order of the rows. Those without an external id were all stored, so they match one by one.
    nameless = iter(sorted(id_ for id_, external in stored if external is None))
    fresh = {external: id_ for id_, external in stored if external is not None}
    known = _known(
        tx, {event.external_id for event in events if event.external_id is not None} - fresh.keys()
    )
    results = []
    for event in events:
        external = event.external_id
        if external is None:
            results.append(Stored(next(nameless)))
        elif external in fresh:
            known[external] = fresh.pop(external)
            results.append(Stored(known[external]))
        else:
            results.append(Stored(known[external], duplicate=True))
    return results


def since(tx: Connection, histories: Mapping[int, int]) -> dict[int, tuple[Event, ...]]:
    """Events of each contact after an event id, in order of arrival: ``{contact id: last id not wanted}``."""
    rows = [{"contact_id": contact, "after": after} for contact, after in histories.items()]
    found: dict[int, list[Event]] = {contact: [] for contact in histories}
    if rows:
        for row in run_on(tx, _since, rows):
            event = _event(row)
            found[event.contact_id].append(event)
    return {contact: tuple(events) for contact, events in found.items()}


def by_ids(tx: Connection, ids: Collection[int]) -> dict[int, Event]:
    """The events with these ids; unknown ids are left out."""
    return {row.id: _event(row) for row in tx.execute(_BY_ID, {"ids": ids})} if ids else {}


def of_contact(
    tx: Connection, contact_id: int, *, limit: int = 200, before: int | None = None
) -> list[Event]:
    """A contact's latest events, newest first, at most ``limit``, with ids below ``before``."""
    values = {"contact": contact_id, "before": before or 2**62, "most": limit}
    return [_event(row) for row in tx.execute(_LATEST, values)]


def sources_of(tx: Connection, contact_id: int) -> dict[int, str]:
    """Where each event of a contact came from: ``{event id: source}``."""
    return pairs(tx.execute(_SOURCES, {"contact": contact_id}))


def named_since(tx: Connection, names: Collection[str], since: datetime) -> list[Told]:
    """Events of these names that arrived after a moment, oldest first: what they were, of whom, and who told us."""
    return [Told(*row) for row in tx.execute(_NAMED_SINCE, {"names": names, "since": since})]


def told_as(tx: Connection, external: Collection[str]) -> dict[str, Told]:
    """What was stored under these ids from outside; unknown ones are left out."""
    rows = tx.execute(_TOLD_AS, {"externals": external}) if external else ()
    return {id_: Told(*told) for id_, *told in rows}


def last_human(tx: Connection, contact_ids: Collection[int], names: Collection[str]) -> dict[int, datetime]:
    """When such an event of a person's own came from each contact last; who did none of it is left out."""
    values = {"ids": contact_ids, "names": names}
    return pairs(tx.execute(_LAST_HUMAN, values)) if contact_ids else {}


def latest_ids(tx: Connection, contact_ids: Collection[int]) -> dict[int, int]:
    """The id of each contact's last event; 0 for one without events."""
    found = dict.fromkeys(contact_ids, 0)
    if found:
        found.update((row.contact_id, row.id) for row in tx.execute(_LATEST_IDS, {"ids": found}))
    return found


@cache
def _since(dialect: str) -> AnySelect:
    wanted = given(dialect, contact_id=EVENTS.c.contact_id, after=BigInteger())
    return (
        select(*_COLUMNS)
        .join(wanted, EVENTS.c.contact_id == wanted.c.contact_id)
        .where(EVENTS.c.id > wanted.c.after)
        .order_by(EVENTS.c.id)
    )


_BY_ID = select(*_COLUMNS).where(among(EVENTS.c.id))
_LATEST = (
    select(*_COLUMNS)
    .where(EVENTS.c.contact_id == bindparam("contact"), EVENTS.c.id < bindparam("before"))
    .order_by(EVENTS.c.id.desc())
    .limit(bindparam("most"))
)


_SOURCES = select(EVENTS.c.id, EVENTS.c.source).where(EVENTS.c.contact_id == bindparam("contact"))
_NAMED_SINCE = (
    select(EVENTS.c.name, EVENTS.c.contact_id, EVENTS.c.source)
    .where(among(EVENTS.c.name, "names"), EVENTS.c.arrived_at > now_param("since"))
    .order_by(EVENTS.c.id)
)
_TOLD_AS = select(EVENTS.c.external_id, EVENTS.c.name, EVENTS.c.contact_id, EVENTS.c.source).where(
    among(EVENTS.c.external_id, "externals")
)
_LAST_HUMAN = (
    select(EVENTS.c.contact_id, func.max(EVENTS.c.arrived_at).label("at"))
    .where(among(EVENTS.c.contact_id), among(EVENTS.c.name, "names"), EVENTS.c.human)
    .group_by(EVENTS.c.contact_id)
)
_LATEST_IDS = (
    select(EVENTS.c.contact_id, func.max(EVENTS.c.id).label("id"))
    .where(among(EVENTS.c.contact_id))
    .group_by(EVENTS.c.contact_id)
)


def _known(tx: Connection, external: Collection[str]) -> dict[str, int]:
    if not external:
        return {}
    query = select(EVENTS.c.external_id, EVENTS.c.id).where(among(EVENTS.c.external_id, "externals"))
    return pairs(tx.execute(query, {"externals": external}))


def _event(row: AnyRow) -> Event:
    return Event(*row)
