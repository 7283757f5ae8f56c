"""Does a workflow that leaves its planned volume stop by itself, say so, and go on only when a person says so?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from nurture.db import audit, pauses
from nurture.db.volume import BREAKER
from nurture.model.workspace import Limits
from nurture.services.files.drafts import NO_FOLDER
from nurture.services.releases.breaker import Breaker, Trip, ceiling
from nurture.services.running import doctor
from nurture.services.running.needs import needs_of
from nurture.services.running.pausing import Scope, resume
from tests.support.running import TOML, Running, a_nurture

WORKFLOW = """\
workflow: one
purpose: nurture
stages:
  - stage: first
    need: Know more
    trigger: a.happened
    validate: b.happened
    steps: [{email: hello}, {email: again, after: 1 hour}, {email: more, after: 1 day}]
    loss: [{after: 30 days, reason: timed-out}]
"""


@pytest.fixture
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    url = str(request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_url"))
    running = a_nurture(url, tmp_path, mails=("hello", "again", "more"))
    running.write("nurture.toml", TOML + "\n[limits]\nfactor = 2\nfloor = 3\n")
    running.write("workflows/one.yaml", WORKFLOW)
    running.publish()
    yield running
    running.nurture.close()


def come(running: Running, *names: str) -> None:
    for name in names:
        running.add(f"{name}@example.org")
        running.track("a.happened", f"{name}@example.org")
    running.run()


def look(running: Running) -> list[Trip]:
    return Breaker(running.nurture.runtime).look()


def test_a_workflow_beyond_its_ceiling_is_paused_and_everybody_is_told(running: Running) -> None:
    come(running, "ana", "bea", "carl", "dora")

    (trip,) = look(running)

    assert (trip.workflow, trip.planned, trip.foreseen, trip.most) == ("one", 4, 0, 3)
    with running.nurture.database.read() as tx:
        (pause,) = pauses.open_pauses(tx)
        deed = audit.latest(tx)[0]
    assert (pause.workflow, pause.actor) == ("one", BREAKER)
    assert (deed.actor, deed.action, deed.subject) == (BREAKER, "pause", "one")
    assert "4 messages planned today" in pause.reason
    needs = {need.code: need for need in needs_of(running.nurture.runtime, NO_FOLDER)}
    assert needs["beyond-its-plan"].subject == "one"
    assert "beyond-its-plan" in {one.code for one in doctor.examine(running.nurture.runtime).findings}


def test_within_its_volume_nothing_stops(running: Running) -> None:
    come(running, "ana", "bea", "carl")

    assert look(running) == []


def test_without_a_word_in_the_settings_a_first_mass_mailing_is_no_fault(running: Running) -> None:
    nothing_foreseen = {"days": ["2026-03-02"], "messages": {"one": [0]}}
    some_foreseen = {"days": ["2026-03-02"], "messages": {"one": [5]}}
    day = date(2026, 3, 2)

    assert ceiling(nothing_foreseen, "one", day, Limits()) is None
    assert ceiling({}, "one", day, Limits()) is None
    assert ceiling(some_foreseen, "one", day, Limits()) == (5, 1_050)
    assert ceiling({}, "one", day, Limits(floor=3)) == (0, 3)


def test_it_looks_once_a_minute_and_pauses_once(running: Running) -> None:
    breaker = Breaker(running.nurture.runtime)
    assert breaker.look() == []
    come(running, "ana", "bea", "carl", "dora")

    first = breaker.look()
    running.clock.advance(minutes=1)
    second, third = breaker.look(), look(running)

    assert (first, third) == ([], [])
    assert [one.workflow for one in second] == ["one"]


@pytest.mark.parametrize("running", ["sqlite", "postgres"], indirect=True)
def test_a_person_lets_it_go_and_the_count_of_the_day_begins_anew(running: Running) -> None:
    come(running, "ana", "bea", "carl", "dora")
    look(running)
    running.clock.advance(minutes=1)

    resume(running.nurture.runtime, Scope(workflow="one"), "they all came from the fair")
    running.run()
    again = look(running)
    running.clock.advance(hours=1)
    running.run()
    beyond = look(running)

    assert again == []
    assert [one.planned for one in beyond] == [4]


def test_the_ceiling_is_a_floor_and_a_factor_of_what_the_plan_foresaw() -> None:
    expected = {"days": ["2026-03-02", "2026-03-03"], "messages": {"one": [10, 200]}}
    limits = Limits(factor=2, floor=100)

    assert ceiling(expected, "one", date(2026, 3, 2), limits) == (10, 120)
    assert ceiling(expected, "one", date(2026, 3, 3), limits) == (200, 500)
    assert ceiling(expected, "one", date(2026, 5, 1), limits) == (200, 500)
    assert ceiling({}, "one", date(2026, 3, 2), limits) == (0, 100)
