"""Whoever entered an older version goes on by it: by its days, its segments and its words, whatever is live by now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.running import Running, a_nurture

DATED = """\
workflow: one
purpose: nurture
stages:
  - stage: first
    need: Know more
    trigger: a.happened
    validate: b.happened
    loss: [{after: 90 days, reason: timed-out}]
  - stage: renewal
    need: Decide in time
    trigger: date contact.renewal_on - 30 days
    validate: sale.closed
    steps: [{email: hello}]
    loss: [{after: 90 days, reason: timed-out}]
"""
SEGMENTED = DATED.replace("trigger: date contact.renewal_on - 30 days", "trigger: segment warm")
MAILED = """\
workflow: one
purpose: nurture
stages:
  - stage: first
    need: Know more
    trigger: a.happened
    validate: b.happened
    steps: [{email: hello, after: 1 day}]
    loss: [{after: 90 days, reason: timed-out}]
"""
NEEDED = """\
---
subject: "You wanted to: {{ stage.need }}"
---
In {{ stage.name }}. [Leave]({{ links.unsubscribe }}), {{ workspace.postal_address }}.
"""


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(sqlite_url, tmp_path, mails=("hello",))
    settings = running.project / "nurture.toml"
    settings.write_text(settings.read_text().replace("[fields]", '[fields]\nrenewal_on = "date"'))
    running.write("segments/warm.yaml", "segment: warm\nwhere: contact.score >= 20\n")
    yield running
    running.nurture.close()


def rests(running: Running, workflow: str, **contact: object) -> None:
    """Ana has done the first stage of this workflow and rests before the second."""
    running.write("workflows/one.yaml", workflow)
    running.publish()
    running.add(**contact)
    running.track("a.happened")
    running.track("b.happened")
    running.run()
    assert running.enrollments()[0].resting


def day(running: Running, days: int) -> str:
    return (running.clock.now() + timedelta(days=days)).date().isoformat()


@pytest.mark.parametrize(
    "live",
    [
        DATED.replace("- 30 days", "- 1 day"),
        DATED.replace("trigger: date contact.renewal_on - 30 days", "trigger: meeting.booked"),
        None,
    ],
    ids=["another day", "no day any more", "withdrawn"],
)
def test_a_day_of_an_older_version_comes_by_its_own_rule(running: Running, live: str | None) -> None:
    rests(running, DATED, fields={"renewal_on": day(running, 35)})
    publish_instead(running, live)

    running.advance(step_hours=12, days=4)
    before = running.moves()[-1]
    running.advance(step_hours=12, days=3)

    assert (before, running.moves()[-1]) == ("validated first", "entered renewal")


def test_a_segment_that_only_an_older_version_asks_for_is_watched(running: Running) -> None:
    rests(running, SEGMENTED)
    publish_instead(running, SEGMENTED.replace("trigger: segment warm", "trigger: meeting.booked"))

    running.add(score=30)
    running.advance(step_hours=1, hours=3)

    assert running.moves()[-1] == "entered renewal"


@pytest.mark.parametrize(
    "live", [MAILED.replace("stage: first", "stage: interest"), None], ids=["renamed", "withdrawn"]
)
def test_a_mail_says_what_its_own_stage_is_for(running: Running, live: str | None) -> None:
    running.write("templates/email/hello.md", NEEDED)
    running.write("workflows/one.yaml", MAILED)
    running.publish()
    running.add()
    running.track("a.happened")
    running.run()
    publish_instead(running, live)

    running.advance(step_hours=12, days=2)

    assert [mail["Subject"] for mail in running.mails()] == ["You wanted to: Know more"]


def publish_instead(running: Running, workflow: str | None) -> None:
    (running.project / "workflows" / "one.yaml").unlink()
    if workflow:
        running.write("workflows/one.yaml", workflow)
    running.publish()
