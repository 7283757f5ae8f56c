"""Does a page that is loaded again play nobody's next days again, and never show what was true before a change?"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nurture.services.releases import planning
from nurture.services.releases.plan_recent import MOST, RecentPlans
from nurture.services.releases.plan_values import Plan
from nurture.services.releases.publish import make_live
from nurture.services.releases.wishes import NO_WISH, Wish
from tests.support.commands import mend
from tests.support.running import Running, a_nurture

WORKFLOW = """\
workflow: one
purpose: nurture
stages:
  - stage: first
    need: Know more
    trigger: a.happened
    validate: b.happened
    steps:
      - {email: hello}
      - {email: again, after: 2 days}
    loss: [{after: 30 days, reason: timed-out}]
"""
FILE = "workflows/one.yaml"
ALONG: Wish = {"one": {}}


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    """Ana got the first mail of what is live, and the folder waits three days instead of two."""
    made = a_nurture(sqlite_url, tmp_path, mails=("hello", "again"))
    made.write(FILE, WORKFLOW)
    made.publish()
    made.add()
    made.track("a.happened")
    made.run()
    mend(made.project / FILE, "2 days", "3 days")
    yield made
    made.nurture.close()


@pytest.fixture
def recent(running: Running) -> RecentPlans:
    return RecentPlans(running.project)


def look(recent: RecentPlans, running: Running, wish: Wish = NO_WISH) -> Plan:
    return recent.plan(running.nurture.runtime, wish, most=10)


def test_the_same_question_in_the_same_minute_is_answered_once(running: Running, recent: RecentPlans) -> None:
    first = look(recent, running)
    running.clock.advance(seconds=20)

    again = look(recent, running)

    assert again is first
    assert look(recent, running, ALONG) is not first


def test_impatient_readers_get_one_plan(running: Running, recent: RecentPlans) -> None:
    with ThreadPoolExecutor(4) as readers:
        plans = list(readers.map(lambda _: look(recent, running), range(8)))

    assert len({id(one) for one in plans}) == 1


def test_a_changed_file_a_minute_and_a_release_each_bring_a_new_plan(
    running: Running, recent: RecentPlans
) -> None:
    runtime = running.nurture.runtime
    first = look(recent, running)

    running.clock.advance(minutes=1)
    later = look(recent, running)
    mend(running.project / FILE, "3 days", "4 days")
    changed = look(recent, running)
    make_live(runtime, planning.plan(runtime, running.project))
    published = look(recent, running)
    make_live(runtime, planning.plan(runtime, running.project, ALONG))
    taken_along = look(recent, running)

    assert later is not first
    assert changed.seal != later.seal
    assert published.workflows[0].can == 1
    assert taken_along.workflows[0].groups == ()


def test_going_back_is_kept_by_its_release_and_who_comes_along(running: Running, recent: RecentPlans) -> None:
    runtime = running.nurture.runtime
    make_live(runtime, planning.plan(runtime, running.project))

    first = recent.plan_rollback(runtime, 1, NO_WISH, most=10)

    assert recent.plan_rollback(runtime, 1, NO_WISH, most=10) is first
    assert recent.plan_rollback(runtime, 2, NO_WISH, most=10).release == 2
    assert recent.plan_rollback(runtime, 1, ALONG, most=10) is not first


def test_only_the_last_plans_are_kept(running: Running, recent: RecentPlans) -> None:
    for _ in range(MOST + 2):
        look(recent, running)
        running.clock.advance(minutes=1)

    assert len(recent._kept) == MOST
