"""What somebody writes who knows other programs, or guesses: each is told in the words that are meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.projects import problems_of

BEGINNERS = """\
workflow: beginners
purpose: nurture
reentry: never
exit_when: contact.retired
stages:
  - stage: first
    need: Know more
    trigger: offer.requested
    validate: sale.closed
    steps:
      - email: welcome
        purpose: transactional
      - call_task: hello
        assign: sales
      - lose: tired
    loss: [{after: 30 days, reason: timed-out}]
"""
SCENARIO = """\
scenario: Who asks is welcomed
workflow: checkup
as: ana
start: 2026-03-02 09:00
expect:
  - {email: welcome}
  - {lost: tired}
"""


@pytest.mark.parametrize(
    ("old", "new", "expected", "hint"),
    [
        ("- email: welcome", "- email: welcome.md", "bad-word", "write 'welcome'"),
        ("reentry: never", "reentry: yes", "bad-time", "never, or always"),
        ("trigger: offer.requested", "trigger: by hand", "bad-event", "or manual"),
        (
            "trigger: offer.requested",
            "trigger: 3 days before contact.age",
            "bad-event",
            "date contact.FIELD - 90 days",
        ),
        (
            "exit_when: contact.retired",
            "exit_when: contact.age > 3 && contact.phone",
            "bad-expression",
            "write and",
        ),
        (
            "exit_when: contact.retired",
            "exit_when: contact.age > 3 || contact.phone",
            "bad-expression",
            "write or",
        ),
        (
            "exit_when: contact.retired",
            "exit_when: contact.age > 3 AND contact.phone",
            "bad-expression",
            "small letters",
        ),
        ("exit_when: contact.retired", "exit_when: contact.age <> 3", "bad-expression", "write !="),
        ("exit_when: contact.retired", "exit_when: !contact.phone", "bad-yaml", "write 'not'"),
        (
            "exit_when: contact.retired",
            """exit_when: contact.tags contains "client\"""",
            "bad-expression",
            '"client" in contact.tags',
        ),
        ("assign: sales", "assign: round robin sales", "unknown-team", "write 'round-robin sales'"),
        ("\n      - lose: tired", "\n      lose: tired", "bad-yaml", "begin the line exactly below"),
        ("purpose: transactional", "purpose: transactionall", "purpose-without-consent", "'transactional'"),
    ],
)
def test_what_a_beginner_writes_instead_is_told_in_the_words_that_are_meant(
    tmp_path: Path, old: str, new: str, expected: str, hint: str
) -> None:
    text = BEGINNERS.replace(old, new)
    assert text != BEGINNERS

    (found, *more) = problems_of(tmp_path, {"workflows/first.yaml": text})

    assert (found.code, more) == (expected, [])
    assert hint in (found.hint or "")


def test_an_end_of_another_workflow_is_told_to_be_that_ones(tmp_path: Path) -> None:
    files: dict[str, str | None] = {
        "workflows/first.yaml": BEGINNERS,
        "scenarios/a.yaml": SCENARIO,
    }

    (found,) = problems_of(tmp_path, files)

    assert str(found.place) == "scenarios/a.yaml:7:12"
    assert found.message == "workflow 'checkup' loses nobody as 'tired'"
    assert found.hint == "that is an end of 'beginners': expect it in a scenario of that workflow"


@pytest.mark.parametrize(
    ("start", "event", "place", "hint"),
    [
        ("start", "start", "4:8", "write a day and a time, such as 2026-03-04 09:30"),
        ("+2 days", "start", "4:8", "write a day and a time, such as 2026-03-04 09:30"),
        (
            "2026-03-02 09:00",
            "tomorrow",
            "6:10",
            "write start, +2 days, +3 hours, +1 day at 09:30, or 2026-03-04 09:30",
        ),
    ],
)
def test_only_what_comes_after_the_start_may_be_counted_from_it(
    tmp_path: Path, start: str, event: str, place: str, hint: str
) -> None:
    told = f"start: {start}\nevents:\n  - {{at: {event}, event: sale.closed}}\n"
    text = SCENARIO.replace("start: 2026-03-02 09:00\n", told).replace("  - {lost: tired}\n", "")

    (found,) = problems_of(tmp_path, {"scenarios/a.yaml": text})

    assert (str(found.place), found.hint) == (f"scenarios/a.yaml:{place}", hint)
