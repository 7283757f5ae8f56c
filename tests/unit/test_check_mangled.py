"""Whatever becomes of a file's text, the checker tells what is wrong with it: it never stumbles, and says nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.services.files.check import check
from tests.support.projects import FILES, WORKFLOW, write

RICH = """\
      - split: story
        variants: {a: {weight: 50, do: [{email: welcome, id: a1, after: 1 day}]}, b: {}}
      - {wait_until: "email.clicked, email.replied", timeout: 3 days, on_timeout: [{email: welcome, id: again}]}
      - when: contact.age >= 40 and contact.phone
        do: [{call_task: hello, id: ring, due: 1 day, outcomes: {voicemail: [{exit: gone}]}}]
        else: [{set: {score: contact.score + 1, plan: '"plus"'}}]
      - {wait: , until: contact.renewal_on - 3 days}
      - {email: welcome, id: last, on_failure: [{jump: second}], window: weekdays 09:00-17:00, if_late: skip}
"""
SCENARIO = """\
scenario: Who asks is welcomed
workflow: checkup
as: ana
start: 2026-03-02 09:00
events:
  - {at: start, event: offer.requested, offer: guide}
expect:
  - {email: welcome, at: +0 minutes}
"""
SOUND = {
    **{name: text for name, text in FILES.items() if not name.startswith("assets/")},
    "workflows/checkup.yaml": WORKFLOW.replace("      - call_task", f"{RICH}      - call_task"),
    "scenarios/guide.yaml": SCENARIO,
}
PIECES = [
    *"{}[]:,#'\"&*!|>%@`-?\t\n ~=\\\u00a0é😀\x00<()$",
    *("{{", "}}", "{%", "%}", "null", "yes", "2 days", "9" * 30, "-1", "1e999", "[]", "{}", " where ", "- "),
]


@st.composite
def mangled(draw: st.DrawFn) -> tuple[str, str]:
    """A file of the sound project after one to four slips."""
    name = draw(st.sampled_from(sorted(SOUND)))
    text = SOUND[name]
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        cut = draw(st.integers(0, 10))
        text = text[:at] + draw(st.sampled_from(["", *PIECES])) + text[at + cut :]
    return name, text


def test_the_project_that_is_mangled_is_sound(tmp_path: Path) -> None:
    assert check(write(tmp_path, dict(SOUND))).problems == ()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("mangled"), dict(SOUND))


@settings(max_examples=60, deadline=None)
@given(file=mangled())
def test_no_text_is_too_much_for_the_checker_and_nothing_is_told_twice(
    project: Path, file: tuple[str, str]
) -> None:
    name, text = file
    (project / name).write_text(text, encoding="utf-8")

    problems = check(project).problems
    (project / name).write_text(SOUND[name], encoding="utf-8")

    assert all(problem.hint for problem in problems)
    assert all(problem.place.line >= 1 and problem.place.column >= 1 for problem in problems)
    told = [(problem.place, problem.message) for problem in problems]
    assert len(told) == len(set(told)), told
