"""One address is one person; a list twice changes nothing; an empty cell clears nothing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from nurture.db import contact_import, contacts
from nurture.db.contact_import import NewContact
from nurture.db.contacts import Change
from nurture.db.session import Database
from nurture.model.addresses import AddressError
from tests.support.stores import DAY, NOW, people


@pytest.fixture
def database(any_store: str) -> Iterator[Database]:
    database = Database(any_store)
    yield database
    database.dispose()


def upsert(database: Database, *rows: NewContact) -> contact_import.UpsertResult:
    with database.write() as tx:
        return contact_import.upsert(tx, rows, NOW)


def test_a_new_contact_comes_back_as_it_was_given(database: Database) -> None:
    given = NewContact(
        email=" Ana.Muster+news@Bücher.example ",
        first_name="Ana",
        phone="+49 30 1234",
        timezone="Europe/Berlin",
        score=4.5,
        tags=frozenset({"vip", "fair"}),
        fields={"age": 57, "retired": False, "plan": None},
    )

    result = upsert(database, given)

    with database.read() as tx:
        found = contacts.by_email(tx, ["ana.muster+NEWS@xn--bcher-kva.example"])
    (ana,) = found.values()
    assert result.created == [ana.id]
    assert ana.email == "Ana.Muster+news@Bücher.example"
    assert (ana.first_name, ana.timezone, ana.score, ana.tags) == (
        "Ana",
        "Europe/Berlin",
        4.5,
        {"vip", "fair"},
    )
    assert ana.fields == {"age": 57, "retired": False}
    assert ana.created_at == NOW


def test_the_same_list_again_changes_nothing(database: Database) -> None:
    rows = [
        NewContact(email=f"p{n}@example.org", first_name=f"P{n}", fields={"age": n}, tags=frozenset("a"))
        for n in range(30)
    ]
    first = upsert(database, *rows)

    again = upsert(database, *rows)

    assert (len(first.created), first.updated, first.unchanged) == (30, [], [])
    assert (again.created, again.updated, sorted(again.unchanged)) == ([], [], sorted(first.created))
    assert again.ids == first.ids


def test_an_empty_cell_clears_nothing_and_a_new_one_completes(database: Database) -> None:
    upsert(
        database,
        NewContact(
            email="ana@example.org",
            first_name="Ana",
            tags=frozenset({"a"}),
            fields={"age": 57, "plan": "basic"},
        ),
    )

    result = upsert(
        database,
        NewContact(
            email="ANA@example.org",
            last_name="Muster",
            tags=frozenset({"b"}),
            fields={"age": None, "plan": "plus"},
        ),
    )

    with database.read() as tx:
        (ana,) = contacts.load(tx, result.updated).values()
    assert (ana.first_name, ana.last_name, ana.tags) == ("Ana", "Muster", {"a", "b"})
    assert ana.fields == {"age": 57, "plan": "plus"}


def test_an_address_twice_in_one_list_is_one_contact(database: Database) -> None:
    result = upsert(
        database,
        NewContact(email="ana@example.org", first_name="Ana", fields={"age": 57}),
        NewContact(email="Ana@Example.org", last_name="Muster"),
    )

    with database.read() as tx:
        (ana,) = contacts.load(tx, result.created).values()
    assert (ana.first_name, ana.last_name, ana.fields) == ("Ana", "Muster", {"age": 57})


def test_what_cannot_be_an_address_is_refused_and_nothing_of_the_list_is_stored(database: Database) -> None:
    with pytest.raises(AddressError):
        upsert(database, NewContact(email="ana@example.org"), NewContact(email="not an address"))

    with database.read() as tx:
        assert contacts.count(tx) == 0


def test_lists_that_overlap_make_each_contact_once(database: Database, any_store: str) -> None:
    rows = [NewContact(email=f"p{n}@example.org") for n in range(40)]

    def work(_: int) -> list[int]:
        own = Database(any_store)
        made = own.retrying(lambda tx: contact_import.upsert(tx, rows, NOW))
        own.dispose()
        return made.created

    with ThreadPoolExecutor(4) as pool:
        created = [id_ for made in pool.map(work, range(4)) for id_ in made]

    assert len(created) == len(set(created)) == 40
    with database.read() as tx:
        assert contacts.count(tx) == 40


def test_changes_say_which_contacts_are_really_different(database: Database) -> None:
    with database.write() as tx:
        ana, bea = people(tx, "ana", "bea")

        changed = contacts.apply_changes(
            tx,
            {
                ana: Change(
                    {"plan": "plus", "owner": "kim@example.com", "score": 7},
                    add_tags=frozenset({"vip", "old"}),
                    remove_tags=frozenset({"old"}),
                ),
                bea: Change({"first_name": "Bea", "plan": None}, remove_tags=frozenset({"vip"})),
            },
            NOW + DAY,
        )
        cleared = contacts.apply_changes(tx, {ana: Change({"plan": None, "owner": None})}, NOW)
        after = contacts.load(tx, [ana])[ana]

    assert (changed, cleared) == ({ana}, {ana})
    assert (after.owner, after.score, after.tags, after.fields) == (None, 7, {"vip"}, {})


def test_activity_only_moves_forward(database: Database) -> None:
    with database.write() as tx:
        (ana,) = people(tx, "ana")
        contacts.touch_active(tx, {ana: NOW})
        contacts.touch_active(tx, {ana: NOW - DAY})

        assert contacts.load(tx, [ana])[ana].last_active_at == NOW


def test_a_search_finds_names_and_addresses_and_takes_wildcards_literally(database: Database) -> None:
    upsert(
        database,
        NewContact(email="ana@example.org", first_name="Ána", last_name="O'Neil"),
        NewContact(email="b_a@example.org", last_name="100% Cotton"),
        NewContact(email="bxa@example.org"),
    )

    def found(text: str, **more: int) -> list[str]:
        with database.read() as tx:
            return [one.email for one in contacts.search(tx, text, **more)]

    assert found("ANA@") == ["ana@example.org"]
    assert found("o'neil") == ["ana@example.org"]
    assert found("b_a") == ["b_a@example.org"]
    assert found("0% c") == ["b_a@example.org"]
    assert found("") == ["ana@example.org", "b_a@example.org", "bxa@example.org"]
    assert len(found("", limit=2)) == 2


def test_a_locked_contact_makes_others_wait(postgres_url: str) -> None:
    database = Database(postgres_url)
    with database.write() as tx:
        (ana,) = people(tx, "ana")
    order = []

    def second() -> None:
        with database.write() as tx:
            contacts.lock(tx, [ana])
            order.append("second")

    with ThreadPoolExecutor(1) as pool:
        with database.write() as tx:
            contacts.lock(tx, [ana])
            waiting = pool.submit(second)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=timedelta(milliseconds=100).total_seconds())
            order.append("first")
        waiting.result(timeout=20)

    assert order == ["first", "second"]
    database.dispose()
