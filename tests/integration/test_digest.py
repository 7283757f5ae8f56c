"""The list in the morning: once for each caller with something to do, with names and reasons, without numbers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from nurture.db import notices, tasks
from nurture.model.accounts import Role
from nurture.services.phone import calls
from nurture.services.running import pausing
from nurture.services.running.pausing import Scope
from nurture.services.staff import accounts
from tests.support.running import TOML, Running, a_nurture

WORKFLOW = """\
workflow: one
title: One
purpose: nurture
calendar: business
stages:
  - stage: first
    need: Know where I stand
    trigger: a.happened
    validate: b.happened
    steps:
      - {call_task: guide-arrived, assign: owner}
    loss:
      - {after: 60 days, reason: timed-out}
"""


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_company(sqlite_url, tmp_path)
    yield running
    running.nurture.close()


def a_company(database_url: str, folder: Path, team: str = "") -> Running:
    running = a_nurture(database_url, folder)
    running.write("nurture.toml", TOML.replace("[teams.sales]", f"[teams.sales]\n{team}"))
    running.write("templates/call/guide-arrived.txt", "Call.\n")
    running.write("workflows/one.yaml", WORKFLOW)
    running.publish()
    return running


def to_be_called(running: Running, email: str = "ana@example.org", **over: object) -> None:
    running.add(email, **{"owner": "kim@example.org", **over})
    running.track("a.happened", email=email)
    running.run()


def lists(running: Running) -> list[EmailMessage]:
    return [mail for mail in running.mails() if "call" in mail["Subject"]]


def words(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_a_caller_gets_the_list_of_the_day_once_from_half_past_seven(running: Running) -> None:
    to_be_called(running)
    running.advance(hours=22, step_hours=2)  # seven in the morning
    before = lists(running)

    running.advance(hours=5, step_hours=0.5)

    (mail,) = lists(running)
    assert before == []
    assert (mail["To"], mail["Subject"]) == ("kim@example.org", "1 call today")
    for kind in ("plain", "html"):
        said = words(mail, kind)
        assert "Ana" in said
        assert "Guide arrived: Know where I stand" in said
        assert "by 09:00" in said
        assert "http://127.0.0.1:8000/admin/calls" in said


def test_the_list_holds_no_number_and_no_address(running: Running) -> None:
    to_be_called(running, first_name=None)
    running.advance(days=1, step_hours=12)

    (mail,) = lists(running)

    for kind in ("plain", "html"):
        assert "5550100" not in words(mail, kind)
        assert "ana@" not in words(mail, kind)
        assert "A contact without a name" in words(mail, kind)


def test_a_hostile_name_stays_text(running: Running) -> None:
    to_be_called(running, first_name="<script>alert(1)</script>{{ 7*7 }}")
    running.advance(days=1, step_hours=12)

    (mail,) = lists(running)

    assert "<script" not in words(mail, "html")
    assert "{{ 7*7 }}" in words(mail)


def test_times_are_on_the_callers_clock_and_the_contacts(running: Running) -> None:
    account = accounts.add(
        running.nurture.runtime, "kim@example.org", Role.SALES, "correct horse battery", actor="a test"
    )
    accounts.set_profile(running.nurture.runtime, account, "Kim", "America/Vancouver")
    to_be_called(running, timezone="America/Halifax")
    running.advance(days=1, step_hours=0.5)

    (mail,) = lists(running)

    assert "by 06:00 (10:00 there)" in words(mail)
    assert "Times are in America/Vancouver" in words(mail)


def test_what_is_overdue_stands_on_every_list_until_it_is_made(running: Running) -> None:
    to_be_called(running)

    running.advance(days=3, step_hours=6)

    assert [mail["Subject"] for mail in lists(running)] == ["1 call today", "1 call today, overdue"] + [
        "1 call today, overdue"
    ] * (len(lists(running)) - 2)
    assert len(lists(running)) == 3


def test_nobody_gets_an_empty_list(running: Running) -> None:
    running.add()

    running.advance(days=2, step_hours=6)

    assert lists(running) == []


def test_there_is_no_list_on_a_day_on_which_nobody_works(running: Running) -> None:
    to_be_called(running)
    running.clock.advance(days=4, hours=-1)
    running.run()
    friday = len(lists(running))

    running.advance(days=2, hours=12, step_hours=6)  # Saturday and Sunday

    assert (friday, len(lists(running))) == (1, 1)


def test_a_clock_that_jumps_makes_one_list_and_no_burst(running: Running) -> None:
    to_be_called(running)

    running.clock.advance(days=3)
    running.run()
    running.run()

    assert len(lists(running)) == 1


def test_a_list_that_comes_in_the_evening_is_not_sent(running: Running) -> None:
    to_be_called(running)

    running.clock.advance(days=1, hours=8)  # five in the afternoon
    running.run()

    assert lists(running) == []


def test_who_is_away_gets_no_list(sqlite_url: str, tmp_path: Path) -> None:
    running = a_company(
        sqlite_url, tmp_path, 'absences = { "kim@example.org" = ["2026-03-04"], "lee@example.org" = [] }'
    )
    to_be_called(running)

    running.advance(days=2, step_hours=6)

    assert [mail["Date"].datetime.day for mail in lists(running)] == [3]
    running.nurture.close()


def test_a_caller_who_is_in_no_team_gets_the_list_of_what_was_given_to_them(running: Running) -> None:
    runtime = running.nurture.runtime
    mo = accounts.add(runtime, "mo@example.org", Role.MARKETER, "correct horse battery", actor="a test")
    to_be_called(running)
    with running.nurture.database.read() as tx:
        (call,) = tasks.waiting(tx)
    calls.assign_to(runtime, call.id, "mo@example.org", mo)

    running.advance(days=1, step_hours=0.5)

    (mail,) = lists(running)
    assert mail["To"] == "mo@example.org"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("America/Toronto", "2026-03-08"),  # an hour is missing in the night
        ("America/Toronto", "2026-11-01"),  # an hour comes twice
        ("Pacific/Apia", "2011-12-30"),  # the whole day is missing
        ("Antarctica/Troll", "2026-03-29"),  # two hours are missing
    ],
)
def test_on_days_when_the_clocks_change_there_is_one_list_a_day(
    sqlite_url: str, tmp_path: Path, zone: str, day: str
) -> None:
    around = datetime.fromisoformat(f"{day}T00:00+00:00") - timedelta(days=2)
    running = a_nurture(sqlite_url, tmp_path, at=around)
    every_day = TOML.replace('days = "mon-fri"', 'days = "mon-sun"').replace("America/Toronto", zone)
    running.write("nurture.toml", every_day)
    running.write("templates/call/guide-arrived.txt", "Call.\n")
    running.write("workflows/one.yaml", WORKFLOW)
    running.publish()
    to_be_called(running)

    running.advance(days=4, step_hours=0.25)

    dates = [parsedate_to_datetime(mail["Date"]).astimezone(ZoneInfo(zone)).date() for mail in lists(running)]
    assert len(dates) == len(set(dates)) >= 3
    running.nurture.close()


def test_after_days_of_a_stop_only_the_list_of_today_comes(running: Running) -> None:
    to_be_called(running)
    running.advance(days=1, step_hours=0.5)
    before = len(lists(running))
    pausing.pause(running.nurture.runtime, Scope(), "a storm")
    running.advance(days=2.75, step_hours=3)
    while_stopped = len(lists(running))

    pausing.resume(running.nurture.runtime, Scope(), "it is over")
    running.advance(days=1, step_hours=3)

    assert (before, while_stopped) == (1, 1)
    assert len(lists(running)) == 2


def test_a_list_that_was_held_over_night_is_not_sent_the_next_day(running: Running) -> None:
    to_be_called(running)
    running.clock.advance(days=1)
    running.nurture.sweep()
    pausing.pause(running.nurture.runtime, Scope(), "a storm")
    running.clock.advance(hours=20)

    pausing.resume(running.nurture.runtime, Scope(), "it is over")
    running.nurture.send_notices()

    assert lists(running) == []
    with running.nurture.database.read() as tx:
        (held,) = notices.latest(tx)
    assert (held.state, held.detail) == ("failed", "it was held until it was of no use")
