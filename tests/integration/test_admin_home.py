"""The first page and the workflow pages: do they tell what is, and do the brakes really hold and let go?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nurture.db import state, suppressions
from nurture.db.suppressions import Suppression
from nurture.model.accounts import Role
from nurture.model.words import Channel, SuppressionReason
from nurture.services.files import drafts
from nurture.services.releases import workflows
from nurture.services.running import brakes, needs, overview
from nurture.services.running.needs import Urgency, Where
from tests.support.browsing import Browser, a_browser
from tests.support.running import Running, a_nurture

WELCOME = """\
    workflow: welcome
    title: From hello to a first meeting
    purpose: nurture
    calendar: business
    stages:
      - stage: hello
        need: Know who you are
        trigger: a.happened
        validate: b.happened
        steps:
          - {email: first}
          - {email: second, after: 2 days, if_late: skip, max_late: 1 day}
          - {call_task: ring, after: 1 day, assign: round-robin sales, expires: 5 business days}
        loss:
          - {after: 60 days, reason: never-answered}
      - stage: meeting
        need: See what it is like
        trigger: quote.requested
        validate: meeting.booked
        steps:
          - {email: third, after: 1 day}
        loss:
          - {after: 60 days, reason: never-met}
    """


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    company = a_nurture(sqlite_url, tmp_path, mails=("first", "second", "third"))
    company.write("templates/call/ring.txt", "Ring {{ contact.first_name or 'them' }}.\n")
    company.write("workflows/welcome.yaml", WELCOME)
    company.publish()
    yield company
    company.nurture.database.dispose()


@pytest.fixture
def lived(running: Running) -> Running:
    """Ana proved the first stage, Bea is on her way, Carl fell off."""
    for name in ("ana", "bea", "carl"):
        running.add(f"{name}@example.org", first_name=name.title())
        running.track("a.happened", f"{name}@example.org")
    running.advance(step_hours=6, days=1)
    running.track("b.happened", "ana@example.org")
    running.track("consent.withdrawn", "carl@example.org", purpose="nurture")
    running.run()
    return running


def words(html: str) -> str:
    """What a person reads of a page."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def sent(running: Running, email: str = "ana@example.org") -> list[str]:
    return [template for template, state, _ in running.states(email) if state == "sent"]


# --- home ---------------------------------------------------------------------------------------------------------


def test_before_anything_is_published_the_first_page_says_how_to_begin(
    sqlite_url: str, tmp_path: Path
) -> None:
    empty = a_nurture(sqlite_url, tmp_path)

    home, listed = (a_browser(empty).get(path) for path in ("/admin/", "/admin/workflows"))

    assert home.status_code == listed.status_code == 200
    assert "Nothing is live yet" in home.text
    assert "No workflow is live" in listed.text
    empty.nurture.database.dispose()


def test_until_the_first_contact_enters_the_first_page_says_how_to_try_it(running: Running) -> None:
    browser = a_browser(running)

    before = browser.get("/admin/").text
    running.add()
    running.track("a.happened")
    running.run()
    after = browser.get("/admin/").text

    assert "waiting for the first contact" in before
    assert "waiting for the first contact" not in after


def test_the_first_page_tells_the_funnel_its_losses_and_what_falls_due(lived: Running) -> None:
    page = a_browser(lived).get("/admin/")

    said = words(page.text)
    assert page.status_code == 200
    assert "2 contacts under way in 1 workflow" in said
    assert re.search(r"hello leakiest|hello .* 3 1 1 .*33% of 3", said)
    assert "33% of 3" in said
    assert "1 rest" in said
    assert "The leakiest stage is hello of welcome: 1 lost of 3 who entered (33%)" in said
    assert "unsubscribed hello · welcome" in said
    assert "No scheduler and no worker gives a sign of life" in said


def test_the_day_ahead_counts_messages_and_calls_that_fall_due(lived: Running) -> None:
    runtime = lived.nurture.runtime
    lived.advance(hours=1)

    before = overview.day_ahead(runtime, "kim@example.org")
    lived.advance(step_hours=6, days=3)
    after = overview.day_ahead(runtime, "KIM@example.org")

    assert (before.messages, before.calls_today) == (1, 0)
    assert before.next_at is not None
    assert (after.contacts, after.messages) == (2, 0)
    assert after.calls_today >= after.my_calls_today


def test_a_page_that_only_shows_changes_nothing(lived: Running) -> None:
    browser = a_browser(lived, Role.VIEWER)
    before = lived.states("bea@example.org")

    for path in ("/admin/", "/admin/workflows", "/admin/workflows/welcome"):
        assert browser.get(path).status_code == 200

    assert lived.states("bea@example.org") == before


# --- the switch ---------------------------------------------------------------------------------------------------


def stop(browser: Browser, reason: str = "the letter is wrong") -> int:
    return browser.post("/admin/sending/stop", reason=reason).status_code


def test_stopping_holds_a_mail_that_is_due_and_going_on_sends_it(running: Running) -> None:
    running.add()
    running.track("a.happened")
    running.run()
    browser = a_browser(running, Role.MARKETER)

    assert stop(browser) == 303
    running.advance(days=2, hours=2)
    held = sent(running)
    alarm = browser.get("/admin/workflows").text
    told = words(browser.get("/admin/").text)
    going_on = browser.post("/admin/sending/go-on", reason="it is mended")
    running.run()

    assert held == ["first"]
    assert "All sending is stopped" in alarm
    assert "the letter is wrong" in alarm
    assert "About 1 message or call fell due meanwhile and goes on" in told
    assert going_on.status_code == 303
    assert sent(running) == ["first", "second"]
    assert "All sending is stopped" not in browser.get("/admin/").text


def test_what_is_too_late_after_a_long_stop_is_skipped_as_its_step_says_and_told_before(
    running: Running,
) -> None:
    running.add()
    running.track("a.happened")
    running.run()
    browser = a_browser(running)

    stop(browser)
    running.advance(step_hours=12, days=10)
    brake = brakes.look(running.nurture.runtime)
    browser.post("/admin/sending/go-on")
    running.run()

    assert (brake.run, brake.skipped, brake.shifted, brake.contacts) == (0, 1, 0, 1)
    assert ("second", "skipped", "late") in running.states()
    assert sent(running) == ["first"]


def test_stopping_needs_a_reason_and_keeps_the_page(running: Running) -> None:
    answer = a_browser(running).post("/admin/sending/stop", reason="")

    assert answer.status_code == 422
    assert "Please say why" in answer.text
    assert brakes.look(running.nurture.runtime).held is None


@pytest.mark.parametrize("role", [Role.SALES, Role.VIEWER])
def test_who_may_only_look_or_call_cannot_stop_anything(running: Running, role: Role) -> None:
    browser = a_browser(running, role)

    answers = [
        browser.post(path, reason="why not").status_code
        for path in ("/admin/sending/stop", "/admin/sending/go-on", "/admin/workflows/welcome/pause")
    ]

    assert answers == [403, 403, 403]
    assert "Stop all sending</button>" not in browser.get("/admin/").text


def test_a_workflow_is_paused_and_goes_on_alone(running: Running) -> None:
    running.add()
    running.track("a.happened")
    browser = a_browser(running, Role.MARKETER)

    paused = browser.post("/admin/workflows/welcome/pause", reason="a wrong price")
    running.advance(days=1)
    held, page, home = (
        sent(running),
        browser.get("/admin/workflows/welcome").text,
        browser.get("/admin/").text,
    )
    browser.post("/admin/workflows/welcome/go-on")
    running.run()

    assert paused.status_code == 303
    assert held == []
    assert "a wrong price" in words(page)
    assert "Workflow &#39;welcome&#39; is paused: a wrong price." in home
    assert sent(running) == ["first"]


def test_pausing_a_workflow_that_is_not_there_is_not_found(running: Running) -> None:
    browser = a_browser(running)

    assert browser.post("/admin/workflows/nothing/pause", reason="x").status_code == 404
    assert browser.get("/admin/workflows/nothing").status_code == 404


# --- what needs a person ------------------------------------------------------------------------------------------


def test_each_thing_that_waits_for_a_person_is_named_with_its_remedy(lived: Running) -> None:
    runtime = lived.nurture.runtime
    lived.advance(step_hours=6, days=8)
    found = {one.code: one for one in needs.needs_of(runtime, drafts.NO_FOLDER)}

    assert found["nobody-works"].urgency is Urgency.NOW
    assert found["late-calls"].where is Where.CALLS
    assert found["late-calls"].said == "One call should have been made by now."
    assert all(one.remedy for one in found.values())


def test_a_mail_server_that_refuses_us_and_dead_addresses_are_told(lived: Running) -> None:
    now, operational = lived.clock.now(), lived.clock.operational()
    with lived.nurture.database.write() as tx:
        state.pause_channel(tx, "email", operational + timedelta(hours=1), "535 wrong password", operational)
        dead = Suppression(
            address_hash="x",
            channel=Channel.EMAIL,
            reason=SuppressionReason.HARD_BOUNCE,
            at=now,
            source="a test",
        )
        suppressions.add(tx, [dead])

    found = {one.code: one for one in needs.needs_of(lived.nurture.runtime, drafts.NO_FOLDER)}

    assert found["channel-paused"].said == "The mail server refuses us: 535 wrong password"
    assert found["channel-paused"].urgency is Urgency.NOW
    assert (found["bounced"].count, found["bounced"].where) == (1, Where.BOUNCED)


def test_letting_a_workflow_go_says_that_everything_is_stopped_as_well(lived: Running) -> None:
    browser = a_browser(lived)
    browser.post("/admin/workflows/welcome/pause", reason="a wrong price")
    stop(browser)

    brake = brakes.look(lived.nurture.runtime, "welcome")
    page = words(browser.get("/admin/workflows/welcome").text)

    assert brake.also_held
    assert "All sending is stopped as well" in page


def test_people_with_more_calls_than_they_can_make_are_named(lived: Running) -> None:
    toml = (lived.project / "nurture.toml").read_text()
    lived.write("nurture.toml", toml.replace("[teams.sales]", "[teams.sales]\ncapacity = 1"))
    lived.publish()
    for name in ("dora", "emil"):
        lived.track("a.happened", lived.add(f"{name}@example.org").email)
    lived.advance(step_hours=6, days=8)

    found = needs.needs_of(lived.nurture.runtime, drafts.NO_FOLDER)

    over = [one for one in found if one.code == "overloaded"]
    assert [one.said.partition(" has ")[2] for one in over] == ["2 calls to make today, and room for 1."]


def test_a_broken_file_is_shown_at_its_line_and_the_published_version_goes_on(lived: Running) -> None:
    lived.write("workflows/welcome.yaml", WELCOME.replace("email: second", "emial: second"))
    browser = a_browser(lived)

    home, page = browser.get("/admin/").text, words(browser.get("/admin/workflows/welcome").text)

    assert "from being published; the last good version goes on" in home
    assert "workflows/welcome.yaml:12:" in page
    assert "{emial: second, after: 2 days" in page
    assert "did you mean &#39;email&#39;?" in page
    assert lived.nurture.runtime.shelf  # the engine reads the database, not the folder
    lived.track("a.happened", lived.add("dora@example.org").email)
    lived.run()
    assert sent(lived, "dora@example.org") == ["first"]


def test_a_folder_that_differs_says_so_until_it_is_published(lived: Running) -> None:
    desk = drafts.desk(lived.project)

    same = desk.look(lived.nurture.runtime)
    lived.write("templates/email/second.md", (lived.project / "templates/email/first.md").read_text())
    different = desk.look(lived.nurture.runtime)
    home = a_browser(lived).get("/admin/").text
    lived.publish()

    assert '<a class="button small" href="/admin/plan">' in home
    assert (same.there, same.changed) == (True, ())
    assert different.changed == ("templates/email/second.md",)
    assert desk.look(lived.nurture.runtime).changed == ()


def test_a_server_without_the_folder_says_so(lived: Running) -> None:
    (lived.project / "nurture.toml").unlink()

    page = words(a_browser(lived).get("/admin/workflows").text)

    assert "This server has no project folder" in page


# --- workflows ----------------------------------------------------------------------------------------------------


def test_the_list_tells_who_is_in_each_workflow(lived: Running) -> None:
    (line,) = workflows.listing(lived.nurture.runtime)
    page = words(a_browser(lived).get("/admin/workflows").text)

    assert (line.active, line.completed, line.lost, line.exited, line.n) == (2, 0, 1, 0, 3)
    assert "From hello to a first meeting" in page
    assert "hello → meeting" in page


def test_a_workflow_page_draws_it_and_says_the_same_in_words(lived: Running) -> None:
    page = a_browser(lived).get("/admin/workflows/welcome").text

    drawn = re.search(r"<svg class=\"graph\".*?</svg>", page, re.S)
    assert drawn is not None
    tree = ElementTree.fromstring(drawn[0])
    steps = [group.get("data-step") for group in tree.iter() if group.get("data-step")]
    said = words(page.replace(drawn[0], ""))
    assert steps == ["first", "second", "ring", "third"]
    assert "3 entered, 1 validated: 33% of 3; 1 here now, 1 resting" in said
    assert "mail second after 2 days see it 1 here now" in said
    assert "never-answered after 60 days: 0" in said
    assert "unsubscribed : 1" in said


def test_an_older_version_and_a_withdrawn_workflow_stay_visible_while_people_are_in_them(
    lived: Running,
) -> None:
    first = workflows.whole(lived.nurture.runtime, "welcome").line.workflow.version
    lived.write(
        "workflows/welcome.yaml",
        WELCOME.replace("{email: second, after: 2 days", "{email: third, id: again, after: 3 days"),
    )
    lived.publish()
    changed = workflows.whole(lived.nurture.runtime, "welcome")
    page = words(a_browser(lived).get("/admin/workflows/welcome").text)
    (lived.project / "workflows" / "welcome.yaml").unlink()
    lived.publish()
    withdrawn = workflows.whole(lived.nurture.runtime, "welcome")

    assert [(one.version == first, one.current, one.n) for one in changed.versions] == [
        (False, True, 0),
        (True, False, 3),
    ]
    assert "Steps of older versions" in page
    assert "second 1 here now" in page
    assert (withdrawn.line.current, withdrawn.line.active) == (False, 2)


def test_refused_entries_are_told_by_rule(lived: Running) -> None:
    lived.track("a.happened", "bea@example.org")
    lived.run()

    page = words(a_browser(lived).get("/admin/workflows/welcome").text)

    assert "1 because the contact is in this workflow already" in page
