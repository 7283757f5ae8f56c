"""Floods, guesses and stolen cookies: what gets in, how often, and what an attacker learns."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest
from flask.testing import FlaskClient

from nurture.model.accounts import Role
from nurture.services.staff import accounts
from nurture.web import create_app
from tests.integration.test_offer_page import OFFER, live
from tests.integration.test_roles import everything_in
from tests.support.browsing import PASSWORD, a_browser, an_account, token_of
from tests.support.running import Running, a_nurture


@pytest.fixture
def company(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    yield (one := live(a_nurture(sqlite_url, tmp_path)))
    one.nurture.close()


def visitors(running: Running, **settings: object) -> FlaskClient:
    """Clients of one site; whoever they are is said with each request."""
    chosen = running.nurture.settings.model_copy(update=settings)
    return create_app(chosen, running.nurture).test_client()


def ask(client: FlaskClient, email: str, place: str, **headers: str) -> int:
    answers = {"email": email, "first_name": "New", "consent": "2026-11"}
    told = {"REMOTE_ADDR": place, **headers}
    return client.post("/o/guide", data=answers, environ_overrides=told).status_code


def guess(client: FlaskClient, email: str, password: str, place: str, **headers: str) -> int:
    told = {"REMOTE_ADDR": place, **headers}
    token = token_of(client.get("/admin/log-in", environ_overrides=told).text)
    data = {"email": email, "password": password, "csrf_token": token}
    return client.post("/admin/log-in", data=data, environ_overrides=told).status_code


# --- the form of an offer -----------------------------------------------------------------------------------------


def test_a_thousand_posts_from_one_place_make_at_most_forty_requests(company: Running) -> None:
    client = visitors(company)

    codes = [ask(client, f"victim{number}@example.org", "192.0.2.1") for number in range(1_000)]
    company.run()

    assert codes.count(303) <= 40
    assert set(codes) == {303, 429}
    assert len(company.mails()) == codes.count(303)


def test_spellings_and_plus_tags_of_one_mailbox_count_as_one_from_wherever_they_come(
    company: Running,
) -> None:
    client = visitors(company)
    spellings = ("ana@example.org", "ANA@Example.ORG", " ana@example.org ")
    tagged = [*spellings, *(f"Ana+{number}@example.org" for number in range(20))]

    codes = {ask(client, email, f"192.0.2.{number}") for number, email in enumerate(tagged)}
    company.run()

    assert codes == {303}
    assert len(company.mails()) <= 5


def test_a_mailbox_is_not_flooded_by_tags_hour_after_hour_either(
    company: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = visitors(company)

    for hour in range(12):
        monkeypatch.setattr("time.time", lambda hour=hour: 1.8e9 + hour * 3_601)
        for number in range(6):
            ask(client, f"ana+{hour}-{number}@example.org", f"10.{hour}.{number}.1")
    monkeypatch.undo()
    company.run()

    assert 5 < len(company.mails()) <= 10


def test_one_persons_network_of_a_billion_addresses_is_one_place(company: Running) -> None:
    client = visitors(company)

    codes = [ask(client, f"v{n}@example.org", f"2001:db8:1:2::{n:x}") for n in range(1, 21)]
    neighbour = ask(client, "neighbour@example.org", "2001:db8:1:3::1")

    assert codes == [303] * 10 + [429] * 10
    assert neighbour == 303


def test_a_name_cannot_carry_an_advertisement_to_a_strangers_mailbox(company: Running) -> None:
    client = visitors(company)
    names = (
        "Win at http://spam.example",
        "WWW.SPAM.EXAMPLE",
        "spam.example/now",
        "Ana spam.example",
        "x" * 101,
    )

    answers = [
        client.post(
            "/o/guide",
            data={"email": "ana@example.org", "first_name": name},
            environ_overrides={"REMOTE_ADDR": f"192.0.2.{number}"},
        )
        for number, name in enumerate(names)
    ]
    company.run()

    assert {answer.status_code for answer in answers} == {422}
    assert all("First name" in answer.text for answer in answers)
    assert company.mails() == []


@pytest.mark.parametrize(
    "name", ["Jean-Luc", "J. R.", "Dr. Ana", "O'Neil", "Ana M.", "Łukasz", "李", "S.J. Smith"]
)
def test_a_name_as_people_have_them_is_taken(company: Running, name: str) -> None:
    answers = {"email": "ana@example.org", "first_name": name}

    assert visitors(company).post("/o/guide", data=answers).status_code == 303


def test_known_unknown_left_and_closed_addresses_take_about_as_long(company: Running) -> None:
    client = visitors(company)
    company.add("known@example.org")

    def lasts(email: str, first: int) -> float:
        spans = []
        for number in range(4):
            begin = time.perf_counter()
            ask(client, email.replace("N", str(number)), f"192.0.2.{first + number}")
            spans.append(time.perf_counter() - begin)
        return median(spans)

    lasts("warm-N@example.org", 1)
    known, unknown = lasts("known@example.org", 20), lasts("unknown-N@example.org", 40)

    assert known < unknown * 5
    assert unknown < known * 5


def test_a_scanner_that_follows_every_link_of_a_mail_in_every_way_but_a_post_changes_nothing(
    company: Running,
) -> None:
    client = visitors(company)
    ask(client, "ana@example.org", "192.0.2.1")
    company.run()
    links = company.nurture.runtime.links
    (mail,) = company.mails()
    text = mail.get_body(preferencelist=("plain",))
    assert text
    base = re.escape(links.base_url)
    paths = re.findall(rf"{base}(/[ud]/[^\s)#]+)", text.get_content())
    scanner = {"Sec-Purpose": "prefetch", "Purpose": "prefetch", "User-Agent": "GoogleImageProxy"}
    before = everything_in(company)

    codes = [
        client.open(path, method=method, headers=scanner, query_string=query).status_code
        for path in (*paths, *(f"{path}/again" for path in paths))
        for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH")
        for query in ("", "List-Unsubscribe=One-Click", "_method=POST")
    ]

    assert len(set(paths)) == 2
    assert set(codes) <= {200, 404, 405}
    assert everything_in(company) == before


# --- who asks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("proxies", "told"), [(0, [422] * 10 + [429] * 4), (1, [422] * 10 + [429] * 4)])
def test_what_a_visitor_writes_about_itself_wins_no_further_guess(
    company: Running, proxies: int, told: list[int]
) -> None:
    an_account(company)
    client = visitors(company, trusted_proxies=proxies)

    codes = [
        guess(
            client,
            "admin@example.org",
            f"guess-{number:04}",
            "127.0.0.1",
            HTTP_X_FORWARDED_FOR=f"198.51.100.{number}, 192.0.2.7",
        )
        for number in range(14)
    ]

    assert codes == told


def test_behind_a_proxy_of_ours_visitors_are_told_apart_by_what_it_saw(company: Running) -> None:
    alone, behind = visitors(company), visitors(company, trusted_proxies=1)

    def codes(client: FlaskClient) -> list[int]:
        return [
            ask(client, f"v{n}@example.org", "127.0.0.1", HTTP_X_FORWARDED_FOR=f"6.6.6.6, 192.0.2.{n}")
            for n in range(12)
        ]

    assert codes(alone) == [303] * 10 + [429] * 2
    assert codes(behind) == [303] * 12


# --- log-in -------------------------------------------------------------------------------------------------------


def test_guesses_at_one_password_are_counted_however_the_address_is_spelled(company: Running) -> None:
    an_account(company)
    client = visitors(company)
    spellings = (
        "admin@example.org",
        "ADMIN@example.org",
        " admin@Example.org ",
        "admin@example.org.",
        "admin@example.org...",
    )

    codes = [guess(client, spellings[n % 5], f"guess-{n:04}", f"192.0.2.{n}") for n in range(12)]

    assert codes == [422] * 10 + [429] * 2


def test_guesses_at_many_people_from_one_place_end(company: Running) -> None:
    client = visitors(company)

    codes = [guess(client, f"p{n}@example.org", "123456789012", "192.0.2.1") for n in range(22)]

    assert codes == [422] * 20 + [429] * 2


def test_an_unknown_address_takes_as_long_as_a_wrong_password(company: Running) -> None:
    an_account(company)
    runtime = company.nurture.runtime

    def lasts(email: str) -> float:
        spans = []
        for _ in range(4):
            begin = time.perf_counter()
            assert accounts.authenticate(runtime, email, "x" * 12) is None
            spans.append(time.perf_counter() - begin)
        return median(spans)

    lasts("nobody@example.org")
    wrong, unknown, bad = lasts("admin@example.org"), lasts("nobody@example.org"), lasts("no address")

    assert max(wrong, unknown, bad) < 3 * min(wrong, unknown, bad)


def test_a_password_of_a_megabyte_costs_no_more_than_another(company: Running) -> None:
    an_account(company)

    begin = time.perf_counter()
    accounts.authenticate(company.nurture.runtime, "admin@example.org", "x" * 10_000_000)

    assert time.perf_counter() - begin < 2


def test_a_cookie_that_was_planted_before_is_not_the_one_inside(company: Running) -> None:
    planter, victim = a_browser(company, None), a_browser(company, None)
    planter.get("/admin/log-in")
    planted = planter.cookie()
    assert planted
    an_account(company)
    victim.client.set_cookie("nurture", planted)

    answer = victim.post("/admin/log-in", _from="/admin/log-in", email="admin@example.org", password=PASSWORD)

    assert answer.status_code == 303
    assert victim.get("/admin/me").status_code == 200
    assert planter.get("/admin/me").status_code == 303


def test_nobody_is_logged_in_as_somebody_else_by_a_page_of_another_site(company: Running) -> None:
    an_account(company)
    attacker, victim = a_browser(company, None), a_browser(company, None)
    theirs = token_of(attacker.get("/admin/log-in").text)

    answer = victim.client.post(
        "/admin/log-in",
        data={"email": "admin@example.org", "password": PASSWORD, "csrf_token": theirs},
        headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    )

    assert answer.status_code == 400
    assert victim.get("/admin/me").status_code == 303


def test_a_stolen_cookie_dies_with_the_role_the_log_in_or_the_password(company: Running) -> None:
    account = an_account(company, Role.MARKETER)
    runtime = company.nurture.runtime
    stolen = [a_browser(company, Role.MARKETER).cookie() or "" for _ in range(2)]

    def reached(cookie: str) -> int:
        thief = a_browser(company, None)
        thief.client.set_cookie("nurture", cookie)
        return thief.post("/admin/sending/go-on", reason="mine").status_code

    before = reached(stolen[0])
    accounts.set_role(runtime, account, Role.VIEWER, actor="a test")
    demoted = reached(stolen[0])
    accounts.set_password(runtime, account, "another good one", actor="a test")

    assert (before, demoted) == (303, 403)
    assert [reached(cookie) for cookie in stolen] == [303, 303]
    assert [a_browser(company, None).get("/admin/me").status_code] == [303]


@pytest.mark.parametrize(
    ("base_url", "wanted"),
    [
        ("https://news.example.com", {"__Host-nurture", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"}),
        ("https://example.com/news", {"nurture", "Secure", "HttpOnly", "SameSite=Lax", "Path=/news"}),
    ],
)
def test_over_https_the_cookie_never_travels_in_the_clear(
    company: Running, base_url: str, wanted: set[str]
) -> None:
    path = base_url.partition("example.com")[2]
    answer = visitors(company, base_url=base_url).get(f"{path}/admin/log-in", base_url="https://x.example")

    kept = answer.headers["Set-Cookie"]

    assert wanted <= {kept.partition("=")[0], *re.split(r"; ?", kept)}
    assert "Domain" not in kept


# --- what links tell ----------------------------------------------------------------------------------------------


def test_a_host_that_the_visitor_made_up_stands_in_no_mail_page_or_redirect(company: Running) -> None:
    company.write(
        "offers/guide.yaml", OFFER.replace("asset: guide.pdf", "asset: guide.pdf\n    double_opt_in: yes")
    )
    company.publish()
    an_account(company)
    client = visitors(company)
    browser = a_browser(company)
    hosts = {
        "HTTP_HOST": "evil.example",
        "HTTP_X_FORWARDED_HOST": "evil.example",
        "HTTP_FORWARDED": "host=evil.example",
    }
    answers = {"email": "ana@example.org", "first_name": "Ana", "consent": "2026-11"}

    told = [
        client.post("/o/guide", data=answers, environ_overrides=hosts),
        *(browser.client.get(path, environ_overrides=hosts) for path in PAGES),
        client.get("/admin/me", environ_overrides=hosts),
        client.get("/admin", environ_overrides=hosts),
    ]
    company.run()

    leaks = [one.request.path for one in told if "evil.example" in one.text + one.headers.get("Location", "")]
    assert leaks == []
    assert company.mails()
    assert all("evil.example" not in mail.as_string() for mail in company.mails())


PAGES = (
    "/o/guide",
    "/admin/",
    "/admin/offers",
    "/admin/contacts",
    "/admin/calls",
    "/api/v1/openapi.json",
    "/none",
)


def test_every_answer_is_strict_to_browsers_robots_caches_and_other_sites(company: Running) -> None:
    browser = a_browser(company)

    answers = {
        path: browser.client.get(path, headers={"Origin": "https://evil.example"})
        for path in (*PAGES, "/healthz", "/readyz", "/u/x", "/d/x", "/confirm/x", "/", "/admin/log-in")
    }

    for path, answer in answers.items():
        headers = answer.headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], path
        assert "unsafe" not in headers["Content-Security-Policy"], path
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["X-Frame-Options"] == "DENY", path
        assert headers["Referrer-Policy"] == "no-referrer", path
        assert "noindex" in headers["X-Robots-Tag"], path
        assert headers["Cache-Control"] == "no-store", path
        assert not [name for name in headers if name[0].startswith("Access-Control")], path
