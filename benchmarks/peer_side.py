"""How the naive peer is started and looked at; the peer itself is in ``naive_peer``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from benchmarks.measure import Arena
from benchmarks.servers import ROOT, Command, run

PREFETCH = 64
"""Messages a worker holds; with Dramatiq's default of two per thread its consumer naps while threads wait."""


@dataclass(frozen=True)
class Peer:
    """The naive peer with its number of processes and threads; what is not said is its best on two cores."""

    processes: int | None = None
    threads: int | None = None

    @property
    def name(self) -> str:
        """What the table calls it."""
        return "naive peer"

    def prepare(self, arena: Arena) -> None:
        """Tables, contacts, consents, enrollments."""
        run(self._program(arena, "prepare", str(arena.contacts)), arena.folder / "prepare.log")

    def workers(self, arena: Arena) -> Sequence[Command]:
        """Dramatiq's own command line, which starts the processes and threads."""
        best_processes, best_threads = BEST[arena.backend]
        processes, threads = self.processes or best_processes, self.threads or best_threads
        arguments = [
            *(sys.executable, "-m", "dramatiq", "benchmarks.naive_peer", "--path", str(ROOT)),
            *("--processes", str(processes), "--threads", str(threads)),
        ]
        ready = "Worker process is ready for action."
        environment = {**_environment(arena), "dramatiq_queue_prefetch": str(PREFETCH)}
        return [Command(arguments, environment, ready, times=processes)]

    def release(self, arena: Arena) -> Command:
        """Queues everyone's first step."""
        return self._program(arena, "release")

    def tasks_opened(self, arena: Arena) -> int:
        """The rows of its tasks table."""
        engine = sa.create_engine(arena.database_url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            return int(connection.scalar(sa.text("SELECT count(*) FROM tasks")) or 0)

    def _program(self, arena: Arena, *arguments: str) -> Command:
        ready = "release when told" if arguments == ("release",) else ""
        return Command(
            [sys.executable, "-m", "benchmarks.naive_peer", *arguments], _environment(arena), ready
        )


BEST: Mapping[str, tuple[int, int]] = {"sqlite": (1, 4), "postgres": (2, 4)}
"""Processes and threads with the most steps per second on two cores, by backend; README.md has the table."""


def _environment(arena: Arena) -> dict[str, str]:
    return {
        "PEER_DATABASE_URL": arena.database_url,
        "PEER_BROKER_URL": arena.broker_url,
        "PEER_SMTP_URL": arena.smtp_url,
    }
