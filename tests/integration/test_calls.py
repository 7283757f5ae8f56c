"""What a person says of a call: it counts after two minutes, can be taken back until then, and closes numbers at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from nurture.db import contacts, events, outcomes, suppressions, tasks
from nurture.db.tasks import Task
from nurture.model.accounts import Account, Role
from nurture.model.errors import NotFoundError, NurtureError
from nurture.model.words import Channel, Event, SuppressionReason
from nurture.services.phone import calls
from tests.support.running import TOML, Running, a_nurture

KIM = Account(1, "kim@example.org", "Kim", Role.SALES, "America/Toronto")
MINUTE = timedelta(minutes=1)
WORKFLOW = """\
workflow: one
title: One
purpose: nurture
calendar: business
stages:
  - stage: first
    need: Know more
    trigger: a.happened
    validate: b.happened
    steps:
      - call_task: ring
        assign: round-robin sales
        outcomes:
          voicemail:
            - {call_task: ring-again, after: 1 day, assign: round-robin sales}
      - {email: hello, after: 1 hour}
    loss:
      - {on: call.outcome where event.outcome == "not-interested", reason: not-interested}
      - {after: 30 days, reason: timed-out}
"""
SECOND = WORKFLOW.replace("workflow: one", "workflow: two").replace("a.happened", "quote.requested")


def a_company(database_url: str, folder: Path) -> Running:
    running = a_nurture(database_url, folder, mails=("hello",))
    running.write("nurture.toml", TOML + '\n[outcomes]\nnames = ["has-planner"]\n')
    for script in ("ring", "ring-again"):
        running.write(f"templates/call/{script}.txt", "Call {{ contact.first_name or 'the contact' }}.\n")
    running.write("workflows/one.yaml", WORKFLOW)
    running.write("workflows/two.yaml", SECOND)
    running.publish()
    running.add()
    return running


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_company(sqlite_url, tmp_path)
    running.track("a.happened")
    running.run()
    yield running
    running.nurture.close()


@pytest.fixture
def anywhere(any_database: str, tmp_path: Path) -> Iterator[Running]:
    """The same on either database."""
    running = a_company(any_database, tmp_path)
    running.track("a.happened")
    running.run()
    yield running
    running.nurture.close()


def the_call(running: Running, number: int = 0) -> Task:
    with running.nurture.database.read() as tx:
        ana = contacts.by_email(tx, ["ana@example.org"])["ana@example.org"]
        return tasks.of_contact(tx, ana.id)[number]


def report(running: Running, outcome: str, number: int = 0, **more: object) -> calls.Reported:
    return calls.report(running.nurture.runtime, the_call(running, number).id, outcome, KIM, **more)  # type: ignore[arg-type]


def wait(running: Running, **amount: float) -> None:
    running.clock.advance(**amount)
    running.run()


def told(running: Running) -> list[Event]:
    with running.nurture.database.read() as tx:
        ana = contacts.by_email(tx, ["ana@example.org"])["ana@example.org"]
        return [one for one in reversed(events.of_contact(tx, ana.id)) if one.name == "call.outcome"]


def closed(running: Running) -> frozenset[SuppressionReason]:
    with running.nurture.database.read() as tx:
        ana = contacts.by_email(tx, ["ana@example.org"])["ana@example.org"]
        return suppressions.of(tx, [ana.id]).get(ana.id, {}).get(Channel.PHONE, frozenset())


def waiting(running: Running) -> list[str]:
    with running.nurture.database.read() as tx:
        return [one.script for one in tasks.waiting(tx)]


# --- click, grace, event ------------------------------------------------------------------------------------------


def test_an_outcome_counts_two_minutes_after_the_click_as_of_the_click(anywhere: Running) -> None:
    clicked = anywhere.clock.now()
    report(anywhere, "voicemail", minutes=3, note="The machine again")
    wait(anywhere, seconds=119)
    before = told(anywhere)

    wait(anywhere, seconds=1)

    (event,) = told(anywhere)
    assert before == []
    assert event.data == {"outcome": "voicemail", "minutes": 3, "note": "The machine again"}
    assert (event.at, event.arrived_at) == (clicked, clicked + 2 * MINUTE)
    assert the_call(anywhere).outcome == "voicemail"
    anywhere.advance(days=1)
    assert [script for script, _, _ in anywhere.calls()] == ["ring", "ring-again"]


def test_a_reported_call_leaves_the_queue_at_once_and_is_back_when_it_is_taken_back(running: Running) -> None:
    told_of = report(running, "reached")
    while_it_waits = waiting(running)

    calls.undo(running.nurture.runtime, told_of.outcome.id, KIM)
    wait(running, minutes=5)

    assert while_it_waits == []
    assert waiting(running) == ["ring"]
    assert told(running) == []
    assert running.calls() == [("ring", "open", "kim@example.org")]


def test_after_its_two_minutes_nothing_can_be_taken_back_swept_or_not(running: Running) -> None:
    told_of = report(running, "reached")
    running.clock.advance(minutes=2)

    with pytest.raises(NurtureError, match="cannot be taken back any more") as refused:
        calls.undo(running.nurture.runtime, told_of.outcome.id, KIM)

    assert "record a new outcome" in str(refused.value.hint)
    running.run()
    with pytest.raises(NurtureError, match="any more"):
        calls.undo(running.nurture.runtime, told_of.outcome.id, KIM)
    assert [one.data["outcome"] for one in told(running)] == ["reached"]


def test_taking_back_twice_is_refused_the_second_time(running: Running) -> None:
    told_of = report(running, "reached")
    calls.undo(running.nurture.runtime, told_of.outcome.id, KIM)

    with pytest.raises(NurtureError, match="any more"):
        calls.undo(running.nurture.runtime, told_of.outcome.id, KIM)


def test_a_second_click_takes_the_place_of_the_first(running: Running) -> None:
    first = report(running, "voicemail")
    running.clock.advance(minutes=1)
    report(running, "reached")

    wait(running, minutes=2)

    assert [one.data["outcome"] for one in told(running)] == ["reached"]
    with running.nurture.database.read() as tx:
        history = outcomes.of_task(tx, first.task.id)
    assert [(one.outcome, one.undone_at is None) for one in history] == [
        ("voicemail", False),
        ("reached", True),
    ]


def test_many_who_settle_at_once_make_one_event(anywhere: Running) -> None:
    report(anywhere, "reached")
    anywhere.clock.advance(minutes=2)

    with ThreadPoolExecutor(4) as together:
        settled = list(together.map(lambda _: calls.settle(anywhere.nurture.runtime), range(8)))

    assert sum(settled) == 1
    assert len(told(anywhere)) == 1


def test_an_outcome_whose_event_was_stored_before_a_crash_is_not_stored_again(running: Running) -> None:
    told_of = report(running, "reached")
    wait(running, minutes=2)
    with running.nurture.database.write() as tx:
        row = outcomes.O
        tx.execute(row.update().where(row.c.id == told_of.outcome.id).values(settled_at=None))

    wait(running, minutes=1)

    assert len(told(running)) == 1


# --- calls that are over ------------------------------------------------------------------------------------------


def test_a_late_outcome_is_stored_and_moves_nothing(running: Running) -> None:
    report(running, "reached")
    wait(running, minutes=2)
    before = running.moves()

    late = report(running, "not-interested")
    wait(running, minutes=2)

    assert late.late
    assert [one.data["outcome"] for one in told(running)] == ["reached", "not-interested"]
    assert told(running)[1].visit is None
    assert running.moves() == before
    assert the_call(running).outcome == "reached"


def test_a_call_whose_stage_was_left_within_the_grace_still_gets_its_outcome_stored(running: Running) -> None:
    report(running, "not-interested")
    running.track("b.happened")
    running.run()
    wait(running, minutes=2)

    assert [one.data["outcome"] for one in told(running)] == ["not-interested"]
    assert running.calls() == [("ring", "cancelled", "kim@example.org")]
    assert running.moves()[-1] == "completed first"


def test_a_call_does_not_expire_while_its_outcome_waits_to_count(anywhere: Running) -> None:
    call = the_call(anywhere)
    anywhere.clock.advance(seconds=(call.expires - anywhere.clock.now() - MINUTE).total_seconds())
    report(anywhere, "reached")

    wait(anywhere, seconds=90)
    at_its_end = the_call(anywhere).state
    wait(anywhere, seconds=30)

    assert at_its_end == "open"
    assert (the_call(anywhere).state, the_call(anywhere).outcome) == ("done", "reached")


def test_a_call_whose_outcome_was_taken_back_expires_as_any_other(running: Running) -> None:
    call = the_call(running)
    running.clock.advance(seconds=(call.expires - running.clock.now() - MINUTE).total_seconds())
    told_of = report(running, "reached")
    calls.undo(running.nurture.runtime, told_of.outcome.id, KIM)

    wait(running, minutes=2)

    assert the_call(running).state == "expired"


# --- call back ----------------------------------------------------------------------------------------------------


def test_call_back_gives_the_same_call_another_date_as_often_as_it_takes(running: Running) -> None:
    first, second = (running.clock.now() + timedelta(days=days) for days in (3, 9))
    report(running, "call-back", at=first)
    wait(running, minutes=2)
    after_one = the_call(running)

    report(running, "call-back", at=second)
    wait(running, minutes=2)

    assert (after_one.state, after_one.due) == ("open", first)
    assert the_call(running).due == second
    assert the_call(running).expires > second
    assert waiting(running) == ["ring"]


@pytest.mark.parametrize(
    ("hours", "said"), [(None, "when shall we call back"), (0, "over already"), (-1, "over already")]
)
def test_call_back_needs_a_time_that_is_still_to_come(running: Running, hours: int | None, said: str) -> None:
    at = None if hours is None else running.clock.now() + timedelta(hours=hours)

    with pytest.raises(NurtureError, match=said):
        report(running, "call-back", at=at)

    assert waiting(running) == ["ring"]


# --- what may be said ---------------------------------------------------------------------------------------------


def test_declared_outcomes_count_and_others_are_refused_with_a_hint(running: Running) -> None:
    with pytest.raises(NurtureError, match="there is no outcome 'reachd'") as refused:
        report(running, "reachd")

    report(running, "has-planner")
    wait(running, minutes=2)

    assert refused.value.hint == "did you mean 'reached'?"
    assert the_call(running).outcome == "has-planner"


def test_minutes_notes_and_unknown_calls_are_refused_in_one_sentence(running: Running) -> None:
    runtime = running.nurture.runtime

    with pytest.raises(NurtureError, match="0 to 600 minutes"):
        report(running, "reached", minutes=-1)
    with pytest.raises(NurtureError, match="at most 2,000 characters"):
        report(running, "reached", note="x" * 2001)
    with pytest.raises(NotFoundError, match="no such call"):
        calls.report(runtime, 999, "reached", KIM)
    with pytest.raises(NotFoundError, match="no such outcome"):
        calls.undo(runtime, 999, KIM)


def test_signs_that_nobody_typed_are_left_out_of_a_note(running: Running) -> None:
    report(running, "reached", note="Line one\x00\x1b[31m\nline two ")
    wait(running, minutes=2)

    assert told(running)[0].data["note"] == "Line one[31m\nline two"


# --- numbers that close -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ("do-not-call", SuppressionReason.DO_NOT_CALL),
        ("wrong-number", SuppressionReason.WRONG_NUMBER),
    ],
)
def test_a_number_is_closed_with_the_click_and_opened_by_taking_it_back(
    anywhere: Running, outcome: str, reason: SuppressionReason
) -> None:
    told_of = report(anywhere, outcome)
    at_once = closed(anywhere)

    calls.undo(anywhere.nurture.runtime, told_of.outcome.id, KIM)

    assert at_once == {reason}
    assert closed(anywhere) == frozenset()


def test_what_had_closed_the_number_before_stays_when_a_click_is_taken_back(running: Running) -> None:
    running.track("call.outcome", outcome="do-not-call")
    told_of = report(running, "do-not-call")

    calls.undo(running.nurture.runtime, told_of.outcome.id, KIM)

    assert closed(running) == {SuppressionReason.DO_NOT_CALL}


def test_what_closed_the_number_meanwhile_stays_when_a_click_is_taken_back(running: Running) -> None:
    told_of = report(running, "do-not-call")
    running.track("call.outcome", outcome="do-not-call")

    calls.undo(running.nurture.runtime, told_of.outcome.id, KIM)

    assert closed(running) == {SuppressionReason.DO_NOT_CALL}


def test_of_two_clicks_that_close_a_number_the_second_keeps_it_closed(running: Running) -> None:
    running.track("quote.requested")
    running.run()
    first = report(running, "do-not-call", 0)
    second = report(running, "do-not-call", 1)

    calls.undo(running.nurture.runtime, first.outcome.id, KIM)
    after_one = closed(running)
    calls.undo(running.nurture.runtime, second.outcome.id, KIM)

    assert after_one == {SuppressionReason.DO_NOT_CALL}
    assert closed(running) == frozenset()


def test_changing_do_not_call_to_another_outcome_opens_the_number(running: Running) -> None:
    report(running, "do-not-call")

    report(running, "voicemail")

    assert closed(running) == frozenset()


def test_a_closed_number_takes_its_other_calls_off_the_queue_and_once_it_counts_off_the_list(
    anywhere: Running,
) -> None:
    anywhere.track("quote.requested")
    anywhere.run()
    told_of = report(anywhere, "do-not-call", 0)
    hidden, still_open = waiting(anywhere), the_call(anywhere, 1).state
    calls.undo(anywhere.nurture.runtime, told_of.outcome.id, KIM)
    shown_again = waiting(anywhere)

    report(anywhere, "do-not-call", 0)
    wait(anywhere, minutes=2)

    other = the_call(anywhere, 1)
    assert (hidden, still_open, shown_again) == ([], "open", ["ring", "ring"])
    assert (other.state, other.reason) == ("cancelled", "suppressed")
    anywhere.advance(hours=1)
    assert [one.state.value for one in anywhere.deliveries()] == ["sent", "sent"]


def test_a_number_closed_between_decision_and_call_calls_the_call_off(running: Running) -> None:
    running.add("twin@example.org", phone="+1 416 555 0100")
    running.track("call.outcome", email="twin@example.org", outcome="do-not-call")

    running.run()

    assert (the_call(running).state, the_call(running).reason) == ("cancelled", "suppressed")


def test_without_a_number_or_with_a_closed_one_no_call_is_opened_and_the_reason_is_told(
    running: Running,
) -> None:
    running.add("bea@example.org", phone=None)
    running.add("carl@example.org", phone="+14165550199")
    running.track("call.outcome", email="carl@example.org", outcome="wrong-number")

    for email in ("bea@example.org", "carl@example.org"):
        running.track("a.happened", email=email)
    running.run()

    reasons = {}
    with running.nurture.database.read() as tx:
        for email, contact in contacts.by_email(tx, ["bea@example.org", "carl@example.org"]).items():
            reasons[email] = [(one.state.value, one.reason) for one in tasks.of_contact(tx, contact.id)]
    assert reasons == {
        "bea@example.org": [("cancelled", "no-phone")],
        "carl@example.org": [("cancelled", "suppressed")],
    }


# --- to somebody else ---------------------------------------------------------------------------------------------


def test_a_call_is_given_to_a_colleague_however_their_address_is_written(running: Running) -> None:
    given = calls.assign_to(running.nurture.runtime, the_call(running).id, "Lee <LEE@Example.org>", KIM)
    taken = calls.take(running.nurture.runtime, given.id, KIM)

    assert (given.assignee, taken.assignee) == ("lee@example.org", "kim@example.org")


def test_a_call_is_given_to_nobody_unknown_and_not_when_it_is_over(running: Running) -> None:
    call = the_call(running)
    with pytest.raises(NotFoundError, match="nobody who makes calls") as refused:
        calls.assign_to(running.nurture.runtime, call.id, "leee@example.org", KIM)
    report(running, "reached")
    wait(running, minutes=2)

    with pytest.raises(NurtureError, match="this call is over"):
        calls.take(running.nurture.runtime, call.id, KIM)

    assert refused.value.hint == "did you mean 'lee@example.org'?"
