"""Days that contacts carry: on the day of a date trigger each of them gets the event that opens its stage, once.

Never for a day that was over when its workflow was published, the contact came or the date was written down. Candidates
are found by their texts in one statement; whether the day has come in their zone is decided one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from nurture.db import contacts, date_fields, enrollments, state
from nurture.engine.dates import NAME, DateTrigger, comes, date_triggers, days_between, next_nine
from nurture.model.words import Contact
from nurture.services.events.ingest import Happening, take_in
from nurture.services.published import Published, Shelf
from nurture.services.runtime import Runtime

CHUNK = 1_000
EVERY = timedelta(minutes=1)
_STATE = "dates"


def triggers(tx: Connection, shelf: Shelf, published: Published) -> list[DateTrigger]:
    """Every stage that opens on a day: of the workflows that are live, and of the versions that contacts are still in."""
    live = {one.key: one for workflow in published.workflows.values() for one in date_triggers(workflow)}
    older = {one.key: replace(one, enrolls=False) for each in shelf.older(tx) for one in date_triggers(each)}
    return list((older | live).values())


def begin(tx: Connection, shelf: Shelf, published: Published, now: datetime) -> None:
    """From now on these triggers ring; what was over before is over."""
    before = _since(tx)
    after = {one.key: before.get(one.key, now) for one in triggers(tx, shelf, published)}
    if after != before:
        _note(tx, after, now)


def sweep(runtime: Runtime, published: Published) -> int:
    """Ring for every day that came since the last look; returns for how many. Does nothing within a minute of that look."""
    now = runtime.now()
    with runtime.database.read() as tx:
        since = _since(tx)
        if since and all(at <= now < at + EVERY for at in since.values()):
            return 0
        looked = triggers(tx, runtime.shelf, published)
    if not looked and not since:
        return 0
    rung = sum(_ring(runtime, published, one, since[one.key], now) for one in looked if one.key in since)
    runtime.database.retrying(lambda tx: _note(tx, {one.key: now for one in looked}, now))
    return rung


def _ring(
    runtime: Runtime, published: Published, trigger: DateTrigger, since: datetime, now: datetime
) -> int:
    origins = trigger.rule.origins(*days_between(since, now))
    last, rung = 0, 0
    while True:
        with runtime.database.read() as tx:
            some = date_fields.carrying(
                tx, trigger.rule.field, origins, every=trigger.rule.every, after=last, most=CHUNK
            )
        if not some:
            return rung
        last = some[-1]
        ring = partial(
            _ring_some, runtime=runtime, published=published, trigger=trigger, ids=some, since=since, now=now
        )
        rung += runtime.database.retrying(ring)


def _ring_some(
    tx: Connection,
    runtime: Runtime,
    published: Published,
    trigger: DateTrigger,
    ids: list[int],
    since: datetime,
    now: datetime,
) -> int:
    people = contacts.load(tx, contacts.lock(tx, ids))
    if not trigger.enrolls:
        there = {one.contact_id for one in enrollments.live_of(tx, ids) if one.workflow == trigger.workflow}
        people = {one: contact for one, contact in people.items() if one in there}
    happenings = [
        Happening(
            contact_id=contact.id,
            name=NAME,
            data=trigger.data(day),
            at=at,
            id=trigger.event_id(contact.id, day),
        )
        for contact in _in_order(people)
        for day, at in comes(trigger.rule, contact, published.workspace, _from(contact, since), now)
    ]
    return sum(event is not None for event in take_in(tx, runtime.shelf, happenings, now).events)


def _in_order(people: Mapping[int, Contact]) -> list[Contact]:
    return [people[one] for one in sorted(people)]


def _from(contact: Contact, since: datetime) -> datetime:
    """Days that were over when the contact came are over."""
    return max(since, contact.created_at) if contact.created_at else since


def next_moment(tx: Connection, published: Published, after: datetime) -> datetime | None:
    """The next nine o'clock in the zone of some contact: then a date trigger may ring. None without such triggers."""
    if not _since(tx):
        return None
    zones = {published.workspace.zone_of(name) for name in date_fields.zones(tx)}
    return min((next_nine(zone, after) for zone in zones), default=None)


def _since(tx: Connection) -> dict[str, datetime]:
    written = (state.get(tx, _STATE) or {}).get("since", {})
    return {key: datetime.fromisoformat(at) for key, at in written.items()}


def _note(tx: Connection, since: Mapping[str, datetime], now: datetime) -> None:
    state.put(tx, _STATE, {"since": {key: at.isoformat() for key, at in since.items()}}, now)
