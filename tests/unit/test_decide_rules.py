"""What decide() does, rule by rule: positions, timers, events and evidence, as sentences."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

from nurture.engine.decide import move_by_hand
from nurture.engine.world import World
from nurture.model.decisions import Branch, Finish, Move, Refuse, Wait
from nurture.model.words import Pause, Status
from tests.support.worlds import (
    MONDAY,
    a_contact,
    a_workflow,
    a_world,
    moves,
    one_stage,
    sent,
    touches,
    with_manners,
)

TWO_STAGES = """
    workflow: two
    title: Two stages
    purpose: nurture
    calendar: business
    stages:
      - stage: first
        need: Know more
        trigger: a.happened
        validate: b.happened
        steps:
          - {email: hello}
          - {email: again, after: 2 days}
        loss:
          - {after: 10 days, reason: timed-out}
      - stage: second
        need: Decide
        validate: sale.closed
        steps:
          - {email: decide-now, after: 1 day}
        loss:
          - {after: 10 days, reason: timed-out}
"""

WITH_TRIGGERS = """
    workflow: three
    title: Three stages, each with its own trigger
    purpose: nurture
    stages:
      - stage: first
        need: Know more
        trigger: a.happened
        validate: b.happened
        steps: [{email: hello}, {email: again, after: 5 days}]
        loss:
          - {on: sale.refunded, reason: refunded, enroll: after-loss}
          - {after: 10 days, reason: timed-out}
      - stage: second
        need: Compare
        trigger: quote.requested
        validate: meeting.booked
        steps: [{email: compare}]
        loss: [{after: 10 days, reason: timed-out}]
      - stage: third
        need: Decide
        trigger: meeting.booked where event.kind == "review"
        validate: sale.closed
        steps: [{email: decide-now}]
        loss: [{after: 10 days, reason: timed-out}]
"""

AFTER_LOSS = """
    workflow: after-loss
    title: What follows a loss
    purpose: nurture
    stages:
      - stage: only
        need: Be heard
        trigger: manual
        validate: sale.closed
        steps: [{email: sorry, after: 3 days}]
        loss: [{after: 30 days, reason: timed-out}]
"""


def in_one_turn(world: World, *names: str) -> None:
    """These events arrive while no worker has time, and are read together."""
    with patch.object(world, "_play"):
        for name in names:
            world.track(name)
    world.advance()


# --- 1. One position ----------------------------------------------------------------------------------------------


def test_rule_1_a_list_runs_step_after_step_and_leaves_the_contact_in_the_stage_when_it_is_finished():
    world = a_world(one_stage("- {email: one}\n- {email: two, after: 1 day}"))
    world.track("a.happened")

    world.advance(days=5)

    assert touches(world) == [("one", "Mon 09:00"), ("two", "Tue 09:00")]
    assert world.only().step is None
    assert world.only().stage == "first"
    assert world.only().live


def test_rule_1_after_a_branch_the_outer_list_goes_on():
    steps = """
        - when: contact.score >= 40
          do: [{email: warm}]
          else: [{email: cold, after: 1 day}]
        - {email: both, after: 1 day}
    """

    cold = a_world(one_stage(steps))
    cold.track("a.happened")
    cold.advance(days=5)
    warm = a_world(one_stage(steps), contact=a_contact(score=50))
    warm.track("a.happened")
    warm.advance(days=5)

    assert touches(cold) == [("cold", "Tue 09:00"), ("both", "Wed 09:00")]
    assert touches(warm) == [("warm", "Mon 09:00"), ("both", "Tue 09:00")]


def test_rule_1_a_contact_has_one_live_enrollment_per_workflow_and_may_be_in_many_workflows():
    world = a_world(a_workflow(TWO_STAGES), one_stage("- {email: other}"))

    world.track("a.happened")
    world.track("a.happened")

    assert sorted(one.workflow for one in world.live()) == ["one", "two"]


def test_rule_1_what_a_step_sets_counts_for_the_next_question_in_the_same_turn():
    steps = """
        - set: {score: contact.score + 40, add_tag: '"warm"', age: '57'}
        - when: contact.score >= 40 and "warm" in contact.tags and contact.age == 57
          do: [{email: for-the-warm}]
    """
    world = a_world(one_stage(steps))

    world.track("a.happened")

    assert touches(world) == [("for-the-warm", "Mon 09:00")]


def test_rule_1_a_score_that_is_no_number_and_a_zone_that_does_not_exist_are_left_as_they_were():
    steps = """
        - set: {score: event.points, timezone: event.zone, first_name: event.number}
        - {email: next, after: 1 day}
    """
    world = a_world(one_stage(steps), contact=a_contact(score=7))

    world.track("a.happened", {"points": "ten", "zone": "Mars/One", "number": 5})
    world.advance(days=1)

    assert (world.contact.score, world.contact.timezone, world.contact.first_name) == (
        7,
        "America/Toronto",
        "5",
    )
    assert touches(world) == [("next", "Tue 09:00")]


def test_rule_1_a_wait_for_a_day_beyond_every_calendar_goes_on_at_once():
    wait = "- {wait: until contact.renewal_on, at: '23:00'}\n- {email: next}"

    def with_renewal(day: str, zone: str) -> list[str]:
        world = a_world(one_stage(wait), contact=a_contact(timezone=zone, fields={"renewal_on": day}))
        world.track("a.happened")
        return sent(world)

    assert with_renewal("0001-01-01", "Pacific/Auckland") == ["next"]
    assert with_renewal("9999-12-31", "America/Toronto") == ["next"]


# --- 2. When a step is over ---------------------------------------------------------------------------------------


def test_rule_2_a_failed_message_goes_on_unless_on_failure_says_otherwise():
    plain = a_world(one_stage("- {email: bad}\n- {email: next}"), failing=frozenset(("bad",)))
    losing = a_world(one_stage("- {email: bad, on_failure: lose}"), failing=frozenset(("bad",)))
    branching = a_world(
        one_stage("- {email: bad, on_failure: [{email: instead}]}\n- {email: next}"),
        failing=frozenset(("bad",)),
    )
    for world in (plain, losing, branching):
        world.track("a.happened")

    assert sent(plain) == ["bad", "next"]
    assert moves(losing) == ["entered first", "lost first: step-failed"]
    assert sent(branching) == ["bad", "instead", "next"]


def test_rule_2_a_call_holds_until_its_outcome_and_takes_its_branch():
    world = a_world(
        one_stage("""
            - call_task: ring
              outcomes:
                voicemail: [{email: missed-you, after: 1 day}]
            - {email: next}
        """)
    )
    world.track("a.happened")
    world.advance(days=1)

    world.track("call.outcome", {"outcome": "voicemail"})
    world.advance(days=2)

    assert touches(world) == [("ring", "Mon 09:00"), ("missed-you", "Wed 09:00"), ("next", "Wed 09:00")]


def test_rule_2_a_call_without_an_outcome_expires_after_five_business_days_and_the_list_goes_on():
    world = a_world(one_stage("- call_task: ring\n- {email: next}"))
    world.track("a.happened")

    world.advance(days=14)

    # Friday 6 March is a holiday, and the clocks go forward on Sunday the 8th.
    assert touches(world) == [("ring", "Mon 09:00"), ("next", "Tue 09:00")]
    assert world.log[-1][0] == MONDAY + timedelta(days=8) - timedelta(hours=1)


def test_rule_2_call_back_keeps_the_same_task_open():
    world = a_world(one_stage("- call_task: ring\n- {email: next}"))
    world.track("a.happened")

    world.track("call.outcome", {"outcome": "call-back"})
    before = sent(world)
    world.track("call.outcome", {"outcome": "reached"})

    assert before == ["ring"]
    assert sent(world) == ["ring", "next"]


def test_rule_2_call_back_gives_the_same_task_another_date_as_often_as_it_comes():
    world = a_world(one_stage("- call_task: ring\n- {email: next}"))
    world.track("a.happened")
    world.advance(days=7)  # it would expire the next day

    world.track("call.outcome", {"outcome": "call-back"})
    world.advance(days=3)
    world.track("call.outcome", {"outcome": "call-back", "at": "2026-03-20T10:00:00-04:00"})
    still_open = len(world.calls)
    world.advance(days=5)
    world.track("call.outcome", {"outcome": "reached"})

    assert still_open == 1
    assert touches(world) == [("ring", "Mon 09:00"), ("next", "Tue 10:00")]


def test_rule_2_a_call_that_does_not_hold_lets_the_list_go_on_at_once():
    world = a_world(one_stage("- {call_task: ring, hold: no}\n- {email: next}"))

    world.track("a.happened")

    assert touches(world) == [("ring", "Mon 09:00"), ("next", "Mon 09:00")]


def test_rule_2_a_late_step_is_sent_skipped_or_shifted_as_it_says():
    def after_three_days_of_silence(if_late: str):
        world = a_world(
            one_stage(f"- {{email: tip, after: 1 day, at: '09:30', if_late: {if_late}}}\n- {{email: next}}")
        )
        world.track("a.happened")
        world.late_by(days=3)
        world.advance(days=2)
        return touches(world)

    assert after_three_days_of_silence("send") == [("tip", "Thu 09:00"), ("next", "Thu 09:00")]
    assert after_three_days_of_silence("skip") == [("next", "Thu 09:00")]
    assert after_three_days_of_silence("shift") == [("tip", "Thu 09:30"), ("next", "Thu 09:30")]


def test_rule_2_max_late_says_how_late_is_late():
    def after_two_days(max_late: str):
        world = a_world(one_stage(f"- {{email: tip, after: 1 day, if_late: skip, max_late: {max_late}}}"))
        world.track("a.happened")
        world.late_by(days=2)
        return sent(world)

    assert after_two_days("2 days") == ["tip"]
    assert after_two_days("12 hours") == []


# --- 3. What `after` counts from ----------------------------------------------------------------------------------


def test_rule_3_after_counts_from_the_end_of_the_step_before_in_the_same_list():
    world = a_world(
        one_stage("""
            - {email: one, after: 1 day}
            - when: not contact.plan
              do: [{email: two, after: 2 days}]
            - {email: three, after: 3 days}
        """)
    )
    world.track("a.happened")

    world.advance(days=10)

    # After the clocks went forward, nine o'clock stays nine o'clock.
    assert touches(world) == [("one", "Tue 09:00"), ("two", "Thu 09:00"), ("three", "Sun 09:00")]


def test_rule_3_for_a_call_it_is_when_the_task_appears_and_due_and_expires_count_from_there():
    world = a_world(
        one_stage("- {call_task: ring, after: 2 hours, due: 1 business day, expires: 2 business days}")
    )
    world.track("a.happened")

    world.advance(hours=3)

    assert touches(world) == [("ring", "Mon 11:00")]
    call = world.calls[0].call
    assert call.due == MONDAY + timedelta(days=1, hours=2)
    assert call.expires == MONDAY + timedelta(days=2, hours=2)


def test_rule_3_a_clock_time_that_is_past_already_is_due_at_once_and_not_before_the_step_was_reached():
    counting_on = a_world(
        one_stage("- {set: {score: 5}, after: 0 days, at: '07:00'}\n- {email: tip, after: 3 hours}")
    )
    strict = a_world(one_stage("- {email: tip, after: 0 days, at: '07:00', if_late: skip, max_late: 1 hour}"))
    for world in (counting_on, strict):
        world.track("a.happened")  # at nine

        world.advance(days=1)

    assert touches(counting_on) == [("tip", "Mon 12:00")]
    assert touches(strict) == [("tip", "Mon 09:00")]


# --- 4. Order within one turn -------------------------------------------------------------------------------------


def test_rule_4_the_exit_condition_beats_every_event_and_timer():
    workflow = one_stage("- {email: hello, after: 1 day}", head="exit_when: contact.is_competitor")
    world = a_world(workflow)
    world.track("a.happened")

    world.now += timedelta(days=1)
    world.change(fields={"is_competitor": True})

    assert moves(world) == ["entered first", "exited first: exit-when"]
    assert sent(world) == []


def test_rule_4_what_a_step_sets_is_an_event_that_the_exit_condition_sees():
    steps = "- {set: {is_competitor: 'true'}}\n- {email: hello, after: 1 day}"
    world = a_world(one_stage(steps, head="exit_when: contact.is_competitor"))

    world.track("a.happened")

    assert moves(world) == ["entered first", "exited first: exit-when"]


def test_rule_4_an_event_precedes_every_timer_that_is_due_in_the_same_turn():
    world = a_world(a_workflow(TWO_STAGES))
    world.track("a.happened")

    world.now += timedelta(days=30)  # both the second mail and the loss are overdue
    world.track("b.happened")

    assert sent(world) == ["hello"]
    assert moves(world) == ["entered first", "validated first", "entered second"]


def test_rule_4_timers_run_by_due_time_and_a_loss_before_a_step_at_the_same_time():
    world = a_world(one_stage("- {email: too-late, after: 3 days}", "- {after: 3 days, reason: never-came}"))
    world.track("a.happened")

    world.advance(days=4)

    assert sent(world) == []
    assert moves(world) == ["entered first", "lost first: never-came"]


def test_rule_4_an_older_step_runs_before_a_younger_loss():
    world = a_world(one_stage("- {email: in-time, after: 2 days}", "- {after: 3 days, reason: never-came}"))
    world.track("a.happened")

    world.late_by(days=4)

    assert sent(world) == ["in-time"]
    assert moves(world)[-1] == "lost first: never-came"


def test_rule_4_one_event_makes_one_move_and_may_validate_a_stage_and_trigger_the_next():
    workflow = a_workflow(WITH_TRIGGERS)
    world = a_world(workflow, a_workflow(AFTER_LOSS))
    world.track("a.happened")
    world.track("quote.requested")

    world.track("meeting.booked", {"kind": "review"})

    assert moves(world) == [
        "entered first",
        "skipped first",
        "entered second",
        "validated second",
        "entered third",
    ]


def test_rule_4_several_unread_events_are_read_in_the_order_in_which_they_arrived():
    forward = a_world(a_workflow(WITH_TRIGGERS), a_workflow(AFTER_LOSS))
    refunded_first = a_world(a_workflow(WITH_TRIGGERS), a_workflow(AFTER_LOSS))
    for world in (forward, refunded_first):
        world.track("a.happened")

    in_one_turn(forward, "b.happened", "quote.requested", "meeting.booked", "sale.refunded", "sale.closed")
    in_one_turn(refunded_first, "sale.refunded", "b.happened")

    assert moves(forward) == [
        "entered first",
        "validated first",
        "entered second",
        "validated second",
        "validated third",
        "completed third: event",
    ]
    assert moves(refunded_first)[:2] == ["entered first", "lost first: refunded"]
    assert "validated first" not in moves(refunded_first)


# --- 5. Entering --------------------------------------------------------------------------------------------------


def test_rule_5_only_the_first_trigger_enrolls_and_that_of_a_stage_with_entry():
    closed = a_world(a_workflow(WITH_TRIGGERS), a_workflow(AFTER_LOSS))
    open_stage = WITH_TRIGGERS.replace(
        "trigger: quote.requested\n", "trigger: quote.requested\n        entry: yes\n"
    )
    opened = a_world(a_workflow(open_stage), a_workflow(AFTER_LOSS))

    closed.track("quote.requested")
    opened.track("quote.requested")

    assert closed.enrollments == {}
    assert moves(opened) == ["entered second"]


def test_rule_5_enrolling_by_hand_is_itself_the_evidence():
    world = a_world(a_workflow(AFTER_LOSS))

    world.enroll("after-loss", reason="met at the fair")
    world.advance(days=3)

    assert moves(world) == ["entered only"]
    assert sent(world) == ["sorry"]


def test_rule_5_a_step_enrolls_in_another_workflow_and_both_go_on():
    world = a_world(one_stage("- enroll: after-loss\n- {email: next}"), a_workflow(AFTER_LOSS))

    world.track("a.happened")
    world.advance(days=3)

    assert sent(world) == ["next", "sorry"]
    assert len(world.live()) == 2


# --- 6. Forward ---------------------------------------------------------------------------------------------------


def test_rule_6_stages_passed_over_are_skipped_but_never_one_already_validated():
    world = a_world(a_workflow(WITH_TRIGGERS), a_workflow(AFTER_LOSS))
    world.track("a.happened")
    world.track("b.happened")

    world.track("sale.closed")

    assert moves(world) == [
        "entered first",
        "validated first",
        "skipped second",
        "validated third",
        "completed third: event",
    ]


def test_rule_6_a_later_trigger_moves_forward_and_skips_the_stage_that_was_not_validated():
    world = a_world(a_workflow(WITH_TRIGGERS), a_workflow(AFTER_LOSS))
    world.track("a.happened")

    world.track("quote.requested")

    assert moves(world) == ["entered first", "skipped first", "entered second"]


def test_rule_6_within_a_stage_its_validation_comes_before_its_trigger():
    both = WITH_TRIGGERS.replace("validate: meeting.booked", "validate: quote.requested")
    world = a_world(a_workflow(both), a_workflow(AFTER_LOSS))
    world.track("a.happened")

    world.track("quote.requested")

    assert moves(world) == ["entered first", "skipped first", "validated second"]


def test_rule_6_the_present_stages_own_trigger_moves_nothing():
    world = a_world(a_workflow(TWO_STAGES))
    world.track("a.happened")

    world.track("a.happened")

    assert moves(world) == ["entered first"]


def test_rule_6_an_earlier_trigger_moves_back_only_with_reenter_and_counts_as_a_new_visit():
    back = WITH_TRIGGERS.replace("trigger: a.happened\n", "trigger: a.happened\n        reenter: yes\n")
    without = a_world(a_workflow(WITH_TRIGGERS), a_workflow(AFTER_LOSS))
    reentering = a_world(a_workflow(back), a_workflow(AFTER_LOSS))
    for world in (without, reentering):
        world.track("a.happened")
        world.track("quote.requested")
        world.track("a.happened")

    assert moves(without) == ["entered first", "skipped first", "entered second"]
    assert moves(reentering) == ["entered first", "skipped first", "entered second", "entered first"]
    assert reentering.only().visit == 2
    assert sent(reentering) == ["hello", "compare", "hello"]


def test_rule_6_a_stage_without_a_trigger_is_never_entered_by_a_skip_alone():
    late_validation = f"""{TWO_STAGES}
      - stage: third
        need: Grow
        validate: meeting.booked
        loss: [{{after: 10 days, reason: timed-out}}]
    """
    world = a_world(a_workflow(late_validation))
    world.track("a.happened")

    world.track("sale.closed")

    assert moves(world) == ["entered first", "skipped first", "validated second", "entered third"]


def test_rule_6_the_last_validation_completes_the_enrollment():
    world = a_world(a_workflow(TWO_STAGES))
    world.track("a.happened")
    world.track("b.happened")

    world.track("sale.closed")

    assert moves(world)[-1] == "completed second: event"
    assert world.only().status is Status.COMPLETED


def test_rule_6_a_person_moves_a_contact_by_hand_with_a_reason():
    world = a_world(a_workflow(TWO_STAGES))
    workflow = world.workflows["two"]
    world.track("a.happened")
    standing = world.only()

    turn = move_by_hand(
        workflow, standing, world._facts(standing), world.now, workflow.stage("second"), "signed at the fair"
    )

    told = [(one.change, one.stage, one.reason) for one in turn.decisions if isinstance(one, Move)]
    assert told == [
        ("skipped", "first", "signed at the fair"),
        ("entered", "second", "signed at the fair"),
    ]
    assert turn.enrollment.step == "decide-now"


# --- 7. Resting ---------------------------------------------------------------------------------------------------


def test_rule_7_a_validation_ends_the_stages_steps_and_the_contact_rests_until_the_next_trigger():
    world = a_world(a_workflow(WITH_TRIGGERS), a_workflow(AFTER_LOSS))
    world.track("a.happened")

    world.track("b.happened")
    world.advance(days=7)
    resting = world.only()
    world.track("quote.requested")

    assert resting.resting
    assert resting.step is None
    assert sent(world) == ["hello", "compare"]
    assert moves(world) == ["entered first", "validated first", "entered second"]


def test_rule_7_who_rests_too_long_did_not_go_on_and_the_stage_stays_validated():
    world = a_world(a_workflow(WITH_TRIGGERS), a_workflow(AFTER_LOSS))
    world.track("a.happened")
    world.track("b.happened")

    world.advance(days=11)

    assert moves(world) == ["entered first", "validated first", "lost before second: did-not-go-on"]
    assert world.only().stages["first"].validated
    assert world.live() == []


def test_rule_7_while_resting_neither_loss_events_nor_a_repeated_validation_move_anything():
    world = a_world(a_workflow(WITH_TRIGGERS), a_workflow(AFTER_LOSS))
    world.track("a.happened")
    world.track("b.happened")

    world.track("sale.refunded")
    world.track("b.happened")

    assert moves(world) == ["entered first", "validated first"]
    assert world.only().live


def test_rule_7_resting_behind_a_stage_that_was_only_passed_starts_its_clock_anew():
    back = WITH_TRIGGERS.replace("trigger: a.happened\n", "trigger: a.happened\n        reenter: yes\n")
    world = a_world(a_workflow(back), a_workflow(AFTER_LOSS))
    world.track("a.happened")
    world.track("quote.requested")
    world.advance(days=8)
    world.track("a.happened")
    world.advance(days=8)

    world.track("meeting.booked")  # proves the second stage, which was entered 16 days ago and left again
    world.advance(days=9)
    still_there = world.only().live
    world.advance(days=2)

    assert still_there
    assert moves(world)[-1] == "lost before third: did-not-go-on"


# --- 8. Loss clocks -----------------------------------------------------------------------------------------------


def test_rule_8_loss_clocks_keep_the_wall_clock_from_the_entry_to_the_stage():
    world = a_world(one_stage("- {email: hello}", "- {after: 10 days, reason: never-came}"))
    world.track("a.happened")

    world.advance(days=11)

    ends = [at for at, _, one in world.log if isinstance(one, Finish)]
    assert ends == [MONDAY + timedelta(days=10) - timedelta(hours=1)]  # the clocks went forward meanwhile


def test_rule_8_silence_counts_from_the_later_of_the_entry_and_the_last_human_sign():
    world = a_world(one_stage("- {email: hello}", "- {silent: 5 days, reason: went-silent}"))
    world.track("a.happened")
    world.advance(days=3)

    world.track("email.clicked", human=False)
    world.advance(days=1)
    world.track("email.replied")
    world.advance(days=4)
    still_there = world.only().live
    world.advance(days=2)

    assert still_there
    assert moves(world)[-1] == "lost first: went-silent"


def test_rule_8_loss_clocks_stand_still_while_paused():
    world = a_world(one_stage("- {email: hello}", "- {after: 10 days, reason: never-came}"))
    world.track("a.happened")
    world.advance(days=2)

    world.pause()
    world.advance(days=30)
    world.resume()
    world.advance(days=7)
    still_there = world.only().live
    world.advance(days=2)

    assert still_there
    assert moves(world)[-1] == "lost first: never-came"


def test_rule_8_a_pause_over_the_end_of_a_clock_puts_it_off_by_all_of_the_pause():
    world = a_world(one_stage("- {email: hello}", "- {after: 10 days, reason: never-came}"))
    world.track("a.happened")
    world.advance_to(MONDAY + timedelta(days=10, hours=-1, seconds=-1))  # the clocks went forward meanwhile

    world.pause()
    world.advance(days=30)
    world.resume()
    at_the_resume = world.only().live
    world.advance(seconds=1)

    assert at_the_resume
    assert moves(world)[-1] == "lost first: never-came"


def test_rule_8_two_pauses_at_once_stop_the_clock_once():
    world = a_world(one_stage("- {email: hello}", "- {after: 3 days, reason: never-came}"))
    of_the_contact = Pause(MONDAY + timedelta(days=1), MONDAY + timedelta(hours=60))
    of_the_workflow = Pause(MONDAY + timedelta(days=2), MONDAY + timedelta(days=3))
    world.pauses = (of_the_workflow, of_the_contact)
    world.track("a.happened")

    world.advance(days=6)

    assert [at for at, _, one in world.log if isinstance(one, Finish)] == [MONDAY + timedelta(days=5)]


def test_rule_8_a_jump_does_not_start_the_loss_clock_anew_but_fresh_evidence_does():
    loop = """
        workflow: loop
        title: A loop with a wait
        purpose: nurture
        stages:
          - stage: first
            need: Know more
            trigger: a.happened
            reenter: yes
            validate: b.happened
            steps: [{email: hello}, {wait: 4 days}, {jump: first}]
            loss: [{after: 10 days, reason: timed-out}]
          - stage: second
            need: Decide
            trigger: quote.requested
            validate: sale.closed
            loss: [{after: 30 days, reason: timed-out}]
    """
    jumping = a_world(a_workflow(loop))
    jumping.track("a.happened")
    jumping.advance(days=30)
    returning = a_world(a_workflow(loop))
    returning.track("a.happened")
    returning.track("quote.requested")
    returning.advance(days=8)
    returning.track("a.happened")
    returning.advance(days=9)

    assert sent(jumping) == ["hello", "hello", "hello"]
    assert moves(jumping)[-1] == "lost first: timed-out"
    assert returning.only().live
    assert returning.only().stage == "first"


def test_rule_8_nor_does_a_jump_break_the_silence():
    world = a_world(
        one_stage(
            "- {email: hello}\n- {wait: 4 days}\n- {jump: first}", "- {silent: 9 days, reason: went-silent}"
        )
    )
    world.track("a.happened")

    world.advance(days=30)

    assert sent(world) == ["hello", "hello", "hello"]
    assert moves(world)[-1] == "lost first: went-silent"


# --- 9. wait_until ------------------------------------------------------------------------------------------------

WATCHING = """
    - {email: story}
    - wait_until: {event}
      timeout: 3 days
      on_timeout: [{email: nudge}]
    - {email: after-all}
"""


def watching(event: str) -> str:
    return WATCHING.replace("{event}", event)


def test_rule_9_the_event_ends_the_wait_at_once_and_the_list_goes_on():
    world = a_world(one_stage(watching("email.clicked, email.replied")))
    world.track("a.happened")
    world.advance(days=1)

    world.track("email.clicked")

    assert touches(world) == [("story", "Mon 09:00"), ("after-all", "Tue 09:00")]


def test_rule_9_without_it_the_timeout_counts_from_arriving_and_takes_its_branch():
    world = a_world(one_stage(watching("email.clicked")))
    world.track("a.happened")

    world.advance(days=4)

    assert touches(world) == [("story", "Mon 09:00"), ("nudge", "Thu 09:00"), ("after-all", "Thu 09:00")]


def test_rule_9_an_event_that_came_before_the_wait_began_is_not_lost():
    world = a_world(
        one_stage("""
            - {email: story}
            - {wait: 2 days}
            - wait_until: quote.requested
              timeout: 3 days
              on_timeout: [{email: nudge}]
        """)
    )
    world.track("a.happened")
    world.advance(days=1)
    world.track("quote.requested")

    world.advance(days=9)

    assert sent(world) == ["story"]
    assert [one.branch for one in world.decided(Branch) if isinstance(one, Branch)] == [None]


def test_rule_9_what_came_while_quiet_hours_held_the_watched_message_is_not_lost():
    world = a_world(
        one_stage("""
            - {email: story, after: 13 hours}
            - wait_until: quote.requested
              timeout: 3 days
              on_timeout: [{email: nudge}]
        """),
        workspace=with_manners(quiet="21:00-08:00"),
    )
    world.track("a.happened")
    world.advance(hours=16)
    world.track("quote.requested")  # an hour after midnight, before the story of ten o'clock may go

    world.advance(days=9)

    assert touches(world) == [("story", "Tue 08:00")]


def test_rule_9_an_event_that_arrived_late_counts_by_when_it_happened():
    world = a_world(
        one_stage("""
            - {wait: 2 days}
            - {email: story}
            - wait_until: quote.requested
              timeout: 3 days
              on_timeout: [{email: nudge}]
        """)
    )
    world.track("a.happened")
    world.advance(days=3)

    world.track("quote.requested", at=MONDAY + timedelta(days=1))  # a day before the story was due
    before = world.only().step
    world.track("quote.requested", at=MONDAY + timedelta(days=2, hours=1))

    assert before is not None
    assert world.only().step is None


def test_rule_9_what_arrived_before_the_event_that_entered_the_stage_belongs_to_the_stage_before():
    steps = "steps: [{wait_until: sale.refunded, timeout: 3 days, on_timeout: [{email: compare}]}]"
    text = WITH_TRIGGERS.replace("steps: [{email: compare}]", steps).replace(
        "on: sale.refunded", "on: sale.closed"
    )
    world = a_world(a_workflow(text), a_workflow(AFTER_LOSS))
    world.track("a.happened")

    in_one_turn(world, "sale.refunded", "quote.requested")
    world.advance(days=4)

    assert sent(world) == ["hello", "compare"]


def test_rule_9_it_looks_back_no_further_than_to_when_the_watched_step_was_due():
    world = a_world(
        one_stage("""
            - {wait: 2 days}
            - {email: story}
            - wait_until: quote.requested
              timeout: 3 days
              on_timeout: [{email: nudge}]
        """)
    )
    world.track("a.happened")
    world.advance(days=1)
    world.track("quote.requested")

    world.advance(days=9)

    assert sent(world) == ["story", "nudge"]


def test_rule_9_since_names_another_step_to_look_back_to():
    world = a_world(
        one_stage("""
            - {email: first-story}
            - {email: story, after: 2 days}
            - wait_until: quote.requested
              since: first-story
              timeout: 3 days
              on_timeout: [{email: nudge}]
        """)
    )
    world.track("a.happened")
    world.advance(days=1)
    world.track("quote.requested")

    world.advance(days=9)

    assert sent(world) == ["first-story", "story"]


def test_rule_9_a_click_in_another_message_or_by_a_machine_is_no_evidence():
    world = a_world(
        one_stage("- {email: other}\n" + watching("email.clicked").replace("\n    ", "\n").strip("\n"))
    )
    world.track("a.happened")

    world.track("email.clicked", about=(1, "other", 1))
    world.track("email.clicked", about=(7, "story", 1))
    world.track("email.clicked", human=False)
    before = sent(world)
    world.track("email.clicked", about=(1, "story", 1))

    assert before == ["other", "story"]
    assert sent(world) == ["other", "story", "after-all"]


def test_rule_9_several_events_may_be_a_list_each_with_its_condition():
    world = a_world(
        one_stage(watching("[quote.requested where event.plan == 'plus', meeting.booked]").replace("'", '"'))
    )
    world.track("a.happened")

    world.track("quote.requested", {"plan": "basic"})
    before = sent(world)
    world.track("quote.requested", {"plan": "plus"})

    assert before == ["story"]
    assert sent(world) == ["story", "after-all"]


def test_rule_9_validation_ends_the_wait():
    world = a_world(one_stage(watching("email.clicked")))
    world.track("a.happened")

    world.track("b.happened")
    world.advance(days=9)

    assert sent(world) == ["story"]


def test_a_wait_says_until_when_and_for_what():
    world = a_world(one_stage(watching("email.clicked")))

    world.track("a.happened")

    wait = next(one for one in world.decided(Wait) if isinstance(one, Wait))
    assert wait.for_events == ("email.clicked",)
    assert wait.until == MONDAY + timedelta(days=3)
    assert wait.because


def test_refusals_are_on_record():
    world = a_world(one_stage("- {email: hello}"))
    world.track("a.happened")
    world.enroll("one")

    assert [one.reason for one in world.decided(Refuse)] == ["already-enrolled"]
