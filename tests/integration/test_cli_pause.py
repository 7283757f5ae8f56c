"""Do the brakes hold a workflow, a contact or everything, and say whom; and does the clock move only where it may?"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from nurture.services.running.clock import read_clock
from nurture.settings import load_settings
from nurture.wiring import build
from tests.support.commands import answer, mend, run


def test_a_pause_holds_and_a_resume_lets_go(company: Path) -> None:
    run("enroll", "--all", "win-back", project=company)

    held = answer("pause", "win-back", "--reason", "the letter is wrong", project=company)
    waiting = answer("why", "ana@example.org", project=company)["next"][0]["said"]
    going_on = answer("resume", "win-back", project=company)

    assert (held["paused"], held["changed"], held["contacts"]) == (True, True, 3)
    assert waiting.startswith("Nothing until it is resumed")
    assert (going_on["paused"], going_on["changed"], going_on["contacts"]) == (False, True, 3)
    assert answer("why", "ana@example.org", project=company)["next"][0]["step"] == "still-on-your-mind"


def test_the_red_button_holds_everybody_and_doing_it_twice_is_no_error(company: Path) -> None:
    run("enroll", "--all", "win-back", project=company)
    run("enroll", "ana@example.org", "loyalty", project=company)

    first = answer("pause", "--everything", project=company)
    again = answer("pause", "--everything", project=company)

    assert (first["scope"], first["changed"], first["contacts"]) == ("everything", True, 3)
    assert again["changed"] is False


def test_one_contact_can_be_held(company: Path) -> None:
    run("enroll", "--all", "win-back", project=company)

    told = run("pause", "Ana@example.org", project=company)

    assert "1 contact under way is held" in told.stdout
    assert "Nothing until" in answer("why", "ana@example.org", project=company)["next"][0]["said"]
    assert "Nothing until" not in answer("why", "bea@example.org", project=company)["next"][0]["said"]


def test_a_resume_names_what_still_holds(company: Path) -> None:
    run("enroll", "--all", "win-back", project=company)
    run("pause", "--everything", project=company)
    run("pause", "win-back", project=company)

    assert answer("resume", "win-back", project=company)["still_held_by"] == ["everything"]


def test_resuming_what_was_not_paused_says_so(company: Path) -> None:
    told = run("resume", "win-back", project=company)

    assert (told.exit_code, told.stdout) == (0, "win-back was not paused.\n")


def test_a_withdrawn_workflow_with_contacts_under_way_can_still_be_held(company: Path) -> None:
    run("enroll", "ana@example.org", "workshop", project=company)
    (company / "workflows" / "workshop.yaml").unlink()
    run("publish", "--yes", project=company)

    assert answer("pause", "workshop", project=company)["contacts"] == 1


@pytest.mark.parametrize("command", ["pause", "resume"])
@pytest.mark.parametrize("words", [(), ("win-back", "--everything")])
def test_what_to_hold_is_said_in_exactly_one_way(company: Path, command: str, words: tuple[str, ...]) -> None:
    assert run(command, *words, project=company).exit_code == 2


def test_an_unknown_workflow_or_contact_is_told(company: Path) -> None:
    assert "did you mean 'win-back'?" in run("pause", "winback", project=company).stderr
    assert "there is no contact zoe@example.org" in run("pause", "zoe@example.org", project=company).stderr


def test_the_business_clock_moves_forward_and_says_what_is_due_and_that_nobody_does_it(company: Path) -> None:
    before = answer("clock", project=company)
    run("enroll", "ana@example.org", "win-back", project=company)

    after = answer("clock", "--advance", "1w", project=company)
    told = run("clock", project=company)

    moved = datetime.fromisoformat(after["now"]) - datetime.fromisoformat(before["now"])
    assert timedelta(days=7) <= moved < timedelta(days=7, minutes=5)
    assert (before["due_turns"], after["due_turns"], after["workers"]) == (0, 1, 0)
    assert "The clock is 7 days" in told.stdout
    assert "No worker runs, so nothing is done" in told.stdout


def test_the_clock_of_a_workspace_in_earnest_does_not_move(company: Path) -> None:
    mend(company / "nurture.toml", 'clock = "movable"', "")
    run("publish", project=company)

    told = run("clock", "--advance", "2d", project=company)

    assert told.exit_code == 1
    assert "does not move" in told.stderr
    assert answer("clock", project=company)["ahead"] == 0


@pytest.mark.parametrize("span", ["soon", "-2d", "0d", "3 business days", "1 month"])
def test_a_span_that_a_clock_cannot_be_moved_by_is_wrong_usage(company: Path, span: str) -> None:
    assert run("clock", f"--advance={span}", project=company).exit_code == 2


def test_the_clock_knows_the_workers_that_live(company: Path) -> None:
    nurture = build(load_settings(company))
    nurture.beat("worker:here:1")
    nurture.beat("scheduler:here:2")

    assert read_clock(nurture.runtime).workers == 1
    nurture.database.dispose()
