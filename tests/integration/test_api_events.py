"""Are events of other systems stored once, all or none, and only for who may report them?"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nurture.db import contacts, events
from nurture.model.accounts import Scope
from nurture.model.words import Event
from nurture.web.api.routes import LARGEST_BODY
from tests.integration.test_leave_page import live
from tests.support.api import a_shop
from tests.support.running import Running, a_nurture

SALE = {"email": "ana@example.org", "event": "sale.closed", "data": {"amount": 290}, "id": "order-7"}


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    url = str(request.getfixturevalue(f"{request.param}_url"))
    yield (one := live(a_nurture(url, tmp_path, mails=("receipt", "hello", "later"))))
    one.nurture.database.dispose()


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    yield (one := live(a_nurture(sqlite_url, tmp_path, mails=("receipt", "hello", "later"))))
    one.nurture.database.dispose()


def happened(running: Running, email: str = "ana@example.org") -> list[Event]:
    with running.nurture.database.read() as tx:
        contact = contacts.by_email(tx, [email])[email]
        return list(reversed(events.of_contact(tx, contact.id)))


def test_a_list_of_events_is_stored_in_its_order_and_wakes_workflows(either: Running) -> None:
    either.add()
    either.add("bea@example.org")
    shop = a_shop(either)

    answer = shop.report(
        [
            SALE | {"at": "2026-03-01T10:00:00-05:00"},
            {"email": " BEA@example.org ", "event": "a.happened"},
            {"email": "ana@example.org", "event": "email.clicked"},
        ]
    )
    either.run()

    assert (answer.status_code, answer.json) == (200, {"accepted": 3, "duplicates": 0})
    sale, click = happened(either)
    assert (sale.name, sale.data, sale.at.isoformat()) == (
        "sale.closed",
        {"amount": 290},
        "2026-03-01T15:00:00+00:00",
    )
    assert click.name == "email.clicked"
    assert either.states("bea@example.org") == [("receipt", "sent", None)]


def test_one_event_needs_no_list(running: Running) -> None:
    running.add()

    answer = a_shop(running).report(SALE)

    assert answer.json == {"accepted": 1, "duplicates": 0}


def test_the_same_id_twenty_times_at_once_is_one_event(either: Running) -> None:
    either.add()
    shop = a_shop(either)

    def send(_: int) -> tuple[int, int]:
        app = shop.client.application
        answer = app.test_client().post("/api/v1/events", json=SALE, headers=shop.headers)
        assert answer.status_code == 200, answer.text
        return answer.json["accepted"], answer.json["duplicates"]

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(send, range(20)))

    assert sorted(answers) == [(0, 1)] * 19 + [(1, 0)]
    assert len(happened(either)) == 1


def test_an_id_twice_in_one_list_counts_once(running: Running) -> None:
    running.add()

    answer = a_shop(running).report([SALE, SALE])

    assert answer.json == {"accepted": 1, "duplicates": 1}


def test_one_bad_item_stores_nothing_and_every_problem_is_told(running: Running) -> None:
    running.add()

    answer = a_shop(running).report(
        [
            SALE,
            {"email": "nobody@example.org", "event": "sale.closd"},
            {"email": "ana@example.org", "event": "stage.entered", "at": "2030-01-01T00:00:00Z"},
            {"email": "not an address", "event": "consent.granted", "dta": {}},
            {"event": "sale.closed", "data": {"lines": [1, 2]}, "at": "2026-03-02T09:00"},
        ]
    )

    assert answer.status_code == 422
    assert answer.json["error"]["code"] == "problems"
    told = [(one["index"], one["field"]) for one in answer.json["problems"]]
    assert told == [
        (1, "email"),
        (1, "event"),
        (2, "at"),
        (2, "event"),
        (3, "dta"),
        (4, "at"),
        (4, "data.lines"),
        (4, "email"),
    ]
    assert answer.json["problems"][0]["hint"] == "store it first: PUT /api/v1/contacts"
    assert "did you mean 'sale.closed'?" in answer.json["problems"][1]["hint"]
    assert happened(running) == []


def test_no_answer_names_another_contact(running: Running) -> None:
    running.add("annabel@example.org")

    answer = a_shop(running).report({"email": "anabel@example.org", "event": "sale.closed"})

    assert answer.status_code == 422
    assert "annabel" not in answer.text


def test_permission_is_never_given_by_an_event(running: Running) -> None:
    running.add(consent=None)

    answer = a_shop(running).report(
        {"email": "ana@example.org", "event": "consent.granted", "data": {"purpose": "nurture"}}
    )

    assert answer.status_code == 422
    assert "PUT /api/v1/contacts" in answer.json["problems"][0]["hint"]


def test_a_withdrawal_is_taken_by_whatever_way_it_comes(running: Running) -> None:
    running.add()
    running.track("a.happened")

    a_shop(running).report(
        {"email": "ana@example.org", "event": "consent.withdrawn", "data": {"purpose": "nurture"}}
    )
    running.run()

    assert running.enrollments()[0].end_reason == "unsubscribed"


def test_without_a_good_token_nothing_is_told(running: Running) -> None:
    shop = a_shop(running)
    strangers = [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer nt_guessed"},
        {"Authorization": "Bearer \u00e9\u00e9"},
        {"Authorization": "Basic bnRfYQ=="},
        {"Cookie": "nurture=forged"},
    ]

    answers = [shop.client.post("/api/v1/events", json=SALE, headers=headers) for headers in strangers]

    for answer in answers:
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer realm=nurture"
        assert answer.json["error"]["code"] == "unauthorized"
        assert "Set-Cookie" not in answer.headers


def test_a_token_may_do_only_what_it_was_made_for(running: Running) -> None:
    running.add()
    shop = a_shop(running, Scope.CONTACTS_WRITE)

    answer = shop.report(SALE)

    assert (answer.status_code, answer.json["error"]["code"]) == (403, "forbidden")
    assert happened(running) == []


def test_everything_that_goes_wrong_has_one_shape(running: Running) -> None:
    shop = a_shop(running)
    wrong = [
        ("POST", "/api/v1/events", b"{", "application/json", 400),
        ("POST", "/api/v1/events", b'"[]"', "application/json", 400),
        ("POST", "/api/v1/events", b"[" * 200_000, "application/json", 400),
        ("POST", "/api/v1/events", b"\xff", "application/json", 400),
        ("POST", "/api/v1/events", b"email=ana", "application/x-www-form-urlencoded", 415),
        ("POST", "/api/v1/events", b" " * (LARGEST_BODY + 1), "application/json", 413),
        ("POST", "/api/v1/events", b"[]", "application/json", 422),
        ("DELETE", "/api/v1/events", b"", "application/json", 405),
        ("GET", "/api/v1/nothing", b"", "application/json", 404),
    ]

    for method, path, body, kind, status in wrong:
        answer = shop.client.open(path, method=method, data=body, headers=shop.headers, content_type=kind)

        assert answer.status_code == status
        assert answer.mimetype == "application/json"
        assert set(answer.json["error"]) == {"code", "message", "hint"}


def test_a_list_of_more_than_a_thousand_is_refused_and_one_of_a_thousand_is_taken(running: Running) -> None:
    running.add()
    shop = a_shop(running)
    click = {"email": "ana@example.org", "event": "email.clicked"}

    assert shop.report([click] * 1001).status_code == 422
    assert shop.report([click] * 1000).json == {"accepted": 1000, "duplicates": 0}


def test_before_anything_was_published_it_says_so(sqlite_url: str, tmp_path: Path) -> None:
    running = a_nurture(sqlite_url, tmp_path)

    answer = a_shop(running).report(SALE)

    assert (answer.status_code, answer.json["error"]["hint"]) == (409, "run `nurture publish`")
    running.nurture.database.dispose()


def test_guessing_tokens_ends_and_a_good_one_still_works(running: Running) -> None:
    running.add()
    shop = a_shop(running)

    guesses = [
        shop.client.post("/api/v1/events", json=SALE, headers={"Authorization": f"Bearer nt_{count}"})
        for count in range(62)
    ]

    assert {one.status_code for one in guesses[:60]} == {401}
    assert (guesses[-1].status_code, guesses[-1].json["error"]["code"]) == (429, "too-many-requests")
    assert int(guesses[-1].headers.get("Retry-After", "60")) <= 60


def test_an_id_that_belongs_to_another_event_is_told_and_nothing_is_stored(either: Running) -> None:
    either.add()
    either.add("bea@example.org")
    shop, other = a_shop(either), a_shop(either, name="crm")
    shop.report(SALE)

    of_another = other.report([{**SALE, "email": "bea@example.org"}, SALE])
    another_thing = other.report([{**SALE, "event": "a.happened", "data": {}}])

    for answer in (of_another, another_thing):
        assert answer.status_code == 422
        (problem,) = answer.json["problems"]
        assert (problem["index"], problem["field"]) == (0, "id")
    assert happened(either, "bea@example.org") == []
    assert len(happened(either)) == 1


@pytest.mark.parametrize("amount", ["1,234.50", "290", True, -1])
def test_an_amount_that_is_no_money_is_refused(running: Running, amount: object) -> None:
    running.add()

    answer = a_shop(running).report({**SALE, "data": {"amount": amount}})

    assert answer.status_code == 422
    assert answer.json["problems"][0]["field"] == "data.amount"
    assert happened(running) == []


def test_what_went_back_may_be_more_than_what_was_sold(running: Running) -> None:
    running.add()

    answer = a_shop(running).report(
        [SALE, {**SALE, "event": "sale.refunded", "id": "r-1", "data": {"amount": 1e6}}]
    )

    assert answer.json == {"accepted": 2, "duplicates": 0}
