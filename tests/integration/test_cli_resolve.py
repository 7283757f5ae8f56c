"""`nurture resolve`, as a person types it after a crash."""

from __future__ import annotations

from pathlib import Path

from tests.support.commands import answer, run


def test_without_doubt_it_says_so(company: Path) -> None:
    assert answer("resolve", project=company) == {"resolved_as": None, "messages": []}
    assert "No message is in doubt." in run("resolve", project=company).output


def test_settling_asks_which_and_how(company: Path) -> None:
    assert run("resolve", "--all", project=company).exit_code == 2
    assert run("resolve", "--as", "sent", project=company).exit_code == 2
    assert run("resolve", "--all", "--as", "lost", project=company).exit_code == 2


def test_a_message_that_is_not_in_doubt_is_told(company: Path) -> None:
    result = run("resolve", "<x@example.org>", "--as", "sent", project=company)

    assert result.exit_code == 1
    assert "is not in doubt" in result.output
