"""Do `contacts show` and `why` tell everything about one person, and nothing about nobody?"""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.commands import answer, run


def test_everything_about_a_contact_is_shown(company: Path) -> None:
    run("track", "ana@example.org", "offer.requested", "offer=readiness-guide", project=company)

    shown = answer("contacts", "show", "Ana@Example.ORG", project=company)

    assert shown["contact"]["first_name"] == "Ana"
    assert [(one["action"], one["purpose"], one["source"]) for one in shown["consents"]] == [
        ("granted", "nurture", "the fair")
    ]
    (enrollment,) = shown["enrollments"]
    assert (enrollment["workflow"], enrollment["stage"], enrollment["status"]) == (
        "retirement-readiness",
        "lead-offer",
        "active",
    )
    assert enrollment["next"]["said"].startswith("Step 'guide-delivery' is due")
    assert [one["name"] for one in shown["events"]] == ["offer.requested"]
    assert (shown["suppressions"], shown["deliveries"], shown["calls"]) == ([], [], [])


def test_people_read_who_may_not_be_reached_and_why(company: Path) -> None:
    run("track", "ana@example.org", "email.complained", project=company)

    told = run("contacts", "show", "ana@example.org", project=company)

    assert told.exit_code == 0
    assert "Ana <ana@example.org>" in told.stdout
    assert "NOT to be reached by email: complaint" in told.stdout
    assert "Times are in America/Toronto" in told.stdout


def test_an_unknown_address_is_one_sentence_that_names_the_nearest_one(company: Path) -> None:
    told = run("contacts", "show", "anna@example.org", project=company)

    assert (told.exit_code, told.stdout) == (1, "")
    assert told.stderr == "nurture: there is no contact anna@example.org (did you mean 'ana@example.org'?)\n"


def test_a_program_gets_a_document_where_there_is_no_answer(company: Path) -> None:
    told = run("contacts", "show", "anna@example.org", "--json", project=company)

    assert told.exit_code == 1
    assert json.loads(told.stdout) == {
        "error": "there is no contact anna@example.org (did you mean 'ana@example.org'?)"
    }


def test_a_program_that_asks_wrongly_gets_a_document_too(company: Path) -> None:
    told = run("track", "ana@example.org", "offer.requested", "no-value", "--json", project=company)

    assert told.exit_code == 2
    assert "no-value" in json.loads(told.stdout)["error"]


def test_a_domain_in_common_makes_nobody_the_nearest_one(company: Path) -> None:
    told = run("contacts", "show", "canadian.buyer@example.org", project=company)

    assert (told.exit_code, told.stdout) == (1, "")
    assert "did you mean" not in told.stderr
    assert "`nurture contacts import` adds people" in told.stderr


def test_the_points_of_a_score_stand_right_below_it(company: Path) -> None:
    run("track", "ana@example.org", "offer.downloaded", "offer=readiness-guide", project=company)

    lines = run("contacts", "show", "ana@example.org", project=company).stdout.splitlines()

    score = next(number for number, line in enumerate(lines) if line.startswith("  score: "))
    assert lines[score + 1] == "    0 set, and by events:"
    assert lines[score + 2].startswith("    +15 offer.downloaded, ")


def test_what_is_no_address_is_refused_in_words(company: Path) -> None:
    told = run("contacts", "show", "ana", project=company)

    assert told.exit_code == 1
    assert "'ana' is not an e-mail address" in told.stderr


def test_why_tells_every_turn_with_its_place_in_the_file_and_what_is_next(company: Path) -> None:
    run("enroll", "bea@example.org", "win-back", "--reason", "asked at the fair", project=company)

    why = answer("why", "bea@example.org", "win-back", project=company)

    assert why["timezone"] == "Europe/Berlin"
    entered, waits = why["turns"]
    assert (entered["decision"], entered["reason"], entered["step"]) == ("entered", "asked at the fair", None)
    assert (waits["decision"], waits["step"]) == ("wait", "still-on-your-mind")
    assert waits["file"] == "workflows/win-back.yaml"
    assert waits["line"] > 1
    assert [(one["workflow"], one["step"]) for one in why["next"]] == [("win-back", "still-on-your-mind")]


def test_why_can_be_asked_about_one_step(company: Path) -> None:
    run("enroll", "bea@example.org", "win-back", project=company)

    why = answer("why", "bea@example.org", "win-back/still-on-your-mind", project=company)

    assert {one["step"] for one in why["turns"]} == {"still-on-your-mind"}


def test_why_tells_people_the_days_in_the_contacts_own_time(company: Path) -> None:
    run("enroll", "bea@example.org", "win-back", project=company)

    told = run("why", "bea@example.org", project=company)

    assert told.stdout.startswith("bea@example.org, times in Europe/Berlin\n")
    assert "Enters stage 'hello-again'" in told.stdout
    assert "[workflows/win-back.yaml:" in told.stdout
    assert "\nNext\n  win-back/still-on-your-mind: not yet. Step 'still-on-your-mind' is due" in told.stdout


def test_why_of_an_unknown_workflow_names_the_nearest_one(company: Path) -> None:
    told = run("why", "bea@example.org", "winback", project=company)

    assert told.exit_code == 1
    assert "did you mean 'win-back'?" in told.stderr


def test_a_refused_entry_is_part_of_the_story(company: Path) -> None:
    run("enroll", "bea@example.org", "win-back", project=company)
    run("enroll", "bea@example.org", "win-back", project=company)

    why = answer("why", "bea@example.org", project=company)

    assert why["turns"][-1]["decision"] == "refuse"
    assert why["turns"][-1]["reason"] == "already-enrolled"
