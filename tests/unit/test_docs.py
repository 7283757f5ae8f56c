"""The documents say what is true: each kind, key, reason, setting, command and code has its place, each example was run."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import pytest
from pydantic import BaseModel

from nurture.channels import smtp_url
from nurture.cli import main
from nurture.db.tables import DeliveryState, TaskState
from nurture.engine.explain import in_words
from nurture.model.errors import Severity
from nurture.model.matching import RESERVED_EVENTS
from nurture.model.words import Reason, SuppressionReason
from nurture.model.workspace import Workspace
from nurture.rendering import front_matter, limits, sandbox
from nurture.rendering.filters import FILTERS
from nurture.services.check import check
from nurture.services.doctor import FINDINGS
from nurture.services.when import answer
from nurture.settings import OTHER_NAMES, Settings, variable
from nurture.steps import KINDS
from nurture.steps.base import StepFields, TimedFields, TouchFields
from nurture.steps.call_task import OUTCOMES
from nurture.workflow import documents, workspace
from nurture.workflow.checks import CODES
from nurture.workflow.fields import LossFields, StageFields, VariantFields, WorkflowFields
from nurture.workflow.workspace import read_workspace
from tests.support.documents import (
    DOCUMENTS,
    ROOT,
    anchors,
    blocks,
    command_lines,
    headings,
    links,
    read,
    rows,
    section,
    spans,
)
from tests.support.projects import FILES, TOML, WORKFLOW, problems_of, with_workflow

STEPS, LANGUAGE, SETTINGS, CHECKS = (
    read(f"docs/{name}.md") for name in ("steps", "language", "settings", "checks")
)
COMMANDS, TEMPLATES, OPERATIONS = (
    read(f"docs/{name}.md") for name in ("commands", "templates", "operations")
)
each_document = pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.name)


def keys_of(form: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in form.model_fields.items()}


# --- the language -------------------------------------------------------------------------------------------------


def test_every_step_kind_has_its_heading_and_nothing_else_has() -> None:
    assert sorted(headings(STEPS, 2)) == sorted(["Fields that steps share", *KINDS])


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_field_of_a_step_kind_has_its_row_and_an_example(kind: object) -> None:
    described = section(STEPS, kind.name)  # type: ignore[attr-defined]
    shared = keys_of(TouchFields)

    assert set(rows(described)) == (keys_of(kind.fields) - shared) | set(kind.branches)  # type: ignore[attr-defined]
    assert blocks(described, "yaml steps")


def test_the_fields_that_steps_share_are_told_once() -> None:
    shared = section(STEPS, "Fields that steps share")

    assert set(rows(shared)) == keys_of(StepFields) | keys_of(TimedFields) | keys_of(TouchFields)


@pytest.mark.parametrize(
    ("heading", "keys"),
    [
        ("Workflow keys", keys_of(WorkflowFields) | {"stages"}),
        ("Stage keys", keys_of(StageFields) | {"steps", "loss"}),
        ("Loss keys", keys_of(LossFields)),
        ("Offers", keys_of(documents.OfferForm)),
        ("Personas", keys_of(documents.PersonaForm)),
        ("Segments", keys_of(documents.SegmentForm)),
    ],
)
def test_every_key_of_the_language_has_its_row(heading: str, keys: set[str]) -> None:
    assert set(rows(section(LANGUAGE, heading))) == keys


def test_the_keys_of_variants_and_of_small_groups_are_named_where_they_are_used() -> None:
    variants = rows(section(STEPS, "split"))["variants"][-1] + rows(section(STEPS, "split"))["variants"][0]
    offers = rows(section(LANGUAGE, "Offers"))

    assert all(key in variants for key in (*keys_of(VariantFields), "do"))
    assert all(f"`{key}`" in offers["consent"][0] for key in keys_of(documents.ConsentForm))
    assert all(f"{key}:" in offers["link"][0] for key in keys_of(documents.LinkForm))
    assert all(f"{key}:" in offers["fields"][0] for key in keys_of(documents.FormFieldForm))


def test_every_reserved_event_and_known_outcome_is_told() -> None:
    assert set(rows(section(LANGUAGE, "Events"))) == RESERVED_EVENTS
    assert set(spans(section(LANGUAGE, "Outcomes of calls"))) >= OUTCOMES


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


def test_every_list_of_steps_in_the_documents_is_sound(tmp_path: Path) -> None:
    other = WORKFLOW.replace("workflow: checkup", "workflow: welcome-back")
    steps = WORKFLOW[WORKFLOW.index("      - email") : WORKFLOW.index("    loss:")]
    for number, block in enumerate(blocks(STEPS, "yaml steps")):
        listed = "".join(f"      {line}\n" for line in block.text.splitlines())
        changed = {
            "workflows/checkup.yaml": WORKFLOW.replace(steps, listed),
            "workflows/welcome-back.yaml": other,
        }

        assert problems_of(tmp_path / str(number), changed) == [], block.text


def test_every_row_of_the_time_table_is_what_the_time_engine_says() -> None:
    for rule, (start, due) in rows(section(read("docs/time.md"), "What a rule means")).items():
        found = answer(rule, "America/Toronto", start)

        assert found.at.astimezone(ZoneInfo("America/Toronto")).strftime("%Y-%m-%d %H:%M") == due, rule


# --- what nurture says --------------------------------------------------------------------------------------------


def test_every_reason_is_explained_in_the_words_of_the_program() -> None:
    reasons, _, others = read("docs/reasons.md").partition("## Suppressions\n")

    assert {reason: cells[0] for reason, cells in rows(reasons).items()} == {
        word: in_words(word) for word in Reason
    }
    assert set(rows(others)) == {*SuppressionReason, *DeliveryState, *TaskState}


def test_every_code_of_the_checker_has_its_heading_and_nothing_else_has() -> None:
    assert sorted(headings(CHECKS, 3)) == sorted(CODES)


@pytest.mark.parametrize("name", sorted(CODES))
def test_every_code_is_explained_in_the_words_of_the_program(name: str) -> None:
    described, code = section(CHECKS, name), CODES[name]

    assert code.meaning in described
    assert f"**Remedy:** {code.remedy}" in described
    assert described.lstrip().startswith("*warning*") is (code.severity is Severity.WARNING)


@pytest.mark.parametrize("name", sorted(CODES))
def test_every_example_of_a_code_was_really_run(tmp_path: Path, name: str) -> None:
    described = section(CHECKS, name)
    (shown,) = blocks(described, "text")

    told = [str(problem) for problem in problems_of(tmp_path, changed_as(described, tmp_path))]

    assert shown.text.strip() in told


def changed_as(described: str, folder: Path) -> dict[str, str | None]:
    """The sound project with the one change that the sentence above an example tells."""
    for pattern, change in CHANGES.items():
        if found := re.search(pattern, described, re.MULTILINE):
            return change(*found.groups())
    assert "in another encoding than UTF-8" in described
    mail = folder / "templates/email/welcome.md"
    mail.parent.mkdir(parents=True)
    mail.write_bytes("Größe".encode("latin-1"))
    return {"templates/email/welcome.md": None}


def _instead(file: str, new: str, old: str) -> dict[str, str | None]:
    assert old in FILES[file]
    return {file: FILES[file].replace(old, new, 1)}


def _below(file: str, old: str, new: str) -> dict[str, str | None]:
    line = next(line for line in FILES[file].splitlines() if old in line)
    indent = line[: len(line) - len(line.lstrip())]
    return {file: FILES[file].replace(line, f"{line}\n{indent}{new}", 1)}


def _without(file: str, gone: str) -> dict[str, str | None]:
    lines = FILES[file].splitlines(keepends=True)
    return {file: "".join(line for line in lines if line.strip() != gone)}


CHANGES: dict[str, Callable[..., dict[str, str | None]]] = {
    r"^In `(\S+)`, `(.+)` instead of `(.+)`:$": _instead,
    r"^In `(\S+)`, below `(.+)`, the line `(.+)`:$": _below,
    r"^In `(\S+)`, without the line `(.+)`:$": _without,
    r"^In `(\S+)`, at the end, the line `(.+)`:$": lambda file, line: {file: FILES[file] + line + "\n"},
    r"^A file `(\S+)` that says `(.+)`:$": lambda file, text: {file: text + "\n"},
    r"^A copy of `(\S+)` at `(\S+)`:$": lambda file, copy: {copy: FILES[file]},
}


def test_the_sound_project_of_the_examples_is_shown_as_it_is(tmp_path: Path) -> None:
    assert [block.text for block in blocks(CHECKS, "yaml workflow")] == [WORKFLOW]
    assert [block.text for block in blocks(CHECKS, "toml")] == [TOML]
    assert with_workflow(tmp_path, "workflow: checkup", "workflow: checkup") == []


def test_every_finding_of_the_doctor_is_explained_in_its_own_words() -> None:
    described = rows(section(OPERATIONS, "Doctor"))

    assert set(described) == set(FINDINGS)
    assert all(described[code] == [meaning, remedy] for code, (meaning, remedy, _) in FINDINGS.items())


# --- settings -----------------------------------------------------------------------------------------------------


def test_every_setting_of_the_environment_has_its_row() -> None:
    described = section(SETTINGS, "Environment")
    known = {variable(field) for field in Settings.model_fields if field != "project"}

    assert {name for name in rows(described) if name.startswith("NURTURE_")} == known
    assert set(spans(described)) >= {"NURTURE_PROJECT"}
    assert all(name in described for name in OTHER_NAMES)


def test_every_option_of_the_mail_servers_address_has_its_row() -> None:
    assert set(rows(section(SETTINGS, "Options of NURTURE_SMTP_URL"))) == set(smtp_url._OPTIONS)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("workspace", workspace._WorkspaceForm),
        ("events", workspace._EventsForm),
        ("outcomes", workspace._NamesForm),
        ("calendars", workspace._CalendarForm),
        ("senders", workspace._SenderForm),
        ("teams", workspace._TeamForm),
        ("caps", workspace._CapsForm),
        ("scores", workspace._ScoreForm),
    ],
)
def test_every_key_of_nurture_toml_has_its_row(name: str, form: type[BaseModel]) -> None:
    assert set(rows(section(SETTINGS, name))) == keys_of(form)


def test_every_part_of_nurture_toml_has_its_heading_and_the_one_that_is_shown_is_sound() -> None:
    described = section(SETTINGS, "nurture.toml")
    (shown,) = blocks(described, "toml project")

    read_as, problems = read_workspace(shown.text)

    assert headings(described, 3) == list(workspace._SECTIONS)
    assert problems == []
    assert isinstance(read_as, Workspace)


# --- commands -----------------------------------------------------------------------------------------------------


def commands(group: click.Group = main, before: str = "") -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def test_every_command_has_its_heading_and_nothing_else_has() -> None:
    assert sorted(headings(COMMANDS, 2)) == sorted(f"nurture {name}" for name, _ in commands())


def test_every_option_of_every_command_has_its_row() -> None:
    for name, command in commands():
        described = {word.split()[0] for word in rows(section(COMMANDS, f"nurture {name}"))}
        options = {
            option.opts[0]
            for option in command.params
            if isinstance(option, click.Option) and option.name not in ("project", "as_json")
        }

        assert described == options, name


def test_every_command_shows_the_example_of_its_own_help() -> None:
    for name, command in commands():
        assert (command.epilog or "").startswith("Example: "), name
        example = " ".join((command.epilog or "").removeprefix("Example: ").split())
        assert f"$ {example}\n" in section(COMMANDS, f"nurture {name}"), name


@each_document
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
    assert code == 0
    assert "demo | test" in capsys.readouterr().err


# --- templates ----------------------------------------------------------------------------------------------------


def test_every_name_filter_and_key_of_a_template_has_its_row() -> None:
    assert set(rows(section(TEMPLATES, "Names"))) == sandbox.NAMES
    assert set(rows(section(TEMPLATES, "What is allowed"))) == set(FILTERS)
    assert set(rows(section(TEMPLATES, "The top of a message"))) == set(front_matter.KEYS)


def test_the_limits_of_templates_are_told_as_they_are() -> None:
    told = section(TEMPLATES, "Limits")
    sizes = (
        limits.SOURCE,
        limits.TAGS,
        limits.TAG_DEPTH,
        limits.ELEMENTS,
        limits.ELEMENT_DEPTH,
        limits.COLUMNS,
    )

    for number in (*sizes, limits.ROUNDS, limits.OUTPUT, limits.SUBJECT):
        assert re.search(rf"(?<![\d,]){number:,}(?![\d,])", told), number
    assert f"{limits.SECONDS:g} s" in told


# --- all documents ------------------------------------------------------------------------------------------------


@each_document
def test_every_link_leads_somewhere(file: Path) -> None:
    for link in links(file.read_text()):
        path, _, anchor = link.partition("#")
        target = (file.parent / path).resolve() if path else file

        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text()), link


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_every_file_that_is_named_exists(name: str) -> None:
    named = {word for word in spans(read(name)) if re.fullmatch(r"[\w./-]+\.(py|md|toml|yaml|json)", word)}

    for word in sorted(word for word in named if "NAME" not in word):
        assert any((folder / word).exists() for folder in (ROOT, ROOT / "src/nurture")), word


def test_every_function_that_the_architecture_names_exists() -> None:
    text = read("ARCHITECTURE.md")
    of_stores = [
        (f"db/{store}.py", name) for store, name in re.findall(r"`(outbox|enrollments)\.(\w+)`", text)
    ]
    beside_files = re.findall(r"`([\w/]+\.py)` \(`(\w+)`\)", text)

    assert of_stores
    assert beside_files
    for file, name in (*of_stores, *beside_files):
        assert f"def {name}(" in read(f"src/nurture/{file}"), f"{file}: {name}"


def test_the_architecture_is_short_and_knows_every_floor() -> None:
    text = read("ARCHITECTURE.md")
    layers = re.search(r"layers = \[(.*?)\n\]", read("pyproject.toml"), re.DOTALL)

    assert layers is not None
    assert len(text.splitlines()) <= 150
    floors = set(re.findall(r"nurture\.(\w+)", layers[1])) - {"reports", "testing"}
    assert set(re.findall(r"`(\w+)`", section(text, "Floors"))) >= floors


def test_the_rules_are_numbered_and_their_tests_bear_the_numbers() -> None:
    numbers = [int(heading.partition(".")[0]) for heading in headings(read("docs/rules.md"), 2)]
    tests = "".join(file.read_text() for file in sorted(ROOT.glob("tests/*/test_*rules*.py")))
    tests += read("tests/unit/test_decide_manners_and_ends.py")

    assert numbers == list(range(1, 19))
    assert all(f"def test_rule_{number}_" in tests for number in numbers[:17])
