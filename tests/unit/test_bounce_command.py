"""`nurture bounce`: one answer for each file, for people or as one list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from nurture.cli import main
from tests.support.returned.build import ANA, SENT, block, dsn, failed, feedback, person

pytestmark = pytest.mark.unit


def test_each_file_has_one_object_in_one_list(tmp_path: Path) -> None:
    dead, away = tmp_path / "dead.eml", tmp_path / "away.eml"
    dead.write_bytes(failed("550 5.1.1 User unknown", "5.1.1"))
    away.write_bytes(person("Automatic reply: Your guide", "I am away."))

    result = CliRunner().invoke(main, ["bounce", str(dead), str(away), "--json"])
    first, second = json.loads(result.stdout)

    assert result.exit_code == 0
    assert (first["file"], first["kind"], first["recipient"]) == (str(dead), "hard", ANA)
    assert (first["status"], first["message_id"]) == ("5.1.1", SENT)
    assert [one["kind"] for one in first["recipients"]] == ["hard"]
    assert (second["kind"], second["recipient"], second["recipients"]) == ("autoreply", None, [])


def test_the_recipient_is_the_worst_one_as_we_wrote_to_it() -> None:
    original = "Original-Recipient: rfc822; bea@example.org\n"
    raw = dsn(block("full@example.org", "5.2.2"), block("gone@host.example", "5.1.1", more=original))

    (found,) = json.loads(CliRunner().invoke(main, ["bounce", "--json"], input=raw).stdout)

    assert (found["recipient"], found["status"]) == ("bea@example.org", "5.1.1")
    assert [one["final"] for one in found["recipients"]] == ["full@example.org", "gone@host.example"]


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_without_a_file_standard_input_is_read(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, ["bounce", *arguments], input=feedback("abuse"))

    assert result.exit_code == 0
    assert result.stdout.startswith("-: complaint\n")


def test_others_are_told_the_public_kinds_only() -> None:
    raw = person("Re: Your guide", "Thanks.", In_Reply_To=SENT)

    (found,) = json.loads(CliRunner().invoke(main, ["bounce", "--json"], input=raw).stdout)

    assert (found["kind"], found["message_id"]) == ("not_bounce", SENT)


def test_a_message_without_end_is_read_to_its_end_and_answered() -> None:
    result = CliRunner().invoke(main, ["bounce", "--json"], input=b"x" * 3_000_000)

    assert json.loads(result.stdout)[0]["kind"] == "not_bounce"


def test_what_a_message_says_cannot_move_the_cursor() -> None:
    result = CliRunner().invoke(main, ["bounce"], input=failed("550 5.1.1 \x1b[2Jgone"))

    assert "\x1b" not in result.stdout


def test_a_file_that_is_not_there_is_a_wrong_question() -> None:
    result = CliRunner().invoke(main, ["bounce", "nowhere.eml"])

    assert result.exit_code == 2
    assert "nowhere.eml" in result.stderr
