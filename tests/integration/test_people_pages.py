"""Are those who log in, and tokens, managed by admins alone, with secrets shown once and every deed written down?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nurture.db import audit
from nurture.model.accounts import Role
from nurture.services.staff import accounts, tokens
from tests.support.browsing import PASSWORD, Browser, a_browser, an_account
from tests.support.running import Running, a_nurture


@pytest.fixture
def company(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(sqlite_url, tmp_path)
    running.publish()
    yield running
    running.nurture.database.dispose()


def actions(running: Running) -> list[tuple[str, str, str]]:
    with running.nurture.database.read() as tx:
        return [(deed.actor, deed.action, deed.subject) for deed in audit.latest(tx)]


def shown_secret(page: str) -> str:
    found = re.search(r'class="card secret".*?<code>([^<]+)</code>', page, re.DOTALL)
    assert found, "no secret is shown"
    return found[1]


def logs_in(running: Running, email: str, password: str) -> bool:
    answer = Browser(running).post("/admin/log-in", _from="/admin/log-in", email=email, password=password)
    return answer.status_code == 303


def test_a_person_is_added_and_the_made_password_is_shown_once(company: Running) -> None:
    browser = a_browser(company)

    added = browser.post("/admin/people", email="kim@example.org", name="Kim", role="sales")

    password = shown_secret(added.text)
    assert added.headers["Cache-Control"] == "no-store"
    assert password not in (browser.cookie() or "")
    assert password not in browser.get("/admin/people").text
    assert logs_in(company, "kim@example.org", password)
    assert actions(company)[0] == ("admin@example.org", "add-user", "user:kim@example.org")


def test_a_password_that_was_typed_is_not_shown(company: Running) -> None:
    browser = a_browser(company)

    added = browser.post("/admin/people", email="kim@example.org", role="sales", password=PASSWORD)

    assert added.status_code == 303
    assert logs_in(company, "kim@example.org", PASSWORD)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"email": "no address", "role": "sales"}, "is no mail address"),
        ({"email": "admin@example.org", "role": "sales"}, "may log in already"),
        ({"email": "kim@example.org", "role": "sales", "password": "short"}, "10 to 200 characters"),
        ({"email": "kim@example.org", "role": "owner"}, "Not a valid choice"),
        ({"email": "", "role": "sales"}, "Please type an address."),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_the_rest_is_kept(
    company: Running, typed: dict[str, str], said: str
) -> None:
    answer = a_browser(company).post("/admin/people", name="Kim Keeper", **typed)

    assert answer.status_code == 422
    assert said in answer.text
    assert 'value="Kim Keeper"' in answer.text


def test_the_teams_of_a_person_are_found_however_the_address_is_written(company: Running) -> None:
    an_account(company, Role.SALES, "KIM@Example.org")

    page = a_browser(company).get("/admin/people").text

    row = re.search(r"KIM@Example\.org</small>.*?</tr>", page, re.DOTALL)
    assert row is not None
    assert 'data-label="Teams">sales<' in row[0]
    assert "Lee (lee@example.org)" in page
    assert "cannot log in yet" in page


def test_a_new_role_counts_at_once_where_somebody_is_logged_in(company: Running) -> None:
    kim = an_account(company, Role.ADMIN, "kim@example.org")
    hers = a_browser(company, Role.ADMIN, "kim@example.org")
    assert hers.get("/admin/people").status_code == 200

    a_browser(company).post(f"/admin/people/{kim.id}/role", role="viewer")

    assert hers.get("/admin/people").status_code == 403


def test_who_is_locked_out_is_out_everywhere_and_may_be_let_in_again(company: Running) -> None:
    kim = an_account(company, Role.SALES, "kim@example.org")
    hers, browser = a_browser(company, Role.SALES, "kim@example.org"), a_browser(company)

    browser.post(f"/admin/people/{kim.id}/lock-out")

    assert hers.get("/admin/me").status_code == 303
    assert not logs_in(company, "kim@example.org", PASSWORD)
    browser.post(f"/admin/people/{kim.id}/let-in")
    assert logs_in(company, "kim@example.org", PASSWORD)


def test_the_last_admin_stays_one(company: Running) -> None:
    browser = a_browser(company)
    admin = an_account(company)

    for path, data in ((f"{admin.id}/role", {"role": "viewer"}), (f"{admin.id}/lock-out", {})):
        answer = browser.post(f"/admin/people/{path}", **data)
        assert answer.status_code == 303

    assert "is the only admin who can log in" in browser.get("/admin/people").text


def test_a_new_password_by_an_admin_ends_the_old_one(company: Running) -> None:
    kim = an_account(company, Role.SALES, "kim@example.org")
    hers = a_browser(company, Role.SALES, "kim@example.org")

    page = a_browser(company).post(f"/admin/people/{kim.id}/password")

    assert hers.get("/admin/me").status_code == 303
    assert not logs_in(company, "kim@example.org", PASSWORD)
    assert logs_in(company, "kim@example.org", shown_secret(page.text))


def test_nobody_who_does_not_exist_is_changed(company: Running) -> None:
    browser = a_browser(company)

    for path in ("role", "password", "lock-out", "let-in"):
        assert browser.post(f"/admin/people/999/{path}", role="admin").status_code == 404


def test_a_token_is_made_shown_once_and_revoked(company: Running) -> None:
    browser = a_browser(company)

    made = browser.post("/admin/people/tokens", name="web-shop", scopes=["events:write"])

    secret = shown_secret(made.text)
    assert secret.startswith("nt_")
    assert secret not in browser.get("/admin/people").text
    assert tokens.authorize(company.nurture.runtime, secret) is not None
    browser.post("/admin/people/tokens/revoke", name="web-shop")
    assert tokens.authorize(company.nurture.runtime, secret) is None
    assert [action for _, action, _ in actions(company)[:2]] == ["revoke-token", "add-token"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"name": "Web Shop", "scopes": ["events:write"]}, "is no name for a token"),
        ({"name": "web-shop"}, "Please choose what it may do."),
        ({"name": "", "scopes": ["events:write"]}, "Please name the system"),
        ({"name": "web-shop", "scopes": ["all"]}, "a valid choice"),
    ],
)
def test_a_token_that_cannot_be_made_is_told(company: Running, typed: dict[str, object], said: str) -> None:
    answer = a_browser(company).post("/admin/people/tokens", **typed)

    assert answer.status_code == 422
    assert said in answer.text


def test_the_audit_log_is_read_page_by_page_and_shows_hostile_names_as_text(company: Running) -> None:
    browser = a_browser(company)
    runtime = company.nurture.runtime
    with runtime.database.write() as tx:
        for count in range(60):
            deed = audit.Deed(
                company.clock.now(), "<script>x</script>", "moved", f"contact:{count}", {"to": ["a", "b"]}
            )
            audit.note(tx, deed)

    first = browser.get("/admin/audit").text
    older = re.search(r'href="(/admin/audit\?before=\d+)"', first)
    assert older is not None
    second = browser.get(older[1]).text

    assert "<script>x" not in first
    seen = re.findall(r"contact (\d+)<", first + second)
    assert seen == [str(count) for count in reversed(range(60))]
    assert "to: a, b" in first


def test_everybody_names_themselves_and_chooses_a_zone(company: Running) -> None:
    browser = a_browser(company, Role.VIEWER)

    saved = browser.post("/admin/me", name="Val", timezone="Europe/Berlin")
    wrong = browser.post("/admin/me", name="Val", timezone="Mars/Base")

    assert saved.status_code == 303
    account = accounts.account(company.nurture.runtime, "viewer@example.org")
    assert (account.name, account.timezone) == ("Val", "Europe/Berlin")
    assert wrong.status_code == 422
    assert "There is no time zone" in wrong.text
    assert 'value="Mars/Base"' in wrong.text


def test_a_new_password_ends_every_other_log_in_and_changes_this_ones_cookie(company: Running) -> None:
    browser, other = a_browser(company, Role.SALES), a_browser(company, Role.SALES)
    stolen = Browser(company)
    stolen.client.set_cookie("nurture", browser.cookie() or "")
    assert stolen.get("/admin/me").status_code == 200

    changed = browser.post(
        "/admin/me/password", present=PASSWORD, new="a better one 2", again="a better one 2"
    )

    assert changed.status_code == 303
    assert browser.get("/admin/me").status_code == 200
    assert (other.get("/admin/me").status_code, stolen.get("/admin/me").status_code) == (303, 303)
    assert logs_in(company, "sales@example.org", "a better one 2")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"present": "wrong one here", "new": "a better one", "again": "a better one"}, "not your present"),
        ({"present": PASSWORD, "new": "short", "again": "short"}, "10 to 200 characters"),
        ({"present": PASSWORD, "new": "a better one", "again": "another one!"}, "not the same"),
    ],
)
def test_a_password_is_changed_only_by_who_knows_it(
    company: Running, typed: dict[str, str], said: str
) -> None:
    answer = a_browser(company, Role.SALES).post("/admin/me/password", **typed)

    assert answer.status_code == 422
    assert said in answer.text
    assert logs_in(company, "sales@example.org", PASSWORD)


def test_guessing_the_present_password_ends(company: Running) -> None:
    browser = a_browser(company, Role.SALES)

    tries = [
        browser.post("/admin/me/password", present=f"wrong {n}", new="a better one", again="a better one")
        for n in range(11)
    ]

    assert [answer.status_code for answer in tries] == [422] * 10 + [429]
