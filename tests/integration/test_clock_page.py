"""In a demo time passes as in life: what falls due on the way is done on the way. Nowhere else does the clock move."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from nurture.db import audit, outcomes, state, tasks
from nurture.model.accounts import Account, Role
from nurture.model.clock import FrozenClock
from nurture.model.errors import NurtureError
from nurture.services.phone import calls
from nurture.services.running import clock as service
from nurture.services.runtime import Runtime
from nurture.wiring import Nurture
from tests.support.browsing import a_browser
from tests.support.running import Running, a_nurture
from tests.support.worlds import MONDAY

WORKFLOW = """\
    workflow: short
    title: From the guide to a first review
    purpose: nurture
    stages:
      - stage: first
        need: Know where I stand
        trigger: a.happened
        validate: b.happened
        steps:
          - {email: one, after: 1 day}
          - {email: two, after: 2 days}
          - {call_task: talk, after: 1 hour, hold: no}
          - {email: three, after: 2 days}
        loss:
          - {after: 60 days, reason: silent}
    """


@pytest.fixture
def demo(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    """Both clocks stand on Monday morning; business time is ahead by what the database says."""
    running = a_nurture(sqlite_url, tmp_path, mails=("one", "two", "three"))
    assert isinstance(running.nurture.clock, FrozenClock)
    running.clock.operational_at = MONDAY
    running.write("workflows/short.yaml", WORKFLOW)
    running.write("templates/call/talk.txt", "Hello.")
    running.publish()
    running.add()
    running.track("a.happened")
    yield running
    running.nurture.database.dispose()


def work(running: Running, stops: list[datetime] | None = None) -> service.Work:
    def do(moved: Runtime) -> None:
        if stops is not None:
            stops.append(moved.now())
        Nurture(running.nurture.settings, moved).run_until_idle()

    return do


def sent_at(running: Running) -> list[tuple[str, timedelta]]:
    return [(one.template, one.ended_at - MONDAY) for one in running.deliveries() if one.ended_at is not None]


def ahead(running: Running) -> timedelta:
    with running.nurture.database.read() as tx:
        return state.clock_offset(tx)


def test_a_week_stops_at_every_moment_at_which_something_is_due(demo: Running) -> None:
    stops: list[datetime] = []

    passed = service.advance_smoothly(demo.nurture.runtime, timedelta(weeks=1), work(demo, stops), "kim")

    assert sent_at(demo) == [
        ("one", timedelta(days=1)),
        ("two", timedelta(days=3)),
        ("three", timedelta(days=5, hours=1)),
    ]
    assert (passed.done.messages, passed.done.calls, passed.all_done) == (3, 1, True)
    assert ahead(demo) == timedelta(weeks=1)
    assert passed.reading.now == MONDAY + timedelta(weeks=1)
    assert len(stops) < 10


def test_who_has_no_more_patience_jumps_the_rest_and_leaves_it_to_the_workers(demo: Running) -> None:
    passed = service.advance_smoothly(demo.nurture.runtime, timedelta(weeks=1), work(demo), "kim", patience=0)

    assert not passed.all_done
    assert passed.done.messages == 0
    assert ahead(demo) == timedelta(weeks=1)


def test_the_clock_stops_where_its_work_fails_and_can_be_moved_again(demo: Running) -> None:
    def fail(moved: Runtime) -> None:
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError):
        service.advance_smoothly(demo.nurture.runtime, timedelta(days=1), fail, "kim")
    stopped = ahead(demo)
    service.advance_smoothly(demo.nurture.runtime, timedelta(days=1), work(demo), "kim")

    assert stopped == timedelta()
    assert ahead(demo) == timedelta(days=1)


def test_two_clicks_at_once_let_the_time_pass_once(demo: Running) -> None:
    def click_again(moved: Runtime) -> None:
        with pytest.raises(NurtureError, match="just now"):
            service.advance_smoothly(demo.nurture.runtime, timedelta(days=1), work(demo), "lee")

    service.advance_smoothly(demo.nurture.runtime, timedelta(days=1), click_again, "kim")

    assert ahead(demo) == timedelta(days=1)


def test_a_click_moves_the_clock_says_what_fell_due_and_goes_back(demo: Running) -> None:
    browser = a_browser(demo, Role.MARKETER)

    answer = browser.post("/admin/clock", by="3d", back="/admin/contacts?q=ana")
    page = browser.get(answer.location).text

    assert (answer.status_code, answer.location) == (303, "/admin/contacts?q=ana")
    assert "Time went by: 2 mails went out." in page
    with demo.nurture.database.read() as tx:
        deed = audit.latest(tx)[0]
    assert (deed.actor, deed.action, deed.detail) == (
        "marketer@example.org",
        "advance",
        {"seconds": 259_200.0},
    )


def test_every_page_has_the_control_for_who_may_use_it(demo: Running) -> None:
    assert 'action="/admin/clock"' in a_browser(demo, Role.MARKETER).get("/admin/contacts").text
    assert 'action="/admin/clock"' not in a_browser(demo, Role.SALES).get("/admin/contacts").text


@pytest.mark.parametrize("role", [Role.SALES, Role.VIEWER])
def test_only_marketers_move_it(demo: Running, role: Role) -> None:
    answer = a_browser(demo, role).post("/admin/clock", by="1d")

    assert answer.status_code == 403
    assert ahead(demo) == timedelta()


def test_a_workspace_in_earnest_has_no_such_control(demo: Running) -> None:
    toml = (demo.project / "nurture.toml").read_text()
    demo.write("nurture.toml", toml.replace('clock = "movable"\n', ""))
    demo.publish()
    browser = a_browser(demo, Role.MARKETER)

    answer = browser.post("/admin/clock", by="1d")

    assert answer.status_code == 404
    assert 'action="/admin/clock"' not in browser.get("/admin/contacts").text
    assert ahead(demo) == timedelta()
    with pytest.raises(NurtureError, match="does not move"):
        service.advance_smoothly(demo.nurture.runtime, timedelta(days=1), work(demo), "kim")


@pytest.mark.parametrize("by", ["", "10y", "-1d", "1d' --"])
def test_only_the_spans_of_the_buttons_are_taken(demo: Running, by: str) -> None:
    answer = a_browser(demo, Role.ADMIN).post("/admin/clock", by=by)

    assert answer.status_code == 400
    assert ahead(demo) == timedelta()


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example/admin", "/\\evil.example", "javascript:alert(1)", ""]
)
def test_nobody_is_sent_elsewhere(demo: Running, back: str) -> None:
    answer = a_browser(demo, Role.ADMIN).post("/admin/clock", by="1h", back=back)

    assert answer.location == "/admin/contacts"


def test_what_was_said_of_a_call_counts_on_the_way_in_its_time(demo: Running) -> None:
    kim = Account(1, "kim@example.org", "Kim", Role.SALES)
    said: list[calls.Reported] = []

    def call_at_once(moved: Runtime) -> None:
        Nurture(demo.nurture.settings, moved).run_until_idle()
        with demo.nurture.database.read() as tx:
            waiting = tasks.waiting(tx)
        if waiting and not said:
            said.append(calls.report(moved, waiting[0].id, "reached", kim))

    service.advance_smoothly(demo.nurture.runtime, timedelta(weeks=1), call_at_once, "kim")

    (report,) = said
    with demo.nurture.database.read() as tx:
        settled = outcomes.of_task(tx, report.task.id)[0].settled_at
    assert settled is not None
    assert settled - report.outcome.reported_at <= timedelta(minutes=12)
