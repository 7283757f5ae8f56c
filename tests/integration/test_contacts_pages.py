"""Anybody is found in the list, whatever their name tries; one is added or mended by hand, and never by accident."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from nurture.db import audit, consents, contacts, suppressions
from nurture.db.directory import Position
from nurture.db.suppressions import Suppression
from nurture.model.accounts import Role
from nurture.model.words import Channel, Contact, SuppressionReason
from nurture.services.contacts.directory import Order, read_cursor, write_cursor
from tests.support.browsing import Browser, a_browser
from tests.support.running import Running, a_nurture

WORKFLOW = """\
    workflow: short
    title: From the guide to a first review
    purpose: nurture
    stages:
      - stage: first
        need: Know where I stand
        trigger: a.happened
        validate: b.happened
        steps:
          - {email: hello, after: 1 day}
        loss:
          - {after: 60 days, reason: silent}
    """
HOSTILE = """<script>alert(1)</script>"'><img src=x onerror=alert(2)>{{7*7}}"""


@pytest.fixture
def company_at_work(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(sqlite_url, tmp_path, mails=("hello",))
    running.write("workflows/short.yaml", WORKFLOW)
    running.publish()
    yield running
    running.nurture.database.dispose()


@pytest.fixture
def browser(company_at_work: Running) -> Browser:
    return a_browser(company_at_work, Role.MARKETER)


def known(running: Running, email: str) -> Contact | None:
    with running.nurture.database.read() as tx:
        return contacts.by_email(tx, [email]).get(email)


def filled(**over: str) -> dict[str, str]:
    return {"email": "new@example.org", "first_name": "Nora", **over}


# --- the list ---------------------------------------------------------------------------------------------------


def test_an_empty_list_teaches_three_ways_to_get_a_contact(browser: Browser) -> None:
    page = browser.get("/admin/contacts").text

    assert "No contact yet" in page
    assert page.count("<li><strong>") == 3


def test_a_row_tells_where_somebody_stands_and_what_comes_next(
    company_at_work: Running, browser: Browser
) -> None:
    company_at_work.add()
    company_at_work.track("a.happened")
    company_at_work.run()

    page = browser.get("/admin/contacts").text

    assert re.search(r"first\s.*short", page, re.DOTALL)
    assert "A happened" in page
    assert "hello" in page
    assert "Tue 3 Mar 2026" in page


def test_a_hostile_name_is_only_text(company_at_work: Running, browser: Browser) -> None:
    company_at_work.add("evil@example.org", first_name=HOSTILE, last_name=HOSTILE, tags=frozenset({HOSTILE}))

    page = browser.get("/admin/contacts", query_string={"q": HOSTILE}).text

    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "{{7*7}}" in page


@pytest.mark.parametrize(
    "typed", ["100%", "_", "\\", "\0", "' OR 1=1 --", "\ud800", "x" * 5_000, " ".join("abcdefghijkl")]
)
def test_nothing_that_is_typed_breaks_the_search(
    company_at_work: Running, browser: Browser, typed: str
) -> None:
    company_at_work.add()

    answer = browser.get(f"/admin/contacts?q={quote(typed.encode('utf-8', 'surrogatepass'))}")

    assert answer.status_code == 200


def test_filters_are_kept_on_the_next_page(company_at_work: Running, browser: Browser) -> None:
    for number in range(60):
        company_at_work.add(f"p{number}@example.org", consent=None)

    page = browser.get("/admin/contacts?q=example&order=name&reach=no-consent").text
    link = page.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    following = browser.get(link).text

    assert "q=example" in link
    assert "reach=no-consent" in link
    assert "@" not in link
    assert page.count("<tr>") - 1 == 50
    assert following.count("<tr>") - 1 == 10


def test_a_cursor_leads_where_it_was_made(company_at_work: Running) -> None:
    for order, position in (
        (Order.NAME, Position(7)),
        (Order.ACTIVITY, Position(2**40, company_at_work.clock.now() + timedelta(seconds=0.5))),
    ):
        assert read_cursor(write_cursor(position, order), order) == position


def forged() -> list[str]:
    def code(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    now = "2026-03-02T09:00:00+00:00"
    return [
        "x",
        "%00",
        "=" * 9,
        "a" * 5_000,
        "[[" * 40,
        code(None),
        code([]),
        code({"a": 1}),
        code(["activity", "1", now]),
        code(["activity", True, now]),
        code(["activity", -1, now]),
        code(["activity", 2**63, now]),
        code(["activity", 1, None]),
        code(["activity", 1, 7]),
        code(["activity", 1, "2026-03-02T09:00:00"]),
        code(["activity", 1, "soon"]),
        code(["name", 1, None]),
        code(["name", 1, now]),
    ]


@pytest.mark.parametrize("cursor", forged())
def test_a_forged_cursor_is_a_bad_request(browser: Browser, cursor: str) -> None:
    answer = browser.get("/admin/contacts", query_string={"after": cursor})

    assert answer.status_code == 400


def test_everybody_may_look_and_who_makes_calls_may_add(company_at_work: Running) -> None:
    company_at_work.add()
    for role in Role:
        browser = a_browser(company_at_work, role)
        expected = 403 if role is Role.VIEWER else 200

        assert browser.get("/admin/contacts").status_code == 200
        assert browser.get("/admin/contacts/new").status_code == expected
        assert browser.get("/admin/contacts/1/edit").status_code == expected


# --- adding -----------------------------------------------------------------------------------------------------


def test_a_contact_is_added_with_permission_and_sent_on_their_way(
    company_at_work: Running, browser: Browser
) -> None:
    answer = browser.post(
        "/admin/contacts/new",
        **filled(
            phone="(416) 555-0100",
            tags="client, vip",
            owner="kim@example.org",
            field_plan="plus",
            field_is_competitor="no",
            purpose="nurture",
            wording="Yes, do write to me",
            source="at the fair",
            workflow="short",
            reason="met at the fair",
        ),
    )
    company_at_work.advance(hours=30)

    nora = known(company_at_work, "new@example.org")
    assert nora is not None
    assert answer.status_code == 303
    assert answer.location.endswith(f"/admin/contacts/{nora.id}")
    assert (nora.first_name, nora.phone, nora.tags) == ("Nora", "+14165550100", {"client", "vip"})
    assert nora.fields == {"plan": "plus", "is_competitor": False}
    with company_at_work.nurture.database.read() as tx:
        (grant,) = consents.history(tx, nora.id)
        deed = audit.latest(tx)[0]
    assert (grant.purpose, grant.wording, grant.source) == ("nurture", "Yes, do write to me", "at the fair")
    assert (deed.actor, deed.action, deed.subject) == ("marketer@example.org", "add", f"contact:{nora.id}")
    assert company_at_work.states("new@example.org") == [("hello", "sent", None)]


def test_an_address_that_is_known_shows_whose_it_is_and_changes_nothing(
    company_at_work: Running, browser: Browser
) -> None:
    ana = company_at_work.add()

    answer = browser.post("/admin/contacts/new", **filled(email="ANA@example.org", first_name="Other"))

    assert answer.status_code == 422
    assert f'href="/admin/contacts/{ana.id}"' in answer.text
    assert 'value="Other"' in answer.text
    assert known(company_at_work, "ana@example.org") == ana


def test_everything_that_is_wrong_is_said_at_once_and_what_was_typed_stays(
    company_at_work: Running, browser: Browser
) -> None:
    typed = filled(
        email="nobody",
        phone="12",
        timezone="Moon/Base",
        owner="stranger@example.org",
        field_plan="gold",
        purpose="nurture",
        workflow="none-such",
        first_name="x" * 300,
    )

    answer = browser.post("/admin/contacts/new", **typed)

    assert answer.status_code == 422
    assert answer.text.count('class="problem"') == 10
    assert "a permission that cannot be shown is none" in answer.text
    assert 'value="Moon/Base"' in answer.text
    assert 'value="12"' in answer.text


def test_no_permission_is_noted_for_an_address_that_is_closed(
    company_at_work: Running, browser: Browser
) -> None:
    company_at_work.add("gone@example.org", consent=None)
    with company_at_work.nurture.database.write() as tx:
        gone = contacts.by_email(tx, ["gone@example.org"])["gone@example.org"]
        address = suppressions.hashes_of(tx, [gone.id])[gone.id][0]
        closing = Suppression(
            address_hash=address,
            channel=Channel.EMAIL,
            reason=SuppressionReason.COMPLAINT,
            at=company_at_work.clock.now(),
            source="a test",
        )
        suppressions.add(tx, [closing])
        tx.execute(contacts.CONTACTS.delete())

    browser.post(
        "/admin/contacts/new",
        **filled(email="gone@example.org", purpose="nurture", wording="Yes", source="on the phone"),
    )

    again = known(company_at_work, "gone@example.org")
    assert again is not None
    with company_at_work.nurture.database.read() as tx:
        assert consents.history(tx, again.id) == []
        assert again.id in suppressions.of(tx, [again.id])


def test_a_form_without_its_token_adds_nobody(company_at_work: Running, browser: Browser) -> None:
    answer = browser.client.post("/admin/contacts/new", data=filled())

    assert answer.status_code == 400
    assert known(company_at_work, "new@example.org") is None


# --- mending ----------------------------------------------------------------------------------------------------


def test_a_mended_contact_is_read_by_workflows_as_changed(company_at_work: Running, browser: Browser) -> None:
    ana = company_at_work.add(tags=frozenset({"old", "kept"}), fields={"plan": "basic"})

    answer = browser.post(
        f"/admin/contacts/{ana.id}/edit",
        first_name="Anna",
        phone="",
        tags="kept, new",
        timezone="",
        field_plan="",
    )

    mended = known(company_at_work, "ana@example.org")
    assert mended is not None
    assert answer.status_code == 303
    assert (mended.first_name, mended.phone, mended.timezone) == ("Anna", None, None)
    assert (mended.tags, mended.fields) == ({"kept", "new"}, {})
    with company_at_work.nurture.database.read() as tx:
        deed = audit.latest(tx)[0]
    assert deed.detail == {"fields": ["first_name", "phone", "plan", "tags", "timezone"]}


def test_saving_what_is_there_changes_nothing(company_at_work: Running, browser: Browser) -> None:
    ana = company_at_work.add(owner="left@example.org")

    browser.post(
        f"/admin/contacts/{ana.id}/edit",
        first_name="Ana",
        phone="+1 416 555 0100",
        timezone="America/Toronto",
        owner="left@example.org",
    )

    assert known(company_at_work, "ana@example.org") == ana


@pytest.mark.parametrize("number", ["999", "9" * 30])
def test_who_is_not_there_cannot_be_mended(browser: Browser, number: str) -> None:
    assert browser.get(f"/admin/contacts/{number}/edit").status_code == 404
