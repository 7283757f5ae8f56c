"""The examples in the documents work: workflows are sound, codes are told so, times come out, command lines can be typed."""

from __future__ import annotations

import re
import runpy
import shlex
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import pytest
from click.testing import CliRunner

from nurture import __version__
from nurture.cli import main
from nurture.engine.explain import sentence
from nurture.model.decisions import Finish, Shift, Skip
from nurture.model.words import Channel, Reason, Status
from nurture.services.files.check import check
from nurture.services.files.starter import write_starter
from nurture.services.rehearsing.when import answer
from nurture.workflow.checks import CODES
from tests.support.documents import DOCUMENTS, ROOT, blocks, command_lines, read, rows, section
from tests.support.projects import FILES, TOML, WORKFLOW, problems_of, with_workflow
from tests.support.worlds import MONDAY

STEPS, CHECKS = read("docs/steps.md"), read("docs/checks.md")
Changed = dict[str, str | None]

# --- workflows and steps ------------------------------------------------------------------------------------------


def test_every_workflow_in_the_documents_is_sound(tmp_path: Path) -> None:
    for file in DOCUMENTS:
        for number, block in enumerate(blocks(file.read_text(), "yaml workflow")):
            project = tmp_path / f"{file.stem}-{number}"
            assert problems_of(project, {"workflows/checkup.yaml": block.text}) == [], file.name


def test_the_workflow_in_the_readme_is_sound_in_the_sample_company(tmp_path: Path) -> None:
    (shown,) = blocks(read("README.md"), "yaml workflow sample")
    draft = tmp_path / "retirement-readiness.yaml"
    draft.write_text(shown.text)

    assert check(ROOT, [draft]).problems == ()


def test_the_first_own_project_of_the_readme_has_what_its_commands_name(tmp_path: Path) -> None:
    write_starter(tmp_path / "my-company")
    typed = [
        words for words in command_lines(section(read("README.md"), "Your own project")) if len(words) > 2
    ]

    project = check(tmp_path / "my-company").sound()

    assert {words[2] for words in typed if words[0] == "enroll"} == set(project.workflows)
    assert {words[3] for words in typed if words[0] == "track"} == {
        f"offer={name}" for name in project.offers
    }


def test_every_list_of_steps_in_the_documents_is_sound(tmp_path: Path) -> None:
    other = WORKFLOW.replace("workflow: checkup", "workflow: welcome-back")
    steps = WORKFLOW[WORKFLOW.index("      - email") : WORKFLOW.index("    loss:")]
    for number, block in enumerate(blocks(STEPS, "yaml steps")):
        listed = "".join(f"      {line}\n" for line in block.text.splitlines())
        changed: Changed = {
            "workflows/checkup.yaml": WORKFLOW.replace(steps, listed),
            "workflows/welcome-back.yaml": other,
        }

        assert problems_of(tmp_path / str(number), changed) == [], block.text


def test_every_row_of_the_time_table_is_what_the_time_engine_says() -> None:
    for rule, (start, due) in rows(section(read("docs/time.md"), "What a rule means")).items():
        found = answer(rule, "America/Toronto", start)

        assert found.at.astimezone(ZoneInfo("America/Toronto")).strftime("%Y-%m-%d %H:%M") == due, rule


# --- what nurture says ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(CODES))
def test_every_example_of_a_code_was_really_run(tmp_path: Path, name: str) -> None:
    described = section(CHECKS, name)
    (shown,) = blocks(described, "text")

    told = [str(problem) for problem in problems_of(tmp_path, changed_as(described, tmp_path))]

    assert shown.text.strip() in told


def changed_as(described: str, folder: Path) -> Changed:
    """The sound project with the one change that the sentence above an example tells."""
    for pattern, change in CHANGES.items():
        if found := re.search(pattern, described, re.MULTILINE):
            return change(*found.groups())
    assert "in another encoding than UTF-8" in described
    mail = folder / "templates/email/welcome.md"
    mail.parent.mkdir(parents=True)
    mail.write_bytes("Größe".encode("latin-1"))
    return {"templates/email/welcome.md": None}


def _instead(file: str, new: str, old: str) -> Changed:
    assert old in FILES[file]
    return {file: FILES[file].replace(old, new, 1)}


def _below(file: str, old: str, new: str) -> Changed:
    line = next(line for line in FILES[file].splitlines() if old in line)
    indent = line[: len(line) - len(line.lstrip())]
    return {file: FILES[file].replace(line, f"{line}\n{indent}{new}", 1)}


def _without(file: str, gone: str) -> Changed:
    lines = FILES[file].splitlines(keepends=True)
    return {file: "".join(line for line in lines if line.strip() != gone)}


CHANGES: dict[str, Callable[..., Changed]] = {
    r"^In `(\S+)`, `(.+)` instead of `(.+)`:$": _instead,
    r"^In `(\S+)`, below `(.+)`, the line `(.+)`:$": _below,
    r"^In `(\S+)`, without the line `(.+)`:$": _without,
    r"^In `(\S+)`, at the end, the line `(.+)`:$": lambda file, line: {file: FILES[file] + line + "\n"},
    r"^A file `(\S+)` that says `(.+)`:$": lambda file, text: {file: text + "\n"},
    r"^A copy of `(\S+)` at `(\S+)`:$": lambda file, copy: {copy: FILES[file]},
    r"^A copy of `(\S+)` at `(\S+)`, with `(.+)` instead of `(.+)`:$": lambda file, copy, new, old: {
        copy: _instead(file, new, old)[file]
    },
}


def test_the_sound_project_of_the_examples_is_shown_as_it_is(tmp_path: Path) -> None:
    assert [block.text for block in blocks(CHECKS, "yaml workflow")] == [WORKFLOW]
    assert [block.text for block in blocks(CHECKS, "toml")] == [TOML]
    assert with_workflow(tmp_path, "workflow: checkup", "workflow: checkup") == []


def test_the_sentences_in_the_readme_are_what_why_says() -> None:
    zone, at, stage = ZoneInfo("Europe/Berlin"), MONDAY, "first-sale"
    due, until = (datetime(2026, 10, 18, *clock, tzinfo=zone) for clock in ((7, 47), (8, 0)))
    quiet, left = Reason.QUIET_HOURS, Reason.STAGE_LEFT
    decisions = (
        Shift(at=at, stage=stage, step="three-numbers", reason=quiet, due=due, until=until),
        Skip(at=at, stage=stage, reason=left, what="guide-reminder", channel=Channel.EMAIL, due=at),
        Finish(at=at, stage=stage, reason=Reason.UNSUBSCRIBED, status=Status.LOST),
    )

    told = "".join(f"{sentence(decision, zone)}\n" for decision in decisions)

    assert [block.text for block in blocks(read("README.md"), "text")] == [told]


def test_what_the_command_line_answers_in_the_documents_is_what_it_answers() -> None:
    (shown,) = blocks(read("docs/time.md"), "console")
    typed, _, answered = shown.text.partition("\n")

    given = CliRunner().invoke(main, shlex.split(typed)[2:])

    assert given.stdout == answered


# --- command lines ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.name)
def test_every_command_line_in_the_documents_can_be_typed(file: Path) -> None:
    for words in command_lines(file.read_text()):
        understand(main, words)


def understand(command: click.Command, words: list[str]) -> None:
    """Raises click.UsageError for words that the command would not understand."""
    context = click.Context(command, info_name="nurture")
    if words and words[0] in ("--help", "--version"):
        return
    if isinstance(command, click.Group):
        assert words, f"which command of {command.name}?"
        found = command.get_command(context, words[0])
        assert found is not None, f"there is no command {words[0]!r}"
        understand(found, words[1:])
        return
    given, left, _ = command.make_parser(context).parse_args(list(words))
    assert not left, f"{words}: {left} is too much"
    if words:  # the bare name of a command stands for the command
        lacking = [
            argument.name
            for argument in command.params
            if isinstance(argument, click.Argument)
            and argument.required
            and given.get(argument.name or "") is None
        ]
        assert not lacking, f"{words} lacks {lacking}"


def test_the_two_commands_of_the_readme_are_those_of_run_py(capsys: pytest.CaptureFixture[str]) -> None:
    script = runpy.run_path(str(ROOT / "run.py"), run_name="run")
    typed = {line for block in blocks(read("README.md"), "sh") for line in block.text.splitlines()}

    code = script["main"](["--help"])

    assert {"python3 run.py demo", "python3 run.py test"} <= typed
    assert f"nurture-{__version__}-py3-none-any.whl" in read("README.md")
    assert code == 0
    assert "demo | test" in capsys.readouterr().err
