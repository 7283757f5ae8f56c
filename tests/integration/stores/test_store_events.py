"""An event is stored once, however often and from however many sides it comes, and read in the order of arrival."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from nurture.db import contacts, events
from nurture.db.events import NewEvent
from nurture.db.session import Database
from nurture.model.words import Event
from tests.support.stores import DAY, NOW, people


@pytest.fixture
def database(any_store: str) -> Iterator[Database]:
    database = Database(any_store)
    yield database
    database.dispose()


def an_event(contact_id: int, name: str = "sale.closed", **over: object) -> NewEvent:
    return NewEvent(**({"contact_id": contact_id, "name": name, "at": NOW, "arrived_at": NOW} | over))  # type: ignore[arg-type]


def test_an_event_comes_back_as_it_was_stored(database: Database) -> None:
    with database.write() as tx:
        (ana,) = people(tx, "ana")
        data = {"amount": 12.5, "kind": "upgrade", "n": 3, "first": True, "note": None}
        more = {"at": NOW - DAY, "data": data, "enrollment_id": 4, "step": "call", "visit": 2, "human": False}
        (stored,) = events.store(tx, [an_event(ana, **more)])

        loaded = events.by_ids(tx, [stored.id])

    assert loaded == {
        stored.id: Event(
            stored.id,
            "sale.closed",
            NOW - DAY,
            NOW,
            data,
            ana,
            enrollment_id=4,
            step="call",
            visit=2,
            human=False,
        )
    }


def test_ids_grow_in_the_order_of_arrival(database: Database) -> None:
    with database.write() as tx:
        (ana,) = people(tx, "ana")
        batch = [an_event(ana, f"a.e{n}", external_id=f"x{n}" if n % 3 else None) for n in range(40)]

        stored = events.store(tx, batch)
        names = events.by_ids(tx, [one.id for one in stored])

    assert [one.id for one in stored] == sorted(one.id for one in stored)
    assert [names[one.id].name for one in stored] == [event.name for event in batch]


def test_the_same_event_again_is_a_duplicate_with_the_first_ones_id(database: Database) -> None:
    with database.write() as tx:
        (ana,) = people(tx, "ana")
        first, twin = events.store(tx, [an_event(ana, external_id="x1"), an_event(ana, external_id="x1")])
    with database.write() as tx:
        again, other = events.store(tx, [an_event(ana, external_id="x1"), an_event(ana, external_id="x2")])
        history = events.of_contact(tx, ana)

    assert (first.duplicate, twin.duplicate, again.duplicate, other.duplicate) == (False, True, True, False)
    assert first.id == twin.id == again.id != other.id
    assert [one.id for one in history] == [other.id, first.id]


def test_twenty_senders_of_one_event_store_it_once(database: Database, any_store: str) -> None:
    with database.write() as tx:
        (ana,) = people(tx, "ana")
    databases = [Database(any_store, pool_size=1) for _ in range(4)]

    def send(number: int) -> bool:
        def work(tx: object) -> bool:
            contacts.lock(tx, [ana])  # type: ignore[arg-type]
            return events.store(tx, [an_event(ana, external_id="stripe-1")])[0].duplicate  # type: ignore[arg-type]

        return databases[number % 4].retrying(work)

    with ThreadPoolExecutor(20) as pool:
        duplicates = list(pool.map(send, range(20)))

    for one in databases:
        one.dispose()
    assert duplicates.count(False) == 1
    with database.read() as tx:
        assert len(events.of_contact(tx, ana)) == 1


def test_each_contacts_events_are_read_from_where_its_history_begins(database: Database) -> None:
    with database.write() as tx:
        ana, bea, carl = people(tx, "ana", "bea", "carl")
        stored = events.store(tx, [an_event(one) for one in (ana, bea, ana, bea, ana)])
        ids = [one.id for one in stored]

        found = events.since(tx, {ana: ids[0], bea: 0, carl: 0})

    assert {contact: [one.id for one in each] for contact, each in found.items()} == {
        ana: [ids[2], ids[4]],
        bea: [ids[1], ids[3]],
        carl: [],
    }


def test_the_latest_event_of_each_contact_is_known(database: Database) -> None:
    with database.write() as tx:
        ana, bea = people(tx, "ana", "bea")
        stored = events.store(tx, [an_event(ana), an_event(ana, "a.b")])

        assert events.latest_ids(tx, [ana, bea]) == {ana: stored[1].id, bea: 0}
