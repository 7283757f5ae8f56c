"""Do scenarios run under pytest, in projects of nurture and nowhere else?"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from nurture.testing import a_walk
from tests.support.commands import a_starter, mend
from tests.support.documents import ROOT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return a_starter(tmp_path / "acme")


def under_pytest(folder: Path, *words: str) -> tuple[int, str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "nurture.testing",
        "-p",
        "no:cacheprovider",
        "-q",
        *words,
    ]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    return ended.returncode, ended.stdout + ended.stderr


def test_each_scenario_is_a_test_whose_failure_shows_both_timelines(project: Path) -> None:
    wrong = (
        (project / "scenarios/first-steps.yaml")
        .read_text()
        .replace("{not: checklist-reminder}", "{not: welcome}")
        .replace("scenario: Whoever", "scenario: Wrongly, whoever")
    )
    (project / "scenarios/wrong.yaml").write_text(wrong)
    (project / "test_walks.py").write_text(
        "def test_it(nurture_walk):\n"
        "    walk = nurture_walk('first-steps', do=['offer.downloaded:offer=checklist@+1h'])\n"
        "    assert walk.outcome.stage == 'first-sale'\n"
    )
    elsewhere = project / "other" / "scenarios"
    elsewhere.mkdir(parents=True)
    (elsewhere / "not-ours.yaml").write_text("anything: else\n")

    code, told = under_pytest(project)

    assert code == 1
    assert "1 failed, 2 passed" in told
    assert "scenarios/wrong.yaml:13:11: welcome was ruled out, and came on Sat 7 Mar 2026 10:00" in told
    assert "expected" in told
    assert "Traceback" not in told


@pytest.mark.slow
def test_a_project_may_switch_it_off(project: Path) -> None:
    (project / "pytest.ini").write_text("[pytest]\nnurture_scenarios = false\n")

    code, told = under_pytest(project)

    assert (code, "no tests ran" in told) == (5, True)


def test_pytest_finds_it_by_itself_and_nurture_does_not_need_pytest() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["entry-points"]["pytest11"] == {"nurture.testing": "nurture.testing"}
    assert not [one for one in project["dependencies"] if one.startswith("pytest")]


def test_a_walk_in_python_says_what_the_contact_lived_through(project: Path) -> None:
    mend(project / "personas/busy-owner.yaml", "timezone: Europe/London", "timezone: America/Toronto")

    walk = a_walk(project, "first-steps", start="2026-03-02 08:00", do=["sale.closed:amount=400@+1d"])

    sent = [touch.what for touch in walk.touchpoints if (touch.kind, touch.status) == ("email", "sent")]
    assert sent == ["checklist-delivery", "welcome"]
    assert walk.start.isoformat() == "2026-03-02T13:00:00+00:00"
