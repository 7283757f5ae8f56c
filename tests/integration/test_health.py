"""Do the health pages tell a process that lives from one that can work, without giving anything away?"""

from __future__ import annotations

from pathlib import Path

import pytest

from nurture.db.session import Database
from nurture.settings import Settings
from nurture.web import create_app
from tests.support.running import Running, a_nurture


def settings_of(running: Running, broker_url: str | None) -> Settings:
    return running.nurture.settings.model_copy(update={"broker_url": broker_url})


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Running:
    return a_nurture(sqlite_url, tmp_path)


def test_a_process_that_lives_says_so(running: Running) -> None:
    client = create_app(running.nurture.settings, running.nurture).test_client()

    assert client.get("/healthz").json == {"alive": True}


def test_it_is_ready_when_database_broker_and_scheduler_are_there(running: Running, valkey_url: str) -> None:
    running.nurture.beat("scheduler:here:1")

    response = create_app(settings_of(running, valkey_url), running.nurture).test_client().get("/readyz")

    assert response.status_code == 200
    assert response.json is not None
    assert response.json["ready"] is True
    assert response.json["scheduler_seconds"] < 1
    assert response.json["oldest_due_seconds"] == 0


def test_it_is_not_ready_while_the_scheduler_is_silent(running: Running, valkey_url: str) -> None:
    running.nurture.beat("scheduler:here:1")
    running.clock.advance(minutes=2)

    response = create_app(settings_of(running, valkey_url), running.nurture).test_client().get("/readyz")

    assert response.status_code == 503
    assert response.json is not None
    assert (response.json["scheduler"], response.json["broker"]) == (False, True)


def test_it_is_not_ready_without_a_broker(running: Running, tmp_path: Path) -> None:
    running.nurture.beat("scheduler:here:1")
    settings = settings_of(running, f"unix://{tmp_path}/nobody.sock")

    response = create_app(settings, running.nurture).test_client().get("/readyz")

    assert response.status_code == 503
    assert response.json is not None
    assert response.json["broker"] is False


def test_a_database_that_is_away_is_told_without_its_address(running: Running, valkey_url: str) -> None:
    away = Database("postgresql+psycopg://someone:canary@127.0.0.1:1/nowhere")
    running.nurture.runtime.__dict__["database"] = away
    client = create_app(settings_of(running, valkey_url), running.nurture).test_client()

    ready = client.get("/readyz")
    alive = client.get("/healthz")
    page = client.get(f"/u/{running.nurture.runtime.links.token('u', 'abcdefgh')}")  # type: ignore[arg-type]

    assert (ready.status_code, alive.status_code, page.status_code) == (503, 200, 503)
    assert page.headers["Retry-After"] == "60"
    assert "canary" not in ready.text + page.text


def test_the_web_can_be_run_by_flasks_own_command(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    import nurture.web

    monkeypatch.setenv("NURTURE_PROJECT", str(running.project))
    monkeypatch.setenv("NURTURE_DATABASE_URL", running.nurture.settings.database_url)

    app = nurture.web.app

    del nurture.web.app
    assert app.test_client().get("/healthz").status_code == 200


def test_the_web_refuses_to_start_without_a_project_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nurture.web

    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("NURTURE_PROJECT", str(tmp_path / "empty"))

    with pytest.raises(SystemExit, match="it is no project"):
        _ = nurture.web.app
