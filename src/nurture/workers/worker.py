"""A worker: waits for a bell, does one batch, waits again. Any number of them may run, on any number of machines.

Told to stop, it finishes the batch in hand and takes no other.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import dramatiq
import structlog

from nurture.model.errors import NurtureError
from nurture.settings import Settings, load_settings
from nurture.workers.actors import hang_bells
from nurture.workers.broker import Doorbells, make_broker
from nurture.workers.logs import DATABASE_ERRORS, Outage
from nurture.workers.valkey import running_broker
from nurture.workers.work import Work

IDLE_MILLISECONDS = 250  # the longest that a ring goes unheard by an idle worker
BEAT_SECONDS = 10.0
GRACE_SECONDS = 25.0

log = structlog.get_logger()


def run_worker(url: str, work: Work, threads: int, stopping: threading.Event) -> None:
    """Work for the bells of the broker at ``url`` in ``threads`` threads until ``stopping`` is set, then drain.

    An unreachable broker or database is waited for, and does not keep the worker from stopping.
    """
    broker = make_broker(url)
    database = Outage("database", DATABASE_ERRORS)
    hang_bells(broker, lambda: work, database)
    with database:
        work.warm_up()
    gc.freeze()  # what was loaded so far stays: looking through it for garbage was a tenth of the work
    worker = dramatiq.Worker(broker, worker_threads=threads, worker_timeout=IDLE_MILLISECONDS)
    name = process_name("worker")
    worker.start()
    log.info("worker ready", name=name, threads=threads)
    while True:
        with database:
            work.beat(name)
        if stopping.wait(BEAT_SECONDS):
            break
    log.info("worker draining", name=name)
    work.drain()
    worker.stop(timeout=int(GRACE_SECONDS * 1000))
    broker.close()
    log.info("worker stopped", name=name)


def broker_for_dramatiq() -> Doorbells:
    """The broker of the project in NURTURE_PROJECT or the current folder, set as Dramatiq's own, for its command.

    Exits with one sentence where there is none, as our own commands do.
    """
    try:
        settings = load_settings(Path(os.environ.get("NURTURE_PROJECT", ".")))
        broker = make_broker(broker_url(settings))
    except NurtureError as error:
        raise SystemExit(f"nurture: {error}") from None
    hang_bells(broker, built_once(settings), Outage("database", DATABASE_ERRORS))
    dramatiq.set_broker(broker)
    return broker


def broker_url(settings: Settings) -> str:
    """The broker that the settings name, or the embedded one that runs now. NurtureError when there is none."""
    if url := settings.broker_url or running_broker(settings.var):
        return url
    raise NurtureError(
        f"no broker runs for the project in {settings.project}",
        hint="start `nurture up` there, which brings its own, or name one in NURTURE_BROKER_URL",
    )


def built_once(settings: Settings) -> Callable[[], Work]:
    """A function that assembles the program at its first call and returns the same one ever after, in any thread."""
    lock = threading.Lock()
    built: list[Work] = []

    def work() -> Work:
        from nurture.wiring import build

        with lock:
            if not built:
                built.append(build(settings))
        return built[0]

    return work


def process_name(role: str) -> str:
    """Names this process among all of a project, on whatever machine."""
    return f"{role}:{socket.gethostname()}:{os.getpid()}"


def stop_on_signals() -> threading.Event:
    """An event that the first SIGTERM or SIGINT sets; a second one ends the process at once."""
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    return stopping
