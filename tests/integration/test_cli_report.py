"""Do the reports on the command line tell the same, to people, to spreadsheets and to programs?"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from nurture.settings import load_settings
from nurture.wiring import build
from tests.support.commands import answer, run

OFFER = "offer=readiness-guide"


@pytest.fixture
def lived(company: Path) -> Path:
    """Three ask for the guide; Ana downloads it, Bea leaves."""
    for name in ("ana", "bea", "carl"):
        run("track", f"{name}@example.org", "offer.requested", OFFER, project=company)
    run("track", "ana@example.org", "offer.downloaded", OFFER, project=company)
    run("track", "bea@example.org", "consent.withdrawn", "purpose=nurture", project=company)
    nurture = build(load_settings(company))
    nurture.run_until_idle()
    nurture.close()
    return company


def test_the_funnel_has_a_row_for_each_stage_with_its_n_and_a_spreadsheet_gets_the_same(lived: Path) -> None:
    rows = answer("report", "funnel", "retirement-readiness", project=lived)["rows"]
    everything = answer("report", "funnel", project=lived)["rows"]
    sheet = run("report", "funnel", "retirement-readiness", "--csv", project=lived).stdout
    copied = list(csv.DictReader(sheet.splitlines()))

    lead, sale = rows[0], rows[1]
    assert [row["stage"] for row in rows] == ["lead-offer", "first-sale", "onboarding", "growth"]
    assert (lead["n"], lead["entered"], lead["validated"], lead["lost"], lead["now"]) == (3, 3, 1, 1, 1)
    assert lead["conversion"] == pytest.approx(1 / 3, abs=1e-4)
    assert lead["reasons"] == {"unsubscribed": 1}
    assert (sale["entered"], sale["now"], sale["conversion"]) == (1, 1, 0)
    assert {row["workflow"] for row in everything} == {
        "loyalty",
        "retirement-readiness",
        "win-back",
        "workshop",
    }
    assert [(row["stage"], row["entered"], row["n"]) for row in copied] == [
        (row["stage"], str(row["entered"]), str(row["n"])) for row in rows
    ]


def test_the_funnel_says_why_its_conversion_is_less_than_its_validated(lived: Path) -> None:
    run("track", "carl@example.org", "sale.closed", project=lived)
    nurture = build(load_settings(lived))
    nurture.run_until_idle()
    nurture.close()

    told = run("report", "funnel", "retirement-readiness", project=lived)
    sheet = run("report", "funnel", "retirement-readiness", "--csv", project=lived)

    assert told.stderr == "1 of the validated came outright, past the stage: conversion leaves them out.\n"
    assert sheet.stderr == ""


def test_experiments_are_told_with_n_intervals_and_a_verdict(lived: Path) -> None:
    told = answer("report", "experiments", "retirement-readiness", project=lived)
    said = run("report", "experiments", "retirement-readiness", project=lived)
    sheet = run("report", "experiments", "retirement-readiness", "--csv", project=lived).stdout
    copied = list(csv.DictReader(sheet.splitlines()))

    first = told["rows"][0]
    assert {"workflow", "split", "measure", "variant", "n", "did", "rate", "low", "high", "behind"} <= set(
        first
    )
    assert [(row["variant"], row["n"]) for row in copied] == [
        (row["variant"], str(row["n"])) for row in told["rows"]
    ]
    assert {(one["winner"], one["verdict"].split(":")[0]) for one in told["verdicts"]} == {(None, "not yet")}
    assert "not yet: each needs 100 contacts" in said.output


def test_losses_are_ranked_over_a_span_and_the_leakiest_stage_is_named(lived: Path) -> None:
    told = answer("report", "losses", "--since", "2020-01-01", project=lived)
    before = answer("report", "losses", "--until", "2020-01-01", project=lived)
    said = run("report", "losses", project=lived)

    assert told["rows"] == [
        {
            "workflow": "retirement-readiness",
            "stage": "lead-offer",
            "reason": "unsubscribed",
            "before": False,
            "lost": 1,
            "rate": 0.3333,
            "n": 3,
        }
    ]
    assert told["most_vulnerable"]["stage"] == "lead-offer"
    assert (before["rows"], before["most_vulnerable"]) == ([], None)
    assert (
        "The leakiest stage is lead-offer of retirement-readiness: 1 lost of 3 who entered (33%)."
        in said.stderr
    )


def test_what_cannot_be_reported_is_told_with_the_remedy(company: Path) -> None:
    unknown = run("report", "funnel", "retirement", project=company)
    twice = run("report", "losses", "--csv", "--json", project=company)
    no_time = run("report", "losses", "--since", "soon", project=company)

    assert (unknown.exit_code, twice.exit_code, no_time.exit_code) == (1, 2, 2)
    assert "did you mean 'retirement-readiness'?" in unknown.stderr
    assert "--since" in no_time.stderr


def test_the_ladder_of_offers_has_a_row_for_each_rung_from_the_first_yes_up(lived: Path) -> None:
    run("track", "ana@example.org", "offer.requested", "offer=plan-review", project=lived)

    told = answer("report", "offers", project=lived)
    sheet = run("report", "offers", "--csv", project=lived).stdout

    rows = {row["offer"]: row for row in told["rows"]}
    guide, review = rows["readiness-guide"], rows["plan-review"]
    assert (guide["n"], guide["took"], guide["next"], guide["went_on"]) == (3, 1, "plan-review", 1)
    assert guide["took_rate"] == pytest.approx(1 / 3, abs=1e-4)
    assert (review["n"], review["cost"]) == (1, 95)
    assert guide["sources"] == [{"source": "unknown", "n": 3, "bought": 0}]
    names = [row["offer"] for row in told["rows"]]
    assert names.index("readiness-guide") < names.index("plan-review")
    assert [row["offer"] for row in csv.DictReader(sheet.splitlines())] == names
    table = run("report", "offers", project=lived).stdout
    assert "CAD 95.00" in table
    assert "33%" in table
