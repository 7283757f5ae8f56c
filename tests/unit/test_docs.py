"""The reference is whole: each kind, key, reason, setting, command and code has its place, and nothing else has one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

from nurture.channels import mailbox, smtp_url
from nurture.cli import main
from nurture.engine.explain import in_words
from nurture.model.errors import Severity
from nurture.model.matching import RESERVED_EVENTS
from nurture.model.words import DeliveryState, Reason, SuppressionReason, TaskState
from nurture.model.workspace import Workspace
from nurture.rendering import front_matter, limits, sandbox
from nurture.rendering.filters import FILTERS
from nurture.services.running.findings import FINDINGS
from nurture.settings import OTHER_NAMES, Settings, variable
from nurture.steps import KINDS
from nurture.steps.base import Kind, StepFields, TimedFields, TouchFields
from nurture.steps.call_task import OUTCOMES
from nurture.workflow import documents, scenarios, workspace
from nurture.workflow.checks import CODES
from nurture.workflow.endpoints import EndpointForm
from nurture.workflow.fields import LossFields, StageFields, VariantFields, WorkflowFields
from nurture.workflow.retention import RetentionForm
from nurture.workflow.senders import SenderForm
from nurture.workflow.workspace import read_workspace
from tests.support.documents import (
    DOCUMENTS,
    ROOT,
    anchors,
    blocks,
    headings,
    links,
    read,
    rows,
    section,
    spans,
)

STEPS, LANGUAGE, SETTINGS, CHECKS = (
    read(f"docs/{name}.md") for name in ("steps", "language", "settings", "checks")
)
COMMANDS, TEMPLATES, OPERATIONS = (
    read(f"docs/{name}.md") for name in ("commands", "templates", "operations")
)
each_document = pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.name)


def keys_of(form: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in form.model_fields.items()}


SCENARIO_KEYS = {
    *keys_of(scenarios.ScenarioForm),
    *("events", "expect"),
    *keys_of(scenarios.ExpectForm),  # the table below the other
}


# --- the language -------------------------------------------------------------------------------------------------


def test_every_step_kind_has_its_heading_and_nothing_else_has() -> None:
    assert sorted(headings(STEPS, 2)) == sorted(["Fields that steps share", *KINDS])


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_field_of_a_step_kind_has_its_row_and_an_example(kind: Kind) -> None:
    described = section(STEPS, kind.name)

    assert set(rows(described)) == (keys_of(kind.fields) - keys_of(TouchFields)) | set(kind.branches)
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
        ("Scenarios", SCENARIO_KEYS),
        ("Personas", keys_of(documents.PersonaForm)),
        ("Segments", keys_of(documents.SegmentForm)),
        ("What a scenario expects", keys_of(scenarios.ExpectForm)),
    ],
)
def test_every_key_of_the_language_has_its_row(heading: str, keys: set[str]) -> None:
    assert set(rows(section(LANGUAGE, heading))) == keys


def test_the_keys_of_variants_and_of_small_groups_are_named_where_they_are_used() -> None:
    variants = " ".join(rows(section(STEPS, "split"))["variants"])
    offers = rows(section(LANGUAGE, "Offers"))

    assert all(key in variants for key in (*keys_of(VariantFields), "do"))
    assert all(f"`{key}`" in offers["consent"][0] for key in keys_of(documents.ConsentForm))
    assert all(f"{key}:" in offers["link"][0] for key in keys_of(documents.LinkForm))
    assert all(f"{key}:" in offers["fields"][0] for key in keys_of(documents.FormFieldForm))


def test_every_reserved_event_and_known_outcome_is_told() -> None:
    assert set(rows(section(LANGUAGE, "Events"))) == RESERVED_EVENTS
    assert set(spans(section(LANGUAGE, "Outcomes of calls"))) >= OUTCOMES


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


def test_every_option_of_the_mailboxs_address_has_its_row() -> None:
    assert set(rows(section(SETTINGS, "Options of NURTURE_MAILBOX_URL"))) == set(mailbox.OPTIONS)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("workspace", workspace._WorkspaceForm),
        ("events", workspace._EventsForm),
        ("outcomes", workspace._NamesForm),
        ("calendars", workspace._CalendarForm),
        ("senders", SenderForm),
        ("teams", workspace._TeamForm),
        ("webhooks", EndpointForm),
        ("caps", workspace._CapsForm),
        ("bounces", workspace._BouncesForm),
        ("retention", RetentionForm),
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
        limits.PARTIALS,
        limits.PARTIAL_DEPTH,
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
