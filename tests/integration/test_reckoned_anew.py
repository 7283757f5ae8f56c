"""What a wait is counted by changes while somebody waits: it is counted anew, told, and the message goes once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from nurture.model.words import Reason
from nurture.services.contacts import add_contact
from nurture.services.story.why import Why, why
from tests.support.running import Running, a_nurture

ANA = "ana@example.org"
WORKFLOW = """\
workflow: {name}
title: One
purpose: nurture
{calendar}
stages:
  - stage: first
    need: Know more
    trigger: a.happened
    validate: b.happened
    steps:
      - {{email: hello, {rule}}}
      - {{call_task: ring, assign: round-robin sales}}
    loss: [{{after: 30 days, reason: timed-out}}]
"""


def waiting(
    running: Running, rule: str, zone: str | None = "America/Toronto", calendar: str = "calendar: business"
) -> None:
    """Ana waits since Monday at nine by this rule."""
    running.write("templates/call/ring.txt", "Call {{ contact.first_name or 'them' }}.\n")
    running.write("workflows/one.yaml", WORKFLOW.format(name="one", rule=rule, calendar=calendar))
    running.publish()
    running.add(timezone=zone)
    running.track("a.happened")
    running.run()


def rewrite(running: Running, old: str, new: str) -> None:
    toml = running.project / "nurture.toml"
    running.write("nurture.toml", toml.read_text().replace(old, new))
    running.publish()
    running.clock.advance(seconds=2)
    running.run()


def move_to(running: Running, zone: str) -> None:
    contact = running.add()  # as it is
    add_contact.edit(running.nurture.runtime, contact.id, {"timezone": zone}, "a test")
    running.run()


def due(running: Running) -> str:
    (one,) = running.enrollments()
    return f"{one.due:%a %d %H:%M}" if one.due else "nothing"


def told(running: Running) -> Why:
    return why(running.nurture.runtime, ANA)


@pytest.fixture
def running(any_database: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(any_database, tmp_path, mails=("hello",))
    yield running
    running.nurture.close()


def test_a_contact_who_moves_gets_the_message_once_by_the_new_clock(running: Running) -> None:
    waiting(running, "after: 1 day, at: '09:30'")
    assert due(running) == "Tue 03 14:30"

    move_to(running, "Europe/Berlin")

    assert due(running) == "Tue 03 08:30"
    assert told(running).turns[-1].reason == Reason.RECKONED_ANEW
    assert "because what its time is counted by has changed" in told(running).turns[-1].said
    running.advance(step_hours=0.5, days=2)
    assert running.states() == [("hello", "sent", None)]
    assert running.deliveries()[0].ended_at == running.deliveries()[0].due


def test_a_contact_who_moves_to_where_it_is_past_that_time_gets_the_message_at_once(running: Running) -> None:
    waiting(running, "after: 1 day, at: '09:30'")
    running.advance(hours=22)

    move_to(running, "Europe/Berlin")
    move_to(running, "America/Vancouver")
    running.advance(days=2)

    assert running.states() == [("hello", "sent", None)]


def test_a_message_that_is_on_its_way_is_not_moved(running: Running) -> None:
    waiting(running, "after: 1 day, at: '09:30'")
    running.clock.advance(hours=25)
    running.nurture.advance.batch()

    move_to(running, "America/Vancouver")
    running.advance(days=2)

    assert running.states() == [("hello", "sent", None)]


def test_a_published_holiday_moves_who_waits_and_why_says_so(running: Running) -> None:
    waiting(running, "after: 1 business day, at: '09:30'")
    assert due(running) == "Tue 03 14:30"

    rewrite(running, 'days = "mon-fri"', 'days = "mon-fri"\nholidays = ["2026-03-03"]')

    assert due(running) == "Wed 04 14:30"
    last = told(running).turns[-1]
    assert (last.decision, last.reason) == ("wait", Reason.RECKONED_ANEW)
    assert "Tue 3 Mar 2026 is a holiday (in calendar business)" in last.said
    assert told(running).next[0].at == running.enrollments()[0].due


def test_a_holiday_that_is_taken_back_brings_the_message_forward(running: Running) -> None:
    holiday = '\nholidays = ["2026-03-03"]'
    waiting(running, "after: 1 business day, at: '09:30'")
    rewrite(running, 'days = "mon-fri"', f'days = "mon-fri"{holiday}')

    rewrite(running, holiday, "")
    running.advance(hours=25)

    assert due(running) != "Wed 04 14:30"
    assert running.states() == [("hello", "sent", None)]


def test_our_own_zone_moves_those_who_have_none(running: Running) -> None:
    waiting(running, "after: 1 day, at: '09:30'", zone=None, calendar="")

    rewrite(running, 'timezone = "America/Toronto"', 'timezone = "Europe/Berlin"')

    assert due(running) == "Tue 03 08:30"


def test_our_own_zone_leaves_those_alone_who_have_one(running: Running) -> None:
    waiting(running, "after: 1 day, at: '09:30'")
    before = told(running).turns

    rewrite(running, 'timezone = "America/Toronto"', 'timezone = "Europe/Berlin"')

    assert due(running) == "Tue 03 14:30"
    assert told(running).turns == before


def test_an_open_call_keeps_the_times_somebody_counts_on(running: Running) -> None:
    waiting(running, "after: 1 hour")
    running.advance(hours=2)
    card = running.calls()

    rewrite(running, 'days = "mon-fri"', 'days = "mon-fri"\nholidays = ["2026-03-03"]')

    assert card == running.calls() == [("ring", "open", "kim@example.org")]
    opened = [line.said for line in told(running).turns if line.decision == "call"]
    assert len(opened) == 1
    assert "to be made by Tue 3 Mar 2026 10:00" in opened[0]


def test_many_who_wait_are_looked_at_over_minutes_those_due_soonest_first(
    sqlite_url: str, tmp_path: Path
) -> None:
    running = a_nurture(sqlite_url, tmp_path, mails=("hello",))
    waiting(running, "after: 1 business day, at: '09:30'")
    emails = [f"p{number:03}@example.org" for number in range(70)]
    for email in emails:
        running.add(email)
        running.track("a.happened", email)
    running.nurture.run_until_idle()
    toml = running.project / "nurture.toml"
    running.write(
        "nurture.toml", toml.read_text().replace('"mon-fri"', '"mon-fri"\nholidays = ["2026-03-03"]')
    )

    running.publish()

    seen = []
    for _ in range(3):
        running.clock.advance(seconds=2)
        seen.append(running.nurture.due().turns)
        running.run()
        running.clock.advance(seconds=58)
    assert seen == [60, 11, 0]
    running.clock.at += timedelta(days=1)
    running.run()
    assert running.mails() == []
    running.nurture.close()
