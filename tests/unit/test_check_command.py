"""`nurture check` as people, programs, GitHub and code scanners see it."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote

import jsonschema  # type: ignore[import-untyped]
import pytest
from click.testing import CliRunner, Result

from nurture.cli import main
from tests.support.projects import WORKFLOW, write


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["check", "--project", str(folder), *arguments])


def broken(folder: Path) -> Path:
    return write(
        folder, {"workflows/checkup.yaml": WORKFLOW.replace("- email: welcome", "- email: wellcome")}
    )


def test_a_sound_project_passes_with_a_count_of_what_was_read(tmp_path: Path) -> None:
    result = run(write(tmp_path, {}))

    assert result.exit_code == 0
    assert result.stdout == "1 workflow, 1 offer, 2 templates: no problems\n"


def test_people_read_place_code_message_and_hint(tmp_path: Path) -> None:
    result = run(broken(tmp_path))

    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "workflows/checkup.yaml:12:16: unknown-template  there is no templates/email/wellcome.md, .html or .txt",
        "    hint: did you mean 'welcome'?",
        "1 workflow, 1 offer, 2 templates: 1 error",
    ]


def test_programs_read_one_json_document(tmp_path: Path) -> None:
    folder = broken(tmp_path)

    results = [run(folder, "--json"), run(folder, "--format", "json")]

    assert results[0].stdout == results[1].stdout
    assert results[0].exit_code == 1
    assert json.loads(results[0].stdout)["problems"] == [
        {
            "file": "workflows/checkup.yaml",
            "line": 12,
            "column": 16,
            "code": "unknown-template",
            "message": "there is no templates/email/wellcome.md, .html or .txt",
            "hint": "did you mean 'welcome'?",
            "severity": "error",
        }
    ]


def test_github_shows_a_problem_beside_its_line(tmp_path: Path) -> None:
    result = run(broken(tmp_path), "--format", "github")

    assert result.exit_code == 1
    assert result.stdout == (
        "::error file=workflows/checkup.yaml,line=12,col=16,title=unknown-template::"
        "there is no templates/email/wellcome.md, .html or .txt (did you mean 'welcome'?)\n"
    )


def test_code_scanners_read_sarif(tmp_path: Path) -> None:
    result = run(broken(tmp_path), "--format", "sarif")

    log = json.loads(result.stdout)
    found = log["runs"][0]["results"][0]
    assert log["version"] == "2.1.0"
    assert [rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]] == ["unknown-template"]
    assert (found["ruleId"], found["level"]) == ("unknown-template", "error")
    assert found["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "workflows/checkup.yaml"},
        "region": {"startLine": 12, "startColumn": 16},
    }


TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
COUNT = {"type": "integer", "minimum": 1}
SARIF = {  # the parts of the published schema that our log uses, and what code scanners need beyond it
    "type": "object",
    "required": ["$schema", "version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "pattern": "^https://docs.oasis-open.org/sarif/sarif/v2.1.0/"},
        "version": {"enum": ["2.1.0"]},
        "runs": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/run"}},
    },
    "$defs": {
        "run": {
            "type": "object",
            "required": ["tool", "results"],
            "additionalProperties": False,
            "properties": {
                "tool": {
                    "type": "object",
                    "required": ["driver"],
                    "additionalProperties": False,
                    "properties": {"driver": {"$ref": "#/$defs/toolComponent"}},
                },
                "invocations": {"type": "array", "items": {"required": ["executionSuccessful"]}},
                "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                "results": {"type": "array", "items": {"$ref": "#/$defs/result"}},
            },
        },
        "toolComponent": {
            "type": "object",
            "required": ["name", "rules"],
            "additionalProperties": False,
            "properties": {
                "name": {"type": "string", "minLength": 1},
                "version": {"type": "string"},
                "semanticVersion": {"type": "string", "pattern": r"^\d+\.\d+\.\d+"},
                "rules": {"type": "array", "uniqueItems": True, "items": {"$ref": "#/$defs/rule"}},
            },
        },
        "rule": {
            "type": "object",
            "required": [
                "id",
                "shortDescription",
                "fullDescription",
                "help",
                "helpUri",
                "defaultConfiguration",
            ],
            "additionalProperties": False,
            "properties": {
                "id": {"type": "string"},
                "name": {"type": "string", "pattern": "^[A-Za-z]+$"},
                "shortDescription": TEXT,
                "fullDescription": TEXT,
                "help": TEXT,
                "helpUri": {"type": "string", "pattern": "^[a-z]+:"},
                "defaultConfiguration": {"properties": {"level": {"enum": ["error", "warning"]}}},
            },
        },
        "result": {
            "type": "object",
            "required": ["message", "ruleId", "ruleIndex", "level", "locations"],
            "additionalProperties": False,
            "properties": {
                "ruleId": {"type": "string"},
                "ruleIndex": {"type": "integer", "minimum": 0},
                "level": {"enum": ["none", "note", "warning", "error"]},
                "message": TEXT,
                "locations": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/location"}},
            },
        },
        "location": {
            "type": "object",
            "required": ["physicalLocation"],
            "properties": {
                "physicalLocation": {
                    "type": "object",
                    "required": ["artifactLocation"],
                    "properties": {
                        "artifactLocation": {
                            "properties": {
                                "uri": {"type": "string", "pattern": r"^[A-Za-z0-9._~!$&'()*+,;=@%/-]+$"}
                            }
                        },
                        "region": {"properties": {"startLine": COUNT, "startColumn": COUNT}},
                    },
                }
            },
        },
    },
}


def test_the_sarif_log_has_the_published_shape_whatever_files_are_called(tmp_path: Path) -> None:
    odd = "workflows/größer & besser: 100%.yaml"
    project = write(tmp_path, {odd: "a: [", "templates/email/new one.md": "Hello", "workflows/a b.yml": "x"})

    log = json.loads(run(project, "--format", "sarif").stdout)

    jsonschema.Draft202012Validator(SARIF).validate(log)
    rules = [rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]]
    results = log["runs"][0]["results"]
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in results)
    uris = [result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in results]
    assert {unquote(uri) for uri in uris} == {odd, "templates/email/new one.md", "workflows/a b.yml"}


def test_build_servers_read_paths_from_the_folder_where_they_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = broken(tmp_path / "deep" / "our company")
    monkeypatch.chdir(tmp_path)

    annotated = run(project, "--format", "github").stdout
    log = json.loads(run(project, "--format", "sarif").stdout)

    location = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert annotated.startswith("::error file=deep/our company/workflows/checkup.yaml,line=12,")
    assert location["artifactLocation"]["uri"] == "deep/our%20company/workflows/checkup.yaml"


def test_what_would_end_an_annotation_is_escaped(tmp_path: Path) -> None:
    project = write(tmp_path, {"workflows/a,b: 50%.yaml": "workflow: [\n"})

    (line,) = run(project, "--format", "github").stdout.splitlines()

    assert line.startswith("::error file=workflows/a%2Cb%3A 50%25.yaml,line=")


def test_warnings_alone_do_not_fail(tmp_path: Path) -> None:
    result = run(write(tmp_path, {"workflows/old.yml": "a: b\n"}))

    assert result.exit_code == 0
    assert result.stdout.endswith("1 warning\n")


def test_a_path_that_is_not_there_is_wrong_usage_and_a_folder_without_project_an_answer(
    tmp_path: Path,
) -> None:
    assert run(write(tmp_path / "a", {}), "nothing.yaml").exit_code == 2

    (tmp_path / "b").mkdir()
    result = run(tmp_path / "b")

    assert result.exit_code == 1
    assert "there is no nurture.toml" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_schema_command_prints_one_json_document(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["schema"])

    assert result.exit_code == 0
    assert json.loads(result.stdout)["title"] == "A nurture workflow"
