"""A message a day at a clock time that a change of clocks skips or repeats: neither doubled nor left out, anywhere."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from nurture.model.decisions import Send
from nurture.workflow.model import Workflow
from tests.support.worlds import a_contact, a_world, one_stage
from tests.unit.timing_questions import BACK, FORWARD, SKIPPED_DAYS, clock, span

DAYS = 8
CHANGES = sorted({*FORWARD.items(), *BACK.items()})
INTO_THE_NEXT_DAY = ("America/Nuuk", FORWARD["America/Nuuk"])
"""A gap just before midnight: its 23:30 is read as half past midnight, and the next day's is counted from there."""


def daily(at: datetime) -> Workflow:
    steps = [f"{{email: mail-{number}, after: 1 day, at: '{clock(at)}'}}" for number in range(DAYS)]
    return one_stage("\n".join(f"- {step}" for step in steps))


def days_of_mails(zone: str, at: datetime, entered: datetime) -> list[datetime]:
    """The wall-clock times of all the mails to a contact there who entered then."""
    start = entered.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    world = a_world(daily(at), contact=a_contact(timezone=zone), now=start)
    world.track("a.happened")
    world.advance(days=DAYS + 3)
    sent = [moment for moment, _, decision in world.log if isinstance(decision, Send)]
    assert len(sent) == DAYS
    assert all(moment.tzinfo is UTC for moment in sent)
    return [moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for moment in sent]


def days_from(first: date) -> list[date]:
    return [first + timedelta(days=number) for number in range(DAYS)]


@pytest.mark.parametrize(
    ("zone", "change"), [each for each in CHANGES if each != INTO_THE_NEXT_DAY], ids=lambda value: value
)
def test_a_daily_message_comes_once_a_day_over_a_change_of_clocks(zone: str, change: str) -> None:
    first, inside, _ = span(change)
    entered = inside - timedelta(days=4)

    sent = days_of_mails(zone, inside, entered)

    assert [moment.date() for moment in sent] == days_from(entered.date() + timedelta(days=1))
    assert {clock(moment) for moment in sent if moment.date() != first.date()} == {clock(inside)}


def test_the_changes_go_round_the_earth() -> None:
    assert len({zone for zone, _ in CHANGES}) >= 17


def test_a_time_that_a_gap_carries_over_midnight_counts_as_the_next_day() -> None:
    zone, change = INTO_THE_NEXT_DAY
    _, inside, _ = span(change)

    sent = days_of_mails(zone, inside, inside - timedelta(days=2))

    assert [f"{moment:%a %H:%M}" for moment in sent[:4]] == [
        "Fri 23:30",
        "Sun 00:30",
        "Mon 23:30",
        "Tue 23:30",
    ]


@pytest.mark.parametrize(("zone", "missing"), SKIPPED_DAYS.items())
def test_a_day_that_was_skipped_gets_its_message_a_day_later_and_none_is_doubled(
    zone: str, missing: str
) -> None:
    gone = datetime.fromisoformat(missing).replace(hour=9)

    sent = days_of_mails(zone, gone, gone - timedelta(days=3))

    dates = [moment.date() for moment in sent]
    assert gone.date() not in dates
    assert len(set(dates)) == DAYS
    assert {clock(moment) for moment in sent} == {"09:00"}
