"""Does `nurture test` say for people, programs and build servers which scenarios came true?"""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import parse

import pytest

from tests.support.commands import a_starter, answer, mend, run

NAME = "Whoever downloads at once gets no reminder, and a sale begins the welcome"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return a_starter(tmp_path / "acme")


def another(project: Path, name: str, old: str = "", new: str = "") -> Path:
    """A second scenario: the starter's, with a word changed."""
    file = project / f"scenarios/{name}.yaml"
    file.write_text(
        (project / "scenarios/first-steps.yaml").read_text().replace("scenario: ", f"scenario: {name}, ")
    )
    if old:
        mend(file, old, new)
    return file


def test_a_new_project_passes(project: Path) -> None:
    result = run("test", project=project)

    assert result.exit_code == 0
    assert f"ok      scenarios/first-steps.yaml  {NAME}" in result.stdout
    assert "1 passed in " in result.stdout


def test_one_that_fails_shows_where_and_the_others_are_played(project: Path) -> None:
    another(project, "early", "{stage: onboarding, at: +5 days}", "{stage: onboarding, at: +6 days}")

    result = run("test", project=project)

    assert result.exit_code == 1
    assert "scenarios/early.yaml:14:13: stage onboarding came 1 day early" in result.stdout
    assert "1 passed, 1 failed in " in result.stdout


def test_one_whose_file_holds_an_error_fails_with_it_and_check_tells_the_same(project: Path) -> None:
    another(project, "slip", "not: checklist-reminder", "not: checklist-remindr")

    tested = answer("test", project=project, exit_code=1)
    checked = answer("check", project=project, exit_code=1)

    (slip,) = [one for one in tested["scenarios"] if not one["passed"]]
    (problem,) = [one for one in checked["problems"] if one["severity"] == "error"]
    assert (problem["code"], problem["hint"]) == ("never-happens", "did you mean 'checklist-reminder'?")
    assert [(one["file"], one["line"], one["column"]) for one in slip["problems"]] == [
        (problem["file"], problem["line"], problem["column"])
    ]
    assert (tested["passed"], tested["failed"]) == (1, 1)


@pytest.mark.parametrize(
    ("old", "new", "code", "hint"),
    [
        ("workflow: first-steps", "workflow: first-step", "unknown-workflow", "did you mean 'first-steps'?"),
        ("as: busy-owner", "as: busy-ownr", "unknown-persona", "did you mean 'busy-owner'?"),
        ("event: sale.closed", "event: sale.close", "unknown-event", "did you mean 'sale.closed'?"),
        ("stage: onboarding", "stage: onbording", "unknown-stage", "did you mean 'onboarding'?"),
        (
            "not: checklist-reminder",
            "lost: never-downloadd",
            "never-happens",
            "did you mean 'never-downloaded'?",
        ),
        ("at: +1 hour, event", "at: +1 huor, event", "bad-time", "did you mean 'hour'?"),
    ],
)
def test_check_knows_a_misspelt_name_in_a_scenario(
    project: Path, old: str, new: str, code: str, hint: str
) -> None:
    mend(project / "scenarios/first-steps.yaml", old, new)

    found = answer("check", project=project, exit_code=1)

    assert (code, hint) in [(one["code"], one["hint"]) for one in found["problems"]]


def test_a_fault_in_a_scenario_does_not_stop_a_walk(project: Path) -> None:
    mend(project / "scenarios/first-steps.yaml", "stage: onboarding", "stage: onbording")

    assert answer("walk", "first-steps", project=project)["outcome"]["status"] == "lost"


def test_a_fault_in_the_workflow_itself_is_told_instead_of_playing(project: Path) -> None:
    mend(project / "workflows/first-steps.yaml", "validate: sale.closed", "validate: email.sent")

    result = run("test", project=project)

    assert result.exit_code == 1
    assert "1 problem in the project's files" in result.stderr


def test_a_program_reads_what_was_expected_and_what_came(project: Path) -> None:
    (one,) = answer("test", project=project)["scenarios"]

    assert (one["name"], one["file"], one["line"], one["passed"]) == (
        NAME,
        "scenarios/first-steps.yaml",
        2,
        True,
    )
    assert one["expected"][0] == {
        "what": "email checklist-delivery",
        "at": "2026-03-02T10:00:00+00:00",
        "mark": "met",
        "came_at": "2026-03-02T10:00:00+00:00",
        "line": 11,
    }
    assert [touch["what"] for touch in one["actual"]][:3] == [
        "· offer.requested (offer checklist)",
        "stage lead-offer",
        "email checklist-delivery",
    ]


def test_the_report_for_build_servers_holds_each_scenario_with_its_failure(
    project: Path, tmp_path: Path
) -> None:
    another(project, "early", "at: +5 days}\n  - {email", "at: +6 days}\n  - {email")
    another(project, "slip", "as: busy-owner", "as: nobody")

    run("test", "--junit", tmp_path / "report.xml", project=project)
    suite = parse(tmp_path / "report.xml").getroot()[0]

    counts = {name: suite.get(name) for name in ("tests", "failures", "errors")}
    assert counts == {"tests": "3", "failures": "1", "errors": "1"}
    early, passed, slip = suite
    assert (passed.get("classname"), passed.get("name"), len(passed)) == ("scenarios.first-steps", NAME, 0)
    assert early[0].tag == "failure"
    assert "expected" in (early[0].text or "")
    assert str(early[0].get("message")).startswith(
        "scenarios/early.yaml:14:13: stage onboarding came 1 day early"
    )
    assert (slip[0].tag, slip[0].get("message")) == (
        "error",
        "scenarios/slip.yaml:4:5: there is no persona 'nobody' (known: busy-owner)",
    )


def test_paths_and_a_word_choose_what_is_played(project: Path, tmp_path: Path) -> None:
    other = another(project, "other")
    outside = tmp_path / "outside.yaml"
    other.rename(outside)
    another(project, "third")

    by_path = answer("test", outside, project=project)["scenarios"]
    by_word = answer("test", "--filter", "THIRD", project=project)["scenarios"]
    nothing = run("test", "--filter", "nobody", project=project)

    assert [one["file"] for one in by_path] == [outside.as_posix()]
    assert [one["file"] for one in by_word] == ["scenarios/third.yaml"]
    assert nothing.exit_code == 1


def test_a_folder_elsewhere_is_played_whole_and_what_cannot_be_read_in_it_fails(
    project: Path, tmp_path: Path
) -> None:
    apart = tmp_path / "apart"
    apart.mkdir()
    another(project, "sound").rename(apart / "sound.yaml")
    another(project, "nowhere", "workflow: first-steps", "workflow: nowhere").rename(apart / "nowhere.yaml")
    (apart / "broken.yaml").write_text("scenario: two\n  bad: [\n")
    (apart / "empty.yaml").write_text("")

    tested = answer("test", apart, project=project, exit_code=1)
    alone = answer("test", apart / "nowhere.yaml", project=project, exit_code=1)
    checked = answer("check", apart, project=project, exit_code=1)["problems"]

    assert {Path(one["file"]).stem: one["passed"] for one in tested["scenarios"]} == {
        "broken": False,
        "empty": False,
        "nowhere": False,
        "sound": True,
    }
    assert "nowhere" in alone["scenarios"][0]["problems"][0]["message"]
    assert {Path(one["file"]).stem for one in checked} >= {"broken", "nowhere", "empty"}


def test_a_scenario_whose_first_word_is_misspelt_is_told_there_and_the_others_are_played(
    project: Path,
) -> None:
    mend(another(project, "slip"), "scenario: ", "scenaro: ")

    tested = answer("test", project=project, exit_code=1)

    (slip,) = [one for one in tested["scenarios"] if not one["passed"]]
    assert "'scenaro' is not known here (did you mean 'scenario'?)" in [
        one["message"] for one in slip["problems"]
    ]
    assert tested["passed"] == 1


SECOND = """\
workflow: second
purpose: nurture
stages:
  - stage: only
    need: Hear from us
    trigger: segment grown-ups
    validate: sale.closed
    steps:
      - {email: welcome, id: hello, after: 1 day}
    loss:
      - {after: 9 days, reason: gone}
"""
BY_TEMPLATE = """\
scenario: {name}
workflow: second
given: {{email: zed@example.org, first_name: Zed}}
start: 2026-03-02 10:00
expect:
  - {{email: welcome, at: +1 day}}
  - {{lost: gone}}
"""


def test_a_template_is_known_by_its_name_although_another_workflow_has_a_step_of_that_name(
    project: Path,
) -> None:
    (project / "segments").mkdir()
    (project / "segments/grown-ups.yaml").write_text(
        "segment: grown-ups\nwhere: contact.first_name == 'Zed'\n"
    )
    (project / "workflows/second.yaml").write_text(SECOND)
    (project / "scenarios/second.yaml").write_text(BY_TEMPLATE.format(name="By its template"))

    assert answer("test", project=project)["passed"] == 2


def test_a_scenario_in_which_nobody_enters_says_what_would_have_been_needed(project: Path) -> None:
    (project / "segments").mkdir()
    (project / "segments/grown-ups.yaml").write_text(
        "segment: grown-ups\nwhere: contact.first_name == 'Ada'\n"
    )
    (project / "workflows/second.yaml").write_text(SECOND)
    (project / "scenarios/second.yaml").write_text(BY_TEMPLATE.format(name="Nobody"))

    scenarios = answer("test", "--filter", "Nobody", project=project, exit_code=1)["scenarios"]

    said = scenarios[0]["problems"][0]["message"]
    assert said == "nothing that the contact does enters 'second': its trigger is segment grown-ups"


def test_editors_complete_scenarios_by_a_schema_of_their_own() -> None:
    schema = answer("schema", "scenario")

    assert schema["properties"]["expect"]["minItems"] == 1
    assert set(schema["$defs"]["expectation"]["properties"]) >= {"email", "not", "lost", "at", "within"}


@pytest.mark.parametrize("command", ["test", "check"])
def test_nothing_that_a_file_holds_begins_a_line_of_its_own(project: Path, command: str) -> None:
    slips = 'scenario: "a\\n::stop-commands::x"\nworkflow: "b\\n::error::c"\n"d\\n::error::e": f\n'
    (project / "scenarios/slip.yaml").write_text(slips)

    result = run(command, project=project)

    assert result.exit_code == 1
    assert "::error::c" in result.output
    assert not [line for line in result.output.splitlines() if line.lstrip().startswith("::")]
