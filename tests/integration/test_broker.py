"""Do the doorbells wake workers, and does nothing but the database say what there is to do?"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from structlog.testing import capture_logs

from nurture.db.session import UnreachableError
from nurture.workers.broker import (
    DELIVERIES,
    HOUSEKEEPING,
    MOST_WAITING,
    TURNS,
    Doorbells,
    connect,
    make_broker,
)
from nurture.workers.ticks import Ticks
from nurture.workers.valkey import EmbeddedValkey
from nurture.workers.worker import run_worker
from tests.support.tiny import Jobs, TinyWork
from tests.support.waiting import until

pytestmark = pytest.mark.slow

FAR_FUTURE = 32503680000000  # milliseconds: the year 3000


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(tmp_path / "jobs.db")


@pytest.fixture
def broker(valkey_url: str) -> Doorbells:
    return make_broker(valkey_url)


@contextmanager
def a_worker(url: str, work: TinyWork, threads: int = 2) -> Iterator[None]:
    stopping = threading.Event()
    thread = threading.Thread(target=run_worker, args=(url, work, threads, stopping))
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(30)
        assert not thread.is_alive()


def forge(broker: Doorbells, queue: str, stored_as: str, message: bytes | None) -> None:
    """Put ``message`` into ``queue`` behind Dramatiq's back, as anyone with access to the broker could."""
    if message is not None:
        broker.client.hset(f"dramatiq:{queue}.msgs", stored_as, message)
    broker.client.rpush(f"dramatiq:{queue}", stored_as)


def a_message(**forged: object) -> bytes:
    sound = {
        "queue_name": TURNS,
        "actor_name": "take_turns",
        "args": [],
        "kwargs": {},
        "options": {"redis_message_id": "forged"},
        "message_id": "forged",
        "message_timestamp": 0,
    }
    return json.dumps(sound | forged).encode()


FORGED = {
    "is no JSON": b"\x80\x04\x95 a pickle",
    "is nested deeper than a parser goes": b"[" * 100_000,
    "is a number": b"17",
    "lacks everything": b"{}",
    "names an unknown actor": a_message(actor_name="delete_everything"),
    "names another queue": a_message(queue_name="nowhere"),
    "waits for the year 3000": a_message(options={"redis_message_id": "forged", "eta": FAR_FUTURE}),
    "wants its failure to be judged by text": a_message(
        options={"redis_message_id": "forged", "throws": "x"}
    ),
    "has arguments": a_message(args=list(range(1000)), kwargs={"enrollment_id": 10**300}),
    "has a huge id": a_message(options={"redis_message_id": "x" * 100_000}),
    "has no content": None,
}


def test_one_ring_is_enough_for_all_batches_that_are_due(
    valkey_url: str, broker: Doorbells, jobs: Jobs
) -> None:
    jobs.add(1_000)

    with a_worker(valkey_url, TinyWork(jobs)):
        broker.ring(TURNS)
        until(lambda: jobs.count("done") == 1_000)

    assert jobs.count("due") == 0


def test_a_wake_up_carries_no_work(broker: Doorbells) -> None:
    broker.ring(TURNS)

    stored = [json.loads(message) for message in broker.client.hvals(f"dramatiq:{TURNS}.msgs")]

    assert [(one["args"], one["kwargs"], list(one["options"])) for one in stored] == [
        ([], {}, ["redis_message_id"])
    ]


@pytest.mark.parametrize("message", FORGED.values(), ids=FORGED.keys())
def test_a_forged_message_changes_nothing_and_holds_nobody_up(
    valkey_url: str, broker: Doorbells, jobs: Jobs, message: bytes | None
) -> None:
    for number in range(40):  # more than a worker fetches ahead, more than it has threads
        forge(broker, TURNS, f"forged-{number}", message)
        forge(broker, f"{TURNS}.DQ", f"forged-{number}", message)

    with a_worker(valkey_url, TinyWork(jobs), threads=1):
        until(lambda: broker.waiting(TURNS) == 0)
        jobs.add(3)
        broker.ring(TURNS)
        until(lambda: jobs.count("done") == 3)

    assert jobs.count("begun") == 0


class BreaksOnce(Jobs):
    """Its first batch raises what no programmer foresaw."""

    broken = False

    def batch(self, limit: int) -> int:
        if not self.broken:
            self.broken = True
            raise ZeroDivisionError
        return super().batch(limit)


def test_a_ring_that_fails_is_over_and_the_next_one_is_heard(
    valkey_url: str, broker: Doorbells, tmp_path: Path
) -> None:
    jobs = BreaksOnce(tmp_path / "jobs.db")
    jobs.add(1)

    with a_worker(valkey_url, TinyWork(jobs)):
        broker.ring(TURNS)
        until(lambda: jobs.broken)
        broker.ring(TURNS)
        until(lambda: jobs.count("done") == 1)

    assert broker.client.hlen(f"dramatiq:{TURNS}.msgs") == 0


class Away(Jobs):
    """A database that cannot be reached."""

    def batch(self, limit: int) -> int:
        raise UnreachableError("nobody answers")

    def count(self, state: str) -> int:
        raise UnreachableError("nobody answers")

    def beat(self, name: str) -> None:
        raise UnreachableError("nobody answers")


def test_a_database_that_is_away_is_said_once_and_waited_for(broker: Doorbells, tmp_path: Path) -> None:
    ticks = Ticks(TinyWork(Away(tmp_path / "away.db")), broker)

    with capture_logs() as logs:
        for _ in range(3):
            ticks.scan()

    assert [line["event"] for line in logs] == ["database away"]


def test_a_worker_whose_database_is_away_says_so_once_and_stops_when_told(
    valkey_url: str, broker: Doorbells, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with capture_logs() as logs, a_worker(valkey_url, TinyWork(Away(tmp_path / "away.db"))):
        broker.ring(TURNS, times=3)
        until(lambda: broker.client.hlen(f"dramatiq:{TURNS}.msgs") == 0)

    assert [line["event"] for line in logs].count("database away") == 1
    assert "Traceback" not in caplog.text


def test_a_queue_that_nobody_hears_does_not_grow_without_end(broker: Doorbells) -> None:
    for _ in range(10):
        broker.ring(TURNS, times=7)

    assert broker.waiting(TURNS) == MOST_WAITING


def test_ringing_a_dead_broker_raises_nothing_and_is_said_once(tmp_path: Path) -> None:
    broker = make_broker(f"unix://{tmp_path / 'nobody-there.sock'}")

    with capture_logs() as logs:
        for _ in range(3):
            broker.ring(TURNS)

    assert [line["event"] for line in logs] == ["broker away"]


def test_a_log_line_about_a_dead_broker_does_not_hold_its_password() -> None:
    broker = make_broker("redis://:canary-password@127.0.0.1:1/0")

    with capture_logs() as logs:
        broker.ring(TURNS)

    assert logs
    assert "canary" not in repr(logs)


def test_a_worker_outlives_a_broker_that_is_killed_and_comes_back_empty(tmp_path: Path, jobs: Jobs) -> None:
    server = EmbeddedValkey(tmp_path / "var")
    server.start()
    broker = make_broker(server.url)

    with a_worker(server.url, TinyWork(jobs)):
        broker.ring(TURNS)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        until(lambda: not server.alive())
        server.start()
        jobs.add(5)
        broker.client.flushall()
        broker.ring(TURNS)
        until(lambda: jobs.count("done") == 5)
    server.stop()

    assert jobs.count("due") == 0


def test_a_worker_stops_while_the_broker_is_away_and_never_says_it_came_back(
    tmp_path: Path, jobs: Jobs
) -> None:
    with capture_logs() as logs, a_worker(f"unix://{tmp_path / 'nobody-there.sock'}", TinyWork(jobs)):
        until(lambda: beats(jobs))

    assert [name.partition(":")[0] for name in beats(jobs)] == ["worker"]
    assert [line["event"] for line in logs if "broker" in line["event"]] == ["broker away"]


def test_the_scheduler_rings_once_for_each_batch_that_is_due(broker: Doorbells, jobs: Jobs) -> None:
    jobs.add(501)

    Ticks(TinyWork(jobs), broker).scan()

    assert [broker.waiting(queue) for queue in (TURNS, DELIVERIES)] == [3, 0]


def test_the_scheduler_is_silent_when_nothing_is_due(broker: Doorbells, jobs: Jobs) -> None:
    ticks = Ticks(TinyWork(jobs), broker)

    ticks.scan()

    assert broker.waiting(TURNS) == 0


def test_a_scheduler_that_does_not_lead_rings_nothing(broker: Doorbells, jobs: Jobs) -> None:
    jobs.add(1)
    ticks = Ticks(TinyWork(jobs, leading=False), broker)

    ticks.scan()
    ticks.sweep()

    assert [broker.waiting(queue) for queue in (TURNS, HOUSEKEEPING)] == [0, 0]


def test_the_leader_rings_for_the_housekeeping(valkey_url: str, broker: Doorbells, jobs: Jobs) -> None:
    work = TinyWork(jobs)
    ticks = Ticks(work, broker)

    with a_worker(valkey_url, work):
        ticks.scan()
        ticks.sweep()
        until(lambda: work.sweeps > 0)

    assert work.sweeps == 1


@pytest.mark.parametrize(
    ("address", "service", "database"),
    [
        ("sentinel://one:26379,two/nurture", "nurture", 0),
        ("sentinel://ana:s%40cret@one,two:1,three/main/4", "main", 4),
    ],
)
def test_sentinels_are_asked_for_the_master_of_the_service(address: str, service: str, database: int) -> None:
    pool = connect(address).connection_pool

    assert isinstance(pool, redis.sentinel.SentinelConnectionPool)
    assert pool.service_name == service
    assert pool.connection_kwargs["db"] == database
    assert pool.connection_kwargs["password"] in (None, "s@cret")


def beats(jobs: Jobs) -> list[str]:
    with sqlite3.connect(jobs.file) as connection:
        return [str(name) for (name,) in connection.execute("SELECT name FROM beats")]
