"""The schema that editors use says the same as the reader."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from nurture.cli import main
from nurture.steps import KINDS
from nurture.workflow.project import load_project
from nurture.workflow.project_schema import project_schema
from nurture.workflow.schema import workflow_schema
from tests.support.projects import WORKFLOW

ROOT = Path(__file__).parents[2]
SCHEMA = workflow_schema()
TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
    "number": (int, float),
    "integer": int,
}


def faults(value: Any, schema: dict[str, Any], at: str = "") -> list[str]:
    """Where ``value`` does not follow ``schema``: as much of JSON Schema as ours uses."""
    if "$ref" in schema:
        return faults(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], at)
    found: list[str] = []
    kinds = schema.get("type", [])
    if kinds and not any(
        isinstance(value, TYPES[kind]) for kind in ([kinds] if isinstance(kinds, str) else kinds)
    ):
        return [f"{at}: {value!r} is not of type {kinds}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r} is not allowed")
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        found.append(f"{at}: {value!r} does not match")
    for several, least, most in (("oneOf", 1, 1), ("anyOf", 1, 99)):
        if several in schema:
            fitting = sum(not faults(value, one, at) for one in schema[several])
            found.extend([f"{at}: fits {fitting} of {several}"] if not least <= fitting <= most else [])
    if isinstance(value, dict):
        found.extend(_faults_of_keys(value, schema, at))
    if isinstance(value, list):
        for number, item in enumerate(value):
            found.extend(faults(item, schema.get("items", {}), f"{at}/{number}"))
    return found


def _faults_of_keys(value: dict[str, Any], schema: dict[str, Any], at: str) -> list[str]:
    found = [f"{at}: lacks {key}" for key in schema.get("required", []) if key not in value]
    for key, part in value.items():
        if key in schema.get("properties", {}):
            found.extend(faults(part, schema["properties"][key], f"{at}/{key}"))
        elif schema.get("additionalProperties") is False:
            found.append(f"{at}: {key} is unknown")
        elif isinstance(schema.get("additionalProperties"), dict):
            found.extend(faults(part, schema["additionalProperties"], f"{at}/{key}"))
    return found


def load(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def test_the_committed_schema_is_the_one_that_the_command_prints() -> None:
    committed = json.loads((ROOT / "workflows" / "nurture.schema.json").read_text(encoding="utf-8"))

    assert committed == json.loads(json.dumps(SCHEMA)), "run: nurture schema > workflows/nurture.schema.json"


@pytest.mark.parametrize("path", sorted((ROOT / "workflows").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_sample_workflow_follows_the_schema_and_names_it_first(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert text.startswith("# yaml-language-server: $schema=nurture.schema.json\n")
    assert faults(load(text), SCHEMA) == []


def test_every_step_kind_is_in_the_schema_with_all_its_keys() -> None:
    for name, kind in KINDS.items():
        properties = SCHEMA["$defs"][name]["properties"]
        fields = {field.alias or key for key, field in kind.fields.model_fields.items()}
        assert set(properties) == fields | set(kind.branches)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("need: Know", "ned: Know"),
        ("- email: welcome", "- emial: welcome"),
        ("- email: welcome", "- email: Welcome Mail"),
        ("- email: welcome", "- {email: welcome, if_late: never}"),
        ("- email: welcome", "- {email: welcome, wait: 2 days}"),
        ("- wait: 2 days", "- {wait_until: email.clicked}"),
        ("- {after: 30 days, reason: silent}", "- {after: 30 days, silent: 3 days, reason: silent}"),
        ("validate: sale.closed", "bucket: x"),
    ],
)
def test_what_an_editor_should_underline_does_not_follow_the_schema(old: str, new: str) -> None:
    assert old in WORKFLOW

    assert faults(load(WORKFLOW.replace(old, new)), SCHEMA)


@pytest.mark.parametrize(
    "step",
    [
        "exit:",
        "exit: gone",
        "{wait: , until: contact.renewal_on}",
        "{set: {score: 3, retired: true, plan: '\"plus\"'}}",
        "{email: a, on_failure: lose}",
        "{email: a, on_failure: [{wait: 1 day}]}",
        "{call_task: a, hold: no, outcomes: {voicemail: []}}",
        "{wait_until: [email.clicked], timeout: 2 days}",
        "{split: s, variants: {a: {weight: 2.5}, b: {do: [exit: ]}}}",
        "{when: contact.retired, do: , else: []}",
    ],
)
def test_every_way_to_write_a_step_follows_the_schema(step: str) -> None:
    assert faults(load(step), {"$ref": "#/$defs/step"}) == []


# --- the schema of one project ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own() -> Any:
    """The validator of the sample company's own schema."""
    schema = project_schema(load_project(ROOT))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("path", sorted((ROOT / "workflows").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_sample_workflow_follows_the_schema_of_its_own_project(own: Any, path: Path) -> None:
    assert [error.message for error in own.iter_errors(load(path.read_text(encoding="utf-8")))] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("- email: guide-delivery", "- emial: guide-delivery"),
        ("assign: round-robin sales", "assign: slaes"),
        ("calendar: business-us", "calendar: business-uk"),
        ("voicemail:", "voice-mail:"),
        ("trigger: offer.requested", "triger: offer.requested"),
        ("purpose: nurture", "purpose: Nurture"),
        ("exit_when: ", "exit_if: "),
    ],
)
def test_a_typo_that_a_schema_can_know_does_not_follow_it(own: Any, old: str, new: str) -> None:
    text = (ROOT / "workflows/retirement-readiness.yaml").read_text(encoding="utf-8")
    assert old in text

    assert not own.is_valid(load(text.replace(old, new, 1)))


def test_an_editor_offers_the_names_that_the_project_holds() -> None:
    schema = project_schema(load_project(ROOT))
    offered = {
        f"{part}.{key}": value["anyOf"][0]["enum"]
        for part, group in {"workflow": schema, **schema["$defs"]}.items()
        for key, value in group.get("properties", {}).items()
        if "enum" in value.get("anyOf", [{}])[0]
    }

    assert "guide-delivery" in offered["email.email"]
    assert "welcome-call" in offered["call_task.call_task"]
    assert "readiness-guide" in offered["email.link_offer"]
    assert "pre-retiree" in offered["workflow.persona"]
    assert "win-back" in offered["loss.enroll"]
    assert "first-sale" in offered["jump.jump"]
    assert "round-robin sales" in offered["call_task.assign"]
    assert {"meeting.booked", "sale.closed"} <= set(offered["stage.validate"])
    assert "email.sent" not in offered["stage.validate"]
    assert "household" in schema["$defs"]["set"]["properties"]["set"]["propertyNames"]["enum"]
    assert "contact.age" in schema["$defs"]["when"]["properties"]["when"]["examples"]


def test_a_template_that_is_just_being_written_is_not_underlined(own: Any) -> None:
    text = (ROOT / "workflows/retirement-readiness.yaml").read_text(encoding="utf-8")

    assert own.is_valid(load(text.replace("- email: guide-delivery", "- email: tomorrows-mail")))


def test_an_empty_project_has_a_schema_too(tmp_path: Path) -> None:
    (tmp_path / "nurture.toml").write_text('[workspace]\nname = "Acme"\n')

    schema = project_schema(load_project(tmp_path))

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(
        load(WORKFLOW.replace("assign: round-robin sales", "assign: owner"))
    )


def test_every_key_and_every_step_kind_says_what_it_is_when_one_hovers_over_it() -> None:
    groups = {"workflow": SCHEMA, **{name: SCHEMA["$defs"][name] for name in ("stage", "loss", *KINDS)}}

    silent = [
        f"{part}.{key}"
        for part, group in groups.items()
        for key, one in group["properties"].items()
        if not one.get("description")
    ]

    assert silent == []
    assert all(SCHEMA["$defs"][kind]["description"].endswith(".") for kind in KINDS)


def test_the_command_prints_the_language_or_with_a_project_its_own_names() -> None:
    general = CliRunner().invoke(main, ["schema"]).stdout
    own = CliRunner().invoke(main, ["schema", "--project", str(ROOT)]).stdout

    assert "guide-delivery" not in general
    assert "guide-delivery" in own


def test_the_command_writes_the_schemas_where_the_first_line_of_each_file_looks_for_them(
    tmp_path: Path,
) -> None:
    CliRunner().invoke(main, ["new", str(tmp_path / "new")])
    template = tmp_path / "new/templates/email/second-reminder.md"
    template.write_text("---\nsubject: Once more\nlayout: plain\n---\nOnce more.\n")

    written = CliRunner().invoke(main, ["schema", "--project", str(tmp_path / "new"), "--write", "--json"])

    assert json.loads(written.stdout) == {
        "files": ["workflows/nurture.schema.json", "scenarios/nurture.schema.json"]
    }
    for folder in ("workflows", "scenarios"):
        (file,) = (tmp_path / "new" / folder).glob("*.yaml")
        first = file.read_text().splitlines()[0]
        schema = json.loads((file.parent / first.rpartition("=")[2]).read_text())
        jsonschema.Draft202012Validator(schema).validate(load(file.read_text()))
    assert "second-reminder" in (tmp_path / "new/workflows/nurture.schema.json").read_text()
