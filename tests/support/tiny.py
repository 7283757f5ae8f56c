"""The smallest program that workers can work for: jobs in a SQLite file, each to be done once. Runs as real processes.

`python -m tests.support.tiny worker|scheduler|up …` are the processes; tests read the file to see who did what.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from nurture.model.clock import SystemClock
from nurture.settings import Settings
from nurture.workers.broker import make_broker
from nurture.workers.supervisor import Part, Supervisor
from nurture.workers.ticks import run_scheduler
from nurture.workers.worker import run_worker, stop_on_signals
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]


@dataclass(slots=True)
class Jobs:
    """Jobs in a file. ``held`` makes a batch that has begun wait until that file is gone."""

    file: Path
    held: Path | None = None

    def __post_init__(self) -> None:
        with self._open() as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS jobs (id INTEGER PRIMARY KEY, state TEXT, worker INTEGER)"
            )
            connection.execute("CREATE TABLE IF NOT EXISTS beats (name TEXT PRIMARY KEY)")

    def add(self, amount: int) -> None:
        with self._open() as connection:
            connection.executemany("INSERT INTO jobs (state) VALUES (?)", [("due",)] * amount)

    def batch(self, limit: int) -> int:
        with self._open() as connection:
            claim = (
                "UPDATE jobs SET state = 'begun', worker = ? WHERE id IN "
                "(SELECT id FROM jobs WHERE state = 'due' ORDER BY id LIMIT ?) RETURNING id"
            )
            ids = connection.execute(claim, (os.getpid(), limit)).fetchall()
        if self.held is not None:
            until(lambda: not self.held.exists())  # type: ignore[union-attr]
        with self._open() as connection:
            connection.executemany("UPDATE jobs SET state = 'done' WHERE id = ?", ids)
        return len(ids)

    def count(self, state: str) -> int:
        with self._open() as connection:
            found = connection.execute("SELECT count(*) FROM jobs WHERE state = ?", (state,)).fetchone()
        return int(found[0])

    def beat(self, name: str) -> None:
        with self._open() as connection:
            connection.execute("INSERT OR IGNORE INTO beats VALUES (?)", (name,))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with (
            closing(sqlite3.connect(self.file, timeout=20, isolation_level="IMMEDIATE")) as connection,
            connection,
        ):
            yield connection


@dataclass(frozen=True, slots=True)
class TinyDue:
    turns: int
    deliveries: int = 0
    webhooks: int = 0


class NothingToSend:
    def batch(self) -> int:
        return 0


@dataclass(slots=True)
class TinyWork:
    """What workers and schedulers know of nurture, over `Jobs`. ``leading`` is whether this process may lead."""

    advance: Jobs
    leading: bool = True
    deliver: NothingToSend = field(default_factory=NothingToSend)
    hooks: NothingToSend = field(default_factory=NothingToSend)
    clock: SystemClock = field(default_factory=SystemClock)
    sweeps: int = 0

    def due(self) -> TinyDue:
        return TinyDue(turns=self.advance.count("due"))

    def sweep(self) -> None:
        self.sweeps += 1

    def send_notices(self) -> int:
        return 0

    def lead(self, name: str, holder: str, ttl: timedelta) -> bool:
        return self.leading

    def warm_up(self) -> None:
        """There is nothing to read."""

    def drain(self) -> None:
        """A job is done at once: there is nothing to finish."""

    def beat(self, name: str) -> None:
        self.advance.beat(name)


def command(*words: str | Path) -> list[str]:
    """The command line of one of the processes below; run it with `environment()`."""
    return [sys.executable, "-m", "tests.support.tiny", *map(str, words)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def main(role: str, jobs: Jobs, project: Path) -> None:
    stopping = stop_on_signals()
    url = os.environ.get("NURTURE_BROKER_URL", "")
    work = TinyWork(jobs)
    if role == "worker":
        run_worker(url, work, 1, stopping)
    elif role == "scheduler":
        run_scheduler(work, make_broker(url), stopping)
    else:
        parts = [Part(name, command(name, jobs.file, project)) for name in ("worker", "scheduler")]
        supervisor = Supervisor(Settings(project=project), parts)
        pids = project / "pids.json"

        def write_pids() -> bool:
            """Never ready, so that the file follows every restart."""
            draft = pids.with_suffix(".draft")
            draft.write_text(json.dumps(supervisor.pids()))
            draft.replace(pids)
            return False

        supervisor.run(stopping, lambda: None, write_pids)


if __name__ == "__main__":
    held = os.environ.get("HELD")
    main(sys.argv[1], Jobs(Path(sys.argv[2]), Path(held) if held else None), Path(sys.argv[3]))
