"""A sender's rate holds messages back, in turn, for all workers on one database; what waits says so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from threading import Thread

import pytest

from nurture.model.words import DeliveryState, Reason
from nurture.services.running import overview
from nurture.services.running.clock import read_clock
from nurture.services.running.doctor import examine
from nurture.services.story.why import why
from nurture.wiring import build
from tests.support.running import Running, a_nurture

WORKFLOW = """\
workflow: one
title: One
purpose: nurture
stages:
  - stage: first
    need: Know more
    trigger: a.happened
    validate: b.happened
    steps:
      - {{email: hello{hello}}}
      - {{email: again, after: 1 hour}}
    loss: [{{after: 300 days, reason: timed-out}}]
"""


def people(running: Running, count: int, domain: str = "example.org") -> list[str]:
    emails = [f"p{number:03}@{domain}" for number in range(count)]
    for email in emails:
        running.add(email)
    return emails


def with_rate(running: Running, rates: str, hello: str = "") -> None:
    toml = (running.project / "nurture.toml").read_text()
    sender = 'from = "Tamarack Lane <hello@example.org>"\n'
    running.write("nurture.toml", toml.replace(sender, sender + rates + "\n"))
    running.write("workflows/one.yaml", WORKFLOW.format(hello=hello))
    running.publish()


@pytest.fixture
def running(any_database: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(any_database, tmp_path, mails=("hello", "again"))
    yield running
    running.nurture.close()


def test_a_rate_lets_out_so_many_a_minute_oldest_due_first(running: Running) -> None:
    with_rate(running, "rate = 60")
    emails = people(running, 12)
    for email in emails:
        running.track("a.happened", email)

    counts = []
    for _ in range(14):
        running.run()
        counts.append(len(running.mails()))
        running.clock.advance(seconds=1)

    went = [running.deliveries(email)[0].ended_at for email in emails]
    assert counts[0] == 3
    assert {later - now for now, later in pairwise(counts)} == {0, 1}
    assert counts[-1] == 12
    assert went == sorted(went, key=str)


def test_what_waits_is_pending_with_its_reason_and_why_says_when_its_turn_comes(running: Running) -> None:
    with_rate(running, "rate = 6")
    emails = people(running, 5)
    for email in emails:
        running.track("a.happened", email)
    running.run()

    told = why(running.nurture.runtime, emails[-1])

    assert running.states(emails[0])[0] == ("hello", "sent", None)
    assert running.states(emails[-1])[0] == ("hello", "pending", Reason.RATE_LIMIT)
    assert "waits for its turn: at most 6 a minute from 'default'; about Mon 2 Mar 2026" in told.next[0].said
    assert told.next[0].at == running.clock.now() + timedelta(seconds=42)
    assert running.deliveries(emails[-1])[0].attempts == 0
    assert examine(running.nurture.runtime).ok


def test_the_next_thing_is_never_one_that_was_due_and_waits(running: Running) -> None:
    with_rate(running, "rate = 6")
    for email in people(running, 5):
        running.track("a.happened", email)
    running.run()
    running.clock.advance(seconds=1)

    reading = read_clock(running.nurture.runtime)
    ahead = overview.day_ahead(running.nurture.runtime, "kim@example.org")

    assert reading.next_at is not None
    assert reading.next_at > reading.now
    assert ahead.next_at == running.clock.now() + timedelta(minutes=60, seconds=-1)


def test_the_wait_is_no_lateness_and_the_next_step_counts_from_when_it_went(running: Running) -> None:
    with_rate(running, "rate = 1", hello=", if_late: skip, max_late: 10 minutes")
    emails = people(running, 4)
    for email in emails:
        running.track("a.happened", email)

    running.advance(step_hours=1 / 60, minutes=8)

    went = [running.deliveries(email)[0].ended_at for email in emails]
    assert [running.states(email)[0][1] for email in emails] == ["sent"] * 4
    assert went == sorted(went, key=str)
    running.advance(step_hours=1 / 60, minutes=70)
    assert {running.states(email)[1][1] for email in emails} == {"sent"}


def test_a_turn_that_would_come_after_max_late_is_none(running: Running) -> None:
    with_rate(running, "rate = 1", hello=", max_late: 2 minutes")
    emails = people(running, 6)
    for email in emails:
        running.track("a.happened", email)

    running.run()

    states = [running.states(email)[0] for email in emails]
    assert states[0][1] == "sent"
    assert states[1][1:] == ("pending", Reason.RATE_LIMIT)
    assert states[-1][1:] == ("skipped", Reason.HELD_TOO_LONG)
    assert running.deliveries(emails[-1])[0].detail == "rate-limit, at most 1 a minute from 'default'"
    (finding,) = [one for one in examine(running.nurture.runtime).findings if one.code == "held-by-a-rate"]
    assert finding.count == [state for _, state, _ in states].count("skipped")
    assert finding.example.endswith("one/hello rate-limit, at most 1 a minute from 'default'")


def test_a_full_domain_holds_up_no_other(running: Running) -> None:
    with_rate(running, "per_domain_rate = 6")
    crowd = people(running, 6, "example.org")
    other = people(running, 2, "example.net")
    for email in (*crowd, *other):
        running.track("a.happened", email)

    running.run()

    assert [running.states(email)[0][1] for email in crowd] == ["sent"] + ["pending"] * 5
    assert [running.states(email)[0][1] for email in other] == ["sent", "pending"]
    assert running.deliveries(crowd[-1])[0].detail == "at most 6 a minute from 'default' to example.org"


def test_an_answer_to_a_wish_does_not_stand_behind_a_queue(running: Running) -> None:
    with_rate(running, "rate = 60")
    running.write(
        "workflows/two.yaml",
        WORKFLOW.format(hello=", purpose: transactional").replace(": one", ": two").replace("a.h", "quote.r"),
    )
    text = (running.project / "workflows/two.yaml").read_text().replace("quote.rappened", "quote.requested")
    running.write("workflows/two.yaml", text)
    running.publish()
    for email in people(running, 20):
        running.track("a.happened", email)
    running.run()
    running.clock.advance(seconds=1)
    running.add("ana@example.org", consent=None)

    running.track("quote.requested")
    for _ in range(3):
        running.run()
        running.clock.advance(seconds=1)

    assert running.states()[0][:2] == ("hello", "sent")


def test_an_opt_out_in_the_queue_is_heard(running: Running) -> None:
    with_rate(running, "rate = 6")
    emails = people(running, 3)
    for email in emails:
        running.track("a.happened", email)
    running.run()

    running.track("consent.withdrawn", emails[2], purpose="nurture", channel="email")
    running.advance(step_hours=1 / 60, minutes=2)

    assert running.states(emails[1])[0][1] == "sent"
    assert running.states(emails[2])[0][1] == "skipped"


def test_many_workers_on_one_database_keep_one_rate(running: Running) -> None:
    with_rate(running, "rate = 20")
    emails = people(running, 30)
    for email in emails:
        running.track("a.happened", email)
    running.nurture.advance.batch()
    workers = [build(running.nurture.settings, running.clock) for _ in range(3)]

    threads = [Thread(target=worker.deliver.batch, args=(10,)) for worker in workers for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for worker in workers:
        worker.close()

    states = [DeliveryState(running.states(email)[0][1]) for email in emails]
    assert 1 <= states.count(DeliveryState.SENT) <= 2
    assert set(states) == {DeliveryState.SENT, DeliveryState.PENDING}
