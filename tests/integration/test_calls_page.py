"""The pages of whoever makes calls: the queue, the page of one call, and what a click does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from icalendar import Calendar

from nurture.db import contacts, outcomes, tasks
from nurture.db.outcomes import CallOutcome
from nurture.db.tasks import Task
from nurture.model.accounts import Role
from nurture.rendering import limits
from nurture.services.phone import calls
from nurture.services.staff import accounts
from tests.support.browsing import Browser, a_browser, an_account
from tests.support.running import Running, a_nurture

KIM = "kim@example.org"
WORKFLOW = """\
workflow: one
title: From the guide to a first review
purpose: nurture
calendar: business
stages:
  - stage: first
    need: Know where I stand
    trigger: a.happened
    validate: b.happened
    steps:
      - {email: hello}
      - call_task: guide-arrived
        assign: round-robin sales
        outcomes:
          voicemail:
            - {email: sorry, after: 2 days}
          booked:
            - {lose: booked-elsewhere}
      - {call_task: last-try, after: 3 days, assign: round-robin sales}
    loss:
      - {on: call.outcome where event.outcome == "not-interested", reason: not-interested, enroll: again}
      - {after: 30 days, reason: timed-out}
"""
AGAIN = """\
workflow: again
title: Again
purpose: nurture
stages:
  - stage: only
    need: Be heard
    trigger: manual
    validate: meeting.booked
    steps: [{email: sorry, after: 3 days}]
    loss: [{after: 30 days, reason: timed-out}]
"""
SCRIPT = "Ask {{ contact.first_name or 'them' }} about {{ stage.need }}.\n"


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(sqlite_url, tmp_path, mails=("hello", "sorry"))
    for script in ("guide-arrived", "last-try"):
        running.write(f"templates/call/{script}.txt", SCRIPT)
    running.write("workflows/one.yaml", WORKFLOW)
    running.write("workflows/again.yaml", AGAIN)
    running.publish()
    for number, name in enumerate(("ana", "bea")):
        running.add(f"{name}@example.org", first_name=name.title(), phone=f"+1 416 555 010{number}")
        running.track("a.happened", email=f"{name}@example.org")
        running.run()
    yield running
    running.nurture.close()


@pytest.fixture
def kim(running: Running) -> Browser:
    """The sales person who has Ana's call."""
    return a_browser(running, Role.SALES, KIM)


def call_of(running: Running, name: str = "ana") -> Task:
    with running.nurture.database.read() as tx:
        contact = contacts.by_email(tx, [f"{name}@example.org"])[f"{name}@example.org"]
        return tasks.of_contact(tx, contact.id)[-1]


def told(running: Running, name: str = "ana") -> list[CallOutcome]:
    with running.nurture.database.read() as tx:
        return outcomes.of_task(tx, call_of(running, name).id)


def test_the_queue_shows_ones_own_calls_and_those_of_the_others(running: Running, kim: Browser) -> None:
    mine = kim.get("/admin/calls").text
    everyone = kim.get("/admin/calls?whose=everyone").text
    nobodys = kim.get("/admin/calls?whose=unassigned").text

    assert ("Ana" in mine, "Bea" in mine) == (True, False)
    assert "Ana" in everyone
    assert "Bea" in everyone
    assert "Every call has somebody" in nobodys
    assert 'href="tel:+14165550100"' in mine
    assert "Guide arrived" in mine
    assert "Know where I stand" in mine


def test_calls_are_grouped_by_the_readers_day(running: Running, kim: Browser) -> None:
    later = kim.get("/admin/calls").text
    running.clock.advance(hours=20)
    today = kim.get("/admin/calls").text
    running.clock.advance(hours=10)
    overdue = kim.get("/admin/calls").text

    assert [name for name in ("Overdue", "Today", "Later") if f">{name} <" in later] == ["Later"]
    assert [name for name in ("Overdue", "Today", "Later") if f">{name} <" in today] == ["Today"]
    assert [name for name in ("Overdue", "Today", "Later") if f">{name} <" in overdue] == ["Overdue"]


def test_a_card_leads_back_to_the_list_on_which_its_call_stands(running: Running, kim: Browser) -> None:
    with running.nurture.database.read() as tx:
        mine, other = sorted(tasks.queue(tx), key=lambda call: call.assignee != KIM)[:2]

    own, lent = (kim.get(f"/admin/calls/{call.id}").text for call in (mine, other))

    assert 'name="whose" value="mine"' in own
    assert 'name="whose" value="everyone"' in lent


def test_an_outcome_from_the_queue_shows_a_bar_to_take_it_back(running: Running, kim: Browser) -> None:
    call = call_of(running)

    answer = kim.post(f"/admin/calls/{call.id}/outcome", outcome="reached", whose="mine")
    queue = kim.get("/admin/calls").text
    (outcome,) = told(running)
    back = kim.post(f"/admin/calls/outcomes/{outcome.id}/undo")

    assert (answer.status_code, answer.location) == (303, "/admin/calls?whose=mine")
    assert "<strong>Reached</strong>, <bdi>Ana</bdi> · counts in 2 minutes" in queue
    assert "tel:+14165550100" not in queue
    assert (back.status_code, back.location) == (303, f"/admin/calls/{call.id}")
    assert told(running)[0].undone_at is not None
    assert "tel:+14165550100" in kim.get("/admin/calls").text


def test_taking_back_too_late_is_said_with_the_remedy(running: Running, kim: Browser) -> None:
    kim.post(f"/admin/calls/{call_of(running).id}/outcome", outcome="reached")
    running.clock.advance(minutes=2)

    kim.post(f"/admin/calls/outcomes/{told(running)[0].id}/undo")

    assert "cannot be taken back any more: record a new outcome" in kim.get("/admin/calls").text


def test_the_page_of_a_call_shows_the_script_what_went_before_and_what_follows(
    running: Running, kim: Browser
) -> None:
    page = kim.get(f"/admin/calls/{call_of(running).id}").text

    assert "Ask Ana about Know where I stand." in page
    assert "hello for Ana" in page
    assert "Mail &#39;sorry&#39; on Wed 4 Mar 2026 09:00." in page
    assert "The contact is lost: not-interested, then workflow &#39;again&#39; begins." in page
    assert "The number is closed at once. Call &#39;last-try&#39; on Thu 5 Mar 2026 09:00." in page
    assert "The same call again, at the time you choose." in page


def test_a_call_back_is_read_on_the_clock_of_who_calls(running: Running, kim: Browser) -> None:
    account = an_account(running, Role.SALES, KIM)
    accounts.set_profile(running.nurture.runtime, account, "Kim", "America/Vancouver")

    kim.post(f"/admin/calls/{call_of(running).id}/outcome", outcome="call-back", at="2026-03-05T09:30")
    running.clock.advance(minutes=2)
    running.run()

    assert call_of(running).due.isoformat() == "2026-03-05T17:30:00+00:00"


def test_what_was_typed_is_kept_when_it_cannot_be_taken(running: Running, kim: Browser) -> None:
    refused: list[tuple[dict[str, str], str]] = [
        ({"outcome": "call-back", "note": "Next week"}, "When shall we call back?"),
        ({"outcome": "call-back", "at": "2026-03-01T09:00"}, "over already"),
        ({"outcome": "call-back", "at": "soon"}, "Please choose a day and a time."),
        ({"outcome": "no-such", "note": "Odd words"}, "There is no outcome"),
        ({"outcome": "reached", "minutes": "-3"}, "0 to 600 minutes"),
        ({"outcome": "reached", "minutes": "nan"}, "0 to 600 minutes"),
        ({"outcome": "reached", "minutes": "many", "note": "Kept words"}, "the minutes as a number"),
        ({"note": "Kept words"}, "Please choose how it went."),
    ]
    for typed, said in refused:
        answer = kim.post(f"/admin/calls/{call_of(running).id}/outcome", **typed)

        assert answer.status_code == 422
        assert said in answer.text
        assert typed.get("note", "") in answer.text
    assert told(running) == []


def test_note_and_minutes_are_kept_and_shown_as_text(running: Running, kim: Browser) -> None:
    call = call_of(running)
    note = "<script>alert(1)</script> {{ 7*7 }}"

    kim.post(f"/admin/calls/{call.id}/outcome", outcome="reached", minutes="4,5", note=note)
    running.clock.advance(minutes=2)
    running.run()
    page = kim.get(f"/admin/calls/{call.id}").text

    assert told(running)[0].data == {"minutes": 4.5, "note": note}
    assert "<script>alert" not in page
    assert "{{ 7*7 }}" in page
    assert "This call is over (reached)" in page


def test_a_late_outcome_is_said_to_move_nothing(running: Running, kim: Browser) -> None:
    call = call_of(running)
    calls.report(running.nurture.runtime, call.id, "reached", an_account(running, Role.SALES, KIM))
    running.clock.advance(minutes=2)
    running.run()

    kim.post(f"/admin/calls/{call.id}/outcome", outcome="booked")

    assert "kept and shown, and moves nothing" in kim.get("/admin/calls").text


def test_a_closed_number_is_not_offered_for_dialling(running: Running, kim: Browser) -> None:
    call = call_of(running)
    running.track("call.outcome", outcome="do-not-call")

    page = kim.get(f"/admin/calls/{call.id}").text

    assert "This number must not be called: do not call" in page
    assert "tel:" not in page


def test_a_hostile_number_cannot_leave_its_link(running: Running, kim: Browser) -> None:
    running.add("eve@example.org", first_name="Eve", phone='+1"><script>x</script>;555')
    running.track("a.happened", email="eve@example.org")
    running.run()

    page = kim.get("/admin/calls?whose=everyone").text

    assert 'href="tel:+1555"' in page
    assert "<script>x" not in page


def test_a_script_that_fails_for_this_contact_says_why_and_the_rest_works(
    running: Running, kim: Browser
) -> None:
    with running.nurture.database.write() as tx:
        ana = contacts.by_email(tx, ["ana@example.org"])["ana@example.org"]
        change = contacts.Change({"first_name": "A" * (limits.OUTPUT + 1)})
        contacts.apply_changes(tx, {ana.id: change}, running.clock.now())

    page = kim.get(f"/admin/calls/{call_of(running).id}")

    assert page.status_code == 200
    assert "The script cannot be shown" in page.text
    assert "templates/call/guide-arrived.txt:1: the template was stopped" in page.text


def test_a_call_is_taken_over_and_given_away(running: Running, kim: Browser) -> None:
    call = call_of(running, "bea")

    kim.post(f"/admin/calls/{call.id}/take")
    taken = call_of(running, "bea").assignee
    kim.post(f"/admin/calls/{call.id}/assign", person="lee@example.org")
    given = call_of(running, "bea").assignee
    kim.post(f"/admin/calls/{call.id}/assign", person="eve@example.org")

    assert (taken, given, call_of(running, "bea").assignee) == (KIM, "lee@example.org", "lee@example.org")
    assert "Nobody who makes calls is known as eve@example.org" in kim.get(f"/admin/calls/{call.id}").text


def test_a_call_goes_into_a_calendar_with_a_name_and_a_number_only(running: Running, kim: Browser) -> None:
    call = call_of(running)

    answer = kim.get(f"/admin/calls/{call.id}.ics")

    (entry,) = Calendar.from_ical(answer.data).walk("VEVENT")
    assert answer.mimetype == "text/calendar"
    assert (str(entry["SUMMARY"]), str(entry["DESCRIPTION"])) == ("Call Ana", "+1 416 555 0100")
    assert entry.decoded("DTSTART") == call.due
    assert entry.decoded("DTEND") - entry.decoded("DTSTART") == timedelta(minutes=15)
    assert b"ana@example.org" not in answer.data


def test_who_only_looks_sees_no_buttons_and_changes_nothing(running: Running) -> None:
    viewer = a_browser(running, Role.VIEWER)
    call = call_of(running)

    queue = viewer.get("/admin/calls?whose=everyone")
    page = viewer.get(f"/admin/calls/{call.id}")
    refused = [
        viewer.post(f"/admin/calls/{call.id}/{deed}", outcome="reached").status_code
        for deed in ("outcome", "take", "assign")
    ]

    assert (queue.status_code, page.status_code, refused) == (200, 200, [403, 403, 403])
    assert 'name="outcome"' not in queue.text + page.text
    assert told(running) == []


def test_a_call_that_does_not_exist_is_not_found(kim: Browser) -> None:
    answers = [
        kim.get("/admin/calls/999"),
        kim.get("/admin/calls/999.ics"),
        kim.post("/admin/calls/999/outcome", outcome="reached"),
        kim.post("/admin/calls/outcomes/999/undo"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4


def test_looking_at_calls_writes_nothing(running: Running, kim: Browser) -> None:
    call = call_of(running)

    for path in ("", "?whose=everyone", f"/{call.id}", f"/{call.id}.ics"):
        assert kim.get(f"/admin/calls{path}").status_code == 200

    assert call_of(running) == call
    assert told(running) == []
