"""Who gets a call: the owner who is there, else the one of the team with room that day, else the one with the fewest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from nurture.db import contacts
from nurture.model.accounts import Role
from nurture.services.phone import assign
from nurture.services.staff import accounts
from tests.support.running import TOML, Running, a_nurture

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
      - {call_task: ring, assign: %s}
    loss:
      - {after: 30 days, reason: timed-out}
"""
TUESDAY = date(2026, 3, 3)
"""Calls that appear on Monday are due a business day later."""


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(sqlite_url, tmp_path)
    running.write("templates/call/ring.txt", "Call.\n")
    yield running
    running.nurture.close()


def with_team(running: Running, team: str, rule: str = "round-robin sales") -> None:
    running.write("nurture.toml", TOML.replace("[teams.sales]", f"[teams.sales]\n{team}"))
    running.write("workflows/one.yaml", WORKFLOW % rule)
    running.publish()


def call(running: Running, email: str, **over: object) -> str | None:
    """A new contact is to be called; returns by whom."""
    running.add(email, **over)
    running.track("a.happened", email=email)
    running.run()
    return running.calls(email)[0][2]


def owner_of(running: Running, email: str) -> str | None:
    with running.nurture.database.read() as tx:
        return contacts.by_email(tx, [email])[email].owner


def test_who_is_away_on_the_day_a_call_is_due_does_not_get_it(running: Running) -> None:
    with_team(running, 'absences = { "KIM@example.org" = ["2026-03-03"] }')

    assigned = Counter(call(running, f"c{number}@example.org") for number in range(3))

    assert assigned == {"lee@example.org": 3}


def test_being_away_on_the_day_of_assigning_matters_to_nobody(running: Running) -> None:
    with_team(running, 'absences = { "kim@example.org" = ["2026-03-02"] }')

    assert call(running, "ana@example.org") == "kim@example.org"


def test_an_absence_is_a_date_of_the_workspaces_zone(running: Running) -> None:
    running.clock.advance(hours=10)  # it is due at seven in the evening in Toronto, which is tomorrow by UTC
    with_team(running, 'absences = { "kim@example.org" = ["2026-03-04"] }')

    assert call(running, "ana@example.org", timezone="America/Los_Angeles") == "kim@example.org"


def test_who_has_as_many_calls_as_they_can_take_gets_no_more_while_others_have_room(running: Running) -> None:
    with_team(running, "capacity = 2")
    owned = [call(running, f"own{number}@example.org") for number in range(2)]

    rest = [call(running, f"c{number}@example.org") for number in range(4)]

    assert Counter(owned + rest) == {"kim@example.org": 3, "lee@example.org": 3}
    with running.nurture.database.read() as tx:
        workspace = running.nurture.runtime.shelf.published(tx).workspace
        over = {one.member.key: one.over for one in assign.loads_on(tx, workspace, TUESDAY)}
    assert over == {"kim@example.org": True, "lee@example.org": True}


def test_a_capacity_counts_for_each_day_anew(running: Running) -> None:
    with_team(running, 'capacity = 1\nabsences = { "lee@example.org" = ["2026-03-03"] }')
    monday = [call(running, "ana@example.org"), call(running, "bea@example.org")]
    running.clock.advance(days=1)

    tuesday = [call(running, "carl@example.org"), call(running, "dora@example.org")]

    assert monday == ["kim@example.org", "kim@example.org"]
    assert tuesday == ["kim@example.org", "lee@example.org"]


def test_the_owner_gets_the_call_however_their_address_is_written(running: Running) -> None:
    with_team(running, "", "owner")

    assert call(running, "ana@example.org", owner="Lee Ito <LEE@Example.org>") == "lee@example.org"


def test_an_owner_who_is_away_or_gone_is_stood_in_for_and_stays_the_owner(running: Running) -> None:
    with_team(running, 'absences = { "lee@example.org" = ["2026-03-03"] }', "owner")

    away = call(running, "ana@example.org", owner="lee@example.org")
    gone = call(running, "bea@example.org", owner="mo@example.org")

    assert (away, gone) == ("kim@example.org", "kim@example.org")
    assert [owner_of(running, f"{name}@example.org") for name in ("ana", "bea")] == [
        "lee@example.org",
        "mo@example.org",
    ]


def test_who_makes_the_first_call_of_a_contact_without_an_owner_becomes_the_owner(running: Running) -> None:
    with_team(running, "", "owner")

    first = call(running, "ana@example.org")

    assert first == owner_of(running, "ana@example.org") == "kim@example.org"


def test_when_everybody_is_away_somebody_still_gets_the_call(running: Running) -> None:
    days = '["2026-03-03"]'
    with_team(running, f'absences = {{ "kim@example.org" = {days}, "lee@example.org" = {days} }}')

    assert call(running, "ana@example.org") == "kim@example.org"


def test_a_named_person_gets_the_call_full_or_not(running: Running) -> None:
    with_team(running, "capacity = 1", "Kim@Example.org")

    assert {call(running, f"c{number}@example.org") for number in range(3)} == {"kim@example.org"}


def test_workers_who_give_out_calls_at_once_see_each_others(any_database: str, tmp_path: Path) -> None:
    running = a_nurture(any_database, tmp_path)
    running.write("templates/call/ring.txt", "Call.\n")
    with_team(running, "capacity = 4")
    names = [f"c{number}@example.org" for number in range(8)]
    for name in names:
        running.add(name)
        running.track("a.happened", email=name)

    with ThreadPoolExecutor(8) as workers:
        list(workers.map(running.nurture.advance.batch, [1] * 8))
    running.run()

    assert Counter(running.calls(name)[0][2] for name in names) == {
        "kim@example.org": 4,
        "lee@example.org": 4,
    }
    running.nurture.close()


def test_an_owner_who_logs_in_gets_the_call_in_a_team_or_not(running: Running) -> None:
    with_team(running, "", "owner")
    runtime = running.nurture.runtime
    mo = accounts.add(runtime, "mo@example.org", Role.SALES, "correct horse battery", actor="a test")
    accounts.add(runtime, "vi@example.org", Role.VIEWER, "correct horse battery", actor="a test")

    own = call(running, "ana@example.org", owner="Mo <mo@example.org>")
    of_a_viewer = call(running, "bea@example.org", owner="vi@example.org")
    accounts.set_disabled(runtime, mo, True, actor="a test")
    gone = call(running, "carl@example.org", owner="mo@example.org")

    assert (own, of_a_viewer, gone) == ("mo@example.org", "kim@example.org", "lee@example.org")
