"""What is said to come next is what the real installation then does, minute by minute, while nothing happens."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from nurture.db import tasks
from nurture.db.tables import DeliveryRow, EnrollmentRow, OutcomeRow, PauseRow, TaskRow, table_of
from nurture.model.accounts import Account, Role
from nurture.model.decisions import Call, Decision, Finish, Send, Skip
from nurture.services.consent.choosing import rest
from nurture.services.phone import calls
from nurture.services.story.ahead import ahead
from tests.support.running import Running, a_nurture

LIFE = """\
    workflow: life
    title: A life with everything in it
    purpose: nurture
    calendar: business
    stages:
      - stage: first
        need: Know more
        trigger: a.happened
        validate: b.happened
        steps:
          - {email: hello, purpose: transactional}
          - {email: again, after: 2 days, on: weekdays, at: "09:30"}
          - call_task: ring
            after: 1 business day
            assign: round-robin sales
            expires: 2 business days
            outcomes: {voicemail: [{email: sorry}]}
          - wait_until: quote.requested
            timeout: 3 days
            on_timeout: [{email: nudge}]
          - when: contact.plan == "plus"
            do: [{email: plus-only}]
            else: [{set: {score: contact.score + 5}}, {email: basic, after: 90 minutes, quiet: "08:00-20:00"}]
        loss:
          - {silent: 40 days, reason: went-silent, enroll: back}
          - {after: 60 days, reason: timed-out}
"""
RIVAL = """\
    workflow: rival
    title: Wants the same days
    purpose: nurture
    priority: 90
    holdout: %s
    stages:
      - stage: one
        need: The same days
        trigger: a.happened
        validate: b.happened
        steps:
          - {email: rival-one, after: 2 days}
          - {email: rival-two, after: 1 day}
          - {email: rival-three, after: 1 day, window: "10:00-16:00", max_late: 4 days}
          - {call_task: ring, after: 2 days, assign: owner, hold: no}
          - {jump: two, after: 1 hour}
        loss:
          - {after: 50 days, reason: timed-out}
      - stage: two
        need: More
        validate: sale.closed
        steps:
          - {email: rival-four, after: 12 hours}
        loss:
          - {after: 20 days, reason: timed-out, enroll: back}
"""
BACK = """\
    workflow: back
    title: Come back
    purpose: nurture
    stages:
      - stage: again
        need: A reason to come back
        trigger: manual
        validate: b.happened
        steps:
          - {email: come-back, after: 1 day}
          - {email: last-word, after: 3 days}
        loss:
          - {after: 30 days, reason: timed-out}
"""
MAILS = ("hello", "again", "sorry", "nudge", "plus-only", "basic", "come-back", "last-word")
RIVALS = ("rival-one", "rival-two", "rival-three", "rival-four")


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Running:
    running = a_nurture(sqlite_url, tmp_path, mails=MAILS)
    toml = running.project / "nurture.toml"
    toml.write_text(f'{toml.read_text()}\n[caps]\nmessages = "2 per 7 days"\nquiet = "21:00-08:00"\n')
    running.write("templates/call/ring.txt", "Call {{ contact.first_name or 'them' }}.\n")
    running.write("workflows/life.yaml", LIFE)
    running.write("workflows/back.yaml", BACK)
    running.publish()
    running.add()
    return running


def said(running: Running, contact: int = 1) -> list[tuple[datetime, str, str | None]]:
    seen = ahead(running.nurture.runtime, contact, timedelta(days=70))
    assert seen.trouble is None
    return [
        (one.at, word(one.decision), one.decision.step or one.decision.reason)
        for one in seen.coming
        if isinstance(one.decision, Send | Call | Skip | Finish)
    ]


def word(decision: Decision) -> str:
    return {"Send": "sent", "Call": "opened", "Skip": "skipped", "Finish": "ended"}[type(decision).__name__]


def next_moment(running: Running) -> datetime | None:
    """When the installation itself would look again: the earliest turn, message or call that ends."""
    enrollments, deliveries, tasks = (table_of(row) for row in (EnrollmentRow, DeliveryRow, TaskRow))
    outcomes, pauses = table_of(OutcomeRow), table_of(PauseRow)
    questions = (
        select(func.min(enrollments.c.wake_at)),
        select(func.min(deliveries.c.due)).where(deliveries.c.state == "pending"),
        select(func.min(tasks.c.expires)).where(tasks.c.state == "open"),
        select(func.min(outcomes.c.settles_at)).where(outcomes.c.settled_at.is_(None)),
        select(func.min(pauses.c.ends_at)).where(pauses.c.until.is_(None)),
    )
    with running.nurture.database.read() as tx:
        return min((at for each in questions if (at := tx.execute(each).scalar())), default=None)


def lived(running: Running, span: timedelta = timedelta(days=70)) -> list[tuple[datetime, str, str | None]]:
    """Time goes from one of its own moments to the next; nobody does anything. Returns what really happened."""
    since = running.clock.now()
    while (moment := next_moment(running)) is not None and moment <= since + span:
        running.clock.advance(seconds=max(0.0, (moment - running.clock.now()).total_seconds()))
        running.run()
    happened: list[tuple[datetime, str, str | None]] = [
        (one.planned_at, "skipped" if one.state == "skipped" else "sent", one.step)
        for one in running.deliveries()
        if one.planned_at > since
    ]
    with running.nurture.database.read() as tx:
        rows = tx.execute(select(table_of(TaskRow))).all()
    happened += [
        (row.appeared_at, "opened" if row.assign else "skipped", row.step)
        for row in rows
        if row.appeared_at > since
    ]
    happened += [
        (one.ended_at, "ended", one.end_reason)
        for one in running.enrollments()
        if one.ended_at and one.ended_at > since
    ]
    return sorted(happened, key=str)


def test_from_the_first_minute_on_what_is_said_is_what_happens(running: Running) -> None:
    running.track("a.happened")
    running.run()

    told = said(running)

    assert [step for _, _, step in told][:3] == ["again", "ring", "nudge"]
    assert sorted(told, key=str) == lived(running)


@pytest.mark.parametrize("days", [1, 3, 5, 8, 11, 30])
def test_at_any_later_day_it_holds_as_well(running: Running, days: int) -> None:
    running.track("a.happened")
    running.advance(days=days, step_hours=6)
    if days == 5:
        running.track("email.clicked")
    running.run()

    told = said(running)

    assert told
    assert sorted(told, key=str) == lived(running)


def test_a_message_that_still_waits_in_the_outbox_leaves_first(running: Running) -> None:
    running.track("a.happened")
    running.nurture.advance.batch()

    told = said(running)

    assert [one.state.value for one in running.deliveries()] == ["pending"]
    assert next(step for _, _, step in told) == "again"
    assert [one for one in lived(running) if one[2] != "hello"] == sorted(told, key=str)


def test_who_has_no_phone_is_told_to_be_skipped_and_is(sqlite_url: str, running: Running) -> None:
    running.add("bea@example.org", phone=None)
    running.track("a.happened", "bea@example.org")
    running.run()

    told = said(running, 2)

    assert ("skipped", "ring") in [(kind, step) for _, kind, step in told]


def test_a_paused_contact_has_nothing_ahead_and_looking_writes_nothing(running: Running) -> None:
    from nurture.services.running import pausing
    from nurture.services.running.pausing import Scope

    running.track("a.happened")
    running.run()
    before = running.enrollments()
    pausing.pause(running.nurture.runtime, Scope(email="ana@example.org"), "holiday")

    assert said(running) == []
    assert running.enrollments() == before


@pytest.mark.parametrize("days", [0, 3, 8])
def test_a_rest_of_their_own_ends_by_itself_and_what_comes_after_it_is_said(
    running: Running, days: int
) -> None:
    running.track("a.happened")
    running.advance(days=days, step_hours=6)
    rest(running.nurture.runtime, running.deliveries()[0].key, weeks=2)
    running.run()

    told = said(running)
    comes = lived(running)

    assert len(told) >= 4
    assert sorted(told, key=str) == comes


@pytest.mark.parametrize("outcome", ["voicemail", "reached", "do-not-call", "call-back"])
def test_what_was_just_said_of_a_call_is_reckoned_with(running: Running, outcome: str) -> None:
    running.track("a.happened")
    running.advance(days=4, step_hours=6)
    with running.nurture.database.read() as tx:
        (call,) = tasks.waiting(tx)
    again = running.clock.now() + timedelta(days=3) if outcome == "call-back" else None
    kim = Account(1, "kim@example.org", "Kim", Role.SALES)
    calls.report(running.nurture.runtime, call.id, outcome, kim, at=again)

    told = said(running)

    assert sorted(told, key=str) == lived(running)
    assert (outcome == "voicemail") == ("sorry" in [step for _, _, step in told])


@pytest.mark.parametrize("holdout", ["0%", "99%"])
@pytest.mark.parametrize("start", ["2026-03-05T14:00", "2026-10-28T03:30"])
def test_workflows_that_want_the_same_days_share_them_as_was_said(
    sqlite_url: str, tmp_path: Path, holdout: str, start: str
) -> None:
    at = datetime.fromisoformat(f"{start}+00:00")
    running = a_nurture(sqlite_url, tmp_path, mails=MAILS + RIVALS, at=at)
    toml = running.project / "nurture.toml"
    toml.write_text(f'{toml.read_text()}\n[caps]\nmessages = "2 per 3 days"\nquiet = "18:00-09:00"\n')
    running.write("templates/call/ring.txt", "Call.\n")
    for name, text in (("life", LIFE), ("back", BACK), ("rival", RIVAL % holdout)):
        running.write(f"workflows/{name}.yaml", text)
    running.publish()
    running.add()
    running.track("a.happened")
    running.run()

    told = said(running)

    assert {step for _, _, step in told} >= {"rival-four", "again", "come-back"}
    assert sorted(told, key=str) == lived(running)
    running.nurture.close()
