"""From the text of a workflow to what the engine walks, with every fault of a file at its word."""

from __future__ import annotations

from pathlib import Path

import pytest

from nurture.model.errors import Problem
from nurture.model.matching import DateRule, EventMatch
from nurture.model.timing import Duration, Rule, Unit
from nurture.steps.email import EmailFields, OnFailure
from nurture.steps.split import SplitFields
from nurture.steps.wait import WaitFields
from nurture.steps.wait_until import WaitUntilFields
from nurture.workflow.keys import KINDS_HINT
from nurture.workflow.model import Reentry, TriggerKind, Workflow
from nurture.workflow.reader import read_workflow

ROOT = Path(__file__).parents[2]

FRAME = """\
workflow: checkup
stages:
  - stage: first
    need: Know where I stand
    trigger: manual
    validate: sale.closed
    steps:
{steps}
    loss: [{{after: 30 days, reason: silent}}]
"""


def workflow_with(steps: str) -> Workflow:
    """A workflow of one stage with these steps, written at the left margin."""
    workflow, problems = read_workflow(framed(steps), "a.yaml")
    assert problems == []
    assert workflow is not None
    return workflow


def framed(steps: str) -> str:
    return FRAME.format(steps="\n".join(f"      {line}" for line in steps.strip("\n").split("\n")))


def problems_in(text: str) -> list[Problem]:
    workflow, problems = read_workflow(text, "a.yaml")
    assert workflow is None
    return problems


def told(problems: list[Problem]) -> list[str]:
    return [f"{problem.place.line}:{problem.place.column} {problem.code}" for problem in problems]


def test_the_sample_workflow_reads_without_a_problem_and_keeps_its_shape() -> None:
    text = (ROOT / "workflows" / "retirement-readiness.yaml").read_text(encoding="utf-8")

    workflow, problems = read_workflow(text, "workflows/retirement-readiness.yaml")

    assert problems == []
    assert workflow is not None
    assert [stage.name for stage in workflow.stages] == ["lead-offer", "first-sale", "onboarding", "growth"]
    assert [stage.first for stage in workflow.stages] == [
        "guide-delivery",
        "first-story",
        "welcome",
        "feedback-request",
    ]
    assert workflow.holdout == 0.05
    assert workflow.reentry == Reentry("after", Duration(180, Unit.DAYS))
    assert str(workflow.exit_when) == "contact.is_competitor"
    assert str(workflow.steps["guide-reminder"].rule) == "after 2 days on weekdays at 09:30"
    assert workflow.steps["guide-delivery"].place.line == 19
    assert workflow.text == text


def test_steps_are_linked_along_their_list_and_into_their_branches() -> None:
    workflow = workflow_with("""
- wait_until: email.clicked
  timeout: 3 days
  on_timeout:
    - email: nudge
    - email: last-nudge
- when: contact.score > 1
  do: [{email: warm}]
  else: []
- exit:
""")

    steps = workflow.steps
    assert list(steps) == ["first-1", "nudge", "last-nudge", "first-2", "warm", "first-3"]
    assert [steps[name].next for name in ("first-1", "first-2", "first-3")] == ["first-2", "first-3", None]
    assert steps["first-1"].branches == {"timeout": "nudge"}
    assert (steps["nudge"].next, steps["nudge"].parent, steps["nudge"].above) == (
        "last-nudge",
        "first-1",
        "timeout",
    )
    assert steps["first-2"].branches == {"do": "warm", "else": None}


def test_ids_come_from_the_value_or_the_path_and_may_be_given() -> None:
    workflow = workflow_with("""
- wait: 1 day
- {email: hello, id: second-hello}
- call_task: ring
  outcomes:
    voicemail:
      - wait: 2 days
      - lose: no-voice
""")

    assert list(workflow.steps) == ["first-1", "second-hello", "ring", "ring-voicemail-1", "ring-voicemail-2"]


def test_the_kind_of_a_step_may_stand_behind_its_other_keys() -> None:
    workflow = workflow_with("- {after: 2 days, at: 09:30, email: hello}")

    assert workflow.steps["hello"].kind == "email"
    assert str(workflow.steps["hello"].rule) == "after 2 days at 09:30"


def test_a_split_keeps_weights_and_branches_by_variant() -> None:
    workflow = workflow_with("""
- split: story
  variants:
    a: {weight: 3, do: [{email: story-a}]}
    b: {do: [{email: story-b}]}
    nothing: {}
""")

    step = workflow.steps["story"]
    assert isinstance(step.fields, SplitFields)
    assert step.fields.weights == {"a": 3.0, "b": 1.0, "nothing": 1.0}
    assert step.branches == {"a": "story-a", "b": "story-b", "nothing": None}


@pytest.mark.parametrize(
    ("written", "word", "branches"),
    [
        ("next", OnFailure.NEXT, {}),
        ("lose", OnFailure.LOSE, {}),
        ("[{call_task: ring}]", OnFailure.NEXT, {"failure": "ring"}),
    ],
)
def test_a_failed_message_goes_on_loses_or_takes_a_list(
    written: str, word: OnFailure, branches: dict[str, str]
) -> None:
    step = workflow_with(f"- {{email: hello, on_failure: {written}}}").steps["hello"]

    assert isinstance(step.fields, EmailFields)
    assert step.fields.on_failure is word
    assert step.branches == branches


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("wait: 2 days", Rule(after=Duration(2, Unit.DAYS))),
        ("wait: after 2 days on mon", Rule(after=Duration(2, Unit.DAYS), on=frozenset({0}))),
        ("wait: until contact.renewal_on - 3 days", DateRule("renewal_on", Duration(3, Unit.DAYS), -1)),
    ],
)
def test_a_wait_is_a_span_a_rule_or_a_date(written: str, expected: object) -> None:
    fields = workflow_with(f"- {written}").steps["first-1"].fields

    assert isinstance(fields, WaitFields)
    assert fields.wait == expected


def test_a_wait_may_say_its_rule_or_its_date_in_separate_keys() -> None:
    steps = workflow_with("- {wait: , after: 2 days, at: 09:00}\n- {wait: , until: contact.renewal_on}").steps

    assert str(steps["first-1"].rule) == "after 2 days at 09:00"
    dated = steps["first-2"].fields
    assert isinstance(dated, WaitFields)
    assert dated.until == DateRule("renewal_on")


def test_a_span_as_the_value_of_a_wait_goes_with_the_keys_beside_it() -> None:
    steps = workflow_with("- {wait: 2 days, on: weekdays, at: 09:00}").steps

    assert str(steps["first-1"].rule) == "after 2 days on weekdays at 09:00"


def test_several_awaited_events_are_a_list_or_names_with_commas() -> None:
    steps = workflow_with("""
- {wait_until: "email.clicked, email.replied", timeout: 3 days}
- wait_until:
    - email.replied
    - sale.refunded where event.amount > 3
  timeout: 3 days
""").steps

    first, second = steps["first-1"].fields, steps["first-2"].fields
    assert isinstance(first, WaitUntilFields)
    assert isinstance(second, WaitUntilFields)
    assert first.wait_until == (EventMatch("email.clicked"), EventMatch("email.replied"))
    assert [str(match) for match in second.wait_until] == [
        "email.replied",
        "sale.refunded where event.amount > 3",
    ]


@pytest.mark.parametrize(
    ("written", "kind", "name"),
    [
        ("manual", TriggerKind.MANUAL, None),
        ("segment warm", TriggerKind.SEGMENT, "warm"),
        ("lost win-back/last-try", TriggerKind.LOST, "win-back/last-try"),
        ("date contact.renewal_on - 90 days", TriggerKind.DATE, None),
        ("offer.requested", TriggerKind.EVENT, None),
    ],
)
def test_a_trigger_is_an_event_a_segment_a_date_a_loss_or_by_hand(
    written: str, kind: TriggerKind, name: str | None
) -> None:
    text = framed("- email: hello").replace("trigger: manual", f"trigger: {written}")

    workflow, problems = read_workflow(text, "a.yaml")

    assert problems == []
    assert workflow is not None
    trigger = workflow.stages[0].trigger
    assert trigger is not None
    assert (trigger.kind, trigger.name, trigger.place.line, trigger.place.column) == (kind, name, 5, 14)


def test_booleans_are_yes_no_true_or_false() -> None:
    text = framed("- {call_task: a, hold: no}\n- {call_task: b, hold: True}").replace(
        "trigger:", "entry: yes\n    trigger:"
    )

    workflow, problems = read_workflow(text, "a.yaml")

    assert problems == []
    assert workflow is not None
    assert workflow.stages[0].entry is True
    assert [getattr(workflow.steps[name].fields, "hold", None) for name in ("a", "b")] == [False, True]


def test_all_problems_of_a_file_are_told_at_once_and_in_order() -> None:
    text = """\
workflow: Check Up
purpse: nurture
holdout: 5
stages:
  - stage: first
    trigger: offer.requestd where event.offer = 1
    validate: sale.closed
    steps:
      - emial: hello
      - email: hello
        after: 2 dys
        if_late: skipp
      - email: hello
      - wait_until: email.clicked
      - {email: a, call_task: b}
      - just words
    loss:
      - {after: 3 days, silent: 2 days, reason: x}
      - {after: 3 days}
  - stage: first
    need: "  "
    validate: Sale
"""

    problems = problems_in(text)

    assert told(problems) == [
        "1:11 bad-word",
        "2:1 unknown-key",
        "3:10 bad-value",
        "5:5 stage-without-need",
        "6:47 bad-expression",
        "9:9 unknown-step",
        "11:18 bad-time",
        "12:18 bad-value",
        "13:16 duplicate-id",
        "14:9 wait-without-timeout",
        "15:20 two-kinds",
        "16:9 bad-value",
        "18:9 bad-value",
        "19:9 missing-key",
        "20:12 duplicate-stage",
        "21:11 bad-value",
        "22:15 bad-event",
    ]


@pytest.mark.parametrize(
    ("steps", "expected", "hint"),
    [
        ("- emial: a", "8:9 unknown-step", "did you mean 'email'?"),
        ("- {email: a, aftr: 2 days}", "8:20 unknown-key", "did you mean 'after'?"),
        ("- {email: Hello World}", "8:17 bad-word", "write 'hello-world'"),
        ("- {email: a, at: 9.30}", "8:24 bad-time", "write 09:30"),
        ("- {email: a, after: }", "8:20 empty-value", "write a value or remove the line"),
        ("- {email: a, on: [mon, wed]}", "8:24 bad-value", "write it as one text: 'mon, wed'"),
        ("- {wait: on mon, at: 09:00}", "8:9 bad-value", "put the whole rule in one place"),
        ("- {wait: 2 days, after: 1 day, at: 09:00}", "8:9 bad-value", "put the whole rule in one place"),
        (
            "- wait: 2 days on mon at 09:00",
            "8:22 bad-time",
            "begin a whole rule with its first word: after 2 days on mon at 09:00",
        ),
        ("- {until: contact.renewal_on}", "8:10 unknown-step", "a wait says so: write 'wait:' before it"),
        ("- {wait: }", "8:9 bad-value", "write 'wait: 2 days'"),
        ("- {wait: until renewal_on}", "8:22 bad-time", "write contact.FIELD - 90 days"),
        ("- {split: a, variants: {x: {weight: 0}, y: {}}}", "8:43 bad-value", "write more than 0"),
        ("- {split: a, variants: {x: {weight: lots}, y: {}}}", "8:43 bad-value", "write digits, such as 50"),
        ("- {call_task: a, hold: perhaps}", "8:30 bad-value", "write yes or no"),
        ("- {set: {score: contact.score * 2}}", "8:23 bad-expression", "expressions know + and - of numbers"),
        ("- {when: contact.a = 1, do: []}", "8:26 bad-expression", "write == to compare"),
        ("- {}", "8:9 unknown-step", KINDS_HINT),
    ],
)
def test_a_fault_in_a_step_is_told_at_its_word_with_a_remedy(
    steps: str, expected: str, hint: str | None
) -> None:
    problems = problems_in(framed(steps))

    assert expected in told(problems)
    assert hint in [problem.hint for problem in problems]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("trigger: manual", "trigger: segment Warm", "5:22 bad-value"),
        ("trigger: manual", "trigger: lost win-back", "5:19 bad-value"),
        ("trigger: manual", "trigger: date renewal", "5:19 bad-time"),
        ("after: 30 days, reason: silent", "reason: silent", "9:12 bad-value"),
        ("loss: [{after: 30 days, reason: silent}]", "loss: soon", "9:11 bad-value"),
        ("stages:", "reentry: sometimes\nstages:", "2:10 bad-time"),
        ("stages:", "priority: 200\nstages:", "2:11 bad-value"),
        ("stages:", "holdout: 120%\nstages:", "2:10 bad-value"),
        ("validate: sale.closed", "validate:", "6:5 empty-value"),
    ],
)
def test_a_fault_above_the_steps_is_told_at_its_word(old: str, new: str, expected: str) -> None:
    problems = problems_in(framed("- email: hello").replace(old, new))

    assert expected in told(problems)


def test_a_workflow_without_stages_is_refused() -> None:
    assert told(problems_in("workflow: a\n")) == ["1:1 no-stages"]
    assert told(problems_in("workflow: a\nstages: []\n")) == ["2:9 no-stages"]


def test_an_empty_value_is_told_once_and_not_as_missing_too() -> None:
    text = framed("- email: hello").replace("need: Know where I stand", "need:")

    assert told(problems_in(text)) == ["4:5 empty-value"]


def test_a_text_that_yaml_cuts_is_told_once_with_the_hint_to_quote_it() -> None:
    text = framed("- email: hello").replace(
        "trigger: manual", 'trigger: offer.requested where event.offer == "Offer #1"'
    )

    problems = problems_in(text)

    assert told(problems) == ["5:58 cut-text"]
    assert problems[0].hint == "put the whole line in single quotes: '…'"


def test_a_kind_without_its_colon_is_told_to_have_one() -> None:
    problems = problems_in(framed("- exit"))

    assert [problem.hint for problem in problems] == ["write 'exit:'"]


def test_one_bad_key_does_not_hide_the_rest_of_its_step() -> None:
    problems = problems_in(framed("- {email: hello, at: 25:00, if_late: never, colour: red}"))

    assert [problem.code for problem in problems] == ["bad-time", "bad-value", "unknown-key"]


def test_the_version_follows_what_a_workflow_does_and_not_how_it_is_written() -> None:
    text = framed("- {email: hello, after: 2 days}")
    same = [
        text.replace("need: Know where I stand", "need: Something else"),
        text.replace("after: 2 days", "after: 2d"),
        "# a comment\n" + text.replace("workflow: checkup", "title: New words\nworkflow: checkup"),
        text.replace(
            "trigger: manual\n    validate: sale.closed", "validate: sale.closed\n    trigger: manual"
        ),
    ]
    other = [
        text.replace("2 days", "3 days"),
        text.replace("hello", "hallo"),
        text.replace("sale.closed", "sale.refunded"),
        text.replace("reason: silent", "reason: quiet"),
        text.replace("workflow: checkup", "purpose: nurture\nworkflow: checkup"),
    ]

    version = _version(text)

    assert {_version(one) for one in same} == {version}
    assert len({_version(one) for one in other} | {version}) == len(other) + 1


def test_a_version_is_the_same_in_every_process_and_release() -> None:
    assert _version(framed("- {email: hello, after: 2 days}")) == "084b851b3c51"


def _version(text: str) -> str:
    workflow, problems = read_workflow(text, "a.yaml")
    assert problems == []
    assert workflow is not None
    return workflow.version


def test_a_workflow_with_any_line_left_out_is_read_or_told_about_but_never_a_crash() -> None:
    lines = (ROOT / "workflows" / "retirement-readiness.yaml").read_text(encoding="utf-8").split("\n")

    for number in range(len(lines)):
        workflow, problems = read_workflow("\n".join(lines[:number] + lines[number + 1 :]), "a.yaml")
        assert workflow is not None or problems
        assert all(1 <= problem.place.line <= len(lines) for problem in problems)


def test_a_message_repeats_only_the_beginning_of_an_endless_word() -> None:
    problems = problems_in(framed(f"- {{email: a, after: {'x' * 5000}}}"))

    assert len(problems[0].message) < 300
