"""Do people enter a workflow by hand, one, a list, a segment or all, and is every refusal told?"""

from __future__ import annotations

from pathlib import Path

import pytest

from nurture.services.contacts import by_hand
from tests.support.commands import answer, run
from tests.support.running import a_nurture

WORKFLOW = """\
    workflow: short
    purpose: nurture
    stages:
      - stage: first
        need: Know where I stand
        trigger: manual
        validate: b.happened
        steps:
          - {email: hello, after: 1 day}
        loss:
          - {after: 60 days, reason: silent}
    """


def test_a_named_contact_enters_once(company: Path) -> None:
    first = answer("enroll", "ana@example.org", "win-back", project=company)
    again = answer("enroll", "ANA@example.org", "win-back", project=company, exit_code=1)

    assert first == {"workflow": "win-back", "enrolled": 1, "refused": []}
    assert again["enrolled"] == 0
    assert again["refused"] == [{"email": "ana@example.org", "reason": "already-enrolled"}]


def test_who_cannot_enter_is_listed_and_keeps_nobody_else_out(company: Path) -> None:
    result = answer("enroll", "zoe@example.org", "nobody", "bea@example.org", "win-back", project=company)

    assert result["enrolled"] == 1
    assert sorted((one["email"], one["reason"]) for one in result["refused"]) == [
        ("nobody", "not-an-address"),
        ("zoe@example.org", "unknown-contact"),
    ]


def test_everybody_enters(company: Path) -> None:
    assert answer("enroll", "--all", "win-back", project=company)["enrolled"] == 3


def test_the_members_of_a_segment_enter(company: Path) -> None:
    result = answer("enroll", "--segment", "clients", "loyalty", project=company)

    assert result["enrolled"] == 2
    shown = answer("contacts", "show", "bea@example.org", project=company)
    assert [one["workflow"] for one in shown["enrollments"]] == ["loyalty"]


def test_the_addresses_of_a_file_enter_whatever_else_it_holds(company: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "list.csv"
    sheet.write_bytes("Prénom;Courriel\nAnaïs;ana@example.org\n;\nBéa;bea@example.org\n".encode("cp1252"))

    assert answer("enroll", "--file", sheet, "win-back", project=company)["enrolled"] == 2


def test_people_read_how_many_entered_and_who_did_not(company: Path) -> None:
    told = run("enroll", "zoe@example.org", "bea@example.org", "win-back", project=company)

    assert "zoe@example.org does not enter: there is no such contact" in told.stdout
    assert "1 enrolled in win-back, 1 refused." in told.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("ana@example.org", "winback"),
            "there is no published workflow 'winback' (did you mean 'win-back'?)",
        ),
        (
            ("--segment", "client", "win-back"),
            "there is no segment 'client' (did you mean 'clients'?)",
        ),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest_one(
    company: Path, words: tuple[str, ...], sentence: str
) -> None:
    told = run("enroll", *words, project=company)

    assert (told.exit_code, told.stderr) == (1, f"nurture: {sentence}\n")


@pytest.mark.parametrize("words", [("win-back",), ("ana@example.org", "win-back", "--all"), ()])
def test_whom_to_enroll_is_said_in_exactly_one_way(company: Path, words: tuple[str, ...]) -> None:
    assert run("enroll", *words, project=company).exit_code == 2


def test_a_large_set_enters_in_chunks_each_in_its_own_transaction(
    any_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_hand, "CHUNK", 40)
    running = a_nurture(any_database, tmp_path, mails=("hello",))
    running.write("workflows/short.yaml", WORKFLOW)
    running.publish()
    for number in range(100):
        running.add(f"p{number}@example.org", consent=None)
    seen: list[int] = []

    result = by_hand.enroll_all(running.nurture.runtime, "short", "a test", on_progress=seen.append)

    assert (result.enrolled, result.refused, seen) == (100, [], [40, 80, 100])
    assert running.enrollments("p99@example.org")[0].step == "hello"
    running.nurture.database.dispose()
