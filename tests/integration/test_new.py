"""Does the starter project hold what a beginner needs, and is it sound from the first minute?"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.support.commands import answer, run


def test_a_new_project_passes_check_without_a_single_problem(tmp_path: Path) -> None:
    run("new", tmp_path / "acme")

    assert answer("check", project=tmp_path / "acme") == {"problems": []}


def test_it_names_every_file_it_wrote(tmp_path: Path) -> None:
    told = answer("new", tmp_path / "acme")

    found = sorted(
        path.relative_to(tmp_path / "acme").as_posix()
        for path in (tmp_path / "acme").rglob("*")
        if path.is_file()
    )
    assert told["files"] == found
    assert {"nurture.toml", "README.md", ".gitignore", "scenarios/first-steps.yaml"} <= set(found)


def test_what_the_program_writes_stays_out_of_git(tmp_path: Path) -> None:
    run("new", tmp_path / "acme")

    assert (tmp_path / "acme" / ".gitignore").read_text(encoding="utf-8").split() == ["var/"]


@pytest.mark.parametrize(
    ("words", "name"),
    [((), "My company"), (("--name", 'Söhne & "Partner" \\ Co'), 'Söhne & "Partner" \\ Co')],
)
def test_it_bears_the_name_of_the_company_or_the_folder(
    tmp_path: Path, words: tuple[str, ...], name: str
) -> None:
    folder = tmp_path / "my-company"

    run("new", folder, *words)

    assert tomllib.loads((folder / "nurture.toml").read_text(encoding="utf-8"))["workspace"]["name"] == name
    assert (folder / "README.md").read_text(encoding="utf-8").startswith(f"# {name}\n")


def test_the_readme_is_ten_lines_at_most(tmp_path: Path) -> None:
    run("new", tmp_path / "acme")

    assert len((tmp_path / "acme" / "README.md").read_text(encoding="utf-8").splitlines()) <= 10


def test_a_folder_that_holds_files_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")

    result = run("new", tmp_path)

    assert result.exit_code == 1
    assert "holds files already" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_fresh_git_repository_counts_as_empty(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()

    assert run("new", tmp_path).exit_code == 0


def test_a_name_that_no_header_could_carry_is_refused(tmp_path: Path) -> None:
    result = run("new", tmp_path / "acme", "--name", "\x1b[2J")

    assert result.exit_code == 1
    assert not (tmp_path / "acme").exists()


def test_its_persona_can_walk_to_the_end_with_every_message_rendered(tmp_path: Path) -> None:
    run("new", tmp_path / "acme")
    doings = ("offer.downloaded:offer=checklist@+4d", "sale.closed@+12d", "onboarding.completed@+20d")

    walked = answer(
        "walk",
        "first-steps",
        *(word for each in doings for word in ("--do", each)),
        project=tmp_path / "acme",
    )

    assert walked["outcome"]["status"] == "completed"
    assert {touch["step"] for touch in walked["touchpoints"] if touch["kind"] == "email"} == {
        "checklist-delivery",
        "checklist-reminder",
        "one-question",
        "welcome",
    }
