"""Does a plan play on what contacts brought with them: the variant they fell into, and points that will fade?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nurture.db import variants
from nurture.db.variants import Fallen
from nurture.services.releases import planning
from tests.support.running import TOML, Running, a_nurture

SPLITTING = """\
workflow: one
purpose: nurture
stages:
  - stage: first
    need: Know more
    trigger: a.happened
    validate: b.happened
    steps:
      - wait: 1 day
      - split: story
        variants:
          told: {weight: 50, do: [{email: hello}]}
          silent: {weight: 50, do: []}
        measure: b.happened
    loss: [{after: 60 days, reason: timed-out}]
"""
SCORE = """\

[[scores]]
on = "a.happened"
add = 20
decay = "3 days"
"""
COOL = """\
segment: cool
where: contact.score < 10
grace: 1 day
"""
SCORED = """\
workflow: one
purpose: nurture
stages:
  - stage: first
    need: Know more
    trigger: a.happened
    validate: b.happened
    steps: [{wait: 50 days}]
    loss: [{after: 60 days, reason: timed-out}]
"""
COOLED = """\
workflow: two
purpose: nurture
stages:
  - stage: first
    need: Be remembered
    trigger: segment cool
    validate: b.happened
    steps: [{email: hello}]
    loss: [{after: 60 days, reason: timed-out}]
"""


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    made = a_nurture(sqlite_url, tmp_path, mails=("hello",))
    yield made
    made.nurture.close()


def expected(running: Running) -> int:
    """The messages of the next fourteen days to whoever is under way."""
    forecast = planning.plan(running.nurture.runtime, running.project).forecast
    return sum(day.messages - day.messages_of_new for day in forecast.days)


@pytest.mark.parametrize(("variant", "messages"), [("told", 1), ("silent", 0)])
def test_who_fell_into_a_variant_before_is_played_in_it(
    running: Running, variant: str, messages: int
) -> None:
    running.write("workflows/one.yaml", SPLITTING)
    running.publish()
    contact = running.add()
    running.track("a.happened")
    running.run()
    (enrollment,) = running.enrollments()
    fallen = Fallen(contact.id, "one", "story", variant, enrollment.id, running.clock.now())
    with running.nurture.database.write() as tx:
        variants.remember(tx, [fallen])

    assert expected(running) == messages


def test_points_that_fade_bring_contacts_into_the_segments_that_wait_for_it(running: Running) -> None:
    running.write("nurture.toml", TOML + SCORE)
    running.write("segments/cool.yaml", COOL)
    running.write("workflows/one.yaml", SCORED)
    running.write("workflows/two.yaml", COOLED)
    running.publish()
    running.add()
    running.track("a.happened")
    running.run()

    assert expected(running) == 1
