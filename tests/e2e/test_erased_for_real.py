"""Somebody lives with a running installation and is erased while it runs: no file, key or log line holds a word of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
import redis

from nurture.workers.valkey import running_broker
from tests.support.canary import (
    AGENT,
    EMAIL,
    FIRST,
    KEY,
    LAST,
    PHONE,
    a_company,
    found_in_files,
    link,
    words_in,
)
from tests.support.running import Running
from tests.support.waiting import free_port, until

ANSWERS = {"email": EMAIL, "first_name": FIRST, "last_name": LAST, "phone": PHONE, "consent": "2026-11"}


@contextmanager
def up(running: Running, log: Path) -> Iterator[str]:
    """Everything running as processes, on the same database; yields the address of its pages."""
    port = free_port()
    settings = running.nurture.settings
    command = [sys.executable, "-m", "nurture", "up", "--listen", f"127.0.0.1:{port}"]
    with (
        log.open("wb") as lines,
        subprocess.Popen(
            [*command, "--project", str(running.project), "--json"],
            stdout=subprocess.DEVNULL,
            stderr=lines,
            env=environment(running),
        ) as process,
    ):
        try:
            until(lambda: answers(f"http://127.0.0.1:{port}/healthz"), deadline=60)
            assert settings.project == running.project
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def environment(running: Running) -> dict[str, str]:
    settings = running.nurture.settings
    return os.environ | {
        "NURTURE_DATABASE_URL": str(settings.database_url),
        "NURTURE_SECRET_KEY": settings.secret_keys[0],
        "NURTURE_LOG_LEVEL": "debug",
    }


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def send(url: str, form: dict[str, str] | None = None) -> int:
    data = urlencode(form).encode() if form is not None else None
    with urlopen(Request(url, data, {"User-Agent": AGENT}), timeout=30) as answer:
        return int(answer.status)


def command(running: Running, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nurture", *words, "--project", str(running.project)],
        check=False,
        capture_output=True,
        text=True,
        env=environment(running),
    )


def has_link(running: Running, kind: str) -> bool:
    try:
        return bool(link(running, kind))
    except AssertionError:
        return False


@pytest.mark.slow
def test_nothing_of_somebody_is_left_where_everything_runs(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'nurture.db'}"
    assert command_at(tmp_path, database).returncode == 0

    with a_company(database, tmp_path) as running, up(running, tmp_path / "up.log") as site:
        send(f"{site}/o/guide?utm_source=zebrasource", ANSWERS)
        until(lambda: has_link(running, "/confirm/"), deadline=60)
        send(site + link(running, "/confirm/"), {})
        until(lambda: has_link(running, "/d/"), deadline=60)
        send(site + link(running, "/d/"))
        left = site + link(running, "/u/")
        told = command(running, "track", KEY, "a.happened", "said=zebranote", f"who={EMAIL}", "--json")
        shown = command(running, "contacts", "export", KEY, "--json")
        erased = command(running, "contacts", "erase", KEY, "--yes", "--json")
        page = send(left)
        broker = running_broker(running.project / "var")
        assert broker is not None
        with redis.Redis.from_url(broker) as client:
            keys = b" ".join(client.scan_iter()).decode(errors="replace")
        again = command(running, "contacts", "erase", KEY, "--yes", "--json")

    assert (told.returncode, shown.returncode, erased.returncode, page, again.returncode) == (0, 0, 0, 200, 1)
    assert json.loads(shown.stdout)["tables"]["consents"]["rows"][0]["proof"]["user_agent"] == AGENT
    assert json.loads(erased.stdout)["wiped"] is True
    assert words_in(keys) == set()
    assert (tmp_path / "up.log").stat().st_size > 0
    assert list((tmp_path / "project" / "var" / "broker").rglob("*.aof"))
    assert found_in_files(tmp_path) == set()


def command_at(folder: Path, database: str) -> subprocess.CompletedProcess[str]:
    """Make the tables."""
    (folder / "nurture.toml").touch()
    return subprocess.run(
        [sys.executable, "-m", "nurture", "db", "upgrade", "--project", str(folder)],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ
        | {"NURTURE_DATABASE_URL": database, "NURTURE_SECRET_KEY": "a-test-key-that-is-long-enough" * 2},
    )
