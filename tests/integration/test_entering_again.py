"""Entering again while one is under way, or at the same moment twice: by rule, and every event leaves one trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from nurture.db import events, turns
from nurture.model.words import Status
from nurture.services.running.doctor import examine
from tests.support.running import Running, a_nurture, track_by_email

WORKFLOW = """\
workflow: one
title: One
purpose: nurture
reentry: never
stages:
  - stage: first
    need: Know more
    trigger: a.happened
    validate: b.happened
    steps:
      - {email: hello}
      - {wait_until: quote.requested, timeout: 20 days, on_timeout: [{email: again}]}
      - {email: later}
    loss: [{after: 60 days, reason: timed-out}]
"""
ANA = "ana@example.org"
THREADS = 2


@pytest.fixture
def make(any_database: str, tmp_path: Path) -> Iterator[Callable[[str], Running]]:
    running = a_nurture(any_database, tmp_path, mails=("hello", "again", "later"))

    def with_reentry(rule: str) -> Running:
        running.write("workflows/one.yaml", WORKFLOW.replace("reentry: never", f"reentry: {rule}"))
        running.publish()
        running.add()
        return running

    yield with_reentry
    running.nurture.close()


def ask(running: Running) -> tuple[list[tuple[str, str | None]], list[str]]:
    """How every enrollment stands, and why entries were refused."""
    own = running.enrollments()
    with running.nurture.database.read() as tx:
        refusals = [one.reason for one in turns.refusals_of(tx, own[0].contact_id)]
    return [(one.status.value, one.end_reason) for one in own], refusals


def at_once(running: Running, *ids: str) -> None:
    """Several threads report the same event at one moment, each under its id."""
    together = Barrier(len(ids))

    def report(id_: str) -> None:
        together.wait()
        track_by_email(running.nurture.runtime, ANA, "a.happened", {}, id=id_)

    with ThreadPoolExecutor(len(ids)) as pool:
        list(pool.map(report, ids))
    running.run()


@pytest.mark.parametrize(
    ("rule", "after_hours", "stand", "refused"),
    [
        ("never", 48, [("active", None)], ["already-enrolled"]),
        ("10 days", 48, [("active", None)], ["already-enrolled"]),
        ("always", 3, [("active", None)], ["already-enrolled"]),
        ("always", 48, [("exited", "restarted"), ("active", None)], []),
    ],
)
def test_a_second_request_while_one_is_under_way_follows_the_rule(
    make: Callable[[str], Running],
    rule: str,
    after_hours: int,
    stand: list[tuple[str, str | None]],
    refused: list[str],
) -> None:
    running = make(rule)
    running.track("a.happened")
    running.advance(step_hours=24, hours=after_hours)

    running.track("a.happened")
    running.run()

    assert ask(running) == (stand, refused)
    assert running.moves().count("entered first") == len(stand)
    assert [state for name, state, _ in running.states() if name == "hello"] == ["sent"] * len(stand)
    assert examine(running.nurture.runtime).ok


def test_a_goal_reached_while_a_wait_is_pending_ends_the_wait_and_leaves_one_trace(
    make: Callable[[str], Running],
) -> None:
    running = make("never")
    running.track("a.happened")
    running.advance(step_hours=24, days=2)

    running.track("b.happened")
    running.track("quote.requested")
    running.advance(step_hours=24 * 7, days=30)

    assert running.moves() == ["entered first", "validated first", "completed first"]
    assert running.states() == [("hello", "sent", None)]
    assert [one.status for one in running.enrollments()] == [Status.COMPLETED]
    assert examine(running.nurture.runtime).ok


@pytest.mark.parametrize("rule", ["never", "10 days", "always"])
def test_the_same_request_twice_at_one_moment_enters_once(make: Callable[[str], Running], rule: str) -> None:
    running = make(rule)

    at_once(running, *(f"form-{number}" for number in range(THREADS)))

    assert ask(running) == ([("active", None)], ["already-enrolled"])
    assert running.moves() == ["entered first"]
    assert running.states() == [("hello", "sent", None)]


@pytest.mark.parametrize("rule", ["never", "always"])
def test_one_request_that_is_reported_twice_at_one_moment_is_one_event(
    make: Callable[[str], Running], rule: str
) -> None:
    running = make(rule)

    at_once(running, *["form-1"] * THREADS)

    (own,) = running.enrollments()
    with running.nurture.database.read() as tx:
        stored = [one.name for one in events.of_contact(tx, own.contact_id, limit=10)]
    assert stored.count("a.happened") == 1
    assert ask(running)[1] == []
    assert running.states() == [("hello", "sent", None)]


def test_two_requests_at_one_moment_restart_an_old_enrollment_once(make: Callable[[str], Running]) -> None:
    running = make("always")
    running.track("a.happened")
    running.advance(step_hours=24, days=3)

    at_once(running, *(f"form-{number}" for number in range(THREADS)))

    assert ask(running) == ([("exited", "restarted"), ("active", None)], ["already-enrolled"])
    assert [move for move in running.moves() if move.startswith("e")] == [
        "entered first",
        "exited first",
        "entered first",
    ]
    assert [name for name, _, _ in running.states()].count("hello") == 2


def test_who_stands_in_a_stage_that_a_later_version_removed_can_ask_again(make):
    running = make("never")
    second = (
        "  - {stage: second, need: Go on, validate: meeting.booked, loss: [{after: 9 days, reason: late}]}\n"
    )
    running.write("workflows/one.yaml", WORKFLOW + second)
    running.publish()
    running.track("a.happened")
    running.track("b.happened")
    running.run()
    assert [one.stage for one in running.enrollments()] == ["second"]
    running.write("workflows/one.yaml", WORKFLOW)
    running.publish()

    running.track("a.happened")

    assert ask(running) == ([("active", None)], ["already-enrolled"])
