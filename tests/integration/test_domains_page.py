"""Where each domain stands is in sight, on a page and by command, and whoever may can let one go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nurture.db import audit, domain_days
from nurture.db.domain_days import Counted
from nurture.model.accounts import Role
from nurture.services.sending import domains
from tests.support.browsing import a_browser
from tests.support.commands import answer, run
from tests.support.running import Running, a_nurture

PAGE = "/admin/mail/domains"
FLOW = """\
    workflow: one
    purpose: nurture
    stages:
      - stage: first
        need: Know more
        trigger: a.happened
        validate: b.happened
        steps:
          - email: hello
        loss:
          - {after: 90 days, reason: too-late}
    """


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    """Mail to one domain is called spam, to another it is refused, a third is fine."""
    made = a_nurture(sqlite_url, tmp_path, mails=("hello",))
    made.write("workflows/one.yaml", FLOW)
    made.publish()
    operational = made.clock.operational()
    with made.nurture.database.write() as tx:
        day = operational.date()
        counted = [
            Counted("spammed.example", day, sent=1000, complained=5),
            Counted("fine.example", day, "default", sent=20),
            Counted("fine.example", day, bounced=1),
        ]
        domain_days.count(tx, counted)
        domains.look(tx, made.nurture.runtime)
        domains.refuse(tx, {"angry.example": "421 <b>no</b>"}, operational)
    yield made
    made.nurture.close()


def test_the_page_shows_how_each_domain_does(running: Running) -> None:
    page = a_browser(running, Role.VIEWER).get(PAGE).text

    assert page.index("spammed.example") < page.index("fine.example")
    assert "5 of 1,000 messages in a week were called spam" in page
    assert "0.50 %" in page
    assert "421 &lt;b&gt;no&lt;/b&gt;" in page
    assert "Let it go on" not in page


def test_a_marketer_lets_one_go_on_and_it_is_written_down(running: Running) -> None:
    browser = a_browser(running, Role.MARKETER)

    browser.post(f"{PAGE}/resume", domain="spammed.example")
    told = browser.get(PAGE).text
    browser.post(f"{PAGE}/resume", domain="spammed.example")
    again = browser.get(PAGE).text

    assert "Mail to spammed.example goes on" in told
    assert "is not paused any more" in again
    with running.nurture.database.read() as tx:
        assert ("resume", "spammed.example") in {(one.action, one.subject) for one in audit.latest(tx)}
        assert domains.rests(tx).complaining == {}


def test_the_first_page_tells_of_both(running: Running) -> None:
    page = a_browser(running, Role.MARKETER).get("/admin/").text

    assert "called our mail spam" in page
    assert "angry.example" in page


def test_the_command_lists_and_lets_go(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NURTURE_DATABASE_URL", running.nurture.settings.database_url)

    listed = {one["domain"]: one for one in answer("domain", "list", project=running.project)["domains"]}
    said = run("domain", "resume", "@Spammed.example", "--reason", "clean", project=running.project)
    again = run("domain", "resume", "spammed.example", project=running.project)

    assert listed["fine.example"] == {
        "domain": "fine.example",
        "sent": 20,
        "bounced": 1,
        "complained": 0,
        "complaint_rate": 0.0,
        "resting": None,
        "refusing": None,
    }
    assert listed["spammed.example"]["resting"]["complained"] == 5
    assert said.exit_code == 0
    assert (again.exit_code, "not paused" in again.stderr) == (1, True)
