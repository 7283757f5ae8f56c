"""The rules that need a database: what holds a message, what delivers an offer, which version, which clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from nurture.db import content, enrollments, tasks
from nurture.services.running.pausing import Scope, pause, resume
from nurture.services.story.why import why
from tests.support.running import LINKED, TOML, Running, a_nurture

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
      - {email: hello}
      - {email: again, after: 2 days}
      - {call_task: ring, after: 1 day, assign: round-robin sales}
    loss:
      - {after: 30 days, reason: timed-out}
  - stage: second
    need: Decide
    validate: sale.closed
    steps:
      - {email: decide, after: 1 day}
    loss:
      - {after: 30 days, reason: timed-out, enroll: after-loss}
"""
AFTER_LOSS = """\
workflow: after-loss
title: After a loss
purpose: nurture
stages:
  - stage: only
    need: Be heard
    trigger: manual
    validate: meeting.booked
    steps: [{email: sorry, after: 3 days}]
    loss: [{after: 30 days, reason: timed-out}]
"""
OFFER = """\
offer: guide
kind: download
title: The guide
asset: guide.txt
mail: guide-mail
"""


@pytest.fixture
def running(any_database: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(any_database, tmp_path, mails=("hello", "again", "decide", "sorry"))
    running.write("templates/call/ring.txt", "Call {{ contact.first_name or 'the contact' }}.\n")
    running.write("templates/email/guide-mail.md", LINKED.format(name="guide-mail"))
    running.write("assets/guide.txt", "A guide.\n")
    running.write("offers/guide.yaml", OFFER)
    running.write("workflows/one.yaml", WORKFLOW)
    running.write("workflows/after-loss.yaml", AFTER_LOSS)
    running.publish()
    running.add()
    yield running
    running.nurture.close()


def test_a_contact_goes_through_a_workflow_with_evidence_for_every_change(running: Running) -> None:
    running.track("a.happened")
    running.advance(days=2, hours=1)
    running.track("b.happened")
    running.advance(days=2)
    running.track("sale.closed", amount=1200)
    running.run()

    assert running.states() == [("hello", "sent", None), ("again", "sent", None), ("decide", "sent", None)]
    assert running.moves() == [
        "entered first",
        "validated first",
        "entered second",
        "validated second",
        "completed second",
    ]
    assert [mail["Subject"] for mail in running.mails()] == [
        "hello for Ana",
        "again for Ana",
        "decide for Ana",
    ]


def test_every_mail_has_one_way_out_and_a_message_id_of_its_own(running: Running) -> None:
    running.track("a.happened")
    running.advance(days=3)

    mails = running.mails()

    assert len({mail["Message-ID"] for mail in mails}) == len(mails) == 2
    for mail in mails:
        assert mail["List-Unsubscribe"].startswith("<http://127.0.0.1:8000/u/")
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert "ana@example.org" not in mail["List-Unsubscribe"]


def test_rule_11_a_message_does_not_leave_while_its_own_enrollment_has_an_unread_event(
    running: Running,
) -> None:
    running.track("a.happened")
    running.nurture.advance.batch()  # the mail is planned

    running.track("b.happened")
    sent_before_reading = running.nurture.deliver.batch()
    running.run()

    assert sent_before_reading == 0
    assert running.states()[0] == ("hello", "skipped", "stage-left")


def test_rule_12_a_refused_entry_is_recorded_and_the_offer_is_delivered_by_its_own_mail_once_a_day(
    running: Running,
) -> None:
    running.track("offer.requested", offer="guide")
    running.track("offer.requested", offer="guide")
    running.run()
    running.clock.advance(hours=25)
    running.track("offer.requested", offer="guide")
    running.track("a.happened")
    running.track("a.happened")
    running.run()

    mails = [state for state in running.states() if state[0] == "guide-mail"]
    refused = [
        line for line in why(running.nurture.runtime, "ana@example.org").turns if line.decision == "refuse"
    ]
    assert mails == [("guide-mail", "sent", None), ("guide-mail", "sent", None)]
    assert [line.reason for line in refused] == ["already-enrolled"]


def test_rule_12_an_offer_that_no_step_of_the_entered_stage_hands_over_comes_by_its_own_mail(
    running: Running,
) -> None:
    on_request = WORKFLOW.replace("trigger: a.happened", "trigger: offer.requested")
    running.write("workflows/one.yaml", on_request)
    running.publish()
    running.track("offer.requested", offer="guide")
    running.run()
    without_it = [template for template, _, _ in running.states()]
    running.write(
        "workflows/one.yaml", on_request.replace("{email: hello}", "{email: hello, link_offer: guide}")
    )
    running.publish()
    running.add("bea@example.org")
    running.track("offer.requested", "bea@example.org", offer="guide")
    running.run()

    assert sorted(without_it) == ["guide-mail", "hello"]
    assert [template for template, _, _ in running.states("bea@example.org")] == ["hello"]


def test_rule_13_withdrawn_consent_loses_the_enrollment_before_the_next_message(running: Running) -> None:
    running.track("a.happened")
    running.run()
    running.track("consent.withdrawn", purpose="nurture")
    running.advance(days=10)

    assert running.states() == [("hello", "sent", None)]
    assert running.moves() == ["entered first", "lost first"]
    assert running.enrollments()[0].end_reason == "unsubscribed"


def test_rule_13_consent_that_goes_between_decision_and_sending_stops_the_message(running: Running) -> None:
    running.track("a.happened")
    running.nurture.advance.batch()

    running.track("consent.withdrawn", purpose="nurture")
    running.run()

    assert running.states() == [("hello", "skipped", "stage-left")]
    assert running.mails() == []


@pytest.mark.parametrize("call", ["{call_task: hello}", "{call_task: hello, purpose: reviews}"])
def test_rule_13_who_withdraws_everything_is_not_called_either_granted_or_not(
    running: Running, call: str
) -> None:
    calling = WORKFLOW.replace("{email: hello}", call)
    running.write("templates/call/hello.txt", "Call them.\n")
    running.write("workflows/one.yaml", calling)
    running.publish()
    running.add("carl@example.org", consent=None)

    running.track("consent.withdrawn", "carl@example.org")
    running.track("a.happened", "carl@example.org")
    running.run()

    assert running.calls("carl@example.org") == [("hello", "cancelled", None)]


def test_rule_15_who_is_under_way_stays_in_the_version_they_entered_but_templates_are_the_latest(
    running: Running,
) -> None:
    running.track("a.happened")
    running.run()
    before = running.enrollments()[0].version

    running.write(
        "workflows/one.yaml",
        WORKFLOW.replace("{email: again, after: 2 days}", "{email: sorry, after: 1 day}"),
    )
    running.write(
        "templates/email/again.md",
        "---\nsubject: The new words\n---\nNew. {{ links.unsubscribe }} {{ workspace.postal_address }}\n",
    )
    running.publish()
    running.add("bea@example.org")
    running.track("a.happened", "bea@example.org")
    running.advance(days=3)

    assert [template for template, _, _ in running.states()] == ["hello", "again"]
    assert [template for template, _, _ in running.states("bea@example.org")] == ["hello", "sorry"]
    assert running.enrollments("bea@example.org")[0].version != before
    assert "The new words" in [mail["Subject"] for mail in running.mails()]


def test_rule_15_a_text_that_changes_no_structure_is_no_new_version(running: Running) -> None:
    with running.nurture.database.read() as tx:
        before = content.workflow_heads(tx)

    running.write(
        "workflows/one.yaml", "# A remark\n" + WORKFLOW.replace("title: One", "title: Another title")
    )
    running.publish()

    with running.nurture.database.read() as tx:
        assert content.workflow_heads(tx) == before


def test_rule_16_a_lease_follows_the_operational_clock_and_a_wait_the_business_clock(
    running: Running,
) -> None:
    running.track("a.happened")
    clock = running.clock
    with running.nurture.database.write() as tx:
        first = enrollments.claim_due(tx, clock.now(), clock.operational())
    clock.at += timedelta(days=1)  # business time jumps; the lease does not care
    with running.nurture.database.write() as tx:
        second = enrollments.claim_due(tx, clock.now(), clock.operational())
    clock.operational_at += timedelta(minutes=2)
    with running.nurture.database.write() as tx:
        third = enrollments.claim_due(tx, clock.now(), clock.operational())

    assert [len(first), len(second), len(third)] == [1, 0, 1]


def test_rule_17_a_late_validation_reopens_and_ends_what_the_loss_enrolled(running: Running) -> None:
    running.track("a.happened")
    running.track("b.happened")
    running.advance(days=31, step_hours=6)
    lost = running.moves()

    running.track("sale.closed")
    running.advance(days=5)

    assert lost[-2:] == ["lost second", "entered only"]
    assert running.moves()[len(lost) :] == [
        "reopened second",
        "validated second",
        "completed second",
        "exited only",
    ]
    assert "sorry" not in [template for template, state, _ in running.states() if state == "sent"]


def test_rule_17_who_entered_anew_before_the_validation_was_read_is_not_reopened_beside_it(
    running: Running,
) -> None:
    running.add("bea@example.org")
    running.track("a.happened")
    running.advance(days=55, step_hours=24)

    running.track("b.happened")  # would revive the lost one, but nobody reads it yet
    running.track("a.happened")  # enters anew
    running.track("a.happened", "bea@example.org")
    running.run()

    assert running.moves() == ["entered first", "lost first", "entered first"]
    assert [one.status for one in running.enrollments()] == ["lost", "active"]
    assert running.states("bea@example.org") == [("hello", "sent", None)]


def test_a_turn_that_the_database_refuses_stops_nobody_else(running: Running) -> None:
    carl, bea = running.add("carl@example.org"), running.add("bea@example.org")
    for contact in (carl, bea):
        running.track("a.happened", contact.email)
    with running.nurture.database.write() as tx:
        if running.nurture.database.embedded:
            tx.exec_driver_sql(
                f"CREATE TRIGGER no BEFORE UPDATE ON enrollments WHEN NEW.contact_id = {carl.id} "
                "AND NEW.phase = 'acting' BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        else:
            tx.exec_driver_sql(
                f"ALTER TABLE enrollments ADD CHECK (contact_id <> {carl.id} OR phase <> 'acting')"
            )

    running.run()

    assert running.states(carl.email) == []
    assert running.states(bea.email) == [("hello", "sent", None)]


def test_a_pause_holds_and_a_resume_lets_go_without_a_burst(running: Running) -> None:
    running.track("a.happened")
    running.run()
    pause(running.nurture.runtime, Scope(workflow="one"), "a mistake in the mail")

    running.advance(days=5)
    held = len(running.mails())
    resume(running.nurture.runtime, Scope(workflow="one"), "mended")
    running.advance(hours=2)

    assert held == 1
    assert len(running.mails()) == 2


def test_the_red_button_stops_everything_that_was_planned(running: Running) -> None:
    running.track("a.happened")
    running.nurture.advance.batch()

    pause(running.nurture.runtime, Scope(), "stop")
    running.run()
    stopped = running.states()
    resume(running.nurture.runtime, Scope(), "go")
    running.run()

    assert stopped == [("hello", "pending", None)]
    assert running.states() == [("hello", "sent", None)]


def test_a_call_is_given_to_the_team_in_turn_and_its_outcome_moves_on(running: Running) -> None:
    for number in range(4):
        email = f"contact{number}@example.org"
        running.add(email)
        running.track("a.happened", email)
    running.advance(days=3, hours=1)

    assignees = [running.calls(f"contact{number}@example.org")[0][2] for number in range(4)]
    running.track("call.outcome", "contact0@example.org", outcome="do-not-call")
    running.run()

    assert sorted(str(one) for one in assignees) == ["kim@example.org"] * 2 + ["lee@example.org"] * 2
    assert running.calls("contact0@example.org")[0][1] == "done"


def test_rule_2_a_call_back_at_a_time_that_is_none_is_for_a_day_later(running: Running) -> None:
    ana = running.add()
    running.track("a.happened")
    running.advance(days=3, hours=1, step_hours=7)

    running.track("call.outcome", outcome="call-back", at="tomorrow afternoon")

    with running.nurture.database.read() as tx:
        call = tasks.open_of_each(tx, [ana.id])[ana.id][0]
    assert call.due == running.clock.now() + timedelta(days=1)


def test_one_poison_contact_stops_nobody_else(running: Running) -> None:
    subject = "Hello {{ contact.first_name or 'you' }}"
    running.write(
        "templates/email/hello.md",
        f'---\nsubject: "{subject}"\n---\nHi. {{{{ links.unsubscribe }}}} {{{{ workspace.postal_address }}}}\n',
    )
    running.publish()
    running.add("carl@example.org", first_name="Carl " * 1000)
    running.track("a.happened", "carl@example.org")
    running.track("a.happened")

    running.run()

    assert running.states() == [("hello", "sent", None)]
    assert running.states("carl@example.org")[0][1:] == ("failed", "template-failed")


def test_the_same_event_id_counts_once(running: Running) -> None:
    from tests.support.running import track_by_email

    first = track_by_email(running.nurture.runtime, "ana@example.org", "a.happened", {}, id="crm-17")
    second = track_by_email(running.nurture.runtime, "ana@example.org", "a.happened", {}, id="crm-17")
    running.run()

    assert first.events[0] is not None
    assert second.events == (None,)
    assert len(running.enrollments()) == 1


def test_a_notice_to_nobody_fails_alone(running: Running) -> None:
    without_calls = WORKFLOW.replace("- {call_task: ring, after: 1 day, assign: round-robin sales}", "")
    running.write("nurture.toml", TOML.split("[teams.sales]")[0])
    running.write(
        "workflows/one.yaml",
        without_calls.replace("- {email: hello}", "- {notify: hello}\n      - {email: hello, id: hi}"),
    )
    running.publish()
    running.track("a.happened")

    running.run()

    assert running.states() == [("hello", "failed", "template-failed"), ("hello", "sent", None)]
