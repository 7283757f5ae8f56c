"""The time engine against a table of some two thousand rows: what it is about, rule, zone, start, calendar, due.

The answers were worked out by ``timing_oracle``, a brute force that shares no code with the engine, for the questions of
``timing_questions``. ``test_timing`` holds examples reckoned by hand.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nurture.services.rehearsing.when import Calendars, answers
from tests.unit.timing_oracle import due
from tests.unit.timing_questions import TABLE, questions

LINES = TABLE.read_bytes().splitlines()
ROWS = [json.loads(line) for line in LINES]
ASKED = list(questions())


def said(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def brute_force_says(numbers: range) -> list[str]:
    """What the oracle answers to these rows anew."""
    asked = [ASKED[number] for number in numbers]
    return [
        said(due(plain, str(row["tz"]), datetime.fromisoformat(str(row["from"])), days))
        for row, plain, days in asked
    ]


def test_the_table_goes_round_the_earth_and_around_every_odd_hour() -> None:
    zones = {row["tz"] for row in ROWS}

    assert len(ROWS) >= 1_000
    assert len(zones) >= 15
    assert all(row["about"] for row in ROWS)


def test_every_rule_of_the_table_is_due_when_the_table_says(tmp_path: Path) -> None:
    found = list(answers(LINES, Calendars(tmp_path)))

    assert len(found) == len(ROWS)
    wrong = [(row, got) for row, got in zip(ROWS, found, strict=True) if said_of(got) != row["at"]]
    assert wrong == []


def said_of(answer: object) -> str:
    at = getattr(answer, "at", None)
    return said(at) if isinstance(at, datetime) and at.tzinfo is UTC else str(answer)


def test_the_table_asks_what_its_maker_asks() -> None:
    assert [{name: row[name] for name in row if name != "at"} for row in ROWS] == [row for row, _, _ in ASKED]


def test_brute_force_agrees_with_the_table_here_and_there() -> None:
    some = range(0, len(ROWS), 61)

    assert brute_force_says(some) == [ROWS[number]["at"] for number in some]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_brute_force_agrees_with_the_whole_table() -> None:
    assert brute_force_says(range(len(ROWS))) == [row["at"] for row in ROWS]
