"""Everything in one go for one machine: starts the parts, starts again what dies, ends all in order.

A part that refuses to start at all, such as a web server whose port is taken, ends everything at once with its reason.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from nurture.model.errors import NurtureError
from nurture.settings import Settings, with_port
from nurture.workers.children import end, spawn
from nurture.workers.valkey import EmbeddedValkey
from nurture.workers.worker import GRACE_SECONDS

LOOK_SECONDS = 0.1
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0  # seconds before a dead part is started again; doubles each time
STEADY_SECONDS = 30.0  # alive for this long: its next death is a first one
REFUSED = (1, 2)  # exit codes of a part that said why it cannot run

log = structlog.get_logger()


@dataclass(slots=True)
class Part:
    """One child process, started again whenever it ends."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    start_again_at: float = 0.0
    pause: float = field(default=FIRST_PAUSE)
    was_steady: bool = False

    def look(self, environment: Mapping[str, str], now: float) -> None:
        """Start it if it is due to be started, notice if it died. Raises NurtureError when it refused to start."""
        if self.process is None:
            if now >= self.start_again_at:
                self._start(environment, now)
            return
        code = self.process.poll()
        if now - self.started > STEADY_SECONDS:
            self.was_steady, self.pause = True, FIRST_PAUSE
        if code is None:
            return
        if code in REFUSED and not self.was_steady and self.pause == FIRST_PAUSE:
            raise NurtureError(f"{self.name} did not start", hint="its reason stands above")
        self.process = None
        self._wait(f"ended with code {code}", now)

    def _start(self, environment: Mapping[str, str], now: float) -> None:
        try:
            self.process = spawn(self.command, environment=environment)
            self.started = now
        except OSError as error:  # no process or memory to be had at the moment
            self._wait(f"cannot start: {error.strerror}", now)

    def _wait(self, reason: str, now: float) -> None:
        log.warning("part down", part=self.name, reason=reason, again_after=self.pause)
        self.start_again_at = now + self.pause
        self.pause = min(self.pause * 2, LONGEST_PAUSE)


class Supervisor:
    """Runs ``parts`` and, unless the settings name another, the embedded broker, until ``stopping`` is set."""

    def __init__(self, settings: Settings, parts: Sequence[Part]) -> None:
        self.parts = parts
        self._valkey = None if settings.broker_url else EmbeddedValkey(settings.var)
        self._ring_again_at = 0.0
        self._environment = {"NURTURE_PROJECT": str(settings.project)}

    def run(self, stopping: threading.Event, on_ready: Callable[[], None], ready: Callable[[], bool]) -> None:
        """Blocks until ``stopping`` is set. Calls ``on_ready`` once, when ``ready()`` first says so.

        Call it from the main thread: the children die with the thread that started them. Raises NurtureError when a
        part refuses to start.
        """
        told = False
        try:
            while not stopping.is_set():
                self._look()
                if not told and ready():
                    told = True
                    on_ready()
                stopping.wait(LOOK_SECONDS)
        finally:
            self._end_all()

    def pids(self) -> dict[str, int]:
        """The processes that run now, by name."""
        running = {part.name: part.process.pid for part in self.parts if part.process is not None}
        broker = self._valkey.pid if self._valkey is not None else None
        return running if broker is None else {"broker": broker, **running}

    def _look(self) -> None:
        now = time.monotonic()
        if self._valkey is not None and not self._valkey.alive() and now >= self._ring_again_at:
            self._start_broker(self._valkey, now)
        for part in self.parts:
            part.look(self._environment, now)

    def _start_broker(self, valkey: EmbeddedValkey, now: float) -> None:
        """Raises NurtureError at the first start only: later, the parts can wait for a broker that is away."""
        again = "NURTURE_BROKER_URL" in self._environment
        try:
            valkey.start()
        except (NurtureError, OSError) as error:
            if not again:
                raise
            self._ring_again_at = now + LONGEST_PAUSE
            log.warning("broker did not start again", reason=str(error), seconds=LONGEST_PAUSE)
        else:
            if again:
                log.warning("broker ended, started again")
            self._environment["NURTURE_BROKER_URL"] = valkey.url

    def _end_all(self) -> None:
        """Ask all parts at once, then wait for each; the broker goes last, since the workers still talk to it."""
        running = [part.process for part in self.parts if part.process is not None]
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        deadline = time.monotonic() + GRACE_SECONDS + 5
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            end(process, grace=0.0)
        if self._valkey is not None:
            self._valkey.stop()


def everything(settings: Settings, listen: tuple[str, int]) -> list[Part]:
    """The parts of `nurture up`: as many workers as the settings say, the scheduler, the web server."""
    nurture = (sys.executable, "-m", "nurture")
    workers = [
        Part(f"worker {number}", (*nurture, "worker")) for number in range(1, settings.worker_processes + 1)
    ]
    scheduler = Part("scheduler", (*nurture, "scheduler"))
    web = Part("web server", (*nurture, "web", "--listen", with_port(listen)))
    return [*workers, scheduler, web]
