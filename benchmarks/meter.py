"""What a measurement cost: processor seconds and memory of each group of processes, as the system counts.

It reads /proc, so it needs Linux. A process belongs to the group of the program that started it, however
deep; a database or broker that a program starts for itself is still counted as database or broker. A child
that has ended stays counted, in its parent's books. A process that left its parent for good is not found.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
SAMPLE_EVERY = 0.5  # seconds between looks at the memory
SERVERS = {"valkey-server": "broker", "redis-server": "broker", "postgres": "database"}
"""Programs that make a group of their own, whoever started them."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process as the system sees it; ``cpu`` in seconds, with its ended children."""

    parent: int
    name: str
    cpu: float


def processes() -> dict[int, Process]:
    """Every process of the machine by its id."""
    found = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended while we looked
                found[int(entry.name)] = _read_stat((entry / "stat").read_text())
    return found


def _read_stat(line: str) -> Process:
    """One line of /proc/PID/stat. The name may hold spaces and brackets. Source: proc(5)."""
    name_end = line.rindex(")")
    fields = line[name_end + 2 :].split()
    own_and_ended_children = sum(int(ticks) for ticks in fields[11:15])
    return Process(
        int(fields[1]), line[line.index("(") + 1 : name_end], own_and_ended_children / TICKS_PER_SECOND
    )


def members(group_of_root: Mapping[int, str]) -> dict[int, tuple[str, Process]]:
    """Each process that descends from one of the roots, with its group."""
    everyone = processes()
    found = {}
    for pid, process in everyone.items():
        ancestor = pid
        while ancestor in everyone and ancestor not in group_of_root:
            ancestor = everyone[ancestor].parent
        if ancestor in group_of_root:
            found[pid] = (SERVERS.get(process.name, group_of_root[ancestor]), process)
    return found


def memory(pid: int) -> int:
    """Proportional set size in bytes: shared pages are shared out. 0 for a process that has ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def cpu_seconds(group_of_root: Mapping[int, str]) -> dict[str, float]:
    """Processor seconds used so far, by group. Exact to one tick (10 ms) per process."""
    totals: dict[str, float] = dict.fromkeys(group_of_root.values(), 0.0)
    for group, process in members(group_of_root).values():
        totals[group] = totals.get(group, 0.0) + process.cpu
    return totals


def machine_cpu_seconds() -> float:
    """Processor seconds the whole machine has spent on work, waiting for disks left out. Source: proc(5)."""
    user, nice, system, _idle, _iowait, *interrupts = (PROC / "stat").read_text().splitlines()[0].split()[1:9]
    return sum(int(ticks) for ticks in (user, nice, system, *interrupts)) / TICKS_PER_SECOND


class MemoryWatch:
    """The highest memory of each group while it watches, looked at SAMPLE_EVERY seconds.

    Shared out over all processes of the machine, so a group's figure can be added to another's.
    """

    def __init__(self, group_of_root: Mapping[int, str]) -> None:
        self.peak: dict[str, int] = {}
        self._group_of_root = group_of_root
        self._over = threading.Event()

    def _look(self) -> None:
        now: dict[str, int] = {}
        for pid, (group, _) in members(self._group_of_root).items():
            now[group] = now.get(group, 0) + memory(pid)
        for group, size in now.items():
            self.peak[group] = max(size, self.peak.get(group, 0))

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_EVERY):
            self._look()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Watch while the block runs, with a last look at its end."""
        thread = threading.Thread(target=self._watch, name="memory-watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()
            self._look()
