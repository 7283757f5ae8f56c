"""What decide() does, rules 10 to 18: leaving, refusals, withdrawal, law and manners, versions, reopening."""

from __future__ import annotations

from datetime import timedelta

from nurture.model.decisions import Clear
from nurture.model.words import Channel, Pause, SuppressionReason
from tests.support.worlds import (
    MONDAY,
    a_contact,
    a_workflow,
    a_world,
    moves,
    one_stage,
    sent,
    shifts,
    skips,
    touches,
    with_manners,
)
from tests.unit.test_decide_rules import AFTER_LOSS, TWO_STAGES, WITH_TRIGGERS

# --- 10. Leaving --------------------------------------------------------------------------------------------------


def test_rule_10_leaving_a_stage_ends_its_waiting_steps_and_open_calls_in_the_same_turn():
    world = a_world(one_stage("- call_task: ring\n- {email: next}"))
    world.track("a.happened")

    world.track("b.happened")
    world.track("call.outcome", {"outcome": "reached"}, about=(1, "ring", 1))

    assert world.calls == []
    assert len(world.decided(Clear)) >= 1
    assert sent(world) == ["ring"]


def test_rule_10_a_late_outcome_moves_nothing():
    world = a_world(a_workflow(TWO_STAGES.replace("{email: hello}", "{call_task: hello}")))
    world.track("a.happened")
    world.track("b.happened")
    before = moves(world)

    world.track("call.outcome", {"outcome": "not-interested"}, about=(1, "hello", 1))

    assert moves(world) == before


def test_rule_10_an_outcome_told_of_a_call_that_is_over_moves_nothing():
    losing = "- {on: 'call.outcome where event.outcome == \"not-interested\"', reason: not-interested}"
    world = a_world(one_stage("- call_task: ring\n- {email: next, after: 30 days}", losing))
    world.track("a.happened")
    world.advance(days=12)  # it has expired

    world.track("call.outcome", {"outcome": "not-interested"}, about=(1, "ring", 1))

    assert moves(world) == ["entered first"]


# --- 11. Events first ---------------------------------------------------------------------------------------------


def test_rule_11_a_change_of_the_contact_counts_as_an_event():
    steps = "- {email: hello, after: 1 day, at: '09:00'}"
    world = a_world(one_stage(steps))
    world.track("a.happened")

    world.change(timezone="America/Vancouver")
    world.advance(days=2)

    assert touches(world) == [("hello", "Tue 12:00")]  # nine in Vancouver is noon in Toronto


def test_rule_11_a_paused_enrollment_still_reads_events_but_its_timers_wait():
    world = a_world(a_workflow(TWO_STAGES))
    world.track("a.happened")
    world.pause()

    world.advance(days=5)
    world.track("b.happened")
    world.advance(days=5)
    while_paused = sent(world)
    world.resume()
    world.advance(hours=1)

    assert while_paused == ["hello"]
    assert moves(world) == ["entered first", "validated first", "entered second"]
    assert sent(world) == ["hello", "decide-now"]


# --- 12. Two workflows --------------------------------------------------------------------------------------------


def test_rule_12_two_workflows_may_take_the_same_event_as_evidence():
    world = a_world(a_workflow(TWO_STAGES), one_stage("- {email: other}"))
    world.track("a.happened")

    world.track("b.happened")

    assert moves(world) == [
        "entered first",
        "entered first",
        "validated first",
        "entered second",
        "validated first",
        "completed first: event",
    ]


def test_rule_12_reentry_never_a_span_or_always():
    def entries(reentry: str, days: int) -> int:
        world = a_world(one_stage("- {email: hello}", head=f"reentry: {reentry}"))
        world.track("a.happened")
        world.track("b.happened")
        world.advance(days=days)
        world.track("a.happened")
        return len(world.enrollments)

    assert entries("never", 400) == 1
    assert entries("180 days", 100) == 1
    assert entries("180 days", 200) == 2
    assert entries("always", 0) == 2


def test_rule_12_always_restarts_a_live_enrollment_only_when_it_is_older_than_a_day():
    world = a_world(one_stage("- {email: hello, after: 3 days}", head="reentry: always"))
    world.track("a.happened")

    world.advance(hours=2)
    world.track("a.happened")
    same_day = len(world.enrollments)
    world.advance(days=2)
    world.track("a.happened")

    assert same_day == 1
    assert moves(world) == ["entered first", "exited first: restarted", "entered first"]


def test_rule_12_who_is_there_is_asked_about_in_their_own_stage_before_they_enter_again():
    text = TWO_STAGES.replace("validate: b.happened", 'validate: a.happened where stage == "first"', 1)
    world = a_world(a_workflow(text.replace("calendar: business", "reentry: always")))
    world.track("a.happened")
    world.advance(days=2)

    world.track("a.happened")

    assert moves(world) == ["entered first", "validated first", "entered second"]


# --- 13. Withdrawn consent ----------------------------------------------------------------------------------------


def test_rule_13_withdrawal_bounce_and_complaint_lose_the_enrollment_its_calls_included():
    def after(event: str, **data: str) -> list[str]:
        world = a_world(one_stage("- {call_task: ring, hold: no}\n- {email: hello, after: 1 day}"))
        world.track("a.happened")
        world.track(event, data, about=(1, "hello", 1))
        world.advance(days=30)
        assert world.calls == []
        assert sent(world) == ["ring"]
        return moves(world)

    assert after("consent.withdrawn", purpose="nurture")[-1] == "lost first: unsubscribed"
    assert after("email.bounced", kind="hard")[-1] == "lost first: bounced"
    assert after("email.complained")[-1] == "lost first: complained"


def test_rule_13_another_purpose_or_a_soft_bounce_loses_nobody():
    world = a_world(one_stage("- {email: hello}"))
    world.track("a.happened")

    world.track("consent.withdrawn", {"purpose": "newsletter"})
    world.track("email.bounced", {"kind": "soft"})

    assert world.only().live


def test_rule_13_a_withdrawal_from_before_the_entry_only_gates():
    world = a_world(
        one_stage("- {email: hello}\n- call_task: ring"), grants=(), withdrawn=frozenset(("nurture",))
    )

    world.track("a.happened")

    assert world.only().live
    assert skips(world) == [("hello", "no-consent"), ("ring", "no-consent")]


def test_rule_13_no_workflow_starts_on_an_automatic_loss():
    following = AFTER_LOSS.replace("trigger: manual", "trigger: lost one/first")
    lost_by_timer = a_world(one_stage("- {email: hello}"), a_workflow(following))
    lost_by_withdrawal = a_world(one_stage("- {email: hello}"), a_workflow(following))

    lost_by_timer.track("a.happened")
    lost_by_timer.advance(days=95)
    lost_by_withdrawal.track("a.happened")
    lost_by_withdrawal.track("consent.withdrawn", {"purpose": "nurture"})
    lost_by_withdrawal.advance(days=95)

    assert sent(lost_by_timer) == ["hello", "sorry"]
    assert sent(lost_by_withdrawal) == ["hello"]


# --- 14. Law skips, manners shift ---------------------------------------------------------------------------------


def test_rule_14_without_consent_or_with_a_suppression_a_message_is_skipped_with_its_reason():
    never_asked = a_world(one_stage("- {email: hello}"), grants=())
    dead = a_world(
        one_stage("- {email: hello}"),
        suppressed={Channel.EMAIL: frozenset((SuppressionReason.HARD_BOUNCE,))},
    )
    for world in (never_asked, dead):
        world.track("a.happened")

    assert skips(never_asked) == [("hello", "no-consent")]
    assert skips(dead) == [("hello", "suppressed")]


def test_rule_14_a_transactional_message_passes_when_the_contacts_own_event_entered_the_stage():
    own = a_world(one_stage("- {email: receipt, purpose: transactional}"), grants=())
    own.track("a.happened")
    by_hand = a_world(one_stage("- {email: receipt, purpose: transactional}"), grants=())
    by_hand.enroll("one")
    by_hand.advance(hours=1)

    assert sent(own) == ["receipt"]
    assert skips(by_hand) == [("receipt", "no-consent")]


def test_rule_14_unsubscribed_holds_marketing_only_and_a_dead_address_holds_everything():
    def with_suppression(reason: SuppressionReason) -> list[str]:
        world = a_world(
            one_stage("- {email: receipt, purpose: transactional}\n- {email: offer}"),
            suppressed={Channel.EMAIL: frozenset((reason,))},
        )
        world.track("a.happened")
        return sent(world)

    assert with_suppression(SuppressionReason.UNSUBSCRIBED) == ["receipt"]
    assert with_suppression(SuppressionReason.HARD_BOUNCE) == []
    assert with_suppression(SuppressionReason.COMPLAINT) == []
    assert with_suppression(SuppressionReason.MANUAL) == []


def test_rule_14_a_call_needs_no_grant_but_a_phone_that_may_be_called():
    no_grant = a_world(one_stage("- call_task: ring"), grants=())
    no_phone = a_world(one_stage("- call_task: ring"), contact=a_contact(phone=None))
    do_not_call = a_world(
        one_stage("- call_task: ring"),
        suppressed={Channel.PHONE: frozenset((SuppressionReason.DO_NOT_CALL,))},
    )
    for world in (no_grant, no_phone, do_not_call):
        world.track("a.happened")

    assert sent(no_grant) == ["ring"]
    assert skips(no_phone) == [("ring", "no-phone")]
    assert skips(do_not_call) == [("ring", "suppressed")]


def test_rule_14_the_holdout_skips_marketing_messages_and_calls():
    steps = "- {email: receipt, purpose: transactional}\n- {email: offer}\n- call_task: ring"
    world = a_world(one_stage(steps, head="holdout: 99%"), held_out=None)

    world.track("a.happened")

    assert sent(world) == ["receipt"]
    assert skips(world) == [("offer", "holdout"), ("ring", "holdout")]


def test_rule_14_quiet_hours_shift_to_their_end_and_that_is_no_lateness():
    world = a_world(
        one_stage("- {email: tip, after: 13 hours, if_late: skip, max_late: 12 hours}"),
        workspace=with_manners(quiet="21:00-08:00"),
    )
    world.track("a.happened")

    world.advance(days=2)

    assert shifts(world) == [("quiet-hours", "Tue 08:00")]
    assert touches(world) == [("tip", "Tue 08:00")]


def test_rule_14_a_cap_shifts_to_when_it_allows_and_transactional_mail_passes():
    steps = """
        - {email: one}
        - {email: two, after: 1 hour}
        - {email: receipt, purpose: transactional}
    """
    world = a_world(one_stage(steps), workspace=with_manners(messages=1, days=2))
    world.track("a.happened")

    world.advance(days=5)

    assert shifts(world) == [("frequency-cap", "Wed 09:00")]
    assert touches(world) == [("one", "Mon 09:00"), ("two", "Wed 09:00"), ("receipt", "Wed 09:00")]


def test_rule_14_what_would_be_held_longer_than_seven_days_is_skipped():
    world = a_world(
        one_stage("- {email: one}\n- {email: two, after: 1 hour}"),
        workspace=with_manners(messages=1, days=30),
    )

    world.track("a.happened")
    world.advance(days=5)

    assert skips(world) == [("two", "held-too-long")]


def test_rule_14_time_spent_paused_is_none_that_manners_held():
    world = a_world(one_stage("- {email: one, after: 1 hour}"), workspace=with_manners(quiet="21:00-08:00"))
    world.track("a.happened")
    resumed = MONDAY + timedelta(days=9, hours=14)  # at eleven in the evening

    world.pauses = (Pause(MONDAY),)
    world.advance_to(resumed)
    world.pauses = (Pause(MONDAY, resumed),)
    world.wake = dict.fromkeys(world.enrollments, resumed)
    world.advance(hours=12)

    assert skips(world) == []
    assert sent(world) == ["one"]


def test_rule_14_what_lateness_moved_to_its_next_time_is_held_from_there():
    world = a_world(
        one_stage("- {email: tip, at: '21:30', if_late: shift, max_late: 1 day}"),
        workspace=with_manners(quiet="21:00-08:00"),
    )
    world.track("a.happened")

    world.late_by(days=4)
    world.advance(days=2)

    assert shifts(world) == [("late", "Fri 21:30"), ("quiet-hours", "Sat 08:00")]
    assert touches(world) == [("tip", "Sat 08:00")]


def test_rule_14_a_late_message_waits_for_its_own_window_even_a_transactional_one():
    world = a_world(
        one_stage("""
            - {email: receipt, purpose: transactional, after: 1 hour, window: '09:00-17:00'}
            - {email: story, quiet: '20:00-09:00'}
        """)
    )
    world.track("a.happened")

    world.late_by(hours=12)  # until nine in the evening
    world.advance(days=2)

    assert shifts(world) == [("outside-window", "Tue 09:00")]
    assert touches(world) == [("receipt", "Tue 09:00"), ("story", "Tue 09:00")]


def test_rule_14_what_a_cap_moves_still_keeps_to_its_window():
    world = a_world(
        one_stage("- {email: one, after: 11 hours}\n- {email: two, after: 12 hours, window: '09:00-17:00'}"),
        workspace=with_manners(messages=1, days=2),
    )
    world.track("a.happened")

    world.advance(days=5)

    assert shifts(world) == [("frequency-cap", "Thu 09:00")]
    assert touches(world) == [("one", "Mon 20:00"), ("two", "Thu 09:00")]


def test_rule_14_no_purpose_frees_a_call_from_a_withdrawal():
    world = a_world(
        one_stage("- {call_task: ring, purpose: transactional}"), grants=(), withdrawn=frozenset(("nurture",))
    )

    world.track("a.happened")

    assert skips(world) == [("ring", "no-consent")]


def test_rule_14_who_withdraws_everything_is_not_called_for_a_steps_own_purpose_either():
    world = a_world(one_stage("- {call_task: ring, purpose: reviews}"), grants=())
    world.track("consent.withdrawn")

    world.track("a.happened")

    assert skips(world) == [("ring", "no-consent")]


def test_rule_14_a_changed_field_is_nothing_that_the_contact_did():
    entered_by_a_change = TWO_STAGES.replace(
        "trigger: a.happened", "trigger: contact.changed where contact.score >= 40"
    ).replace("{email: hello}", "{email: hello, purpose: transactional}")
    world = a_world(a_workflow(entered_by_a_change), grants=())

    world.change(score=50)

    assert moves(world) == ["entered first"]
    assert skips(world) == [("hello", "no-consent")]


def test_rule_14_of_two_messages_due_together_the_workflow_of_higher_priority_goes_first():
    low = one_stage("- {email: low, after: 1 day}")
    high = a_workflow(TWO_STAGES.replace("purpose: nurture", "purpose: nurture\n    priority: 90"))
    world = a_world(low, high, workspace=with_manners(messages=1, days=3))
    world.track("a.happened")

    world.advance(days=1)

    assert touches(world) == [("hello", "Mon 09:00")]
    world.advance(days=7)
    assert sent(world)[:2] == ["hello", "again"]


def test_rule_13_an_outcome_that_closes_the_phone_closes_it_for_every_call():
    world = a_world(one_stage("- call_task: ring\n- call_task: ring-again"))
    world.track("a.happened")

    world.track("call.outcome", {"outcome": "wrong-number"})

    assert skips(world) == [("ring-again", "suppressed")]


def test_rule_13_a_new_yes_opens_what_a_withdrawal_had_closed():
    world = a_world(one_stage("- call_task: ring\n- {email: hello}"), grants=())
    world.track("consent.withdrawn", {"purpose": "nurture"})

    world.track("consent.granted", {"purpose": "nurture"})
    world.track("a.happened")
    world.track("call.outcome", {"outcome": "reached"})

    assert sent(world) == ["ring", "hello"]


def test_rule_13_a_withdrawal_without_any_grant_closes_calls_too():
    world = a_world(one_stage("- call_task: ring"), grants=())
    world.track("consent.withdrawn", {"purpose": "nurture"})

    world.track("a.happened")

    assert skips(world) == [("ring", "no-consent")]


# --- 15, 16, 18 are proven where versions, clocks and walks live --------------------------------------------------


# --- 17. Reopening ------------------------------------------------------------------------------------------------


def test_rule_17_a_validation_in_time_revives_who_was_lost_by_a_timer_and_ends_what_the_loss_enrolled():
    losing = TWO_STAGES.replace(
        "- {after: 10 days, reason: timed-out}",
        "- {after: 10 days, reason: timed-out, enroll: after-loss}",
        1,
    )
    world = a_world(a_workflow(losing), a_workflow(AFTER_LOSS))
    world.track("a.happened")
    world.advance(days=12)

    world.track("b.happened")

    assert moves(world) == [
        "entered first",
        "lost first: timed-out",
        "entered only",
        "reopened first",
        "exited only: reopened",
        "validated first",
        "entered second",
    ]
    world.advance(days=5)
    assert sent(world) == ["hello", "again", "decide-now"]


def test_rule_17_what_a_step_had_enrolled_goes_on():
    world = a_world(one_stage("- enroll: after-loss"), a_workflow(AFTER_LOSS.replace("30 days", "300 days")))
    world.track("a.happened")
    world.advance(days=95)

    world.track("b.happened")

    assert moves(world)[-3:] == ["reopened first", "validated first", "completed first: event"]
    assert [one.workflow for one in world.live()] == ["after-loss"]


def test_rule_17_too_late_or_lost_for_another_reason_stays_lost():
    late = a_world(a_workflow(TWO_STAGES))
    late.track("a.happened")
    late.advance(days=10 + 91)
    late.track("b.happened")
    refunded = a_world(a_workflow(WITH_TRIGGERS), a_workflow(AFTER_LOSS))
    refunded.track("a.happened")
    refunded.track("sale.refunded")
    refunded.track("b.happened")

    assert moves(late)[-1] == "lost first: timed-out"
    assert "reopened first" not in moves(refunded)


def test_rule_17_neither_against_the_exit_condition_nor_by_what_would_lose_the_stage_again():
    competitor = a_world(one_stage("- {email: hello}", head="exit_when: contact.is_competitor"))
    competitor.track("a.happened")
    competitor.advance(days=91)
    competitor.change(fields={"is_competitor": True})
    losing = TWO_STAGES.replace(
        "loss:\n", "loss:\n          - {on: sale.closed, reason: bought-elsewhere}\n", 1
    )
    both = a_world(a_workflow(losing))
    both.track("a.happened")
    both.advance(days=12)

    competitor.track("b.happened")
    both.track("sale.closed")

    assert moves(competitor)[-1] == "lost first: timed-out"
    assert moves(both)[-1] == "lost first: timed-out"


def test_rule_17_not_interested_may_come_back_too():
    world = a_world(one_stage("- call_task: ring\n  outcomes: {not-interested: [{lose: not-interested}]}"))
    world.track("a.happened")
    world.track("call.outcome", {"outcome": "not-interested"})

    world.advance(days=20)
    world.track("b.happened")

    assert moves(world) == [
        "entered first",
        "lost first: not-interested",
        "reopened first",
        "validated first",
        "completed first: event",
    ]


def test_rule_17_nobody_is_reopened_beside_a_live_enrollment():
    world = a_world(one_stage("- {email: hello}", head="reentry: always"))
    world.track("a.happened")
    world.advance(days=95)
    world.track("a.happened")

    world.track("b.happened")

    assert moves(world).count("reopened first") == 0
    assert moves(world)[-1] == "completed first: event"
    assert MONDAY + timedelta(days=95) <= world.now
