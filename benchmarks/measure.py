"""One measurement: start everything, let every workflow begin, stop the clock when the last call task opens.

The clock runs from the word "go" to the moment when the sink has taken every mail and the database holds
every task. Servers and workers are up and contacts are stored before it starts. A run in which a contact got
another number of mails than two, or a Message-ID came twice, is not a slow run but a wrong one: it raises.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.meter import MemoryWatch, cpu_seconds, machine_cpu_seconds
from benchmarks.people import people
from benchmarks.servers import (
    BACKENDS,
    Command,
    Program,
    ServerError,
    Sink,
    running,
    start_broker,
    start_sink,
)

STEPS_PER_CONTACT = 5  # mail, wait, mail, wait, call task
MAILS_PER_CONTACT = 2
GROUPS = ("side", "database", "broker", "sink")
POLL = 0.02  # seconds between looks at the progress
STALL = 120.0  # seconds without progress after which a run is given up


@dataclass(frozen=True)
class Arena:
    """Where a side competes: fresh servers, an empty folder, and the number of contacts.

    ``folder`` is readable by all, in it a side may keep what it likes. ``database_url`` is in SQLAlchemy's
    form, ``broker_url`` a ``unix://`` one, ``smtp_url`` an ``smtp://`` one without log-in.
    """

    folder: Path
    backend: str
    database_url: str
    broker_url: str
    smtp_url: str
    contacts: int


class Side(Protocol):
    """A program that can be measured: sends two mails to each of ``people(n)``, then opens a call task.

    The calls come in this order, each once, and ``tasks_opened`` often after that.
    """

    @property
    def name(self) -> str:
        """What the table calls it."""

    def prepare(self, arena: Arena) -> None:
        """Tables, contacts with consent, templates: all that is there before the start. Not measured."""

    def workers(self, arena: Arena) -> Sequence[Command]:
        """The programs that do the work; started and ready before the clock runs, measured while it does."""

    def release(self, arena: Arena) -> Command:
        """A program that gets ready, waits for a line on its standard input, then enrolls everyone and ends.

        Its processor time after the line counts as the side's; its memory does not.
        """

    def tasks_opened(self, arena: Arena) -> int:
        """How many call tasks the database holds; asked once all mails have arrived, every POLL seconds."""


@dataclass(frozen=True)
class Result:
    """What one run took: ``cpu`` in seconds, ``memory`` (peak, proportional) in bytes, by group of processes.

    The groups are ``side`` (its workers and its starter), ``database``, ``broker`` and ``sink``. A database
    inside the workers, as SQLite is, has no processes of its own. ``elsewhere`` is what the rest of the
    machine spent meanwhile, in processor seconds: a run with much of it was disturbed.
    """

    side: str
    backend: str
    contacts: int
    seconds: float
    cpu: dict[str, float]
    memory: dict[str, int]
    elsewhere: float

    @property
    def steps_per_second(self) -> float:
        """Steps of the workflow ended per second of wall clock: mail, wait, mail, wait, call task."""
        return self.contacts * STEPS_PER_CONTACT / self.seconds

    @property
    def mails_per_second(self) -> float:
        """Mails accepted by the sink per second of wall clock."""
        return self.contacts * MAILS_PER_CONTACT / self.seconds

    def cpu_per_1000_mails(self, group: str) -> float:
        """Processor seconds of one group per 1,000 mails."""
        return self.cpu.get(group, 0.0) * 1000 / (self.contacts * MAILS_PER_CONTACT)

    def as_json(self) -> dict[str, object]:
        """All figures, the derived ones too."""
        return {
            **asdict(self),
            "steps_per_second": round(self.steps_per_second, 1),
            "mails_per_second": round(self.mails_per_second, 1),
            "cpu_seconds_per_1000_mails": {
                group: round(self.cpu_per_1000_mails(group), 3) for group in GROUPS
            },
        }


class WrongRunError(AssertionError):
    """A side lost or doubled something; its speed means nothing."""


def measure(side: Side, backend: str, contacts: int) -> Result:
    """Run one side once on fresh servers. ``backend`` is a key of ``servers.BACKENDS``.

    Raises ServerError when something does not start or stops moving, WrongRunError when mails or tasks are not
    exactly those that were asked for.
    """
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        folder.chmod(0o755)  # a PostgreSQL that runs as another user has its folder in here
        database = stack.enter_context(BACKENDS[backend](folder))
        broker = stack.enter_context(start_broker(folder))
        sink = stack.enter_context(start_sink(folder))
        smtp_url = f"smtp://{sink.host}:{sink.port}"
        arena = Arena(folder, backend, database.url, broker.url, smtp_url, contacts)

        side.prepare(arena)
        commands = side.workers(arena)
        workers = [
            stack.enter_context(running(command, folder / f"worker{number}.log"))
            for number, command in enumerate(commands)
        ]
        starter = stack.enter_context(running(side.release(arena), folder / "starter.log"))

        groups = dict.fromkeys((worker.pid for worker in workers), "side") | {sink.program.pid: "sink"}
        groups |= {
            server.program.pid: group
            for server, group in ((database, "database"), (broker, "broker"))
            if server.program
        }
        watch = MemoryWatch(groups)
        with_starter = groups | {starter.pid: "side"}
        before, machine_before = cpu_seconds(with_starter), machine_cpu_seconds()
        begun = time.perf_counter()
        with watch.watching():
            say_go(starter)
            wait_until_done(side, arena, sink, [*workers, starter])
            seconds = time.perf_counter() - begun
            after, machine_after = cpu_seconds(with_starter), machine_cpu_seconds()
        verify(sink.stop_and_read(), side.tasks_opened(arena), contacts)
    cpu = {group: round(after[group] - before.get(group, 0.0), 2) for group in after}
    elsewhere = round(machine_after - machine_before - sum(cpu.values()), 2)
    return Result(side.name, backend, contacts, round(seconds, 3), cpu, watch.peak, elsewhere)


def say_go(starter: Program) -> None:
    """Send the line that the starter waits for."""
    assert starter.process.stdin is not None
    starter.process.stdin.write(b"go\n")
    starter.process.stdin.flush()


def wait_until_done(side: Side, arena: Arena, sink: Sink, programs: Sequence[Program]) -> None:
    """Wait for the last mail, then for the last task. Raises ServerError after STALL seconds of silence."""
    wanted = (arena.contacts * MAILS_PER_CONTACT, arena.contacts)
    seen, moved_at = (0, 0), time.monotonic()
    while seen != wanted:
        time.sleep(POLL)
        mails = sink.accepted()
        now = (mails, side.tasks_opened(arena) if mails >= wanted[0] else 0)
        if now != seen:
            seen, moved_at = now, time.monotonic()
        elif time.monotonic() - moved_at > STALL:
            logs = "\n".join(f"--- {program.log.name}\n{program.last_words()}" for program in programs)
            raise ServerError(f"{side.name} stopped at {seen} of {wanted} (mails, tasks):\n{logs}")
        if seen[0] > wanted[0] or seen[1] > wanted[1]:
            raise WrongRunError(f"{side.name} made {seen} of {wanted} (mails, tasks)")


def verify(mails: Sequence[tuple[str, Sequence[str]]], tasks: int, contacts: int) -> None:
    """Everyone got exactly two mails, every Message-ID came once, everyone has a task. Raises WrongRunError."""
    per_person = Counter(recipient for _, recipients in mails for recipient in recipients)
    wrong = {
        one.email: per_person[one.email]
        for one in people(contacts)
        if per_person[one.email] != MAILS_PER_CONTACT
    }
    if wrong or len(per_person) != contacts:
        raise WrongRunError(f"not {MAILS_PER_CONTACT} mails for everyone: {dict(list(wrong.items())[:5])}")
    message_ids = Counter(message_id for message_id, _ in mails)
    if "" in message_ids or len(message_ids) != len(mails):
        raise WrongRunError(f"a Message-ID is missing or came twice: {message_ids.most_common(3)}")
    if tasks != contacts:
        raise WrongRunError(f"{tasks} call tasks for {contacts} contacts")
