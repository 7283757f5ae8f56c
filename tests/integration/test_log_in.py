"""Who gets in, who stays in, and what an attacker learns: nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nurture.model.accounts import Role
from nurture.model.errors import NurtureError
from nurture.services.staff import accounts
from tests.support.browsing import PASSWORD, a_browser, an_account, token_of
from tests.support.running import Running, a_nurture


@pytest.fixture
def company(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(sqlite_url, tmp_path)
    running.publish()
    yield running
    running.nurture.database.dispose()


def test_a_stranger_is_sent_to_the_log_in_page_and_afterwards_to_what_they_wanted(company: Running) -> None:
    an_account(company)
    browser = a_browser(company, None)

    sent = browser.get("/admin/me?tab=1")
    page = browser.get(sent.location)
    back = browser.client.post(
        sent.location,
        data={"email": "ADMIN@Example.org", "password": PASSWORD, "csrf_token": token_of(page.text)},
    )

    assert (sent.status_code, sent.location) == (303, "/admin/log-in?next=/admin/me?tab%3D1")
    assert (back.status_code, back.location) == (303, "/admin/me?tab=1")
    assert browser.get("/admin/me").status_code == 200


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example",
        "//evil.example/admin/",
        "/admin/../../evil",
        "/adminx",
        "\\\\evil.example",
        "javascript:alert(1)",
    ],
)
def test_a_link_to_the_log_in_page_sends_nobody_elsewhere(company: Running, elsewhere: str) -> None:
    an_account(company)
    browser = a_browser(company, None)
    token = token_of(browser.get("/admin/log-in").text)

    answer = browser.client.post(
        "/admin/log-in",
        query_string={"next": elsewhere},
        data={"email": "admin@example.org", "password": PASSWORD, "csrf_token": token},
    )

    assert answer.location in ("/admin/", "/admin/../../evil")
    assert "evil.example" not in answer.location


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(company: Running) -> None:
    an_account(company)
    browser = a_browser(company, None)

    wrong = browser.post("/admin/log-in", _from="/admin/log-in", email="admin@example.org", password="no" * 6)
    unknown = browser.post(
        "/admin/log-in", _from="/admin/log-in", email="admin@example.com", password="no" * 6
    )

    assert wrong.status_code == unknown.status_code == 422
    assert "This address and password do not go together" in wrong.text
    assert wrong.text.replace(token_of(wrong.text), "").replace(
        "@example.org", "@example.com"
    ) == unknown.text.replace(token_of(unknown.text), "")
    assert 'value="admin@example.com"' in unknown.text


def test_wrong_passwords_are_counted_and_right_ones_are_not(company: Running) -> None:
    an_account(company)
    for _ in range(12):
        a_browser(company)
    browser = a_browser(company, None)

    codes = [
        browser.post(
            "/admin/log-in", _from="/admin/log-in", email="admin@example.org", password=f"guess-{n:04}"
        ).status_code
        for n in range(11)
    ]
    right = browser.post("/admin/log-in", _from="/admin/log-in", email="admin@example.org", password=PASSWORD)

    assert codes == [422] * 10 + [429]
    assert right.status_code == 429


def test_logging_in_changes_the_cookie_and_logging_out_ends_the_old_one(company: Running) -> None:
    browser = a_browser(company, None)
    browser.get("/admin/log-in")
    before = browser.cookie()
    an_account(company)
    browser.post("/admin/log-in", _from="/admin/log-in", email="admin@example.org", password=PASSWORD)
    inside = browser.cookie()

    browser.post("/admin/log-out")
    browser.client.set_cookie("nurture", inside or "")

    assert before != inside
    assert browser.get("/admin/me").status_code == 303


def test_a_new_password_ends_every_other_log_in(company: Running) -> None:
    here, elsewhere = a_browser(company), a_browser(company)
    account = an_account(company)

    accounts.set_password(company.nurture.runtime, account, "another good one", actor="a test")

    assert here.get("/admin/me").status_code == elsewhere.get("/admin/me").status_code == 303


def test_who_is_locked_out_is_out_at_once(company: Running) -> None:
    browser = a_browser(company, Role.SALES)

    accounts.set_disabled(company.nurture.runtime, an_account(company, Role.SALES), True, actor="a test")

    assert browser.get("/admin/me").status_code == 303
    assert accounts.authenticate(company.nurture.runtime, "sales@example.org", PASSWORD) is None


def test_the_last_admin_stays_one(company: Running) -> None:
    admin = an_account(company)

    for attempt in (
        lambda: accounts.set_role(company.nurture.runtime, admin, Role.VIEWER, actor="a test"),
        lambda: accounts.set_disabled(company.nurture.runtime, admin, True, actor="a test"),
    ):
        with pytest.raises(NurtureError, match="the only admin"):
            attempt()


@pytest.mark.parametrize("forged", ["", "x", ".eJxx", "eyJfdXNlcl9pZCI6IjEifQ.aSFzYQ.c2lnbmF0dXJl"])
def test_a_forged_cookie_is_worth_nothing(company: Running, forged: str) -> None:
    browser = a_browser(company, None)
    browser.client.set_cookie("nurture", forged)

    assert browser.get("/admin/me").status_code == 303


def test_a_post_without_the_pages_token_changes_nothing(company: Running) -> None:
    browser = a_browser(company)

    answer = browser.client.post("/admin/log-out")

    assert answer.status_code == 400
    assert browser.get("/admin/me").status_code == 200


def test_the_cookie_is_for_the_server_alone(company: Running) -> None:
    browser = a_browser(company, None)

    kept = browser.get("/admin/log-in").headers["Set-Cookie"]

    assert "HttpOnly" in kept
    assert "SameSite=Lax" in kept


def test_an_open_page_cannot_be_added_by_forgetting(company: Running) -> None:
    from flask import Flask

    from nurture.web.guard import refuse_unguarded

    app = Flask(__name__)
    app.add_url_rule("/admin/secrets", "secrets", lambda: "everything")

    with pytest.raises(RuntimeError, match="/admin/secrets does not say whom it is for"):
        refuse_unguarded(app)
