"""After days without workers, and with a clock that jumps: nothing twice, nothing early, nothing lost, no burst."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from nurture.db import enrollments, outbox, paces, state
from nurture.db.outbox import LEASE, Leaving, Outcome
from nurture.db.rescue import rescue
from nurture.model.words import DeliveryState, Reason
from nurture.services.running.doctor import examine
from nurture.services.story.why import why
from tests.support.running import Running, a_nurture

TEMPLATES = ("hello", "again")
POLICIES = ("send", "skip", "shift")
WORKFLOW = """\
workflow: {policy}
title: What is late is to {policy}
purpose: nurture
stages:
  - stage: first
    need: Know more
    trigger: a.happened
    validate: b.happened
    steps:
      - {{email: hello, after: 1 day, at: 09:30, if_late: {policy}}}
      - {{email: again, after: 1 day, at: 09:30, if_late: {policy}}}
    loss: [{{after: 300 days, reason: timed-out}}]
"""
HOUR = timedelta(hours=1)


def started(
    url: str, folder: Path, count: int, rates: str = "", policies: tuple[str, ...] = ("send",)
) -> Running:
    """So many contacts have just entered these workflows."""
    running = a_nurture(url, folder, mails=TEMPLATES)
    toml = (running.project / "nurture.toml").read_text()
    running.write("nurture.toml", toml.replace("[senders.default]\n", f"[senders.default]\n{rates}\n"))
    for policy in policies:
        running.write(f"workflows/{policy}.yaml", WORKFLOW.format(policy=policy))
    running.publish()
    for email in people(count):
        running.add(email)
        running.track("a.happened", email)
    running.run()
    return running


def people(count: int) -> list[str]:
    return [f"p{number:02}@example.org" for number in range(count)]


def sent(running: Running, email: str) -> list[str]:
    return [template for template, reached, _ in running.states(email) if reached == "sent"]


def jump(running: Running, by: timedelta) -> None:
    """The system's clock is set: both of ours follow it."""
    running.clock.at += by
    running.clock.operational_at += by


def is_sound(running: Running) -> bool:
    return [
        found for found in examine(running.nurture.runtime).findings if found.code != "overdue-turns"
    ] == []


# --- days without workers ---------------------------------------------------------------------------------------


@pytest.fixture
def late(any_database: str, tmp_path: Path) -> Iterator[Running]:
    """Nine contacts in three workflows, and then nobody works for three days."""
    running = started(any_database, tmp_path, 9, "rate = 60", POLICIES)
    running.clock.advance(days=3)
    yield running
    running.nurture.close()


def test_after_three_days_what_is_overdue_is_sent_skipped_or_shifted_as_its_step_says(late: Running) -> None:
    late.advance(step_hours=1 / 360, minutes=1)

    told = {
        one.workflow: (one.state.value, one.reason)
        for one in late.deliveries("p00@example.org")
        if one.template == "hello"
    }
    shifted = why(late.nurture.runtime, "p00@example.org", "shift", "hello").turns[-1]
    assert told == {"send": ("sent", None), "skip": ("skipped", Reason.LATE)}
    assert (shifted.decision, shifted.reason) == ("shift", Reason.LATE)
    assert "is moved to Thu 5 Mar 2026 09:30" in shifted.said


def test_after_three_days_not_everything_leaves_in_one_second(late: Running) -> None:
    late.run()
    at_once = len(late.mails())
    late.clock.advance(seconds=1)
    late.run()

    waiting = [why(late.nurture.runtime, email, "send").next[0].said for email in people(9)[3:]]

    assert at_once == 3
    assert len(late.mails()) <= at_once + 1
    assert sum("waits for its turn: at most 60 a minute" in said for said in waiting) >= 5


def test_after_three_days_no_step_jumps_the_queue_of_its_own_sequence(late: Running) -> None:
    late.advance(step_hours=1 / 360, minutes=1)
    late.advance(step_hours=4, days=2)
    late.advance(step_hours=1 / 360, minutes=1)

    for email in people(9):
        own = [one for one in late.deliveries(email) if one.workflow == "send"]
        assert [one.template for one in own] == ["hello", "again"]
        first, second = (one.ended_at for one in own)
        assert first
        assert second
        assert second - first > timedelta(hours=20)
    assert is_sound(late)


# --- a clock that jumps -----------------------------------------------------------------------------------------


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = started(sqlite_url, tmp_path, 3)
    yield running
    running.nurture.close()


@pytest.mark.parametrize("hours", [24, -1], ids=lambda hours: f"{hours:+} h")
@pytest.mark.parametrize("there_and_back", [True, False])
def test_a_jump_of_the_clock_sends_nothing_twice_and_nothing_before_its_time(
    running: Running, hours: int, there_and_back: bool
) -> None:
    running.advance(step_hours=5, hours=20)
    jump(running, hours * HOUR)
    running.advance(hours=2)
    if there_and_back:
        jump(running, -hours * HOUR)

    running.advance(step_hours=4, days=5)

    for email in people(3):
        assert sent(running, email) == ["hello", "again"]
        assert all(one.ended_at and one.ended_at >= one.due for one in running.deliveries(email))
    assert is_sound(running)


def test_the_business_clock_alone_may_run_ahead_and_come_back(running: Running) -> None:
    running.clock.at += timedelta(days=1)
    running.run()
    running.clock.at -= timedelta(days=1)

    running.advance(step_hours=4, days=5)

    assert [sent(running, email) for email in people(3)] == [["hello", "again"]] * 3


def claimed(running: Running) -> list[outbox.ClaimedDelivery]:
    """All messages, due by now, taken in hand by a worker."""
    running.clock.advance(hours=25)
    running.nurture.advance.batch()
    with running.nurture.database.write() as tx:
        return outbox.claim(tx, running.clock.now(), running.clock.operational())


@pytest.mark.parametrize("by", [timedelta(hours=-1), timedelta(days=-1)], ids=str)
def test_a_worker_that_died_while_the_clock_was_ahead_holds_nothing_up(
    running: Running, by: timedelta
) -> None:
    claimed(running)
    jump(running, by)

    running.run()
    running.clock.advance(seconds=LEASE.total_seconds() + 1)
    running.clock.at -= by
    running.run()

    assert [sent(running, email) for email in people(3)] == [["hello"]] * 3


def test_a_living_sender_keeps_its_dialogue_when_the_clock_goes_back(running: Running) -> None:
    claims, database, clock = claimed(running), running.nurture.database, running.clock
    leaving = [Leaving(one.id, one.fence, f"<{one.key}@example.org>", "x@example.org") for one in claims]
    with database.write() as tx:
        outbox.mark_sending(tx, leaving, clock.now(), clock.operational() + LEASE)
    jump(running, -HOUR)

    with database.write() as tx:
        rescued = rescue(tx, clock.now(), clock.operational())
        ours = outbox.renew(tx, claims, clock.operational() + LEASE)
        written = outbox.record_outcomes(
            tx, [Outcome(one.id, one.fence, DeliveryState.SENT) for one in claims], clock.now()
        )

    assert (rescued.returned, rescued.ambiguous) == (0, 0)
    assert ours == written == {one.id for one in claims}


def test_a_turn_that_was_claimed_while_the_clock_was_ahead_is_taken_by_another(running: Running) -> None:
    running.clock.advance(hours=25)
    with running.nurture.database.write() as tx:
        held = enrollments.claim_due(tx, running.clock.now(), running.clock.operational())
    running.clock.operational_at -= timedelta(days=1)

    with running.nurture.database.write() as tx:
        taken = enrollments.claim_due(tx, running.clock.now(), running.clock.operational())

    assert [one.enrollment.id for one in taken] == [one.enrollment.id for one in held]
    assert all(new.fence > old.fence for new, old in zip(taken, held, strict=True))
    assert running.nurture.due().turns == 0


def test_a_place_at_the_head_and_a_rest_of_the_channel_do_not_outlive_a_wrong_clock(running: Running) -> None:
    ahead = running.clock.operational() + timedelta(days=1)
    with running.nurture.database.write() as tx:
        state.lead(tx, "ticks", "the dead one", ahead, timedelta(seconds=5))
        state.pause_channel(tx, "email", ahead + timedelta(minutes=30), "421 try later", ahead)

    running.clock.at += timedelta(hours=25)
    leads = running.nurture.lead("ticks", "another", timedelta(seconds=5))
    running.run()

    assert leads
    assert [sent(running, email) for email in people(3)] == [["hello"]] * 3


def test_a_senders_rate_does_not_wait_for_a_wrong_clock(sqlite_url: str, tmp_path: Path) -> None:
    running = started(sqlite_url, tmp_path, 2, "rate = 6")
    with running.nurture.database.write() as tx:
        ahead = paces.lock(tx, {"default"}, running.clock.operational() + timedelta(days=1))
        paces.save(tx, ahead)

    running.clock.at += timedelta(hours=25)
    running.run()
    running.clock.advance(seconds=15)
    running.run()

    assert [sent(running, email) for email in people(2)] == [["hello"]] * 2
    running.nurture.close()
