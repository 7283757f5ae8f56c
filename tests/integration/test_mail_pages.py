"""What became of every message is in sight; a caught mail can be read and clicked, and can do nothing by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from nurture.db import deliveries, state
from nurture.db.notices import NoticeKind
from nurture.model.accounts import Role
from nurture.model.words import DeliveryState
from nurture.services.sending import caught, notices
from nurture.services.sending.notices import Notice
from nurture.web.admin.mail import opening_elsewhere
from tests.support.browsing import Browser, a_browser
from tests.support.running import LINKED, Running, a_nurture

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
          - {email: receipt, purpose: transactional}
          - {email: hello, after: 1 day}
        loss:
          - {after: 60 days, reason: silent}
    """
OFFER = """\
    offer: guide
    kind: download
    title: The guide
    promise: Know in ten minutes
    asset: guide.pdf
    fields: [email]
    mail: handed
    link: {valid: 30 days, downloads: 2}
    """
HOSTILE = "<script>alert(1)</script><img src=http://evil.example/x onerror=alert(2)>"
EVIL = f"""\
From: a@example.org
To: "{HOSTILE.replace('"', "")}" <evil@example.org>
Subject: {HOSTILE}
Date: Mon, 02 Mar 2026 09:00:00 +0000
MIME-Version: 1.0
Content-Type: text/html; charset=utf-8

<!doctype html><html><head><title>x</title></head><body>{HOSTILE}<a href="/d/abc">go</a></body></html>
"""


@pytest.fixture
def company_at_work(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(sqlite_url, tmp_path, mails=("receipt", "hello"))
    running.write("workflows/short.yaml", WORKFLOW)
    running.write("offers/guide.yaml", OFFER)
    running.write("templates/email/handed.md", LINKED.format(name="handed"))
    running.write("assets/guide.pdf", "%PDF-1.4 the guide")
    running.publish()
    yield running
    running.nurture.database.dispose()


@pytest.fixture
def browser(company_at_work: Running) -> Browser:
    return a_browser(company_at_work, Role.MARKETER)


def mailed(running: Running) -> str:
    """Ana's receipt is caught; returns its name."""
    running.add()
    running.track("a.happened")
    running.run()
    (name,) = caught.names(folder(running))
    return name


def folder(running: Running) -> Path:
    return running.project / "var" / "mail"


def evil(running: Running) -> str:
    folder(running).mkdir(parents=True, exist_ok=True)
    name = "20260302T090000Z-evil.eml"
    (folder(running) / name).write_text(EVIL)
    return name


def numbers(page: str) -> list[int]:
    return [int(one.replace(",", "")) for one in re.findall(r"<b>([\d,]+)</b>", page)]


# --- messages ---------------------------------------------------------------------------------------------------


def test_before_anything_was_planned_the_page_says_what_will_stand_there(browser: Browser) -> None:
    page = browser.get("/admin/mail").text

    assert "No message yet" in page
    assert "nothing leaves this machine" in page
    assert numbers(page) == [0] * 6


def test_every_message_is_counted_once_and_told_with_its_reason(
    company_at_work: Running, browser: Browser
) -> None:
    mailed(company_at_work)
    company_at_work.add("carl@example.org", consent=None, first_name="Carl")
    company_at_work.track("a.happened", "carl@example.org")
    company_at_work.advance(hours=25)

    page = browser.get("/admin/mail").text
    planned, *parts = numbers(page)

    assert planned == sum(parts) == 4
    assert parts[:2] == [3, 1]
    assert "there is no live consent for this purpose" in page
    assert "Carl" in page


def test_messages_are_narrowed_by_state_template_workflow_reason_and_recipient(
    company_at_work: Running, browser: Browser
) -> None:
    mailed(company_at_work)
    company_at_work.add("carl@example.org", consent=None, first_name="Carl")
    company_at_work.track("a.happened", "carl@example.org")
    company_at_work.advance(hours=25)

    def rows(query: str) -> int:
        return browser.get(f"/admin/mail?{query}").text.count('<th scope="row">')

    assert rows("") == 4
    assert rows("state=skipped") == 1
    assert rows("template=receipt") == 2
    assert rows("workflow=short") == 4
    assert rows("reason=no-consent") == 1
    assert rows("to=CARL") == 2
    assert rows("to=%25") == 0
    assert rows("state=nonsense&to=ana") == 2


def test_pages_of_messages_follow_each_other(company_at_work: Running, browser: Browser) -> None:
    for number in range(60):
        company_at_work.add(f"p{number}@example.org")
        company_at_work.track("a.happened", f"p{number}@example.org")
    company_at_work.run()

    page = browser.get("/admin/mail?template=receipt").text
    link = page.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    following = browser.get(link).text

    assert page.count('<th scope="row">') == 50
    assert following.count('<th scope="row">') == 10
    assert "template=receipt" in link


@pytest.mark.parametrize("before", ["x", "-1", "1;", "9" * 40, "", "½"])
def test_a_forged_position_is_a_bad_request(browser: Browser, before: str) -> None:
    assert browser.get("/admin/mail", query_string={"before": before}).status_code == 400
    assert browser.get("/admin/mail/notices", query_string={"before": before}).status_code == 400


# --- doubt ------------------------------------------------------------------------------------------------------


def doubted(running: Running) -> str:
    """Ana's receipt, as if a crash hid whether it went; returns its Message-ID."""
    mailed(running)
    (receipt,) = running.deliveries()
    with running.nurture.database.write() as tx:
        changed = deliveries.D.update().where(deliveries.D.c.id == receipt.id)
        tx.execute(changed.values(state=DeliveryState.AMBIGUOUS.value, reason="interrupted"))
    assert receipt.message_id is not None
    return receipt.message_id


@pytest.mark.parametrize(("verdict", "state"), [("sent", "sent"), ("failed", "failed"), ("again", "pending")])
def test_a_marketer_settles_what_is_in_doubt(
    company_at_work: Running, browser: Browser, verdict: str, state: str
) -> None:
    message_id = doubted(company_at_work)
    before = browser.get("/admin/mail?state=ambiguous").text

    answer = browser.post(
        "/admin/mail/doubt", verdict=verdict, message_id=message_id, back="/admin/mail?state=ambiguous"
    )

    assert "Settle it" in before
    assert (answer.status_code, answer.location) == (303, "/admin/mail?state=ambiguous")
    assert company_at_work.deliveries()[0].state == state
    assert "Settled: it" in browser.get("/admin/mail").text


def test_what_is_settled_already_is_told_so(company_at_work: Running, browser: Browser) -> None:
    mailed(company_at_work)

    browser.post("/admin/mail/doubt", verdict="again", message_id="<none@example.org>")

    assert "in doubt no longer" in browser.get("/admin/mail").text


@pytest.mark.parametrize("role", [Role.SALES, Role.VIEWER])
def test_only_marketers_settle(company_at_work: Running, role: Role) -> None:
    message_id = doubted(company_at_work)
    browser = a_browser(company_at_work, role)

    answer = browser.post("/admin/mail/doubt", verdict="sent", message_id=message_id)

    assert answer.status_code == 403
    assert "Settle it" not in browser.get("/admin/mail").text
    assert company_at_work.deliveries()[0].state == "ambiguous"


# --- caught mail ------------------------------------------------------------------------------------------------


def test_a_caught_mail_is_found_by_its_recipient_and_opened(
    company_at_work: Running, browser: Browser
) -> None:
    name = mailed(company_at_work)

    listed = browser.get("/admin/mail/caught?to=ana@example").text
    opened = browser.get(f"/admin/mail/caught/{name}").text
    missed = browser.get("/admin/mail/caught?to=zoe").text

    assert "receipt for Ana" in listed
    assert "receipt for Ana" in opened
    assert "Message-ID" in opened
    assert f'src="/admin/mail/caught/{name}/document"' in opened
    assert "Nothing was caught for that" in missed


def test_the_link_in_a_caught_mail_can_be_followed(company_at_work: Running, browser: Browser) -> None:
    company_at_work.add()
    company_at_work.track("offer.requested", offer="guide")
    company_at_work.run()
    (name,) = caught.names(folder(company_at_work))

    document = browser.get(f"/admin/mail/caught/{name}/document").text
    link = re.search(r'href="http://127.0.0.1:8000(/d/[^"]+)"', document)

    assert '<base target="_blank">' in document
    assert link is not None
    assert "Know in ten minutes" in browser.get(link[1]).text


def test_the_document_of_a_mail_can_do_nothing(company_at_work: Running, browser: Browser) -> None:
    name = evil(company_at_work)

    page = browser.get(f"/admin/mail/caught/{name}").text
    answer = browser.get(f"/admin/mail/caught/{name}/document")
    policy = answer.headers["Content-Security-Policy"]
    frame = re.search(r"<iframe[^>]*>", page)

    assert policy.startswith("sandbox allow-popups")
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert "img-src data:;" in policy
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert frame is not None
    assert 'sandbox="allow-popups' in frame[0]
    assert "allow-scripts" not in frame[0]
    assert HOSTILE not in page
    assert HOSTILE not in browser.get("/admin/mail/caught").text


def test_a_mail_is_downloaded_as_it_was(company_at_work: Running, browser: Browser) -> None:
    name = mailed(company_at_work)

    answer = browser.get(f"/admin/mail/caught/{name}/file")

    assert answer.data == (folder(company_at_work) / name).read_bytes()
    assert answer.mimetype == "message/rfc822"
    assert answer.headers["Content-Disposition"] == f"attachment; filename={name}"


@pytest.mark.parametrize(
    "name",
    [
        "..%2F..%2Fnurture.toml",
        "%2e%2e%2fsecret",
        "....//x.eml",
        "20260302T090000Z-..%2f..%2fsecret.eml",
        "20260302T090000Z-a%00.eml",
        "20260302T090000Z-none.eml",
        "20260302T090000Z-link.eml",
        ".20260302T090000Z-evil.eml",
        "20260302T090000Z-evil.eml%0a",
        "C:%5cx.eml",
        "x",
    ],
)
@pytest.mark.parametrize("part", ["", "/document", "/file"])
def test_no_name_leads_out_of_the_folder(
    company_at_work: Running, browser: Browser, name: str, part: str
) -> None:
    evil(company_at_work)
    (company_at_work.project / "secret").write_text("secret")
    (folder(company_at_work) / "20260302T090000Z-link.eml").symlink_to(company_at_work.project / "secret")

    answer = browser.get(f"/admin/mail/caught/{name}{part}")

    assert answer.status_code == 404
    assert "secret" not in answer.text


def test_mail_is_opened_by_who_works_with_contacts_only(company_at_work: Running) -> None:
    name = mailed(company_at_work)
    viewer, caller = a_browser(company_at_work, Role.VIEWER), a_browser(company_at_work, Role.SALES)

    for path in ("", f"/{name}", f"/{name}/document", f"/{name}/file"):
        assert viewer.get(f"/admin/mail/caught{path}").status_code == 403
        assert caller.get(f"/admin/mail/caught{path}").status_code == 200
    assert viewer.get("/admin/mail").status_code == 200
    assert "/admin/mail/caught" not in viewer.get("/admin/mail").text


def test_with_a_mail_server_the_page_says_so(sqlite_url: str, tmp_path: Path) -> None:
    running = a_nurture(sqlite_url, tmp_path, smtp_url="smtp://user:hidden-word@mail.example.org:587")
    running.publish()
    browser = a_browser(running, Role.ADMIN)

    pages = browser.get("/admin/mail").text + browser.get("/admin/mail/caught").text

    assert pages.count("Mail leaves through mail.example.org") == 2
    assert "hidden-word" not in pages
    running.nurture.database.dispose()


def test_a_mail_server_that_refuses_us_is_told_where_the_mail_stands(company_at_work: Running) -> None:
    browser = a_browser(company_at_work, Role.VIEWER)
    operational = company_at_work.clock.operational()
    with company_at_work.nurture.database.write() as tx:
        state.pause_channel(tx, "email", operational + timedelta(minutes=1), "421 <b>no</b>", operational)

    during = browser.get("/admin/mail").text
    company_at_work.clock.operational_at += timedelta(minutes=2)
    later = browser.get("/admin/mail").text

    assert "421 &lt;b&gt;no&lt;/b&gt;" in during
    assert "is asked again" in during
    assert "refuses us" not in later


# --- our own mails ----------------------------------------------------------------------------------------------


def test_mails_of_the_installation_stand_on_a_page_of_their_own(
    company_at_work: Running, browser: Browser
) -> None:
    before = browser.get("/admin/mail/notices").text
    asked = Notice(
        "test:1", NoticeKind.TEST, "kim@example.org", HOSTILE, "Look at this.", "<p>Look at this.</p>"
    )
    with company_at_work.nurture.database.write() as tx:
        notices.plan(tx, company_at_work.nurture.runtime, [asked])
    waiting = browser.get("/admin/mail/notices").text
    company_at_work.run()
    (name,) = caught.names(folder(company_at_work))

    page = browser.get("/admin/mail/notices").text

    assert "None yet" in before
    assert "pending" in waiting
    assert "kim@example.org" in page
    assert f'href="/admin/mail/caught/{name}"' in page
    assert HOSTILE not in page


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<html><HEAD lang=x><title>", '<html><HEAD lang=x><base target="_blank"><title>'),
        ("<!doctype html><p>x", '<!doctype html><base target="_blank"><p>x'),
        ("<p>x", '<base target="_blank"><p>x'),
    ],
)
def test_links_open_elsewhere_whatever_a_mail_looks_like(html: str, expected: str) -> None:
    assert opening_elsewhere(html) == expected
