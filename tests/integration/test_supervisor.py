"""Do the processes of one machine come back when they are killed, and go when they are told to?"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import redis

from nurture.model.errors import NurtureError
from nurture.settings import Settings
from nurture.workers.broker import TURNS, make_broker
from nurture.workers.supervisor import Part, Supervisor
from nurture.workers.valkey import EmbeddedValkey, running_broker
from tests.support.tiny import Jobs, command, environment
from tests.support.waiting import until

pytestmark = pytest.mark.slow

PARTS = ("broker", "worker", "scheduler")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "nurture.toml").touch()
    return tmp_path


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(tmp_path / "jobs.db")


@pytest.fixture
def up(project: Path, jobs: Jobs) -> Iterator[subprocess.Popen[bytes]]:
    """A running supervisor with a broker, a worker and a scheduler: real processes."""
    with subprocess.Popen(command("up", jobs.file, project), env=environment()) as process:
        try:
            until(lambda: set(pids(project)) == set(PARTS))
            yield process
        finally:
            process.terminate()


def pids(project: Path) -> dict[str, int]:
    file = project / "pids.json"
    found: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
    return found


def came_back(project: Path, name: str, killed: int) -> bool:
    return pids(project).get(name, killed) != killed


def runs(pid: int) -> bool:
    """Is there such a process, other than one that has ended and waits to be buried?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_whatever_is_killed_comes_back_and_all_work_gets_done(
    up: subprocess.Popen[bytes], project: Path, jobs: Jobs
) -> None:
    jobs.add(300)
    until(lambda: jobs.count("done") == 300)

    for victim in PARTS:
        killed = pids(project)[victim]
        os.kill(killed, signal.SIGKILL)
        jobs.add(300)
        until(partial(came_back, project, victim, killed))
    until(lambda: jobs.count("due") == 0)

    assert jobs.count("done") + jobs.count("begun") == 1_200
    assert up.poll() is None


@pytest.mark.slow
@pytest.mark.parametrize("emptied", [False, True], ids=["with its queue", "with an empty queue"])
def test_a_broker_that_is_killed_again_and_again_delays_work_and_loses_none(
    up: subprocess.Popen[bytes], project: Path, jobs: Jobs, emptied: bool
) -> None:
    for round_ in range(1, 11):
        jobs.add(500)
        killed = pids(project)["broker"]
        os.kill(killed, signal.SIGKILL)
        if emptied:
            shutil.rmtree(project / "var" / "broker", ignore_errors=True)
        until(partial(came_back, project, "broker", killed))
        until(lambda done=500 * round_: jobs.count("done") >= done, deadline=60)  # type: ignore[misc]

    assert jobs.count("done") == 5_000
    assert up.poll() is None


def test_told_to_stop_it_ends_every_process_and_forgets_its_broker(
    up: subprocess.Popen[bytes], project: Path
) -> None:
    children = pids(project)

    up.terminate()
    code = up.wait(30)

    assert code == 0
    assert [name for name, pid in children.items() if runs(pid)] == []
    assert running_broker(project / "var") is None
    assert not list((project / "var" / "run").glob("broker.[sj]*"))


def test_killed_itself_it_leaves_no_process_behind_and_starts_again(
    up: subprocess.Popen[bytes], project: Path, jobs: Jobs
) -> None:
    children = pids(project)

    up.kill()
    up.wait()
    until(lambda: not any(runs(pid) for pid in children.values()))
    (project / "pids.json").unlink()
    with subprocess.Popen(command("up", jobs.file, project), env=environment()) as again:
        jobs.add(1)
        until(lambda: jobs.count("done") == 1)
        again.terminate()

    assert again.returncode == 0


def test_a_part_that_refuses_to_start_ends_everything(project: Path) -> None:
    refuses = Part("web server", (sys.executable, "-c", "raise SystemExit(1)"))
    waits = Part("worker", (sys.executable, "-c", "import signal; signal.pause()"))
    supervisor = Supervisor(Settings(project=project, broker_url="redis://127.0.0.1:1"), [waits, refuses])

    with pytest.raises(NurtureError, match="web server did not start"):
        supervisor.run(threading.Event(), on_ready=lambda: None, ready=lambda: False)

    assert waits.process is not None
    assert waits.process.poll() is not None


def test_a_part_that_crashes_again_and_again_is_given_time(project: Path) -> None:
    crashes = Part("worker", (sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"))

    moments = [now / 10 for now in range(60)]
    starts = 0
    for now in moments:
        before = crashes.process
        crashes.look({}, now)
        if crashes.process is not None and crashes.process is not before:
            starts += 1
            crashes.process.wait()

    assert starts == 5  # after 0.2, 0.4, 0.8, 1.6 seconds, and what it takes to notice


def test_a_part_that_cannot_be_started_for_now_is_tried_again() -> None:
    part = Part("worker", ("/nowhere/at-all",))

    part.look({}, now=0.0)
    part.command = (sys.executable, "-c", "pass")
    part.look({}, now=0.1)
    too_early = part.process
    part.look({}, now=0.3)

    assert too_early is None
    assert part.process is not None
    assert part.process.wait() == 0


def test_a_worker_told_to_stop_finishes_its_batch_and_takes_no_other(
    valkey_url: str, tmp_path: Path, jobs: Jobs
) -> None:
    held = tmp_path / "held"
    held.touch()
    jobs.add(400)
    surroundings = {**environment(), "NURTURE_BROKER_URL": valkey_url, "HELD": str(held)}
    worker = command("worker", jobs.file, tmp_path)
    with subprocess.Popen(worker, env=surroundings, stdout=subprocess.PIPE, text=True) as process:
        make_broker(valkey_url).ring(TURNS, times=3)
        until(lambda: jobs.count("begun") == 250)

        process.terminate()
        said = process.stdout
        assert said is not None
        until(lambda: "worker draining" in said.readline())
        held.unlink()
        code = process.wait(30)

    assert code == 0
    assert (jobs.count("done"), jobs.count("begun")) == (250, 0)


def test_the_rings_that_a_killed_worker_had_taken_come_back(
    valkey_url: str, tmp_path: Path, jobs: Jobs
) -> None:
    held = tmp_path / "held"
    held.touch()
    jobs.add(1)
    surroundings = {**environment(), "NURTURE_BROKER_URL": valkey_url}
    with subprocess.Popen(
        command("worker", jobs.file, tmp_path), env={**surroundings, "HELD": str(held)}
    ) as first:
        make_broker(valkey_url).ring(TURNS)
        until(lambda: jobs.count("begun") == 1)
        first.kill()

    jobs.add(1)
    with (
        subprocess.Popen(command("worker", jobs.file, tmp_path), env=surroundings) as second,
        subprocess.Popen(command("scheduler", jobs.file, tmp_path), env=surroundings) as scheduler,
    ):
        until(lambda: jobs.count("done") == 1)
        second.terminate()
        scheduler.terminate()

    assert (second.returncode, scheduler.returncode) == (0, 0)


class TestTheEmbeddedBroker:
    def test_answers_on_a_private_socket_and_on_no_port(self, tmp_path: Path) -> None:
        server = EmbeddedValkey(tmp_path / "var")

        server.start()
        with redis.Redis.from_url(server.url) as client:
            port = client.config_get("port")["port"]
        mode = stat.S_IMODE(Path(server.url.removeprefix("unix://")).parent.stat().st_mode)
        server.stop()

        assert port == "0"
        assert mode == 0o700

    def test_runs_once_in_a_project(self, tmp_path: Path) -> None:
        first = EmbeddedValkey(tmp_path / "var")
        first.start()

        with pytest.raises(NurtureError, match="already runs in this project"):
            EmbeddedValkey(tmp_path / "var").start()
        unharmed = running_broker(tmp_path / "var")
        first.stop()

        assert unharmed is not None

    def test_keeps_its_queue_over_a_restart(self, tmp_path: Path) -> None:
        server = EmbeddedValkey(tmp_path / "var")
        server.start()
        make_broker(server.url).ring(TURNS)

        server.stop()
        server.start()
        waiting = make_broker(server.url).waiting(TURNS)
        server.stop()

        assert waiting == 1

    def test_starts_over_a_damaged_queue_file(self, tmp_path: Path) -> None:
        server = EmbeddedValkey(tmp_path / "var")
        server.start()
        make_broker(server.url).ring(TURNS)
        server.stop()
        for file in (tmp_path / "var" / "broker" / "appendonlydir").iterdir():
            file.write_bytes(b"not what was written here")

        server.start()
        waiting = make_broker(server.url).waiting(TURNS)
        server.stop()

        assert waiting == 0

    def test_starts_where_the_path_is_too_long_for_a_socket(self, tmp_path: Path) -> None:
        var = tmp_path / ("deep-" * 20) / "var"
        var.mkdir(parents=True)
        server = EmbeddedValkey(var)

        server.start()
        found = running_broker(var)
        folder = Path(server.url.removeprefix("unix://")).parent
        server.stop()

        assert found == f"unix://{folder}/broker.sock"
        assert not folder.exists()

    def test_starts_over_the_socket_of_one_that_was_killed(self, tmp_path: Path) -> None:
        server = EmbeddedValkey(tmp_path / "var")
        server.start()
        path = Path(server.url.removeprefix("unix://"))
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        until(lambda: not server.alive())

        left = path.exists()
        server.start()
        found = running_broker(tmp_path / "var")
        server.stop()

        assert left
        assert found == f"unix://{path}"

    def test_is_not_found_where_none_runs(self, tmp_path: Path) -> None:
        run = tmp_path / "run"
        run.mkdir()
        silent = socket.socket(socket.AF_UNIX)
        silent.bind(str(run / "broker.sock"))
        (run / "broker.json").write_text(json.dumps({"url": f"unix://{run}/broker.sock", "pid": 1}))

        found = running_broker(tmp_path)
        silent.close()

        assert found is None

    def test_says_what_to_install_where_there_is_no_server_program(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shutil, "which", lambda name: None)
        monkeypatch.setattr("nurture.workers.valkey.find_spec", lambda name: None)

        with pytest.raises(NurtureError, match="install redis-server, or name one in NURTURE_BROKER_URL"):
            EmbeddedValkey(tmp_path / "var").start()
