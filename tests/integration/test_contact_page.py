"""The contact's page: the path, the deeds, and nothing that a hostile name, template or click can turn against us."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nurture.db import events
from nurture.model.accounts import Role
from tests.support.browsing import Browser, a_browser
from tests.support.guided import a_guided_nurture
from tests.support.running import Running

HOSTILE = (
    "<script>alert(1)</script>",
    '" onmouseover="alert(1)',
    "</title></svg><img src=x onerror=alert(1)>",
    "{{ 7*7 }}",
    "\u202eevE\u2066",
    "x" * 200,
)


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_guided_nurture(sqlite_url, tmp_path)
    running.add()
    running.track("offer.requested", offer="guide")
    running.run()
    yield running
    running.nurture.close()


@pytest.fixture
def browser(running: Running) -> Browser:
    return a_browser(running, Role.MARKETER)


def names(running: Running) -> list[str]:
    with running.nurture.database.read() as tx:
        return [event.name for event in reversed(events.of_contact(tx, 1))]


def once(page: str, form: str) -> str:
    found = re.search(rf'id="{re.escape(form)}-once"[^>]*value="([0-9a-f]+)"', page)
    assert found, form
    return found[1]


def test_the_page_draws_the_path_and_says_the_same_in_a_table(browser: Browser) -> None:
    page = browser.get("/admin/contacts/1").text

    assert page.count('<a href="#d1" class="mark is-done mail"') == 1
    assert 'id="d1"' in page
    assert 'class="mark is-next mail"' in page
    assert 'role="group" aria-labelledby="told-1"' in page
    assert "workflows/guided.yaml:11" in page
    assert "here since 2 Mar" in page


def test_every_mark_leads_to_its_row(running: Running, browser: Browser) -> None:
    running.track("offer.downloaded", offer="guide")
    running.advance(days=3, step_hours=6)
    running.track("sale.refunded", amount=1.0)
    running.run()

    page = browser.get("/admin/contacts/1").text

    marks = re.findall(r'<a href="#([^"]+)" class="(?:mark|fall|stage)', page)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(marks) >= 8
    assert set(marks) <= set(ids)
    assert len(ids) == len(set(ids))


def test_an_unknown_contact_and_a_strangers_message_are_not_found(running: Running, browser: Browser) -> None:
    running.add("bea@example.org")

    assert browser.get("/admin/contacts/99").status_code == 404
    assert browser.get("/admin/contacts/2/mail/1").status_code == 404
    assert browser.get("/admin/contacts/2/mail/1/body").status_code == 404
    assert browser.post("/admin/contacts/99/note", once="a" * 16, text="hello").status_code == 404


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_is_only_ever_text(running: Running, browser: Browser, hostile: str) -> None:
    running.add("eve@example.org", first_name=hostile, last_name=hostile, owner=hostile, locale=None)
    running.track("offer.requested", "eve@example.org", offer="guide", utm_source=hostile)
    running.track("meeting.booked", "eve@example.org", kind=hostile)
    running.run()
    browser.post("/admin/contacts/2/note", once="n" * 16, text=hostile)
    moved = browser.post(
        "/admin/contacts/2/enrollments/2/move", once="m" * 16, stage="first-sale", reason=hostile
    )
    assert moved.status_code == 303

    answers = [browser.get("/admin/contacts/2"), browser.get("/admin/contacts/2/mail/2")]

    for answer in answers:
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "<img src=x" not in answer.text
        assert not re.search(r'<[^>]+\sonmouseover="', answer.text)
        assert ">49<" not in answer.text
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'self'")
        assert "unsafe" not in policy
        assert " style=" not in answer.text


def test_a_sale_is_told_once_however_often_the_button_is_pressed(running: Running, browser: Browser) -> None:
    form = {"event": "sale.closed", "once": once(browser.get("/admin/contacts/1").text, "tell-sale.closed")}

    first = browser.post("/admin/contacts/1/happened", amount="1200.50", **form)
    told = browser.get("/admin/contacts/1").text
    browser.post("/admin/contacts/1/happened", amount="1200.50", **form)

    assert first.status_code == 303
    assert "Sale closed, 1,200.50 USD, is noted for Ana." in told
    assert names(running).count("sale.closed") == 1


def test_what_was_typed_is_kept_when_it_cannot_be_done(running: Running, browser: Browser) -> None:
    bad = browser.post("/admin/contacts/1/happened", event="sale.closed", once="s" * 16, amount="much")
    empty = browser.post("/admin/contacts/1/enrollments/1/move", once="t" * 16, stage="onboarding", reason="")
    unknown = browser.post(
        "/admin/contacts/1/enrollments/1/move", once="t" * 16, stage="nowhere", reason="my words"
    )

    assert [bad.status_code, empty.status_code, unknown.status_code] == [422, 422, 422]
    assert 'value="much"' in bad.text
    assert "A reason is missing." in empty.text
    assert 'value="my words"' in unknown.text
    assert "There is no stage" in unknown.text
    assert running.enrollments()[0].stage == "lead-offer"


def test_each_deed_of_a_marketer_works_from_the_page(running: Running, browser: Browser) -> None:
    at = "/admin/contacts/1"
    deeds = {
        f"{at}/note": {"text": "Met at the fair"},
        f"{at}/enrollments/1/skip": {"step": "reminder", "reason": "has it"},
        f"{at}/enrollments/1/move": {"stage": "onboarding", "reason": "signed"},
        f"{at}/pause": {"reason": "holiday"},
        f"{at}/resume": {},
        f"{at}/send-me": {"template": "story"},
        f"{at}/mail/1/send-me": {},
        f"{at}/grant": {"purpose": "nurture", "wording": "Yes", "source": "the fair"},
        f"{at}/enrollments/1/end": {"reason": "moved abroad"},
        f"{at}/do-not-call": {"reason": "said so"},
        f"{at}/withdraw": {"purpose": "", "reason": "said so"},
    }

    for number, (path, data) in enumerate(deeds.items()):
        answer = browser.post(path, once=f"{number:016}", **data)
        assert answer.status_code == 303, (path, answer.text[-3000:])

    page = browser.get(at).text
    assert "Met at the fair" in page
    assert "moved abroad" in page
    assert "do-not-call" in page


def test_roles_see_and_do_what_they_may(running: Running) -> None:
    sales, viewer, stranger = (a_browser(running, role) for role in (Role.SALES, Role.VIEWER, None))
    at = "/admin/contacts/1"

    assert "Sale closed" in sales.get(at).text
    assert "Move to a stage" not in sales.get(at).text
    assert "Tell or do something" not in viewer.get(at).text
    assert stranger.get(at).status_code == 303
    assert sales.post(f"{at}/note", once="a" * 16, text="called").status_code == 303
    assert (
        sales.post(f"{at}/enrollments/1/move", once="b" * 16, stage="onboarding", reason="x").status_code
        == 403
    )
    assert viewer.post(f"{at}/note", once="c" * 16, text="called").status_code == 403


def test_a_shown_mail_stands_in_a_sandbox_where_no_script_runs(running: Running, browser: Browser) -> None:
    page = browser.get("/admin/contacts/1/mail/1")
    body = browser.get("/admin/contacts/1/mail/1/body")

    assert re.search(r'<iframe[^>]*sandbox=""[^>]*src="/admin/contacts/1/mail/1/body"', page.text)
    assert "delivery for Ana" in page.text
    assert body.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'; img-src data:")
    assert "script-src" not in body.headers["Content-Security-Policy"]
    assert body.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert body.headers["X-Content-Type-Options"] == "nosniff"


def test_the_story_can_be_of_one_workflow_and_is_newest_first(browser: Browser) -> None:
    whole = browser.get("/admin/contacts/1?workflow=guided").text
    none = browser.get("/admin/contacts/1?workflow=other").text

    assert "Every decision with its reason, newest first." in whole
    assert "Nothing was decided yet" in none


def test_looking_changes_nothing(running: Running, browser: Browser) -> None:
    before = (running.enrollments(), running.states(), names(running))

    for path in ("", "/mail/1", "/mail/1/body"):
        browser.get(f"/admin/contacts/1{path}")
        assert browser.get(f"/admin/contacts/1{path}/happened").status_code in (404, 405)

    assert (running.enrollments(), running.states(), names(running)) == before
