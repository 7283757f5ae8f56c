"""Does `nurture bounce --apply` record what it is given, and tell a mail server when to try again?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.came_back import bounce, reply
from tests.support.commands import run
from tests.support.returning import MAILS, closed, id_of, live
from tests.support.running import Running, a_nurture


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setenv("NURTURE_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("NURTURE_SECRET_KEY", "a-test-key-that-is-long-enough" * 2)
    yield (running := live(a_nurture(sqlite_url, tmp_path, mails=MAILS)))
    running.nurture.database.dispose()


def test_a_file_is_recorded_and_its_effect_told(running: Running, tmp_path: Path) -> None:
    file = tmp_path / "returned.eml"
    file.write_bytes(bounce("ana@example.org", returned=id_of(running)))

    said = run("bounce", "--apply", file, project=running.project)
    again = run("bounce", "--apply", file, project=running.project)

    assert (said.exit_code, again.exit_code) == (0, 0)
    assert "ana@example.org: known by its message-id; the address is suppressed" in said.stdout
    assert "noted before" in again.stdout
    assert closed(running) == {"hard-bounce"}


def test_without_apply_nothing_is_recorded(running: Running, tmp_path: Path) -> None:
    file = tmp_path / "returned.eml"
    file.write_bytes(bounce("ana@example.org", returned=id_of(running)))

    run("bounce", file, project=running.project)

    assert closed(running) == set()


def test_a_pipe_records_one_message_and_answers_programs(running: Running) -> None:
    said = run("bounce", "--apply", "--json", "-", project=running.project, stdin=reply(id_of(running)))

    (told,) = json.loads(said.stdout)
    assert (said.exit_code, told["kind"], told["duplicate"]) == (0, "not_bounce", False)
    assert [(one["matched_by"], one["effect"]) for one in told["recorded"]] == [("message-id", "told")]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NURTURE_DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/nothing"),
        ("NURTURE_SMTP_URL", "gopher://example.org"),
    ],
)
def test_a_pipe_asks_the_mail_server_to_try_again_when_nothing_can_be_kept(
    running: Running, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    said = run("bounce", "--apply", "-", project=running.project, stdin=bounce("ana@example.org"))

    assert said.exit_code == 75
    assert said.stderr.startswith("nurture: ")
    assert "Traceback" not in said.stderr


def test_a_project_whose_disk_is_not_there_yet_is_tried_again_by_a_mail_server_only(tmp_path: Path) -> None:
    piped = run("bounce", "--apply", "-", project=tmp_path / "away", stdin=bounce("ana@example.org"))
    by_hand = run("bounce", "--apply", __file__, project=tmp_path / "away")

    assert (piped.exit_code, by_hand.exit_code) == (75, 2)
    assert piped.stderr.startswith("nurture: ")
    assert "away" in piped.stderr


def test_a_file_that_cannot_be_kept_is_a_plain_no(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "returned.eml"
    file.write_bytes(bounce("ana@example.org"))
    monkeypatch.setenv("NURTURE_DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/nothing")

    said = run("bounce", "--apply", file, project=running.project)

    assert said.exit_code == 1
