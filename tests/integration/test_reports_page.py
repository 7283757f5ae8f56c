"""Do people see what came back, on its page, on the contact's path, and when it is not read? And does nobody come back?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nurture.db import contacts
from nurture.model.accounts import Role
from nurture.services.privacy import erasing
from nurture.services.running import doctor
from nurture.services.story.path import path
from tests.support.browsing import a_browser
from tests.support.came_back import bounce, complaint, out_of_office, reply
from tests.support.imap_server import ImapServer, Rule
from tests.support.returning import MAILS, closed, first_of, id_of, live, noted, return_path_of, takes
from tests.support.running import Running, a_nurture

PAGE = "/admin/mail/reports"
ANA = "ana@example.org"


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    url = str(request.getfixturevalue(f"{request.param}_url"))
    yield (running := live(a_nurture(url, tmp_path, mails=MAILS)))
    running.nurture.database.dispose()


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    yield (running := live(a_nurture(sqlite_url, tmp_path, mails=MAILS)))
    running.nurture.database.dispose()


def test_every_report_stands_with_what_it_was_known_by_and_what_followed(running: Running) -> None:
    takes(running, out_of_office(id_of(running)))
    takes(running, bounce("<script>alert(1)</script>@example.net", returned="<other@example.net>"))
    takes(running, complaint(id_of(running)))

    browser = a_browser(running, Role.VIEWER)
    page = browser.get(PAGE).text
    only = browser.get(f"{PAGE}?kind=complaint").text

    assert "by the message it names" in page
    assert "it matches nothing" in page
    assert "the address is suppressed" in page
    assert "<script>alert" not in page
    assert ("automatic answer</span>" in page, "it matches nothing" in only) == (True, False)
    assert browser.get(f"{PAGE}?kind=nonsense&before=7").status_code == 200


def test_a_page_without_reports_says_what_will_stand_there(running: Running) -> None:
    assert "Nothing came back yet" in a_browser(running, Role.VIEWER).get(PAGE).text


def test_an_automatic_answer_stands_on_the_contacts_path_and_a_reply_does_once(running: Running) -> None:
    takes(running, out_of_office(id_of(running)))
    takes(running, reply(id_of(running)))

    found = path(running.nurture.runtime, first_of(running).contact_id)

    (journey,) = found.journeys
    marks = [(mark.title, mark.state.value) for leg in journey.legs for mark in leg.marks]
    assert ("An automatic answer came back", "machine") in marks
    assert [title for title, _ in marks].count("Replied to a mail") == 1


def codes(running: Running) -> dict[str, int]:
    return {one.code: one.count for one in doctor.examine(running.nurture.runtime).findings}


def test_the_doctor_counts_bounces_about_nothing_of_ours(running: Running) -> None:
    takes(running, bounce("stranger@example.net"))
    takes(running, bounce("ana@example.org", returned="<other@example.net>"))
    takes(running, b"From: bob@example.net\nSubject: Lunch?\n\nAt noon?\n")

    assert codes(running)["unmatched-reports"] == 2
    running.clock.advance(days=8)
    assert "unmatched-reports" not in codes(running)


def test_the_doctor_tells_when_the_mailbox_is_not_read(sqlite_url: str, tmp_path: Path) -> None:
    with ImapServer() as server:
        running = live(a_nurture(sqlite_url, tmp_path, mails=MAILS, mailbox_url=server.url()))
        assert "mailbox-unread" not in codes(running)
        server.rules = [Rule("LOGIN", "NO [ALERT] the account is locked", times=None)]
        running.advance(hours=1)

        diagnosis = doctor.examine(running.nurture.runtime)
        (finding,) = [one for one in diagnosis.findings if one.code == "mailbox-unread"]
        page = a_browser(running, Role.VIEWER).get(PAGE).text
        running.nurture.database.dispose()

    assert not diagnosis.ok
    assert "the account is locked" in finding.example
    assert "is not read" in page
    assert server.password not in finding.example + page


def test_what_is_about_nothing_of_ours_is_forgotten_after_three_months(running: Running) -> None:
    takes(running, bounce("stranger@example.net"))
    takes(running, out_of_office(id_of(running)))
    running.clock.advance(days=91)

    running.nurture.sweep()

    assert [one.kind for one in noted(running)] == ["autoreply"]


def test_a_late_bounce_of_somebody_who_was_erased_brings_nothing_back(either: Running) -> None:
    message_id, token = id_of(either), return_path_of(either)
    erasing.erase(either.nurture.runtime, ANA, either.project / "var" / "mail", "a test")
    before = closed(either)

    late = [
        takes(either, bounce(ANA, returned=message_id)),
        takes(either, bounce(ANA, to=token)),
        takes(either, bounce(ANA)),
        takes(either, reply(message_id)),
    ]

    assert not any(one.ours for one in late)
    assert closed(either) == before
    with either.nurture.database.read() as tx:
        assert contacts.by_email(tx, [ANA]) == {}
        rows = tx.exec_driver_sql("SELECT * FROM reports").all()
    assert "ana@" not in str(rows)
