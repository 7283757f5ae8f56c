"""Does every command speak one sentence to people, one document to programs, and never a traceback?"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from sqlalchemy.exc import OperationalError

from nurture.cli import Commands, main, sentence
from nurture.cli.common import Context, Listen, project_options
from nurture.model.errors import NurtureError


class Mood(StrEnum):
    CALM = "calm"


@dataclass(frozen=True)
class Row:
    at: datetime
    mood: Mood
    wait: timedelta
    file: Path
    tags: frozenset[str]


@click.command("probe")
@project_options
@click.option("--fail", type=click.Choice(["known", "ours"]))
@click.option("--listen", type=Listen())
def probe(context: Context, fail: str | None, listen: tuple[str, int] | None) -> None:
    """A command to try the common parts with."""
    if fail == "known":
        raise NurtureError("the door is shut", hint="knock")
    if fail == "ours":
        raise ZeroDivisionError("canary-password")
    context.note("working")
    context.say("for people")
    if context.as_json:
        context.emit_json({"project": context.project, "listen": listen})


class Probing(Commands):
    """The real group, with the probe instead of the files."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return ["probe"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return probe if cmd_name == "probe" else None


cli = Probing("nurture")


def test_people_get_text_on_stdout() -> None:
    result = CliRunner().invoke(cli, ["probe"])

    assert (result.exit_code, result.stdout, result.stderr) == (0, "for people\n", "working\n")


def test_programs_get_exactly_one_document_on_stdout(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["probe", "--json", "--project", str(tmp_path), "--listen", "[::1]:80"])

    assert json.loads(result.stdout) == {"project": str(tmp_path), "listen": ["::1", 80]}
    assert result.stderr == "working\nfor people\n"


def test_the_project_can_be_named_in_the_environment(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["probe", "--json"], env={"NURTURE_PROJECT": str(tmp_path)})

    assert json.loads(result.stdout)["project"] == str(tmp_path)


def test_an_error_is_one_sentence_with_its_remedy_and_exits_with_1() -> None:
    result = CliRunner().invoke(cli, ["probe", "--fail", "known"])

    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "nurture: the door is shut (knock)\n")


def test_a_mistake_of_ours_shows_no_traceback_and_nothing_secret() -> None:
    result = CliRunner().invoke(cli, ["probe", "--fail", "ours"])

    assert result.exit_code == 1
    assert "ZeroDivisionError" in result.stderr
    assert "NURTURE_DEBUG=1" in result.stderr
    assert "Traceback" not in result.stderr
    assert "canary" not in result.stderr


def test_a_connection_that_breaks_off_in_the_middle_is_no_mistake_of_ours() -> None:
    error = OperationalError("SELECT 'canary'", {}, Exception("canary"), connection_invalidated=True)

    assert sentence(error) == (
        "the connection to the database broke off (see that its server runs, then do it again)"
    )


def test_nurture_debug_shows_where_a_mistake_happened() -> None:
    result = CliRunner().invoke(cli, ["probe", "--fail", "ours"], env={"NURTURE_DEBUG": "1"})

    assert isinstance(result.exception, ZeroDivisionError)


@pytest.mark.parametrize(
    "words", [["--no-such-option"], ["--project", "/nowhere"], ["--listen", "80"], ["--listen", "host:70000"]]
)
def test_wrong_usage_exits_with_2(words: list[str]) -> None:
    result = CliRunner().invoke(cli, ["probe", *words])

    assert result.exit_code == 2
    assert result.stderr.startswith("Usage:")


def test_an_unknown_command_is_answered_with_the_nearest_one() -> None:
    result = CliRunner().invoke(cli, ["prob"])

    assert result.exit_code == 2
    assert "did you mean 'probe'?" in result.stderr


def every_command(group: click.Group, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from every_command(command, click.Context(command, parent=context, info_name=name))
        else:
            yield f"{context.command_path} {name}", command


def test_every_command_has_help_with_an_example_and_the_common_options() -> None:
    commands = dict(every_command(main, click.Context(main, info_name="nurture")))

    without_example = [
        name for name, command in commands.items() if f"Example: {name}" not in help_of(command, name)
    ]
    without_options = [
        name
        for name, command in commands.items()
        if not {"project", "as_json"} <= {option.name for option in command.params}
    ]

    assert {"nurture up", "nurture web", "nurture scheduler", "nurture worker"} <= set(commands)
    assert (without_example, without_options) == ([], [])


def help_of(command: click.Command, name: str) -> str:
    return command.get_help(click.Context(command, info_name=name, max_content_width=200, terminal_width=200))


def test_the_version_is_printed() -> None:
    result = CliRunner().invoke(main, ["--version"])

    assert result.exit_code == 0
    assert result.stdout.startswith("nurture, version ")


def test_documents_hold_times_enums_and_records_in_plain_form(capsys: pytest.CaptureFixture[str]) -> None:
    at = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
    row = Row(at, Mood.CALM, timedelta(minutes=2), Path("a/b"), frozenset({"y", "x"}))

    Context(Path(), as_json=True).emit_json([row])

    assert json.loads(capsys.readouterr().out) == [
        {"at": "2026-03-02T14:00:00+00:00", "mood": "calm", "wait": 120.0, "file": "a/b", "tags": ["x", "y"]}
    ]


def test_a_table_shows_names_as_they_are_and_lets_none_move_the_cursor(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Context(Path(), as_json=False).table(["name", "n"], [["[red]Ana[/red]", 3], ["\x1b[2JBea", None]])

    printed = capsys.readouterr().out

    assert "[red]Ana[/red]" in printed
    assert "\x1b" not in printed


def test_the_list_of_commands_and_their_help_load_nothing_heavy() -> None:
    asked = (
        "import sys; from nurture.cli import main\n"
        "for words in (['--help'], ['check', '--help'], ['pause', '--help'], ['up', '--help']):\n"
        "    try: main(words)\n"
        "    except SystemExit as end: assert not end.code\n"
        "heavy = {'flask', 'sqlalchemy', 'pydantic', 'jinja2', 'dramatiq', 'rich'} & set(sys.modules)\n"
        "print(heavy or 'light', file=sys.stderr)"
    )

    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, check=True, text=True)

    assert done.stderr.strip() == "light"
