"""Why, for every state: what a step waits for, until when and by which rule, and which gate will be closed then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from nurture.channels.base import Deferred, Outcome, RefusedMessage, RefusedUs, Unknown
from nurture.db.ledger_guard import erasing
from nurture.model.errors import NotFoundError
from nurture.services.running.pausing import Scope, pause
from nurture.services.story.known import Next
from nurture.services.story.why import why
from nurture.wiring import Nurture
from tests.support.api import a_shop
from tests.support.channels import ScriptedChannel
from tests.support.running import TOML, Running, a_nurture

WORKFLOW = """\
workflow: one
title: One
purpose: nurture
calendar: business
reentry: 20 days
stages:
  - stage: first
    need: Know more
    trigger: a.happened
    validate: b.happened
    steps:
      - {email: hello, after: 2 days, at: 09:00}
      - wait_until: email.clicked
        id: click
        timeout: 3 days
        on_timeout: [{email: reminder, after: 1 day}]
      - {call_task: ring, assign: round-robin sales}
      - {email: again, after: 1 day}
    loss: [{after: 30 days, reason: timed-out}]
  - stage: second
    need: Decide
    trigger: meeting.booked
    validate: sale.closed
    steps: [{email: decide, after: 1 day}]
    loss: [{after: 30 days, reason: timed-out}]
"""
CAPPED = TOML + '\n[caps]\nmessages = "1 per 7 days"\n'


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(sqlite_url, tmp_path, mails=("hello", "reminder", "again", "decide"))
    running.write("templates/call/ring.txt", "Call {{ contact.first_name or 'the contact' }}.\n")
    running.write("workflows/one.yaml", WORKFLOW)
    running.publish()
    running.add()
    yield running
    running.nurture.close()


def ask(running: Running, step: str | None = None, workflow: str | None = "one") -> Next:
    """The one answer."""
    (following,) = why(running.nurture.runtime, "ana@example.org", workflow, step).next
    return following


def entered(running: Running, step_hours: float = 12, **later: float) -> Running:
    running.track("a.happened")
    running.run()
    if later:
        running.advance(step_hours=step_hours, **later)
    return running


def saying(running: Running, *outcomes: Outcome) -> Running:
    """The same installation, whose mail server says this."""
    channel = ScriptedChannel(list(outcomes))
    own = running.nurture
    heard = Nurture(own.settings, replace(own.runtime, open_channel=lambda: channel))
    return Running(heard, running.clock, running.project)


# --- a step that is to come ---------------------------------------------------------------------------------------


def test_a_step_that_is_to_come_tells_its_time_and_the_rule_it_came_by(running: Running) -> None:
    told = ask(entered(running))

    assert (told.state, told.reason, told.step, told.gate) == ("not yet", "due", "hello", None)
    assert told.at == told.until == running.clock.now() + timedelta(days=2)
    assert "2 days after Mon 2 Mar 2026 09:00" in told.rule
    assert "Wed 4 Mar 2026 09:00" in told.said


@pytest.mark.parametrize(
    ("gate", "step", "words"),
    [
        ("no-consent", "hello", "there is no live consent for this purpose"),
        ("suppressed", "hello", "the address is on the suppression list"),
        ("holdout", "hello", "the contact is in the holdout"),
        ("no-phone", "ring", "the contact has no phone number"),
    ],
)
def test_a_gate_that_will_be_closed_is_told_beforehand_as_never(
    running: Running, gate: str, step: str, words: str
) -> None:
    email = "bea@example.org"
    running.add(email, consent=None if gate == "no-consent" else "nurture")
    if gate == "suppressed":
        running.track("email.complained", email)
    if gate == "no-phone":
        with running.nurture.database.write() as tx:
            tx.exec_driver_sql("UPDATE contacts SET phone = NULL, phone_hash = NULL")
    if gate == "holdout":
        running.write("workflows/one.yaml", WORKFLOW.replace("reentry:", "holdout: 99%\nreentry:"))
        running.publish()
    running.track("a.happened", email)
    running.run()

    (told,) = why(running.nurture.runtime, email, "one", step).next

    assert (told.state, told.gate, told.step) == ("never", gate, step)
    assert f"It will be skipped then, because {words}" in told.said


def test_a_cap_that_will_move_the_step_tells_which_and_until_when(running: Running) -> None:
    running.write("nurture.toml", CAPPED)
    running.write(
        "workflows/two.yaml", WORKFLOW.replace("workflow: one", "workflow: two").replace("2 days", "1 day")
    )
    running.publish()
    entered(running, days=1, hours=12)

    told = ask(running)

    assert (told.state, told.gate, told.step) == ("not yet", "frequency-cap", "hello")
    assert told.at is not None
    assert told.at > (told.until or told.at)
    assert "messages: 1 per 7 days" in told.said
    assert "used up by 'hello' Tue 3 Mar 2026 09:00" in told.said

    running.advance(step_hours=12, days=1)
    moved = ask(running)

    assert (moved.state, moved.reason, moved.at) == ("shifted", "frequency-cap", told.at)
    assert "was due Wed 4 Mar 2026 09:00 and is moved to Tue 10 Mar 2026 09:00" in moved.said
    assert "used up by 'hello' Tue 3 Mar 2026 09:00" in moved.said


# --- held, waiting, or elsewhere ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "what"),
    [
        (Scope(), "everything"),
        (Scope(workflow="one"), "workflow one"),
        (Scope(email="ana@example.org"), "the contact"),
    ],
    ids=["everything", "workflow", "contact"],
)
def test_a_pause_tells_what_is_held_by_whom_since_when_and_why(
    running: Running, scope: Scope, what: str
) -> None:
    entered(running)
    pause(running.nurture.runtime, scope, "a holiday", "kim@example.org")

    told = ask(running)

    assert (told.state, told.gate, told.at) == ("paused", "paused", None)
    assert f"{what} is paused since Mon 2 Mar 2026 09:00 by kim@example.org (a holiday)" in told.said


def test_a_wait_tells_its_event_and_timeout(running: Running) -> None:
    told = ask(entered(running, days=3))

    assert (told.state, told.reason, told.step) == ("waiting", "event", "click")
    assert "waits for email.clicked until Sat 7 Mar 2026 09:00" in told.said
    assert "3 days after" in told.rule


def test_an_open_call_tells_whose_it_is_and_when_it_is_due_and_over(running: Running) -> None:
    entered(running, days=9)
    running.advance(step_hours=12, days=1)

    told = ask(running)

    assert (told.state, told.step) == ("waiting", "ring")
    assert "Call 'ring' is with kim@example.org, due" in told.said
    assert told.at is not None
    assert told.until is not None
    assert told.until > told.at


def test_a_finished_list_tells_which_evidence_is_awaited_and_what_happens_without_it(
    running: Running,
) -> None:
    entered(running, days=24, step_hours=48)

    told = ask(running)

    assert (told.state, told.step, told.rule) == ("waiting", None, "b.happened")
    assert "its evidence (b.happened) is awaited until Wed 1 Apr 2026 09:00" in told.said
    assert "the contact is lost, because 'timed-out'" in told.said


def test_at_rest_the_next_stages_trigger_is_awaited(running: Running) -> None:
    entered(running)
    running.track("b.happened")
    running.run()

    told = ask(running)

    assert (told.state, told.rule) == ("waiting", "meeting.booked")
    assert "Stage 'first' is validated; the trigger of 'second' (meeting.booked) is awaited" in told.said


def test_after_the_end_it_tells_until_when_it_reopens_and_when_one_may_enter_again(running: Running) -> None:
    entered(running, days=32, step_hours=96)

    told = ask(running)

    assert (told.state, told.status, told.reason) == ("ended", "lost", "timed-out")
    assert told.until is not None
    assert "A validation of stage 'first' or a later one reopens it until Tue 30 Jun 2026 09:00" in told.said
    assert "The contact may enter again 20 days later, from Tue 21 Apr 2026" in told.said
    assert told.at is not None


def test_who_is_not_enrolled_is_told_why(running: Running) -> None:
    never = ask(running)
    entered(running)
    running.track("sale.closed")
    running.run()
    running.track("a.happened")

    refused = why(running.nurture.runtime, "ana@example.org", "one").turns[-1]

    assert (never.state, never.reason) == ("not enrolled", "never-asked")
    assert "`a.happened` enters it" in never.said
    assert (refused.decision, refused.reason) == ("refuse", "too-soon")
    assert (ask(running).state, ask(running, "hello").state) == ("ended", "never")


# --- one step -----------------------------------------------------------------------------------------------------


def test_each_step_has_its_own_answer(running: Running) -> None:
    entered(running, days=3)

    told = {step: ask(running, step) for step in ("hello", "click", "reminder", "ring", "decide")}

    assert {step: one.state for step, one in told.items()} == {
        "hello": "sent",
        "click": "waiting",
        "reminder": "not reached",
        "ring": "not reached",
        "decide": "not reached",
    }
    assert told["hello"].said.startswith("Mail 'hello' was handed to the mail server")
    assert told["reminder"].said.startswith("The contact stands at step 'click', and has not come here.")
    assert told["decide"].at is None


def test_a_branch_that_was_not_taken_is_passed_over_and_the_wait_is_done(running: Running) -> None:
    entered(running, days=3)
    running.track("email.clicked")
    running.run()

    told = {step: ask(running, step) for step in ("click", "reminder", "ring")}

    assert {step: one.state for step, one in told.items()} == {
        "click": "done",
        "reminder": "never",
        "ring": "waiting",
    }
    assert told["reminder"].gate == "passed-over"
    assert "event email.clicked" in told["click"].said or "is the evidence" in told["click"].said


def test_a_step_of_a_stage_that_was_left_was_skipped_or_never_reached(running: Running) -> None:
    entered(running, days=3)
    running.track("sale.closed")
    running.run()

    assert (ask(running, "again").state, ask(running, "decide").state) == ("never", "never")


def test_a_step_that_only_a_later_version_has_says_so_and_an_unknown_one_is_refused(running: Running) -> None:
    entered(running)
    running.write("workflows/one.yaml", WORKFLOW.replace("id: click", "id: clicked"))
    running.publish()

    told = ask(running, "clicked")

    assert (told.state, told.gate) == ("never", "not-in-version")
    with pytest.raises(NotFoundError, match=r"has no step 'helo'.*hello"):
        ask(running, "helo")


# --- a message on its way -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "state", "reason", "words"),
    [
        (
            Deferred(451, "4.7.1", "later"),
            "waiting",
            "deferred",
            "put off by the other side (451 4.7.1 later)",
        ),
        (
            RefusedUs(535, "5.7.8", "who are you"),
            "waiting",
            "channel-paused",
            "refuses us (535 5.7.8 who are you)",
        ),
        (RefusedMessage(554, "5.6.0", "no"), "failed", "message-refused", "554 5.6.0 no"),
        (Unknown(), "ambiguous", "interrupted", "may or may not have gone out"),
    ],
    ids=["deferred", "refuses us", "failed", "ambiguous"],
)
def test_what_the_mail_server_said_is_told(
    running: Running, outcome: Outcome, state: str, reason: str, words: str
) -> None:
    entered(running)
    heard = saying(running, outcome)
    heard.advance(step_hours=48, days=2)

    told = ask(heard, "hello")

    assert (told.state, told.reason) == (state, reason)
    assert words in told.said


def test_a_message_that_waits_while_consent_goes_will_be_skipped(running: Running) -> None:
    entered(running)
    heard = saying(running, Deferred(451, "4.7.1", "later"))
    heard.advance(step_hours=48, days=2)
    with heard.nurture.database.write() as tx, erasing(tx):
        tx.exec_driver_sql("DELETE FROM consents")

    told = ask(heard, "hello")

    assert (told.state, told.gate) == ("never", "no-consent")


# --- one function behind command, page and API --------------------------------------------------------------------


def test_the_command_and_the_api_give_the_same_answer(running: Running) -> None:
    entered(running)
    shop = a_shop(running)
    asked = {"email": "ana@example.org", "workflow": "one", "step": "hello"}

    said = shop.client.get("/api/v1/contacts/why", query_string=asked, headers=shop.headers)

    own = why(running.nurture.runtime, *asked.values())
    fields = {"workflow", "stage", "step", "at", "state", "reason", "until", "rule", "gate", "said"}
    (following,) = said.json["next"]
    assert set(following) >= fields
    assert (following["said"], following["state"]) == (own.next[0].said, "not yet")
    assert [one["said"] for one in said.json["turns"]] == [one.said for one in own.turns]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"email": "nobody@example.org"}, 404),
        ({"email": "nonsense"}, 404),
        ({"email": "ana@example.org", "workflow": "none"}, 404),
        ({"email": "ana@example.org", "workflow": "one", "step": "none"}, 404),
        ({"email": "ana@example.org", "step": "hello"}, 422),
        ({"email": "ana@example.org", "more": "1"}, 422),
        ({}, 422),
    ],
    ids=["contact", "address", "workflow", "step", "step alone", "more", "nothing"],
)
def test_a_question_about_nothing_is_answered_in_one_shape(
    running: Running, asked: dict[str, str], status: int
) -> None:
    shop = a_shop(running)

    said = shop.client.get("/api/v1/contacts/why", query_string=asked, headers=shop.headers)

    assert said.status_code == status
    assert said.json["error"]["message"]
