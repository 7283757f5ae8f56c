"""Do the commands that run nurture start, answer and end as people expect of them?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from nurture.workers.broker import HOUSEKEEPING, make_broker
from nurture.workers.valkey import EmbeddedValkey, running_broker
from tests.support.waiting import free_port, until

NURTURE = (sys.executable, "-m", "nurture")


@pytest.fixture
def project(tmp_path: Path, sqlite_url: str) -> Path:
    """A project whose database has its tables."""
    (tmp_path / "nurture.toml").touch()
    (tmp_path / "var").mkdir()
    Path(sqlite_url.removeprefix("sqlite:///")).rename(tmp_path / "var" / "nurture.db")
    return tmp_path


@pytest.fixture
def broker(project: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(project / "var")
    server.start()
    yield server
    server.stop()


def run(*words: str, project: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*NURTURE, *words, "--project", project], check=False, capture_output=True, text=True
    )


@contextmanager
def started(part: str, project: Path) -> Iterator[subprocess.Popen[str]]:
    """A running part of nurture that has said it is ready."""
    command = [*NURTURE, part, "--project", str(project)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        lines = process.stderr
        assert lines is not None
        until(lambda: f"{part} ready" in lines.readline())
        yield process


@pytest.mark.parametrize("part", ["worker", "scheduler"])
def test_a_part_alone_without_a_broker_says_where_to_get_one(project: Path, part: str) -> None:
    result = run(part, project=project)

    assert result.returncode == 1
    assert (
        "start `nurture up` there, which brings its own, or name one in NURTURE_BROKER_URL" in result.stderr
    )
    assert "Traceback" not in result.stderr


def test_a_scheduler_and_a_worker_find_the_broker_of_their_project_and_do_the_housekeeping(
    project: Path, broker: EmbeddedValkey
) -> None:
    with started("scheduler", project) as scheduler, started("worker", project) as worker:
        make_broker(broker.url).ring(HOUSEKEEPING)
        until(lambda: not broker_messages(broker))
        for process in (scheduler, worker):
            process.terminate()
        # Waited for while their pipes are open: who cannot write a last line at the end exits with 120.
        codes = [process.wait(timeout=30) for process in (scheduler, worker)]

    assert codes == [0, 0]


@pytest.mark.slow
def test_the_command_of_dramatiq_runs_our_workers(project: Path, broker: EmbeddedValkey) -> None:
    make_broker(broker.url).ring(HOUSEKEEPING)
    command = [sys.executable, "-m", "dramatiq", "nurture.workers", "--processes", "1", "--threads", "1"]
    surroundings = {**os.environ, "NURTURE_PROJECT": str(project)}

    with subprocess.Popen(command, env=surroundings, stderr=subprocess.PIPE, text=True) as dramatiq:
        until(lambda: not broker_messages(broker))
        dramatiq.terminate()
        assert dramatiq.stderr is not None
        said = dramatiq.stderr.read()

    assert dramatiq.returncode == 0
    assert "ERROR" not in said


def test_up_runs_everything_and_ends_it_all_when_told(project: Path) -> None:
    port = free_port()
    command = [*NURTURE, "up", "--json", "--project", str(project), "--listen", f"127.0.0.1:{port}"]

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as up:
        assert up.stdout is not None
        document = json.loads("".join(iter(up.stdout.readline, "}\n")) + "}")
        with urlopen(document["url"]) as page:
            status = page.status
        second = run("up", "--listen", f"127.0.0.1:{port}", project=project)
        third = run("up", "--listen", f"127.0.0.1:{free_port()}", project=project)
        up.send_signal(signal.SIGINT)

    assert status == 200
    assert set(document["processes"]) == {"broker", "worker 1", "worker 2", "scheduler", "web server"}
    assert (second.returncode, third.returncode, up.returncode) == (1, 1, 0)
    assert f"another program already listens on 127.0.0.1:{port}" in second.stderr
    assert "already runs in this project" in third.stderr
    assert running_broker(project / "var") is None


def broker_messages(broker: EmbeddedValkey) -> int:
    return int(make_broker(broker.url).client.hlen(f"dramatiq:{HOUSEKEEPING}.msgs"))
