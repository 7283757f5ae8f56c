"""Does what is shipped work where no checkout is: the wheel, and the containers' commands with their settings?

There is no container engine here: the commands of the compose file run as processes of this machine, with exactly its
settings, beside a real PostgreSQL, a real server for the rings started with the compose file's own options, and a
mail server.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from ruamel.yaml import YAML

from nurture.services.demo.sample import FILE, PARTS
from nurture.workers.children import end, spawn
from nurture.workers.valkey import find_server
from tests.support.documents import ROOT
from tests.support.mailbox import Mailbox, running_mailbox
from tests.support.waiting import free_port, until

BUILD_TOOLS = Path(sys.prefix) / "build"
"""`run.py` puts there what requirements-build.lock names."""
SERVICES: dict[str, dict[str, Any]] = YAML(typ="safe").load(ROOT / "docker-compose.yml")["services"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


# --- the wheel ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as the Dockerfile builds it: from what is locked, with nothing fetched."""
    assert BUILD_TOOLS.is_dir(), "the build tools are not there: run `python3 run.py test` once"
    folder = tmp_path_factory.mktemp("wheel")
    words = (
        "wheel",
        "--quiet",
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        folder,
        ROOT,
    )
    subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *words],
        env={**os.environ, "PYTHONPATH": str(BUILD_TOOLS)},
        check=True,
    )
    (made,) = folder.glob("*.whl")
    return made


def test_the_wheel_holds_everything_that_runs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        (metadata,) = (archive.read(name).decode() for name in held if name.endswith("METADATA"))

    code = ROOT / "src"
    wanted = {str(file.relative_to(code)) for file in (code / "nurture").rglob("*") if is_source(file)}
    sample = [ROOT / FILE, *(file for part in PARTS for file in (ROOT / part).rglob("*") if is_source(file))]
    wanted |= {f"nurture/sample/{file.relative_to(ROOT)}" for file in sample}
    assert wanted - held == set()
    assert "nurture/web/static/vendor/htmx.min.js" in held
    assert not re.search(r"^Requires-Dist: django", metadata, re.MULTILINE | re.IGNORECASE)


def is_source(file: Path) -> bool:
    return file.is_file() and not {"__pycache__", "node_modules"} & set(file.parts) and file.suffix != ".pyc"


def test_the_wheel_builds_and_checks_its_own_sample_company(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    alone = {**os.environ, "PYTHONPATH": str(installed)}
    ask = "import nurture; print(nurture.__file__)"

    here = subprocess.check_output([sys.executable, "-c", ask], env=alone, text=True, cwd=tmp_path)
    built = subprocess.run(
        [sys.executable, "-m", "nurture", "demo", "--once", "--folder", tmp_path / "demo"],
        env=alone,
        cwd=tmp_path,
        check=False,
    )

    assert Path(here.strip()).is_relative_to(installed)
    assert built.returncode == 0


# --- the containers -----------------------------------------------------------------------------------------------


@dataclass
class Machine:
    """What the containers of the compose file find around them, on loopback."""

    folder: Path
    port: int
    places: Mapping[str, str]
    """What stands in the compose file, and what it is here."""

    def settings(self, service: str) -> dict[str, str]:
        given = SERVICES[service]["environment"]
        here = {name: self.place(value) for name, value in given.items()}
        return {**os.environ, **here, "NURTURE_PROJECT": str(self.folder / "project")}

    def place(self, value: str) -> str:
        there = re.compile("|".join(map(re.escape, self.places)))
        return there.sub(lambda found: self.places[found[0]], value)

    def command(self, words: list[str]) -> list[str]:
        return [sys.executable, "-m", "nurture", *words]

    def run(self, service: str, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
        """One command in a container of ``service``, to its end."""
        chosen = list(words) or SERVICES[service]["command"]
        return subprocess.run(
            self.command(chosen),
            env=self.settings(service),
            check=False,
            capture_output=True,
            text=True,
            **more,
        )

    @contextmanager
    def up(self, service: str) -> Iterator[None]:
        """A container of ``service`` that lasts, and ends within the time it is given."""
        process = spawn(self.command(SERVICES[service]["command"]), environment=self.settings(service))
        try:
            yield
        finally:
            grace = float(SERVICES[service]["stop_grace_period"].removesuffix("s"))
            assert end(process, grace=grace) == 0, service

    def is_well(self, service: str) -> bool:
        """What the health check of ``service`` says."""
        kind, program, *words = SERVICES[service]["healthcheck"]["test"]
        assert (kind, program) == ("CMD", "nurture")
        return self.run(service, *words).returncode == 0


@pytest.fixture
def rings(tmp_path: Path) -> Iterator[str]:
    """The broker with the options of the compose file; its address."""
    port = free_port()
    program, *options = SERVICES["redis"]["command"]
    assert program == "redis-server"
    where = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path)]
    server = spawn([find_server(), *options, *where])
    address = f"redis://127.0.0.1:{port}/0"
    with redis.Redis.from_url(address) as client:
        until(lambda: answers(client))
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("save") == {"save": ""}
    yield address
    end(server)


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


@pytest.fixture
def machine(tmp_path: Path, rings: str, empty_postgres_url: str) -> Iterator[tuple[Machine, Mailbox]]:
    secrets = tmp_path / "secrets"
    (tmp_path / "project").mkdir()
    secrets.mkdir()
    (secrets / "database_url").write_text(f"{empty_postgres_url}\n")
    (secrets / "secret_key").write_text("0123456789abcdef" * 4 + "\n")
    port = free_port()
    with running_mailbox(tmp_path / "mail") as mailbox:
        places = {
            "/run/secrets": str(secrets),
            "redis://redis:6379/0": rings,
            "smtp://mail:1025": mailbox.url,
            "0.0.0.0:8000": f"127.0.0.1:{port}",
            "${BASE_URL:-http://127.0.0.1:8000}": f"http://127.0.0.1:{port}",
            "${TRUSTED_PROXIES:-0}": "0",
        }
        yield Machine(tmp_path, port, places), mailbox


def test_the_containers_start_in_order_say_that_they_are_well_and_send_mail(
    machine: tuple[Machine, Mailbox],
) -> None:
    here, mailbox = machine
    sample = ["--project", str(ROOT)]

    too_early = here.run("worker")
    migrated = here.run("migrate")
    not_yet = {name for name in ("web", "scheduler", "worker") if here.is_well(name)}
    with ExitStack() as running:
        for name in ("scheduler", "worker", "web"):
            running.enter_context(here.up(name))
        for name in ("scheduler", "worker", "web"):
            until(lambda name=name: here.is_well(name), deadline=60)
        again = here.run("migrate")
        published = here.run("cli", "publish", "--yes", *sample)
        added = here.run("cli", "user", "add", "claire@example.org", "--role", "admin")
        people = "E-mail,First name,Time zone\nana@example.org,Ana,America/Toronto\n"
        consent = ("--consent", "nurture", "--source", "A form at the fair")
        imported = here.run("cli", "contacts", "import", "-", *consent, *sample, input=people)
        asked = here.run(
            "cli", "track", "ana@example.org", "offer.requested", "offer=readiness-guide", *sample
        )
        until(lambda: mailbox.count() == 1, deadline=30)

    assert too_early.returncode == 1
    assert "nurture db upgrade" in too_early.stderr
    assert (migrated.returncode, again.returncode) == (0, 0)
    assert not_yet == set()
    assert [one.returncode for one in (published, added, imported, asked)] == [0] * 4, (
        published.stderr + imported.stderr
    )
    assert "ana@example.org" in str(mailbox.mails()[0]["To"])
