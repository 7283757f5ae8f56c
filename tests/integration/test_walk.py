"""Does a walk play the whole journey as production would, and say honestly how it ends?"""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import MONDAY, a_starter, answer, mend, run

DOWNLOAD, SALE = "offer.downloaded:offer=checklist", "sale.closed:amount=400"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return a_starter(tmp_path / "acme")


def walked(project: Path, *doings: str, more: tuple[str | Path, ...] = (), exit_code: int = 0) -> Any:
    told = [word for doing in doings for word in ("--do", doing)]
    words = ("walk", "first-steps", "--start", MONDAY, *told, *more)
    return answer(*words, project=project, exit_code=exit_code)


def touches(walk: Any, kind: str) -> list[tuple[str, str]]:
    return [(touch["step"], touch["status"]) for touch in walk["touchpoints"] if touch["kind"] == kind]


def at(walk: Any, step: str) -> str:
    return str(next(touch["at"] for touch in walk["touchpoints"] if touch["step"] == step))


def test_rule_18_a_walk_holds_the_consent_is_never_held_out_and_runs_to_the_journeys_end(
    project: Path,
) -> None:
    mend(project / "workflows/first-steps.yaml", "purpose: nurture ", "holdout: 99%\npurpose: nurture ")

    walk = walked(project)

    assert ("checklist-reminder", "sent") in touches(walk, "email")
    assert walk["outcome"]["status"] == "lost"
    assert not [touch for touch in walk["touchpoints"] if touch["status"] == "skipped"]


# --- the way --------------------------------------------------------------------------------------------------


def test_who_does_nothing_falls_off_by_the_loss_clock_and_is_told_what_would_have_helped(
    project: Path,
) -> None:
    walk = walked(project)

    assert touches(walk, "email") == [("checklist-delivery", "sent"), ("checklist-reminder", "sent")]
    assert walk["outcome"]["status"] == "lost"
    assert (walk["outcome"]["stage"], walk["outcome"]["reason"]) == ("lead-offer", "never-downloaded")
    assert walk["outcome"]["at"] == "2026-04-01T09:00:00+00:00"
    assert walk["outcome"]["would_have_moved"][0] == {
        "stage": "lead-offer",
        "event": 'offer.downloaded where event.offer == "checklist"',
        "option": "--do 'offer.downloaded:offer=checklist@+1d'",
    }


def test_what_would_have_moved_a_contact_comes_after_the_message_that_it_is_about(project: Path) -> None:
    workflow = project / "workflows/first-steps.yaml"
    mend(workflow, 'validate: offer.downloaded where event.offer == "checklist"', "validate: email.replied")
    mend(workflow, "validate: onboarding.completed", "validate: call.outcome where event.outcome == 'booked'")
    mend(workflow, "        purpose: transactional   # they", "        after: 5 days   # they")

    said = walked(project)["outcome"]["would_have_moved"]
    as_told = walked(project, "email.replied@+6d")

    assert [one["option"] for one in said] == ["--do 'email.replied@+6d'", "--do 'sale.closed@+1d'"]
    assert ("lead-offer", "validated") in [
        (touch["what"], touch["status"]) for touch in as_told["touchpoints"]
    ]


def test_the_trigger_is_made_up_so_that_its_condition_holds(project: Path) -> None:
    first = walked(project)["touchpoints"][0]

    assert (first["kind"], first["what"], first["data"]) == (
        "event",
        "offer.requested",
        {"offer": "checklist"},
    )


def test_evidence_moves_the_contact_through_the_stages_to_the_end(project: Path) -> None:
    walk = walked(project, f"{DOWNLOAD}@+1h", f"{SALE}@+5d", "onboarding.completed@+20d")

    moves = [(t["stage"], t["status"]) for t in walk["touchpoints"] if t["kind"] == "stage"]
    assert moves == [
        ("lead-offer", "entered"),
        ("lead-offer", "validated"),
        ("first-sale", "entered"),
        ("first-sale", "validated"),
        ("onboarding", "entered"),
        ("onboarding", "validated"),
        ("onboarding", "completed"),
    ]
    assert walk["outcome"]["would_have_moved"] == []


def test_each_mail_has_its_subject_its_moment_and_the_reason_of_that_moment(project: Path) -> None:
    walk = walked(project)

    mail = next(touch for touch in walk["touchpoints"] if touch["step"] == "checklist-reminder")
    assert (mail["subject"], mail["at"]) == ("The line most people leave empty", "2026-03-04T09:30:00+00:00")
    assert "2 days after Mon 2 Mar 2026 10:00" in mail["why"][0]
    assert "by the consent for 'nurture'" in mail["why"][1]


def test_an_offset_may_be_any_time_rule(project: Path) -> None:
    walk = walked(project, f"{DOWNLOAD}@+2d at 14:00")

    event = next(touch for touch in walk["touchpoints"] if touch["what"] == "offer.downloaded")
    assert event["at"] == "2026-03-04T14:00:00+00:00"


def test_values_of_events_are_numbers_yes_and_no_or_words(project: Path) -> None:
    walk = walked(project, "sale.closed:amount=12.5,count=3,first=yes,kind=plan,code=007@+1d")

    event = next(touch for touch in walk["touchpoints"] if touch["what"] == "sale.closed")
    assert event["data"] == {"amount": 12.5, "count": 3, "first": True, "kind": "plan", "code": "007"}


def test_a_call_that_nobody_makes_expires(project: Path) -> None:
    walk = walked(project, f"{DOWNLOAD}@+1h")

    assert touches(walk, "call_task") == [("first-talk", "opened"), ("first-talk", "expired")]


def test_an_outcome_of_a_call_takes_its_branch(project: Path) -> None:
    walk = walked(project, f"{DOWNLOAD}@+1h", "call.outcome:outcome=not-interested@+9d")

    assert touches(walk, "call_task") == [("first-talk", "opened")]
    assert walk["outcome"]["reason"] == "not-interested"


def test_leaving_the_stage_cancels_an_open_call(project: Path) -> None:
    walk = walked(project, f"{DOWNLOAD}@+1h", f"{SALE}@+9d")

    assert touches(walk, "call_task") == [("first-talk", "opened"), ("first-talk", "cancelled")]


def test_a_call_without_a_phone_number_is_skipped_with_its_reason(project: Path, tmp_path: Path) -> None:
    file = tmp_path / "contact.json"
    file.write_text(json.dumps({"email": "ana@example.org", "first_name": "Ana"}), encoding="utf-8")

    walk = walked(project, f"{DOWNLOAD}@+1h", more=("--contact", file))

    call = next(touch for touch in walk["touchpoints"] if touch["kind"] == "call_task")
    assert (call["status"], call["reason"]) == ("skipped", "no-phone")


@pytest.mark.parametrize(
    ("doing", "reason"),
    [
        ("onboarding.completed:x=1@+400d", "moved-nothing"),
        ("call.outcome:outcome=reached@+1d", "concerns-nothing"),
    ],
)
def test_an_event_that_changes_nothing_is_shown_as_unused(project: Path, doing: str, reason: str) -> None:
    walk = walked(project, doing)

    name = doing.partition(":")[0]
    event = next(touch for touch in walk["touchpoints"] if touch["what"] == name)
    assert (event["status"], event["reason"]) == ("unused", reason)


def test_withdrawing_the_consent_ends_the_journey(project: Path) -> None:
    walk = walked(project, "consent.withdrawn:purpose=nurture@+1d")

    assert (walk["outcome"]["status"], walk["outcome"]["reason"]) == ("lost", "unsubscribed")
    assert touches(walk, "email") == [("checklist-delivery", "sent")]


def test_what_is_known_of_the_contact_can_change_on_the_way(project: Path) -> None:
    text = "{{ contact.first_name or 'You' }} of {{ contact.company or 'nowhere' }}"
    mend(
        project / "templates/email/checklist-reminder.md",
        "subject: The line most people leave empty",
        f'subject: "{text}"',
    )

    walk = walked(project, "contact.changed:first_name=Kit,company=@+1d")

    mail = next(touch for touch in walk["touchpoints"] if touch["step"] == "checklist-reminder")
    assert mail["subject"] == "Kit of nowhere"


def test_a_quiet_hour_moves_a_message_and_the_move_is_explained(project: Path) -> None:
    mend(project / "workflows/first-steps.yaml", "        at: 09:30\n    loss", "        at: 22:00\n    loss")

    walk = walked(project)

    mail = next(touch for touch in walk["touchpoints"] if touch["step"] == "checklist-reminder")
    assert mail["at"] == "2026-03-05T08:00:00+00:00"
    assert any("quiet hours" in sentence for sentence in mail["why"])


def test_a_journey_goes_on_in_the_workflow_that_a_loss_leads_to(project: Path) -> None:
    mend(
        project / "workflows/first-steps.yaml",
        "reason: never-downloaded}",
        "reason: never-downloaded, enroll: later}",
    )
    later = """\
workflow: later
purpose: nurture
stages:
  - stage: again
    need: Be asked once more
    trigger: manual
    validate: email.replied
    steps: [{email: one-question, after: 10 days}]
    loss: [{after: 30 days, reason: silent}]
"""
    (project / "workflows/later.yaml").write_text(later, encoding="utf-8")

    walk = walked(project)

    assert (walk["outcome"]["workflow"], walk["outcome"]["reason"]) == ("first-steps", "never-downloaded")
    assert [(one["workflow"], one["reason"]) for one in walk["elsewhere"]] == [("later", "silent")]
    assert at(walk, "one-question") == "2026-04-11T09:00:00+00:00"


def test_a_variant_is_taken_when_it_is_asked_for(project: Path) -> None:
    split = """\
      - split: tone
        variants:
          warm: {do: [{email: one-question}]}
          cold: {do: [{email: welcome, id: cold-welcome}]}
      - call_task"""
    mend(
        project / "workflows/first-steps.yaml",
        "      - {email: one-question, after: 3 days, on: weekdays, at: 09:30}\n",
        "",
    )
    mend(project / "workflows/first-steps.yaml", "      - call_task", split)

    for variant, step in (("warm", "one-question"), ("cold", "cold-welcome")):
        walk = walked(project, f"{DOWNLOAD}@+1h", more=("--variant", f"tone={variant}"))
        assert (step, "sent") in touches(walk, "email")


def test_a_workflow_that_is_entered_by_hand_is_entered_by_hand(project: Path) -> None:
    trigger = 'trigger: offer.requested where event.offer == "checklist"'
    mend(project / "workflows/first-steps.yaml", trigger, "trigger: manual")

    first = walked(project)["touchpoints"][0]

    assert (first["kind"], first["status"]) == ("stage", "entered")
    assert first["why"] == ["Enters stage 'lead-offer', by hand: a walk."]


# --- faults ---------------------------------------------------------------------------------------------------


def test_a_template_that_fails_for_this_contact_is_found_and_the_journey_goes_on(
    project: Path, tmp_path: Path
) -> None:
    mend(
        project / "templates/email/checklist-reminder.md",
        "Your checklist",
        "{% for word in contact.tags %}{{ word | date }}{% endfor %} Your checklist",
    )
    file = tmp_path / "contact.json"
    file.write_text(json.dumps({"email": "ana@example.org", "tags": ["warm"]}), encoding="utf-8")

    walk = walked(project, f"{DOWNLOAD}@+4d", more=("--contact", file), exit_code=1)

    assert touches(walk, "email")[:3] == [
        ("checklist-delivery", "sent"),
        ("checklist-reminder", "failed"),
        ("one-question", "sent"),
    ]
    assert walk["faults"][0]["message"].startswith("templates/email/checklist-reminder.md:8: ")


def test_a_project_with_problems_lists_twenty_and_asks_for_check(project: Path) -> None:
    with (project / "nurture.toml").open("a", encoding="utf-8") as file:
        file.writelines(f"\n[unknown{number}]\nx = 1\n" for number in range(21))

    result = run("walk", "first-steps", project=project)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.count("unknown-key") == 20
    assert "21 problems in the project's files (run `nurture check` to see every one)" in result.stderr


def test_a_trigger_that_cannot_be_made_up_has_to_be_told(project: Path) -> None:
    mend(
        project / "workflows/first-steps.yaml",
        'requested where event.offer == "checklist"',
        "requested where event.amount > 3",
    )

    refused = run("walk", "first-steps", project=project)
    told = walked(project, "offer.requested:amount=4@+0d")

    assert refused.exit_code == 1
    assert "--do 'offer.requested:key=value@+0d'" in refused.stderr
    assert told["touchpoints"][0]["data"] == {"amount": 4}


def test_an_event_that_does_not_enter_is_told_with_the_trigger(project: Path) -> None:
    result = run("walk", "first-steps", "--do", "offer.requested:offer=other@+0d", project=project)

    assert result.exit_code == 1
    assert "its trigger is offer.requested where event.offer" in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("first-step",), "there is no workflow 'first-step' (did you mean 'first-steps'?)"),
        (("first-steps", "--as", "busy"), "there is no persona 'busy'"),
        (("first-steps", "--variant", "tone=warm"), "there is no split 'tone'"),
        (("first-steps", "--do", "offer.downloded@+1d"), "did you mean 'offer.downloaded'?"),
        (("first-steps", "--do", "contact.changed:first_nam=x@+1d"), "did you mean 'first_name'?"),
    ],
)
def test_an_unknown_name_gets_the_nearest_one(project: Path, words: tuple[str, ...], said: str) -> None:
    result = run("walk", *words, project=project)

    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("--do", "sale.closed"),
        ("--do", "sale.closed@2d"),
        ("--do", "sale.closed@+2"),
        ("--do", "sale.closed:amount@+2d"),
        ("--do", "sale closed@+2d"),
        ("--start", "soon"),
        ("--variant", "tone"),
        ("--as", "busy-owner", "--contact", __file__),
        ("--html", "/nowhere/walk.html"),
    ],
)
def test_what_cannot_be_read_is_wrong_usage(project: Path, words: tuple[str, ...]) -> None:
    assert run("walk", "first-steps", *words, project=project).exit_code == 2


# --- for people -----------------------------------------------------------------------------------------------


def test_people_read_one_line_for_each_touchpoint_in_the_personas_zone_and_a_last_sentence(
    project: Path,
) -> None:
    mend(project / "personas/busy-owner.yaml", "timezone: Europe/London", "timezone: America/Toronto")

    printed = run("walk", "first-steps", "--start", MONDAY, project=project).stdout

    assert "Times are in America/Toronto." in printed
    assert re.search(r"Wed 4 Mar 2026 09:30 +2 +lead-offer +email +sent +checklist-reminder", printed)
    assert (
        "Robin is lost in stage 'lead-offer' on Wed 1 Apr 2026 10:00, day 30: 'never-downloaded'." in printed
    )
    assert "--do 'offer.downloaded:offer=checklist@+1d'" in printed


class Page(HTMLParser):
    """What a test asks of a storyboard: frames, elements that could load or run anything, and whether it is well nested."""

    VOID = frozenset(("meta", "br", "link", "img", "input", "hr"))

    def __init__(self, text: str) -> None:
        super().__init__()
        self.frames: list[dict[str, str | None]] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "iframe":
            self.frames.append(dict(attrs))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def storyboard(project: Path, *doings: str) -> str:
    file = project.parent / "walk.html"
    walked(project, *doings, more=("--html", file))
    return file.read_text(encoding="utf-8")


def test_the_storyboard_shows_every_message_in_a_frame_that_can_do_nothing(project: Path) -> None:
    page = Page(storyboard(project, f"{DOWNLOAD}@+4d"))

    assert [frame["sandbox"] for frame in page.frames] == ["", "", ""]
    assert all("Robin," in str(frame["srcdoc"]) for frame in page.frames)
    assert page.open == []


def test_the_storyboard_is_one_file_that_loads_and_runs_nothing(project: Path) -> None:
    text = storyboard(project, f"{DOWNLOAD}@+4d")

    assert not {"script", "link", "img", "object", "embed"} & set(Page(text).tags)
    assert "default-src 'none'" in text


def test_the_storyboard_tells_who_walks_why_each_thing_happened_and_how_it_ended(project: Path) -> None:
    text = storyboard(project, f"{DOWNLOAD}@+4d")

    for said in ("Know what to do first, in plain words", "See what working together would change for me"):
        assert said in text
    assert "2 days after Mon 2 Mar 2026 10:00" in text
    assert "Hear which line of the checklist Robin could not tick" in text
    assert "Robin is lost in stage &#39;first-sale&#39;" in text


def test_a_name_that_looks_like_html_stays_a_name(project: Path) -> None:
    mend(project / "personas/busy-owner.yaml", "first_name: Robin", 'first_name: "<script>alert(1)</script>"')

    page = Page(storyboard(project))

    assert "script" not in page.tags
    assert "<script>" not in str(page.frames[0]["srcdoc"])


def test_a_walk_writes_nothing_beside_the_files(project: Path) -> None:
    walked(project)

    assert not (project / "var").exists()


def test_what_another_system_is_told_stands_in_words_also_where_nothing_is_known(project: Path) -> None:
    toml = project / "nurture.toml"
    toml.write_text(toml.read_text() + '\n[webhooks.crm]\nurl = "https://crm.example.org/hook"\n')
    mend(
        project / "workflows/first-steps.yaml",
        "    steps:\n",
        "    steps:\n      - webhook: crm\n        id: tell-ID\n        to: crm\n"
        "        data: {owner: contact.owner, tags: contact.tags}\n",
    )
    file = project / "workflows/first-steps.yaml"
    head, *rest = file.read_text().split("tell-ID")
    file.write_text(head + "".join(f"tell-{number}{part}" for number, part in enumerate(rest)))

    shown = run("walk", "first-steps", "--start", MONDAY, project=project)

    assert "crm (owner unset, tags none)" in shown.stdout


def test_an_event_precedes_what_falls_due_at_its_moment_and_follows_the_message_it_is_about(
    project: Path,
) -> None:
    mend(project / "workflows/first-steps.yaml", "{after: 30 days, reason", "{after: 2 days, reason")
    mend(
        project / "workflows/first-steps.yaml",
        "      - email: checklist-reminder\n",
        "      - email: welcome\n",
    )
    mend(
        project / "workflows/first-steps.yaml",
        "        after: 2 days\n",
        "        after: 1 day\n        id: soon\n",
    )
    mend(
        project / "workflows/first-steps.yaml",
        "        on: weekdays\n        at: 09:30\n    loss",
        "    loss",
    )

    in_time = walked(project, f"{DOWNLOAD}@+2d")
    clicked = walked(project, "email.clicked@+1d")

    assert ("lead-offer", "validated") in stages(in_time)
    assert ("lead-offer", "lost") not in stages(in_time)
    (click,) = [touch for touch in clicked["touchpoints"] if touch["what"] == "email.clicked"]
    assert click["step"] == "soon"


def stages(walk: Any) -> list[tuple[str, str]]:
    return [(touch["what"], touch["status"]) for touch in walk["touchpoints"] if touch["kind"] == "stage"]
