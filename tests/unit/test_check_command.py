"""`nurture check` as people, programs, GitHub and code scanners see it."""

from __future__ import annotations

import json
from pathlib import Path

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
