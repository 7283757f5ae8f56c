"""Are the natural alternatives of a walk played, each as it would really go?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nurture.model.errors import NotFoundError, NurtureError
from nurture.services.rehearsing.walk_page import Asked, of_draft, of_published
from nurture.services.rehearsing.what_ifs import option_of
from nurture.services.releases import publish
from nurture.settings import Settings
from nurture.wiring import build
from tests.support.commands import MONDAY, a_starter, answer, mend, run

URL = "http://127.0.0.1:8000"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return a_starter(tmp_path / "acme")


def found(project: Path, *more: str) -> dict[str, Any]:
    walk = answer("walk", "first-steps", "--start", MONDAY, "--what-ifs", *more, project=project)
    return {one["name"]: one for one in walk["what_ifs"]}


def test_silence_going_on_and_leaving_are_played_to_their_ends(project: Path) -> None:
    others = found(project)

    silence, onward, leaves = others["silence"], others["lead-offer-goes-on"], others["unsubscribes"]
    assert (silence["outcome"]["reason"], silence["messages"], silence["days"]) == ("never-downloaded", 2, 30)
    assert onward["path"] == ["lead-offer", "first-sale"]
    assert onward["outcome"]["stage"] == "first-sale"
    assert (leaves["outcome"]["reason"], leaves["messages"]) == ("unsubscribed", 1)
    assert others["bounces"]["outcome"]["reason"] == "bounced"
    assert others["onboarding-goes-on"]["outcome"]["status"] == "completed"


def test_where_the_walk_itself_goes_on_its_alternatives_begin_behind(project: Path) -> None:
    others = found(project, "--do", "offer.downloaded:offer=checklist@+1h")

    assert others["silence"]["path"] == ["lead-offer", "first-sale"]
    assert "lead-offer-goes-on" not in others
    assert others["onboarding-goes-on"]["outcome"]["status"] == "completed"


def test_every_answer_to_a_call_is_played_where_the_call_appears(project: Path) -> None:
    others = found(project)

    outcomes = {name.removeprefix("first-talk-") for name in others if name.startswith("first-talk-")}
    assert outcomes >= {"reached", "voicemail", "not-interested"}
    assert others["first-talk-not-interested"]["outcome"]["reason"] == "not-interested"
    assert others["first-talk-not-interested"]["path"] == ["lead-offer", "first-sale"]


def test_the_variants_of_a_split_and_the_answers_of_a_wait_are_played(project: Path) -> None:
    mend(
        project / "workflows/first-steps.yaml",
        "      - call_task: first-talk",
        "      - split: story\n"
        "        variants: {short: {do: [{email: one-question, id: short}]}, long: {do: [{wait: 9 days}]}}\n"
        "      - {wait_until: email.clicked, timeout: 5 days}\n"
        "      - call_task: first-talk",
    )

    others = found(project)

    assert others["story-short"]["messages"] == others["story-long"]["messages"] + 1
    assert any(name.endswith("email-clicked") for name in others)


def test_one_of_them_can_be_walked_and_said_again_in_full(project: Path) -> None:
    options = found(project)["first-talk-not-interested"]["options"]
    said = [word.strip("'") for option in options for word in option.split(" ", 1)]

    by_name = answer(
        "walk", "first-steps", "--start", MONDAY, "--what-if", "first-talk-not-interested", project=project
    )
    in_full = answer("walk", "first-steps", "--start", MONDAY, *said, project=project)

    assert by_name["outcome"]["reason"] == "not-interested"
    assert by_name["touchpoints"] == in_full["touchpoints"]


def test_a_name_that_is_none_is_answered_with_the_nearest(project: Path) -> None:
    result = run("walk", "first-steps", "--what-if", "unsubscribs", project=project)

    assert result.exit_code == 1
    assert "did you mean 'unsubscribes'?" in result.stderr


def test_the_storyboard_holds_them_with_links_and_shows_the_pages_before_the_contact(
    project: Path, tmp_path: Path
) -> None:
    page = tmp_path / "walk.html"

    run(
        "walk",
        "first-steps",
        "--do",
        "offer.downloaded:offer=checklist@+1h",
        "--what-ifs",
        "--html",
        page,
        project=project,
    )

    shown = page.read_text(encoding="utf-8")
    assert 'href="#what-if-unsubscribes"' in shown
    assert 'id="what-if-unsubscribes"' in shown
    assert "Form page" in shown
    assert "/o/checklist" in shown
    assert "Download page" in shown


def test_a_page_walks_what_is_live_and_the_folders_draft(project: Path, sqlite_url: str) -> None:
    nurture = build(
        Settings(project=project, database_url=sqlite_url, secret_keys=("a-key-long-enough" * 3,))
    )
    publish.publish(nurture.runtime, project)
    mend(
        project / "workflows/first-steps.yaml",
        "after: 30 days, reason: never-downloaded",
        "after: 9 days, reason: never-downloaded",
    )
    asked = Asked("first-steps", start=MONDAY)

    live, draft = of_published(nurture.runtime, asked, URL), of_draft(nurture.runtime, project, asked, URL)
    other = of_published(nurture.runtime, Asked("first-steps", start=MONDAY, what_if="unsubscribes"), URL)
    told = of_published(
        nurture.runtime, Asked("first-steps", start=MONDAY, do=("offer.downloaded:offer=checklist@+1d",)), URL
    )

    assert (live.personas, live.asked.persona) == (("busy-owner",), "busy-owner")
    assert live.alternatives[0].days == 30
    assert draft.alternatives[0].days == 9
    assert other.walk.outcome.reason == "unsubscribed"
    assert told.walk.outcome.stage == "first-sale"
    assert [one.title for one in live.story.what_ifs][:2] == [
        "does nothing more",
        "unsubscribes after the first message",
    ]
    assert option_of(live.alternatives[1].what_if.doings[0]) == "consent.withdrawn@+0 days at 11:00"
    with pytest.raises(NotFoundError):
        of_published(nurture.runtime, Asked("first-step"), URL)
    with pytest.raises(NurtureError, match="does not say when"):
        of_published(nurture.runtime, Asked("first-steps", do=("sale.closed",)), URL)
    nurture.close()


def test_a_journey_that_turns_in_a_circle_for_years_is_ended_with_a_sentence(project: Path) -> None:
    circle = """\
workflow: circle
purpose: nurture
stages:
  - stage: first
    need: Never to be let go
    trigger: offer.requested
    validate: sale.closed
    steps: [{wait: 1 minute}, {jump: first}]
    loss: [{after: 3000 days, reason: silent}]
"""
    (project / "workflows/circle.yaml").write_text(circle)

    result = run("walk", "circle", "--start", MONDAY, "--what-ifs", project=project)

    assert result.exit_code == 1
    assert "more than 2,000 touchpoints by 2026-03-0" in result.output
    assert "does a jump or an enrollment lead back into 'first' too soon?" in result.output


@pytest.mark.parametrize("command", ["walk", "simulate"])
@pytest.mark.parametrize("year", ["0001", "9999"])
def test_nothing_begins_at_the_ends_of_the_calendar(project: Path, command: str, year: str) -> None:
    more = ["--no-history"] if command == "simulate" else []

    result = run(command, "first-steps", "--start", f"{year}-06-01 09:00", *more, project=project)

    assert result.exit_code == 1
    assert "write a year from 1970 to 2199" in result.output
