"""Addresses, forms and bodies that no browser sends: each gets a plain no, on both databases, and changes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from nurture.db.session import CommitUnknownError, Database, UnreachableError
from nurture.model.accounts import Role
from tests.integration.test_roles import everything_in, rules_of
from tests.support.api import a_shop
from tests.support.browsing import PASSWORD, Browser, a_browser, token_of
from tests.support.guided import a_guided_nurture
from tests.support.running import Running

NUMBERS = ("9" * 22, str(2**63), "9" * 5000, "-1", "%00", "%ff", "x" * 3000, "..%2f..%2fetc%2fpasswd")


def living(url: str, folder: Path) -> Running:
    running = a_guided_nurture(url, folder)
    running.add()
    running.add("bea@example.org", first_name="Bea")
    for email in ("ana@example.org", "bea@example.org"):
        running.track("offer.requested", email, offer="guide")
    running.run()
    return running


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    yield (one := living(str(request.getfixturevalue(f"{request.param}_url")), tmp_path))
    one.nurture.close()


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    yield (one := living(sqlite_url, tmp_path))
    one.nurture.close()


# --- addresses --------------------------------------------------------------------------------------------------


def test_a_made_up_number_in_any_address_is_no_page(either: Running) -> None:
    browser = a_browser(either)
    app = browser.client.application
    rules = [rule.rule for rule in rules_of(app, "GET") if "<" in rule.rule]

    answers = {
        f"{rule} {number[:30]}": browser.client.get(re.sub("<[^>]+>", number, rule)).status_code
        for rule in rules
        for number in NUMBERS
    }

    assert len(rules) > 8
    assert {place: code for place, code in answers.items() if code != 404} == {}


def test_a_made_up_number_is_acted_upon_by_no_button(either: Running) -> None:
    browser = a_browser(either)
    token = token_of(browser.get("/admin/me").text)
    before = everything_in(either)

    answers = {
        rule.rule: browser.client.post(
            re.sub("<[^>]+>", number, rule.rule), data={"csrf_token": token, "reason": "why"}
        ).status_code
        for rule in rules_of(browser.client.application, "POST")
        for number in ("9" * 18, "9" * 22)
        if "<" in rule.rule
    }

    assert {place: code for place, code in answers.items() if code not in (303, 404, 422)} == {}
    assert everything_in(either) == before


def test_a_made_up_place_in_a_list_is_a_bad_request(running: Running) -> None:
    browser = a_browser(running)

    codes = {
        (path, before): browser.client.get(f"{path}?before={before}").status_code
        for path in ("/admin/audit", "/admin/mail", "/admin/mail/notices")
        for before in ("9" * 22, "-1", "1e9", "%00", "x", "")
    }

    assert set(codes.values()) == {400}


# --- somebody else's ----------------------------------------------------------------------------------------------


def test_a_journey_is_steered_from_its_own_contacts_page_only(either: Running) -> None:
    browser = a_browser(either, Role.MARKETER)
    (journey,) = either.enrollments("bea@example.org")
    said = {"reason": "why", "stage": "first-sale", "step": journey.step or "", "once": "once-1234"}
    before = everything_in(either)

    codes = [
        browser.post(f"/admin/contacts/1/enrollments/{journey.id}/{deed}", **said).status_code
        for deed in ("move", "skip", "end")
    ]

    assert codes == [404] * 3
    assert everything_in(either) == before


def test_a_message_is_read_and_mailed_from_its_own_contacts_page_only(running: Running) -> None:
    browser = a_browser(running)
    (delivery, *_) = running.deliveries("bea@example.org")
    before = everything_in(running)

    codes = [
        browser.get(f"/admin/contacts/1/mail/{delivery.id}").status_code,
        browser.get(f"/admin/contacts/1/mail/{delivery.id}/body").status_code,
        browser.post(f"/admin/contacts/1/mail/{delivery.id}/send-me", once="once-1234").status_code,
    ]

    assert codes == [404] * 3
    assert everything_in(running) == before


# --- forms --------------------------------------------------------------------------------------------------------

TYPED = {
    "contacts/1/note": {"text": "a\0b"},
    "contacts/1/pause": {"reason": "a\0b"},
    "contacts/1/withdraw": {"reason": "a\0b", "purpose": "nurture"},
    "contacts/1/grant": {"purpose": "nurture", "wording": "a\0b", "source": "here"},
    "contacts/1/enrollments/1/move": {"stage": "first-sale", "reason": "a\0b"},
    "contacts/1/happened": {"event": "a.happened\0"},
    "contacts/new": {"email": "new@example.org", "first_name": "a\0b"},
    "workflows/guided/pause": {"reason": "a\0b"},
    "sending/stop": {"reason": "a\0b"},
    "me": {"name": "a\0b", "timezone": ""},
    "people": {"email": "new@example.org", "name": "a\0b", "role": "viewer"},
    "people/tokens/revoke": {"name": "a\0b"},
}


def test_a_nul_in_a_form_is_refused_before_any_database_sees_it(either: Running) -> None:
    browser = a_browser(either)
    before = everything_in(either)

    codes = {
        path: browser.post(f"/admin/{path}", once="once\0" * 3, **data).status_code
        for path, data in TYPED.items()
    }

    assert {path: code for path, code in codes.items() if code != 400} == {}
    assert everything_in(either) == before


def test_an_amount_that_is_no_money_is_no_sale(running: Running) -> None:
    browser = a_browser(running)
    before = everything_in(running)

    codes = {
        amount: browser.post(
            "/admin/contacts/1/happened", event="sale.closed", amount=amount, once="once-1234"
        ).status_code
        for amount in ("NaN", "sNaN", "-sNaN123", "Infinity", "-1", "1e400", "1e999999999", "", "3,50 $")
    }

    assert set(codes.values()) == {422}
    assert everything_in(running) == before


def test_a_call_back_on_a_day_that_no_clock_shows_is_asked_for_again(running: Running) -> None:
    running.track("offer.downloaded", offer="guide")
    running.advance(days=3, step_hours=12)
    browser = a_browser(running, Role.SALES)

    answers = [
        browser.post("/admin/calls/1/outcome", outcome="call-back", at=at)
        for at in ("0001-01-01T00:00", "9999-12-31T23:59", "2030-02-30T00:00", "now", "1e9")
    ]

    assert all("Please choose a day and a time." in answer.text for answer in answers)
    assert {answer.status_code for answer in answers} == {422}


ELSEWHERE = (
    "//[",
    "http://[::1",
    "https://evil.example/",
    "//evil.example",
    "\\\\evil",
    "/\\evil",
    "/\t/evil",
    "/admin\r\nX: y",
    "javascript:evil()",
    "/admin@evil.example",
)


def test_nobody_is_led_away_after_a_deed_or_a_log_in(running: Running) -> None:
    browser = a_browser(running)

    led = [
        where
        for back in ELSEWHERE
        for where in (browser.post("/admin/clock", by="1h", back=back).location, a_log_in(running, back))
    ]

    assert all(where.startswith("/admin") for where in led)
    assert not any("evil" in where or "\n" in where for where in led)


def a_log_in(running: Running, wanted: str) -> str:
    browser = a_browser(running, None)
    token = token_of(browser.client.get("/admin/log-in", query_string={"next": wanted}).text)
    data = {"email": "admin@example.org", "password": PASSWORD, "csrf_token": token}
    answer = browser.client.post("/admin/log-in", query_string={"next": wanted}, data=data)
    assert answer.status_code == 303
    return answer.location


BOMBS = (
    {f"field{number}": "1" for number in range(5_000)},
    {"x" * 50_000: "1"},
    {"first_name": "x" * 60_000},
    {"email": "a@" * 20_000},
)
PARTS = (
    b"".join(b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' for _ in range(1_100)) + b"--x--"
)


def test_a_form_that_is_a_bomb_fizzles(running: Running) -> None:
    client = a_browser(running, None).client

    codes = [
        client.post(path, data=bomb).status_code
        for path in ("/o/guide", "/admin/log-in", "/u/x", "/d/x")
        for bomb in BOMBS
    ]
    parts = client.post("/o/guide", data=PARTS, content_type="multipart/form-data; boundary=x").status_code

    assert {*codes, parts} <= {400, 404, 413, 422, 429}


def test_a_page_before_that_is_no_address_is_left_out(either: Running) -> None:
    client = a_browser(either, None).client
    wish = {"email": "new@example.org", "first_name": "New", "consent": "2026-11"}
    strange = ("http://[::1", "//[", "http://[", "javascript:evil()", "http://a\x00b/", "\xff\xfe")

    codes = []
    for number, referer in enumerate(strange):
        told = {
            "HTTP_REFERER": referer,
            "HTTP_USER_AGENT": "\x00\x01 \xff",
            "REMOTE_ADDR": f"192.0.2.{number}",
        }
        codes.append(client.get("/o/guide", environ_overrides=told).status_code)
        codes.append(client.post("/o/guide", data=wish, environ_overrides=told).status_code)

    assert codes == [200, 303] * len(strange)


# --- methods ------------------------------------------------------------------------------------------------------


def test_no_other_method_does_what_a_post_does(running: Running) -> None:
    browser = a_browser(running)
    app = browser.client.application
    before = everything_in(running)

    codes = {
        (method, rule.rule): browser.client.open(
            re.sub("<[^>]+>", "1", rule.rule),
            method=method,
            headers={"X-HTTP-Method-Override": "POST", "X-CSRFToken": "x"},
            query_string={"_method": "POST", "reason": "why", "by": "1w"},
        ).status_code
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ())
        for method in ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")
    }

    assert {place: code for place, code in codes.items() if code >= 500} == {}
    assert everything_in(running) == before


# --- the API ------------------------------------------------------------------------------------------------------

AT = '{"email": "ana@example.org", "event": "a.happened", "at": %s}'
DATA = '{"email": "ana@example.org", "event": "a.happened", "data": {%s}}'
BODIES = (
    b"",
    b"[",
    b"[" * 100_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    b"\xff\xfe{}",
    b'"\xed\xa0\x80"',
    (DATA % '"amount": 1e400').encode(),
    (DATA % '"amount": NaN').encode(),
    (DATA % '"amount": -Infinity').encode(),
    (DATA % f'"amount": {"9" * 5_000}').encode(),
    (DATA % f'"amount": {"9" * 300}').encode(),
    (DATA % r'"a\u0000": 1').encode(),
    (DATA % r'"a": "\u0000"').encode(),
    (DATA % r'"a": "\ud800"').encode(),
    (DATA % r'"\ud800": 1').encode(),
    (DATA % '"a": {"b": 1}').encode(),
    (AT % "1e300").encode(),
    (AT % "NaN").encode(),
    (AT % "true").encode(),
    (AT % '"0001-01-01T00:00:00+14:00"').encode(),
    (AT % '"9999-12-31T23:59:59-14:00"').encode(),
    json.dumps([{"email": "ana@example.org", "event": "a.happened"}] * 1_001).encode(),
    rb'{"email": "\ud800@example.org", "event": "a.happened", "first_name": "\ud800"}',
    rb'{"email": "ana@example.org", "timezone": "../../etc/passwd", "id": "\ud800"}',
)


def test_no_body_is_a_bomb_for_the_api(either: Running) -> None:
    shop = a_shop(either)
    before = everything_in(either)

    codes = {
        (path, body[:60]): shop.client.open(
            path, method=method, data=body, headers=shop.headers, content_type="application/json"
        ).status_code
        for method, path in (("POST", "/api/v1/events"), ("PUT", "/api/v1/contacts"))
        for body in BODIES
    }

    assert {place: code for place, code in codes.items() if code not in (400, 413, 422)} == {}
    assert {**everything_in(either), "tokens": []} == {**before, "tokens": []}


# --- what an outage tells -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "outage",
    [
        UnreachableError("the database postgresql://nurture@db.internal/x cannot be opened"),
        CommitUnknownError("the connection to postgresql://nurture@db.internal/x broke"),
        OperationalError("SELECT secret FROM inside", {}, Exception("db.internal")),
        RuntimeError("db.internal inside"),
    ],
    ids=lambda outage: type(outage).__name__,
)
def test_an_outage_in_the_middle_of_a_deed_tells_nobody_where_the_database_is(
    running: Running, monkeypatch: pytest.MonkeyPatch, outage: Exception
) -> None:
    browser: Browser = a_browser(running)
    browser.client.application.config["PROPAGATE_EXCEPTIONS"] = False

    def away(*_: object, **__: object) -> None:
        raise outage

    monkeypatch.setattr(Database, "retrying", away)
    answers = [
        browser.post("/admin/contacts/1/note", text="hello", once="once-1234"),
        browser.post("/admin/contacts/1/mail/1/send-me", once="once-1234"),
        browser.get("/admin/contacts/1/mail/1"),
        browser.client.post("/o/guide", data={"email": "new@example.org", "first_name": "New"}),
    ]

    for answer in answers:
        assert not re.search(r"db\.internal|inside|Traceback|sqlalchemy", answer.text, re.IGNORECASE)
