"""The list of contacts finds whom one means, in order, page by page, and tells each row the truth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection

from nurture.db import consents, contacts, deliveries, directory, events, suppressions
from nurture.db.consents import ConsentAction
from nurture.db.contact_import import NewContact, upsert
from nurture.db.directory import NOBODY, NOT_ENROLLED, Order, Position, Reach, Wanted
from nurture.db.events import NewEvent
from nurture.db.session import Database
from nurture.db.suppressions import Suppression
from nurture.model.words import Channel, DeliveryState, Status, SuppressionReason
from tests.support.stores import (
    DAY,
    MINUTE,
    NOW,
    a_consent,
    a_message,
    a_workflow,
    consenting,
    enrolled,
    people,
)


@pytest.fixture
def database(any_store: str) -> Iterator[Database]:
    database = Database(any_store)
    yield database
    database.dispose()


@pytest.fixture
def tx(database: Database) -> Iterator[Connection]:
    with database.write() as tx:
        yield tx


def added(tx: Connection, **over: Any) -> int:
    contact = NewContact(**{"email": "ana@example.org", **over})
    return next(iter(upsert(tx, [contact], NOW).ids.values()))


def found(tx: Connection, text: str = "", order: Order = Order.NAME, **filters: Any) -> list[str]:
    """The local parts of the addresses of whoever is listed."""
    rows = directory.page(tx, Wanted(text=text, **filters), order, NOW, most=50)
    known = contacts.load(tx, [row.contact_id for row in rows])
    return [known[row.contact_id].email.partition("@")[0] for row in rows]


@pytest.mark.parametrize(
    "text",
    [
        "ana",
        "ANA",
        "na.o",
        "ortiz ana",
        "Ortiz  example",
        "0101",
        "(416) 555-0101",
        "416-555",
        "+1416",
        "ána",
    ],
)
def test_every_word_may_be_anywhere_in_name_address_or_phone(tx: Connection, text: str) -> None:
    added(tx, email="ana.o@example.org", first_name="Ana", last_name="Ortiz Ána", phone="+14165550101")
    added(tx, email="bea@elsewhere.org", first_name="Bea", phone="+14165559999")

    assert found(tx, text, tag="")[0] == "ana.o"
    assert "bea" not in found(tx, f"{text} ana")


def test_a_word_that_is_nowhere_finds_nobody(tx: Connection) -> None:
    added(tx, email="ana@example.org", first_name="Ana")

    assert found(tx, "ana zoe") == []


@pytest.mark.parametrize("typed", ["élodie", "ÉLODIE", "Élodie"])
@pytest.mark.parametrize("stored", ["élodie", "ÉLODIE", "Élodie"])
def test_accents_are_found_in_any_case(tx: Connection, typed: str, stored: str) -> None:
    added(tx, email="e@example.org", first_name=stored)

    assert found(tx, typed) == ["e"]


@pytest.mark.parametrize("typed", ["100%", "a_b", "\\", "%", "_", "' OR 1=1 --", "{{7*7}}"])
def test_signs_that_mean_something_to_a_database_are_taken_literally(tx: Connection, typed: str) -> None:
    added(tx, email="plain@example.org", first_name="aXb 100 percent")
    added(tx, email="odd@example.org", first_name="100% a_b \\ ' OR 1=1 -- {{7*7}}")

    assert found(tx, typed) == ["odd"]


def test_filters_by_where_somebody_stands(tx: Connection) -> None:
    ana, bea, carl, _ = people(tx, "ana", "bea", "carl", "dora")
    a_workflow(tx)
    a_workflow(tx, "win-back")
    enrolled(tx, [ana], stage="first", step="hello")
    enrolled(tx, [bea], stage="second", step="later")
    enrolled(tx, [bea], workflow="win-back", version="win-back", stage="first", step="hello")
    enrolled(tx, [carl], stage="first", step="hello", status=Status.LOST)

    assert found(tx, workflow="welcome") == ["ana", "bea", "carl"]
    assert found(tx, workflow="welcome", stage="first") == ["ana", "carl"]
    assert found(tx, workflow="welcome", stage="first", status="lost") == ["carl"]
    assert found(tx, workflow="welcome", step="hello") == ["ana"]
    assert found(tx, stage="first", status="active") == ["ana", "bea"]
    assert found(tx, status=NOT_ENROLLED) == ["dora"]


def test_filters_by_tag_and_owner(tx: Connection) -> None:
    added(tx, email="ana@example.org", tags=frozenset({"client", "vip"}), owner="kim@example.org")
    added(tx, email="bea@example.org", tags=frozenset({"clients"}))

    assert found(tx, tag="client") == ["ana"]
    assert found(tx, tag="cli%") == []
    assert found(tx, owner="kim@example.org") == ["ana"]
    assert found(tx, owner=NOBODY) == ["bea"]


def test_filters_by_why_somebody_cannot_be_written_to(tx: Connection) -> None:
    ana, bea, carl, dora, emil = people(tx, "ana", "bea", "carl", "dora", "emil")
    consenting(tx, [ana, bea])
    consents.add(tx, [a_consent(bea, action=ConsentAction.WITHDRAWN)])
    consents.add(tx, [a_consent(emil, expires_at=NOW - DAY)])
    hashes = suppressions.hashes_of(tx, [carl, dora])
    suppressions.add(tx, [a_closing(hashes[carl][0], SuppressionReason.HARD_BOUNCE)])
    suppressions.add(tx, [a_closing(hashes[dora][0], SuppressionReason.UNSUBSCRIBED)])

    assert found(tx, reach=Reach.SUPPRESSED) == ["carl", "dora"]
    assert found(tx, reach=Reach.UNSUBSCRIBED) == ["bea", "dora"]
    assert found(tx, reach=Reach.NO_CONSENT) == ["bea", "carl", "dora", "emil"]


def a_closing(address_hash: str, reason: SuppressionReason) -> Suppression:
    return Suppression(
        address_hash=address_hash, channel=Channel.EMAIL, reason=reason, at=NOW, source="a test"
    )


def test_a_closed_phone_counts_as_suppressed(tx: Connection) -> None:
    ana = added(tx, phone="+14165550101")
    phone = suppressions.hashes_of(tx, [ana])[ana][1]
    assert phone is not None
    closing = Suppression(
        address_hash=phone,
        channel=Channel.PHONE,
        reason=SuppressionReason.DO_NOT_CALL,
        at=NOW,
        source="a test",
    )

    suppressions.add(tx, [closing])

    assert found(tx, reach=Reach.SUPPRESSED) == ["ana"]


def test_names_sort_without_case_and_the_nameless_by_their_address(tx: Connection) -> None:
    added(tx, email="1@example.org", first_name="bea")
    added(tx, email="2@example.org", first_name="Ana", last_name="Zed")
    added(tx, email="3@example.org", last_name="Aaa")
    added(tx, email="anb@example.org")

    assert found(tx) == ["3", "2", "anb", "1"]


def test_the_latest_activity_comes_first_and_arriving_counts(tx: Connection) -> None:
    ana, bea, carl = people(tx, "ana", "bea", "carl")
    contacts.touch_active(tx, {ana: NOW + DAY, carl: NOW + 2 * DAY})

    assert found(tx, order=Order.ACTIVITY) == ["carl", "ana", "bea"]
    assert bea not in (ana, carl)


@pytest.mark.parametrize("order", Order)
def test_pages_show_everybody_once_also_those_who_are_alike(tx: Connection, order: Order) -> None:
    upsert(tx, [NewContact(email=f"{number}@example.org", first_name="Ana") for number in range(23)], NOW)
    upsert(tx, [NewContact(email=f"{number}@example.com") for number in range(7)], NOW + DAY)

    seen: list[int] = []
    after: Position | None = None
    while rows := directory.page(tx, Wanted(), order, NOW, after=after, most=4):
        seen += [row.contact_id for row in rows]
        after = rows[-1]

    assert len(seen) == len(set(seen)) == 30
    whole = directory.page(tx, Wanted(), order, NOW, most=99)
    assert seen == [row.contact_id for row in whole]


def test_a_position_that_is_nobodys_ends_the_list_of_names(tx: Connection) -> None:
    people(tx, "ana")

    assert directory.page(tx, Wanted(), Order.NAME, NOW, after=Position(10**12), most=4) == []


def test_counts_up_to_a_bound(tx: Connection) -> None:
    people(tx, "ana", "bea", "carl")

    assert directory.count(tx, Wanted(), NOW, most=99) == 3
    assert directory.count(tx, Wanted(), NOW, most=2) == 2
    assert directory.count(tx, Wanted(text="ana"), NOW, most=99) == 1


def test_places_are_told_oldest_first(tx: Connection) -> None:
    ana, bea = people(tx, "ana", "bea")
    a_workflow(tx)
    enrolled(tx, [ana], stage="first", status=Status.LOST, end_reason="silent")
    enrolled(tx, [ana], stage="second", wake_at=NOW + DAY)

    places = directory.places(tx, [ana, bea])

    assert [(one.stage, one.status, one.wake_at) for one in places[ana]] == [
        ("first", Status.LOST, NOW),
        ("second", Status.ACTIVE, NOW + DAY),
    ]
    assert bea not in places


def test_the_last_touch_is_our_mail_or_what_they_did_since(tx: Connection) -> None:
    ana, bea, carl = people(tx, "ana", "bea", "carl")
    a_workflow(tx)
    one, two = enrolled(tx, [ana, bea])
    sent = {"state": DeliveryState.SENT, "ended_at": NOW + MINUTE}
    deliveries.plan(tx, [a_message(one, ana, **sent), a_message(two, bea, **sent)])
    deliveries.plan(tx, [a_message(one, ana, key="unsent", step="other", template="unsent")])
    events.store(
        tx,
        [
            an_event(bea, "offer.downloaded", NOW + 2 * MINUTE),
            an_event(bea, "email.opened", NOW + DAY, human=False),
            an_event(bea, "contact.changed", NOW + DAY),
            an_event(ana, "offer.requested", NOW),
        ],
    )

    touches = directory.last_touches(tx, [ana, bea, carl])

    assert (touches[ana].template, touches[ana].at) == ("guide", NOW + MINUTE)
    assert (touches[bea].event, touches[bea].at) == ("offer.downloaded", NOW + 2 * MINUTE)
    assert carl not in touches


def an_event(contact: int, name: str, at: Any, *, human: bool = True) -> NewEvent:
    return NewEvent(contact_id=contact, name=name, at=at, arrived_at=at, source="a test", human=human)
