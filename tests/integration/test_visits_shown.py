"""Do pages set people and machines apart wherever they tell of mail that was opened or clicked?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nurture.model.accounts import Role
from nurture.services.story import path as paths
from nurture.services.story.marks import Kind, State
from tests.support.browsing import Browser, a_browser
from tests.support.running import Running, a_nurture
from tests.support.visits import Reader, links_of, live, mailed


@pytest.fixture
def visited(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    """Ana's message was scanned, and then she followed a link; Bea's was only scanned."""
    running = live(a_nurture(sqlite_url, tmp_path, mails=("thanks",)), tracking="[tracking]\nopens = true")
    mails = [mailed(running, "ana@example.org"), mailed(running, "bea@example.org")]
    running.clock.advance(seconds=6)
    for mail in mails:
        Reader(running, place="192.0.2.50").visits(links_of(mail).ways[0])
        Reader(running, place="192.0.2.50").visits(links_of(mail).picture or "")
    running.clock.advance(minutes=40)
    Reader(running).visits(links_of(mails[0]).ways[1])
    running.clock.advance(seconds=11)
    running.run()
    yield running
    running.nurture.database.dispose()


@pytest.fixture
def browser(visited: Running) -> Browser:
    return a_browser(visited, Role.VIEWER)


def test_the_path_says_what_was_probably_a_machine_and_why(visited: Running) -> None:
    (journey,) = paths.path(visited.nurture.runtime, 1).journeys

    clicks = [mark for mark in journey.legs[0].marks if mark.kind is Kind.CLICK]

    assert [(mark.title, mark.state, mark.status) for mark in clicks] == [
        ("Clicked a link in a mail", State.MACHINE, "probably a machine"),
        ("Opened a mail", State.MACHINE, "probably a machine"),
        ("Clicked a link in a mail", State.DONE, "happened"),
    ]
    assert clicks[1].why.startswith("It came within seconds after the message had left")


def test_the_contacts_page_shows_it(browser: Browser) -> None:
    assert "probably a machine" in browser.get("/admin/contacts/1").text


def test_a_message_lists_its_visits_and_whose_each_was(browser: Browser) -> None:
    page = browser.get("/admin/contacts/1/mail/1").text

    assert "followed https://www.example.org/second" in page
    assert "opened it" in page
    assert page.count("probably a machine") == 2
    assert page.count(">a person<") == 1
    assert "/c/" not in page


def test_the_list_of_messages_tells_people_from_machines(browser: Browser) -> None:
    page = browser.get("/admin/mail?template=linked").text

    assert "clicked, opened by a machine" in page
    assert "clicked by a machine, opened by a machine" in page


def test_a_step_counts_people_and_those_that_only_machines_visited(browser: Browser) -> None:
    page = browser.get("/admin/workflows/told").text

    assert "1 clicked <small>(1 more by machines)</small>" in page
    assert "0 opened <small>(2 more by machines)</small>" in page
