"""Does `nurture simulate` forecast, and replay a draft, without leaving a trace?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import MONDAY, a_starter, answer, mend, run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return a_starter(tmp_path / "acme")


def files(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def test_a_forecast_holds_stages_days_costs_and_what_it_rests_on(project: Path) -> None:
    before = files(project)

    told = answer(
        "simulate",
        "first-steps",
        "--contacts",
        "40",
        "--start",
        MONDAY,
        "--assume",
        "email.clicked=0.2",
        project=project,
    )

    assert [stage["stage"] for stage in told["stages"]] == ["lead-offer", "first-sale", "onboarding"]
    assert told["stages"][0]["entered"] == 40
    low, high = told["stages"][1]["entered_interval"]
    assert low <= told["stages"][1]["entered"] <= high
    assert told["messages_per_day"][0] == {"date": "2026-03-02", "messages": 40}
    assert set(told["cost"]) == {"messages", "calls", "offers", "total", "currency"}
    clicked = [one for one in told["assumptions"] if one["what"] == "email.clicked"]
    assert {(one["value"], one["source"]) for one in clicked} == {(0.2, "given")}
    assert files(project) == before


def test_the_same_words_give_the_same_forecast(project: Path) -> None:
    asked = ("simulate", "first-steps", "--contacts", "25", "--start", MONDAY, "--arrive", "5 per day")

    first, again = (answer(*asked, project=project) for _ in range(2))

    assert first == again
    assert answer(*asked, "--seed", "7", project=project)["stages"] != first["stages"]


def test_columns_that_do_not_add_up_are_explained_and_others_need_no_word(project: Path) -> None:
    asked = ("simulate", "first-steps", "--contacts", "25", "--start", MONDAY)

    usual = run(*asked, project=project).stdout
    mend(project / "workflows/first-steps.yaml", "stages:", "exit_when: contact.first_name\nstages:")
    left = run(*asked, project=project).stdout

    assert "need not add up" not in usual
    assert "some leave without being lost" in left


def test_people_read_it_as_tables_with_the_source_of_every_rate(project: Path) -> None:
    result = run("simulate", "first-steps", "--contacts", "25", "--start", MONDAY, project=project)

    assert result.exit_code == 0
    assert "25 contacts (all at once) in first-steps, 90 days from Mon 2 Mar 2026" in result.stdout
    assert "What this rests on" in result.stdout
    assert "assumed" in result.stdout
    assert "A rate is observed from 30 occasions on" in result.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--assume", "email.clicked"), 2, "is not WHAT=SHARE"),
        (("--assume", "email.cliked=0.2"), 1, "did you mean 'email.clicked'?"),
        (("--arrive", "often"), 2, "is not 'N per day'"),
        (("--start", "tomorrow"), 2, "'tomorrow' is no moment"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_remedy(
    project: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    result = run("simulate", "first-steps", *words, project=project)

    assert (result.exit_code, said in result.stderr) == (code, True)


def test_a_dry_run_without_a_history_says_so(project: Path) -> None:
    draft = project / "workflows/first-steps.yaml"

    result = run("simulate", "first-steps", "--dry-run", draft, project=project)

    assert result.exit_code == 1
    assert "there is no database yet" in result.stderr


def test_a_dry_run_tells_what_a_draft_would_have_done(project: Path, tmp_path: Path) -> None:
    (project / "people.csv").write_text("email,first name\nana@example.org,Ana\n")
    run("publish", "--yes", project=project)
    run(
        "contacts",
        "import",
        project / "people.csv",
        "--consent",
        "nurture",
        "--source",
        "a test",
        project=project,
    )
    run("track", "ana@example.org", "offer.requested", "offer=checklist", project=project)
    draft = tmp_path / "first-steps.yaml"
    draft.write_bytes((project / "workflows/first-steps.yaml").read_bytes())
    mend(
        draft,
        "- email: checklist-delivery",
        "- email: welcome\n        purpose: transactional\n        id: hello\n      - email: checklist-delivery",
    )

    told = answer("simulate", "first-steps", "--dry-run", draft, project=project)
    said = run("simulate", "first-steps", "--dry-run", draft, project=project)

    assert (told["played"], told["different"]) == (1, 1)
    assert {"differs": "would go", "kind": "email", "what": "welcome", "enrollments": 1} in told["totals"]
    assert told["examples"][0]["enrollment"] == "first-steps/1"
    assert "ana@" not in str(told)
    assert "ana@example.org" in said.stdout


def test_a_dry_run_of_another_projects_folder_takes_its_rules_too(project: Path, tmp_path: Path) -> None:
    run("publish", "--yes", project=project)
    other = a_starter(tmp_path / "other")

    result = run("simulate", "first-steps", "--dry-run", other, project=project)

    assert result.exit_code == 1
    assert "nobody was ever in 'first-steps'" in result.stderr
