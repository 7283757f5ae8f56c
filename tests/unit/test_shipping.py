"""Do the files that ship nurture hold together: locks, image, compose file?"""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from nurture.settings import OTHER_NAMES, Settings, variable
from nurture.workers.worker import GRACE_SECONDS
from tests.support.documents import ROOT, read, section

COMPOSE: dict[str, Any] = YAML(typ="safe").load(ROOT / "docker-compose.yml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name for name, service in SERVICES.items() if service["image"] == "nurture:local"}
LASTING = {name for name, service in SERVICES.items() if service["restart"] != "no"}
LOCKS = ("requirements.lock", "requirements-test.lock", "requirements-mail.lock", "requirements-build.lock")

each_service = pytest.mark.parametrize("name", SERVICES)


def pins(lock: str) -> dict[str, str]:
    """Package and version, as the lock says."""
    return dict(re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", read(lock), re.MULTILINE | re.IGNORECASE))


# --- set-up -------------------------------------------------------------------------------------------------------


def test_a_uv_that_fails_is_said_not_to_be_the_end(capfd: pytest.CaptureFixture[str]) -> None:
    by_uv = runpy.run_path(str(ROOT / "run.py"), run_name="run")["by_uv"]

    assert by_uv("/bin/true") is True
    assert by_uv(None) is False
    assert capfd.readouterr().err == ""
    assert by_uv("/bin/false") is False
    assert capfd.readouterr().err == "run.py: uv could not do that; going on with Python's own venv and pip\n"


# --- locks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_a_hash_for_everything_and_names_no_address(lock: str) -> None:
    entries = re.split(r"^(?=\S)", read(lock), flags=re.MULTILINE)

    assert "://" not in read(lock)
    assert all("--hash=sha256:" in entry for entry in entries if "==" in entry)


def test_what_is_tested_is_what_runs() -> None:
    runs = pins("requirements.lock") | pins("requirements-mail.lock")
    tested = pins("requirements-test.lock")

    assert runs.items() <= tested.items()


def test_django_is_needed_neither_to_build_nor_to_run() -> None:
    named = {name.lower() for lock in LOCKS for name in pins(lock)}

    assert "django-htmx" in pins("requirements-build.lock")
    assert "django" not in named
    assert "django-htmx" not in pins("requirements.lock")


# --- the image ----------------------------------------------------------------------------------------------------


def test_the_image_is_pinned_runs_as_nobody_in_particular_and_installs_by_hash() -> None:
    image = read("Dockerfile")

    assert all(re.search(r":\d+\.\d+\.\d+-", line) for line in re.findall("^FROM .*", image, re.MULTILINE))
    assert re.search(r"^USER (\d+):\1$", image, re.MULTILINE)
    assert "HEALTHCHECK" in image
    assert all(
        "--require-hashes" in line or "--no-index" in line for line in re.findall(r"pip install[^\\]*", image)
    )


def test_the_builder_gets_everything_the_wheel_is_made_of_and_no_secret() -> None:
    given = {line[1:] for line in read(".dockerignore").splitlines() if line.startswith("!")}
    in_wheel = set(re.findall(r'^"([\w.]+)" = "nurture/sample', read("pyproject.toml"), re.MULTILINE))

    assert read(".dockerignore").splitlines()[1] == "*"
    assert given >= in_wheel | {"src", "pyproject.toml", "hatch_build.py", "README.md"}
    assert all((ROOT / name).exists() for name in given)
    assert {"secrets", "var"} & given == set()


# --- the compose file ---------------------------------------------------------------------------------------------


def test_the_compose_file_holds_every_part() -> None:
    assert SERVICES.keys() == {"web", "scheduler", "worker", "migrate", "cli", "postgres", "redis", "mail"}


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_setting_of_a_container_is_one_that_nurture_knows(name: str) -> None:
    given = SERVICES[name]["environment"]
    known = {variable(field) for field in Settings.model_fields if field != "project"}

    assert {word.removesuffix("_FILE") for word in given} <= known | OTHER_NAMES
    assert "NURTURE_BROKER_URL" in given


def test_settings_of_a_container_are_accepted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for word in ("database_url", "secret_key"):
        value = {"database_url": "postgresql+psycopg://nurture:x@postgres/nurture", "secret_key": "k" * 48}[
            word
        ]
        (tmp_path / word).write_text(value)
    for name, value in SERVICES["web"]["environment"].items():
        plain = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value)
        monkeypatch.setenv(name, plain.replace("/run/secrets", str(tmp_path)))

    settings = Settings(project=tmp_path)

    assert settings.listen == ("0.0.0.0", 8000)
    assert settings.broker_url == "redis://redis:6379/0"
    assert not settings.embedded_database


@each_service
def test_every_service_has_a_health_check_or_ends_by_itself(name: str) -> None:
    check = SERVICES[name]["healthcheck"]

    assert check.get("disable", False) is (name not in LASTING)
    assert ("test" in check) is (name in LASTING)


@each_service
def test_no_service_has_rights_it_does_not_need(name: str) -> None:
    service = SERVICES[name]

    assert service["user"] not in ("root", "0", "0:0")
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service


def test_only_the_pages_can_be_reached_and_only_from_this_machine() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    outside = {name for name, service in SERVICES.items() if "outside" in service["networks"]}

    assert ports == {"web": ["127.0.0.1:8000:8000"]}
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert outside == {"web", "worker"}


def test_the_broker_keeps_what_it_was_given() -> None:
    command = SERVICES["redis"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))

    assert options["--appendonly"] == "yes"
    assert options["--maxmemory-policy"] == "noeviction"


def test_secrets_are_files_and_stand_in_no_variable() -> None:
    values = [
        (name, str(value))
        for service in SERVICES.values()
        for name, value in service.get("environment", {}).items()
    ]
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}

    assert all(
        name.endswith("_FILE") for name, _ in values if re.search("PASSWORD|SECRET|DATABASE_URL", name)
    )
    assert not [name for name, value in values if re.search(r"//[^/\s]*:[^/\s]*@", value)]
    assert used == set(COMPOSE["secrets"])
    assert all(secret["file"].startswith("./secrets/") for secret in COMPOSE["secrets"].values())
    assert "secrets/" in read(".gitignore").splitlines()


def test_every_foreign_image_is_pinned_to_a_version() -> None:
    foreign = {service["image"] for name, service in SERVICES.items() if name not in OURS}

    assert all(re.search(r":v?\d+\.\d+", image) for image in foreign)
    assert not [image for image in foreign if "." in image.partition(":")[0].split("/")[0]]


def test_a_worker_is_given_the_time_to_finish_its_batch() -> None:
    assert int(SERVICES["worker"]["stop_grace_period"].removesuffix("s")) > GRACE_SECONDS


def test_the_manual_makes_every_secret_that_the_compose_file_wants() -> None:
    told = section(read("docs/operations.md"), "In containers")

    assert all(name in told for name in COMPOSE["secrets"])
