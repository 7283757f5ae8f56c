"""Does the difference between two versions read as a marketer would tell it, each change at its line?"""

from __future__ import annotations

import pytest

from nurture.workflow.changes import ChangeKind
from nurture.workflow.counterparts import counterparts
from nurture.workflow.diff import changes
from nurture.workflow.model import Workflow
from nurture.workflow.reader import read_workflow

WORKFLOW = """\
workflow: guide
title: The guide
purpose: nurture
stages:
  - stage: lead
    need: Know more
    trigger: a.happened
    validate: b.happened
    steps:
      - {email: hello}
      - wait: 2 days
      - {email: reminder, after: 1 day, at: "09:30"}
      - {wait_until: email.clicked, timeout: 3 days, on_timeout: [{email: nudge}]}
      - {when: contact.score >= 40, do: [{call_task: ring, assign: owner}]}
      - {email: last}
    loss: [{after: 30 days, reason: silent}]
  - stage: sale
    need: Decide
    validate: sale.closed
    loss: [{after: 60 days, reason: silent}]
"""


def read(text: str) -> Workflow:
    workflow, problems = read_workflow(text, "workflows/guide.yaml")
    assert workflow is not None, problems
    return workflow


def told(*edits: tuple[str, str]) -> list[tuple[str, str]]:
    """What changed by these edits: kind and sentence."""
    return [(one.kind.value, one.said) for one in changes(read(WORKFLOW), read(edited(*edits)))]


def edited(*edits: tuple[str, str]) -> str:
    text = WORKFLOW
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def test_nothing_changed_is_no_change() -> None:
    assert told() == []
    assert told(("workflow: guide", "# a comment\nworkflow:   guide")) == []


@pytest.mark.parametrize(
    ("old", "new", "kind", "said"),
    [
        ("wait: 2 days", "wait: 3 days", "wait-lengthened", "the wait before 'reminder' waits longer, after 3 days instead of after 2 days"),
        ("wait: 2 days", "wait: 5 hours", "wait-shortened", "the wait before 'reminder' waits less, after 5 hours instead of after 2 days"),
        ("after: 1 day,", "after: 3 hours,", "wait-shortened", "mail 'reminder' waits less, after 3 hours at 09:30 instead of after 1 day at 09:30"),
        ('"09:30"', '"10:00"', "time", "mail 'reminder' is due after 1 day at 10:00 instead of after 1 day at 09:30"),
        ("timeout: 3 days", "timeout: 1 week", "wait-lengthened", "the wait for an event before 'last' waits longer, up to 1 week instead of up to 3 days"),
        ("      - {email: last}\n", "", "step-removed", "mail 'last' is gone"),
        ("{email: last}", "{email: last}\n      - {email: more, after: 2 days}", "step-added", "mail 'more' is new, after 2 days"),
        ("{email: last}", "{email: farewell, was: last}", "step-renamed", "'last' is called 'farewell' now"),
        ("{email: last}", "{email: other, id: last}", "content", "the template of mail 'last' is other instead of last"),
        ("{email: last}", "{email: last, link_offer: guide}", "content", "the linked offer of mail 'last' is guide, which is new"),
        ("{email: last}", "{email: last, if_late: skip}", "field", "the if late of mail 'last' is skip instead of send"),
        ("score >= 40", "score >= 20", "condition", "the condition of the question before 'last' is contact.score >= 20 instead of contact.score >= 40"),
        ("email.clicked,", "email.replied,", "condition", "the awaited event of the wait for an event before 'last' is email.replied instead of email.clicked"),
        (", on_timeout: [{email: nudge}]", "", "step-removed", "mail 'nudge' is gone"),
        ("trigger: a.happened", "trigger: manual", "trigger", "the trigger of stage 'lead' is enrolled by hand or by another workflow instead of a.happened"),
        ("validate: b.happened", "validate: c.happened", "validate", "the proof of stage 'lead' is c.happened instead of b.happened"),
        ("after: 30 days", "after: 20 days", "loss", "stage 'lead' loses contacts after 20 days as 'silent' instead of after 30 days as 'silent'"),
        ("loss: [{after: 30 days", "loss: [{on: call.outcome, reason: no}, {after: 30 days", "loss", "stage 'lead' loses contacts on call.outcome as 'no', which is new"),
        ("purpose: nurture", "purpose: nurture\nreentry: 180 days", "policy", "the re-entry is 180 days instead of never"),
        ("purpose: nurture", "purpose: nurture\nholdout: 5%", "policy", "the holdout is 5% instead of 0%"),
        ("title: The guide", "title: Our guide", "words", "the title is Our guide instead of The guide"),
        ("stage: sale", "stage: deal\n    was: sale", "stage-renamed", "stage 'sale' is called 'deal' now"),
    ],
)  # fmt: skip
def test_each_change_is_told_in_one_sentence(old: str, new: str, kind: str, said: str) -> None:
    assert (kind, said) in told((old, new))


def test_a_step_that_moves_is_moved_not_gone_and_new() -> None:
    found = told(
        ("      - {email: last}\n", ""),
        ("      - {email: hello}\n", "      - {email: last}\n      - {email: hello}\n"),
    )

    assert found == [("step-moved", "mail 'last' now comes first")]


def test_a_step_that_moves_to_another_stage_is_told_so() -> None:
    found = told(
        ("      - {email: last}\n", ""),
        ("    validate: sale.closed\n", "    validate: sale.closed\n    steps: [{email: last}]\n"),
    )

    assert ("step-moved", "mail 'last' now stands in stage 'sale'") in found


def test_a_name_that_nobody_declared_is_another_step() -> None:
    found = dict(told(("{email: last}", "{email: farewell}")))

    assert found == {"step-added": "mail 'farewell' is new", "step-removed": "mail 'last' is gone"}


def test_a_stage_that_comes_and_one_that_goes() -> None:
    without = WORKFLOW[: WORKFLOW.index("  - stage: sale")]

    gone = [(one.kind, one.said) for one in changes(read(WORKFLOW), read(without))]
    new = [(one.kind, one.said) for one in changes(read(without), read(WORKFLOW))]

    assert gone == [(ChangeKind.STAGE_REMOVED, "stage 'sale' is gone")]
    assert new == [(ChangeKind.STAGE_ADDED, "stage 'sale' is new")]


def test_every_change_has_its_place_and_both_texts() -> None:
    (one,) = changes(read(WORKFLOW), read(edited(("wait: 2 days", "wait: 3 days"))))

    assert (str(one.place), one.stage, one.before, one.after) == (
        "workflows/guide.yaml:11:9",
        "lead",
        "after 2 days",
        "after 3 days",
    )


# --- steps without a name -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "goes_to"),
    [
        ("- {email: hello}", "- {email: hello}\n      - {email: extra}", "lead-3"),
        ("- wait: 2 days", "- wait: 2 days\n      - {email: extra}", "lead-2"),
        ("- wait: 2 days", "- wait: 1 day\n      - wait: 2 days", "lead-3"),
        ("- {email: hello}\n      - wait: 2 days", "- wait: 2 days\n      - {email: hello}", None),
        ("      - wait: 2 days\n", "", None),
        ("- wait: 2 days", "- wait: 1 day\n      - wait: 4 days", None),
    ],
)
def test_a_wait_is_known_by_the_named_steps_around_it(old: str, new: str, goes_to: str | None) -> None:
    same = counterparts(read(WORKFLOW), read(edited((old, new))))

    assert same.steps.get("lead-2") == goes_to


def test_what_stands_below_a_step_without_a_name_goes_along_with_it() -> None:
    after = edited(
        (
            "wait_until: email.clicked, timeout: 3 days, on_timeout: [{email: nudge}]",
            "wait_until: email.clicked, timeout: 3 days, on_timeout: [{wait: 1 day}, {email: nudge}]",
        )
    )

    same = counterparts(
        read(after), read(after.replace("- {email: hello}\n", "- {email: hello}\n      - {email: extra}\n"))
    )

    assert same.steps["lead-4-timeout-1"] == "lead-5-timeout-1"


def test_what_a_person_says_goes_before_what_the_file_says() -> None:
    before, after = (
        read(WORKFLOW),
        read(
            edited(
                ("{email: last}", "{email: farewell, was: reminder}"),
                ('      - {email: reminder, after: 1 day, at: "09:30"}\n', ""),
            )
        ),
    )

    by_file = counterparts(before, after)
    by_hand = counterparts(before, after, {"reminder": "hello", "last": "farewell"})

    assert (by_file.steps["reminder"], by_file.steps.get("last")) == ("farewell", None)
    assert (by_hand.steps["reminder"], by_hand.steps["last"]) == ("hello", "farewell")
