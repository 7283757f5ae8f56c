"""Does the command line say when a rule is due, alone and by the thousand?"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import answer, run

RULE = ("when", "after 2 days on weekdays at 09:30", "--tz", "America/Toronto")


def lines(*questions: object) -> bytes:
    return b"".join(
        (question if isinstance(question, bytes) else json.dumps(question).encode()) + b"\n"
        for question in questions
    )


def test_a_rule_gives_its_moment_in_utc_and_how_that_came_about() -> None:
    found = answer(*RULE, "--from", "2026-03-06T21:00:00Z")

    assert found["at"] == "2026-03-09T13:30:00Z"
    assert found["derivation"][0].startswith("2 days after Fri 6 Mar 2026 16:00 (America/Toronto)")


@pytest.mark.parametrize(
    "start", ["2026-03-06 16:00", "2026-03-06T16:00:00", "2026-03-06T22:00+01:00", "2026-03-06T21:00:00Z"]
)
def test_a_start_is_a_local_time_or_an_instant(start: str) -> None:
    assert answer(*RULE, "--from", start)["at"] == "2026-03-09T13:30:00Z"


def test_people_read_the_moment_and_the_derivation_below_it() -> None:
    result = run(*RULE, "--from", "2026-03-06 16:00")

    assert result.stdout.splitlines()[0] == "2026-03-09T13:30:00Z"
    assert "  at 09:30" in result.stdout.splitlines()


def test_no_project_is_needed(tmp_path: Path) -> None:
    found = answer(*RULE, "--from", "2026-03-06 16:00", "--calendar", "default", project=tmp_path)

    assert found["at"] == "2026-03-09T13:30:00Z"


def test_with_a_project_its_calendars_can_be_named(tmp_path: Path) -> None:
    toml = '[workspace]\nname = "Acme"\n[calendars.office]\ndays = "mon-fri"\nholidays = ["2026-03-09"]\n'
    (tmp_path / "nurture.toml").write_text(toml, encoding="utf-8")
    words = ("when", "after 1 business day", "--tz", "UTC", "--from", "2026-03-06 09:00", "--calendar")

    assert answer(*words, "default", project=tmp_path)["at"] == "2026-03-09T09:00:00Z"
    assert answer(*words, "office", project=tmp_path)["at"] == "2026-03-10T09:00:00Z"


def test_an_unknown_calendar_gets_the_nearest_name(tmp_path: Path) -> None:
    result = run(*RULE, "--from", "2026-03-06 16:00", "--calendar", "defalt", project=tmp_path)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "did you mean 'default'?" in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("when", "after 2 daiys", "--tz", "UTC", "--from", "2026-03-06"), "did you mean 'days'?"),
        (
            ("when", "after 2 days", "--tz", "America/Tornto", "--from", "2026-03-06"),
            "did you mean 'America/Toronto'?",
        ),
        (("when", "after 2 days", "--tz", "America", "--from", "2026-03-06"), "'America' is no time zone"),
        (("when", "after 2 days", "--tz", "../etc", "--from", "2026-03-06"), "'../etc' is no time zone"),
        (("when", "after 2 days", "--tz", "UTC", "--from", "tomorrow"), "'tomorrow' is no moment"),
        (("when", "after 2 days", "--tz", "UTC"), "--batch FILE"),
        (("when", "after 2 days", "--batch", "-"), "stand in the lines"),
    ],
)
def test_a_question_that_cannot_be_read_is_wrong_usage(words: tuple[str, ...], said: str) -> None:
    result = run(*words)

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_a_rule_that_never_comes_true_is_an_answer_and_it_is_no() -> None:
    result = run("when", "after 1200 months", "--tz", "UTC", "--from", "9990-01-01")

    assert result.exit_code == 1
    assert "beyond the years" in result.stderr


def test_a_batch_answers_line_by_line_in_order() -> None:
    batch = lines(
        {"rule": "after 1 hour", "tz": "UTC", "from": "2026-03-02T09:00:00Z"},
        {"rule": "at 08:00", "tz": "Europe/Paris", "from": "2026-03-02T09:00:00Z", "id": "mine"},
    )

    result = run("when", "--batch", "-", stdin=batch)

    assert result.exit_code == 0
    assert [json.loads(line)["at"] for line in result.stdout.splitlines()] == [
        "2026-03-02T10:00:00Z",
        "2026-03-03T07:00:00Z",
    ]


def test_a_calendar_can_stand_in_the_line_itself() -> None:
    calendar = {"days": "sun-thu", "holidays": ["2026-03-08"]}
    question = {"rule": "after 1 business day", "tz": "UTC", "from": "2026-03-05 09:00", "calendar": calendar}

    result = run("when", "--batch", "-", stdin=lines(question))

    assert json.loads(result.stdout)["at"] == "2026-03-09T09:00:00Z"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"", "the line is empty"),
        (b"after 1 day", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[1]", "no JSON object"),
        ({"tz": "UTC", "from": "2026-03-02"}, "'rule' is missing"),
        ({"rule": 3, "tz": "UTC", "from": "2026-03-02"}, "'rule' is no text"),
        ({"rule": "after 1 day", "tz": "Mars", "from": "2026-03-02"}, "'Mars' is no time zone"),
        (
            {"rule": "after 1 day", "tz": "UTC", "from": "2026-03-02", "calender": "x"},
            "did you mean 'calendar'?",
        ),
        (
            {"rule": "after 1 day", "tz": "UTC", "from": "2026-03-02", "calendar": 3},
            "neither a name nor an object",
        ),
        (
            {"rule": "after 1 day", "tz": "UTC", "from": "2026-03-02", "calendar": {"country": "XX"}},
            "no public holidays",
        ),
        (
            {"rule": "after 1 day", "tz": "UTC", "from": "2026-03-02", "calendar": {"holiday": []}},
            "did you mean 'holidays'?",
        ),
        (
            {"rule": "after 1 day", "tz": "UTC", "from": "2026-03-02", "calendar": {"holidays": "x"}},
            "no list of dates",
        ),
    ],
)
def test_a_line_that_cannot_be_answered_says_why_and_stops_no_other(line: object, said: str) -> None:
    good = {"rule": "after 1 day", "tz": "UTC", "from": "2026-03-02T09:00:00Z"}

    result = run("when", "--batch", "-", stdin=lines(good, line, good))

    first, bad, last = (json.loads(each) for each in result.stdout.splitlines())
    assert result.exit_code == 1
    assert first == last
    assert first["at"] == "2026-03-03T09:00:00Z"
    assert said in bad["error"]


def test_a_batch_of_fifteen_hundred_lines_reads_no_project_and_loads_little(tmp_path: Path) -> None:
    question = {"rule": "after 3 business days on weekdays at 09:30", "tz": "America/Toronto"}
    batch = lines(
        *({**question, "from": f"2026-{number % 12 + 1:02d}-01T10:00:00Z"} for number in range(1500))
    )
    asked = (
        "import sys; from nurture.cli import main\n"
        "try: main(['when', '--batch', '-'])\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'pydantic', 'sqlalchemy', 'ruamel', 'jinja2', 'rich'} & set(sys.modules)\n"
        "print(heavy or 'light', file=sys.stderr)"
    )

    done = subprocess.run(
        [sys.executable, "-c", asked], input=batch, capture_output=True, check=True, cwd=tmp_path
    )

    assert len(done.stdout.splitlines()) == 1500
    assert done.stderr.decode().strip() == "light"
