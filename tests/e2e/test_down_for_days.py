"""Three days without workers, then two of them at once: the queue drains at the sender's rate, each mail once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest

from nurture.model.clock import system_time
from nurture.services.running.doctor import examine
from nurture.workers.valkey import EmbeddedValkey
from tests.support.running import a_nurture
from tests.support.smtp_server import ScriptedServer
from tests.support.waiting import until

RATE, PEOPLE = 240, 80
WORKFLOW = """\
workflow: one
title: One
purpose: nurture
stages:
  - stage: first
    need: Know more
    trigger: a.happened
    validate: b.happened
    steps: [{email: hello, after: 1 hour}]
    loss: [{after: 300 days, reason: timed-out}]
"""


@contextmanager
def started(part: str, project: Path, **surroundings: str) -> Iterator[None]:
    command = [sys.executable, "-m", "nurture", part, "--project", str(project)]
    with subprocess.Popen(
        command, env={**os.environ, **surroundings}, stderr=subprocess.PIPE, text=True
    ) as process:
        lines = process.stderr
        assert lines is not None
        until(lambda: f"{part} ready" in lines.readline())
        yield
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.slow
def test_after_three_days_two_workers_keep_the_rate_and_send_each_mail_once(
    tmp_path: Path, sqlite_url: str
) -> None:
    running = a_nurture(sqlite_url, tmp_path, mails=("hello",), at=system_time() - timedelta(days=3))
    toml = (running.project / "nurture.toml").read_text()
    running.write("nurture.toml", toml.replace("[senders.default]\n", f"[senders.default]\nrate = {RATE}\n"))
    running.write("workflows/one.yaml", WORKFLOW)
    running.publish()
    emails = [f"p{number:02}@example.org" for number in range(PEOPLE)]
    for email in emails:
        running.add(email)
        running.track("a.happened", email)
    running.run()
    broker = EmbeddedValkey(running.project / "var")

    with ExitStack() as stack, ScriptedServer(log=tmp_path / "mails.jsonl") as server:
        broker.start()
        stack.callback(broker.stop)
        around = {
            "NURTURE_DATABASE_URL": sqlite_url,
            "NURTURE_SMTP_URL": server.url,
            "NURTURE_SECRET_KEY": "a-test-key-that-is-long-enough" * 2,
        }
        for part in ("scheduler", "worker", "worker"):
            stack.enter_context(started(part, running.project, **around))
        arrived = watched(server, PEOPLE, most=60)

    assert sorted(server.recipients) == sorted(emails)
    for first, moment in enumerate(arrived):
        in_ten_seconds = sum(moment <= one < moment + 10 for one in arrived[first:])
        assert in_ten_seconds <= (10 + 3) * RATE / 60 + 2
    assert arrived[-1] - arrived[0] >= (PEOPLE / RATE) * 60 - 4
    running.clock.at = running.clock.operational_at = system_time()
    assert examine(running.nurture.runtime).ok
    running.nurture.close()


def watched(server: ScriptedServer, count: int, most: float) -> list[float]:
    """When each mail had arrived, within a fiftieth of a second."""
    arrived: list[float] = []

    def all_are_here() -> bool:
        arrived.extend([monotonic()] * (len(server.recipients) - len(arrived)))
        return len(arrived) >= count

    until(all_are_here, deadline=most)
    return arrived
