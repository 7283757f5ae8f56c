"""Does `--check` tell a container's engine the truth about the process beside it?"""

from __future__ import annotations

import socket
from datetime import timedelta
from pathlib import Path

import pytest

from nurture.db import state
from nurture.settings import Settings
from nurture.wiring import Nurture, build
from tests.support.commands import a_starter, answer, run
from tests.support.waiting import free_port


@pytest.fixture
def nurture(tmp_path: Path, sqlite_url: str) -> Nurture:
    project = a_starter(tmp_path / "company")
    (project / "var").mkdir()
    Path(sqlite_url.removeprefix("sqlite:///")).rename(project / "var" / "nurture.db")
    return build(Settings(project=project))


@pytest.mark.parametrize("role", ["worker", "scheduler"])
def test_a_process_that_gave_a_sign_of_life_on_this_machine_is_at_work(nurture: Nurture, role: str) -> None:
    nurture.beat(f"{role}:{socket.gethostname()}:1")

    told = answer(role, "--check", project=nurture.settings.project)

    assert told == {"ok": True}


@pytest.mark.parametrize("role", ["worker", "scheduler"])
def test_a_process_of_another_machine_or_role_does_not_count(nurture: Nurture, role: str) -> None:
    nurture.beat(f"{role}:another-{socket.gethostname()}:1")
    nurture.beat(f"web:{socket.gethostname()}:1")

    result = run(role, "--check", project=nurture.settings.project)

    assert result.exit_code == 1
    assert f"no {role} on {socket.gethostname()} gave a sign of life in the last 30 seconds" in result.stderr
    assert answer(role, "--check", project=nurture.settings.project, exit_code=1) == {"ok": False}


def test_a_sign_of_life_of_long_ago_does_not_count(nurture: Nurture) -> None:
    long_ago = nurture.clock.operational() - timedelta(minutes=1)
    with nurture.database.write() as tx:
        state.beat(tx, f"worker:{socket.gethostname()}:1", long_ago)

    assert run("worker", "--check", project=nurture.settings.project).exit_code == 1


def test_a_check_of_the_pages_where_nobody_listens_says_so(nurture: Nurture) -> None:
    address = f"127.0.0.1:{free_port()}"

    result = run("web", "--check", "--listen", address, project=nurture.settings.project)

    assert result.exit_code == 1
    assert f"no nurture answers at http://{address}" in result.stderr
    assert "Traceback" not in result.stderr
