"""Is an event from outside stored once, with its values typed, and refused when nobody knows it?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import answer, run


def test_an_event_is_stored_and_enrolls(company: Path) -> None:
    tracked = answer("track", "ana@example.org", "offer.requested", "offer=readiness-guide", project=company)

    assert (tracked["accepted"], tracked["duplicate"]) == (True, False)
    assert tracked["enrolled"] == ["retirement-readiness"]


def test_the_same_id_again_changes_nothing(company: Path) -> None:
    words = ("track", "ana@example.org", "sale.closed", "amount=290", "--id", "order-7")
    answer(*words, project=company)

    again = answer(*words, project=company)

    assert (again["accepted"], again["duplicate"]) == (True, True)
    assert len(answer("contacts", "show", "ana@example.org", project=company)["events"]) == 1


def test_values_are_numbers_yes_and_no_or_text(company: Path) -> None:
    words = ("amount=12.5", "seats=2", "first=yes", "kind=upgrade", "code=0417", "note=a=b", "empty=")

    tracked = answer("track", "ana@example.org", "sale.closed", *words, project=company)

    assert tracked["data"] == {
        "amount": 12.5,
        "seats": 2,
        "first": True,
        "kind": "upgrade",
        "code": "0417",
        "note": "a=b",
        "empty": "",
    }


def test_when_it_happened_is_read_in_the_workspaces_zone(company: Path) -> None:
    tracked = answer("track", "ana@example.org", "sale.closed", "--at", "2026-03-02T09:00", project=company)

    assert tracked["at"] == "2026-03-02T14:00:00+00:00"


def test_what_a_complaint_closes_is_closed_at_once(company: Path) -> None:
    run("track", "ana@example.org", "email.complained", project=company)

    shown = answer("contacts", "show", "ana@example.org", project=company)
    assert shown["suppressions"] == [{"channel": "email", "reasons": ["complaint"]}]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("offer.requestd", "did you mean 'offer.requested'?"),
        ("meeting.boked", "did you mean 'meeting.booked'?"),
        ("quite.else", "declare it under [events] in nurture.toml and publish"),
        ("email.sent", "our own action"),
        ("stage.entered", "our own action"),
        ("contact.changed", "our own action"),
    ],
)
def test_an_event_that_nobody_knows_or_that_is_ours_is_refused(
    company: Path, name: str, sentence: str
) -> None:
    told = run("track", "ana@example.org", name, project=company)

    assert (told.exit_code, told.stdout) == (1, "")
    assert sentence in told.stderr
    assert answer("contacts", "show", "ana@example.org", project=company)["events"] == []


def test_what_is_still_to_come_cannot_have_happened(company: Path) -> None:
    told = run("track", "ana@example.org", "sale.closed", "--at", "2999-01-01", project=company)

    assert told.exit_code == 1
    assert "still to come" in told.stderr


@pytest.mark.parametrize("word", ["amount", "=3", "a b=3"])
def test_a_value_without_a_name_is_wrong_usage(company: Path, word: str) -> None:
    told = run("track", "ana@example.org", "sale.closed", word, project=company)

    assert told.exit_code == 2
    assert "is not NAME=VALUE" in told.stderr


def test_a_time_that_is_none_is_wrong_usage(company: Path) -> None:
    told = run("track", "ana@example.org", "sale.closed", "--at", "yesterday", project=company)

    assert told.exit_code == 2
