"""Requests in the database: found by their key, confirmed once, forgotten when nobody did."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nurture.db import requests
from nurture.db.requests import Request
from nurture.db.session import Database
from tests.support.stores import DAY, NOW


@pytest.fixture
def database(any_store: str) -> Iterator[Database]:
    database = Database(any_store)
    yield database
    database.dispose()


def a_request(key: str = "k", **over: object) -> Request:
    values: dict[str, object] = {
        "email": "Ana@example.org",
        "email_key": "ana@example.org",
        "offer": "guide",
        "at": NOW,
        "answers": {"values": {"first_name": "Ana", "retired": True, "age": 57}, "origin": {}},
        "consent": {"purpose": "nurture", "wording": "Yes é", "version": "1"},
        "proof": {"ip": "127.0.0.1"},
    }
    return Request(key=key, **(values | over))  # type: ignore[arg-type]


def test_a_request_is_told_back_as_it_was_put_in(database: Database) -> None:
    with database.write() as tx:
        requests.add(tx, a_request())

        found, unknown = requests.by_key(tx, "k"), requests.by_key(tx, "other")

    assert found == a_request()
    assert unknown is None


def test_a_request_is_confirmed_once_and_what_was_typed_forgotten(database: Database) -> None:
    with database.write() as tx:
        requests.add(tx, a_request())

        answers = [requests.confirm(tx, key, NOW + DAY) for key in ("k", "k", "other")]
        found = requests.by_key(tx, "k")

    assert answers == [True, False, False]
    assert found is not None
    assert found.confirmed_at == NOW + DAY
    assert (found.answers, found.proof) == ({}, {})


def test_what_an_address_asked_for_lately_is_counted_by_address(database: Database) -> None:
    with database.write() as tx:
        for key, age in (("old", 2), ("new", 0)):
            requests.add(tx, a_request(key, at=NOW - age * DAY))
        requests.add(tx, a_request("hers", email_key="bea@example.org"))

        found = requests.since(tx, "ana@example.org", NOW - DAY)

    assert [one.key for one in found] == ["new"]


def test_only_what_nobody_confirmed_is_forgotten(database: Database) -> None:
    with database.write() as tx:
        for key in ("open", "confirmed"):
            requests.add(tx, a_request(key, at=NOW - 40 * DAY))
        requests.add(tx, a_request("fresh"))
        requests.confirm(tx, "confirmed", NOW)

        forgotten = requests.forget_unconfirmed(tx, NOW - 30 * DAY)
        left = [one.key for one in requests.since(tx, "ana@example.org", NOW - 99 * DAY)]

    assert forgotten == 1
    assert left == ["confirmed", "fresh"]
