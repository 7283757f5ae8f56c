"""Why, of what is to come where no message shows it: waits, jumps and ends by a step, and days and segments that enter."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from nurture.services.story.known import Next
from nurture.services.story.why import why
from tests.support.running import TOML, Running, a_nurture

WORKFLOW = """\
workflow: one
title: One
purpose: nurture
stages:
  - stage: first
    need: Know more
    trigger: a.happened
    validate: b.happened
    steps:
      - {STEP, after: 14 days, id: quiet}
      BEHIND
    loss: [{after: LOSS, reason: timed-out}]
  - stage: second
    need: Decide
    trigger: date contact.renewal_on
    validate: sale.closed
    loss: [{after: 30 days, reason: timed-out}]
"""
OTHER = """\
workflow: other
title: Other
purpose: nurture
stages:
  - stage: begin
    need: Know more
    trigger: manual
    validate: b.happened
    loss: [{after: 30 days, reason: timed-out}]
"""
QUIET = (
    "wait: ",
    "set: {score: contact.score + 1}",
    "when: contact.score > 5",
    "enroll: other",
    "notify: hello",
    "jump: second",
    "lose: not-interested",
    "exit: enough",
)


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(sqlite_url, tmp_path, mails=("hello",))
    running.write("workflows/other.yaml", OTHER)
    running.write("nurture.toml", TOML.replace("[fields]", '[fields]\nrenewal_on = "date"'))
    yield running
    running.nurture.close()


def ask(running: Running, workflow: str = "one", step: str | None = None) -> Next:
    (following,) = why(running.nurture.runtime, "ana@example.org", workflow, step).next
    return following


def standing_at(
    running: Running,
    step: str,
    loss: str = "30 days",
    behind: str = "email: hello, id: behind, after: 1 day",
    fields: dict[str, str] | None = None,
) -> Next:
    """Where the contact stands who has just come to this step."""
    onward = "" if step.startswith(("jump", "lose", "exit")) else f"- {{{behind}}}"
    text = WORKFLOW.replace("STEP", step).replace("LOSS", loss).replace("BEHIND", onward)
    running.write("workflows/one.yaml", text)
    running.publish()
    running.add(fields=fields or {})
    running.track("a.happened")
    running.run()
    return ask(running)


# --- steps that nobody notices ------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", QUIET)
def test_a_step_that_nobody_notices_comes_in_its_time_when_nothing_ends_before(
    running: Running, step: str
) -> None:
    told = standing_at(running, step)

    assert (told.step, told.state, told.gate) == ("quiet", "not yet", None)
    assert told.at == told.until == datetime(2026, 3, 16, 9, tzinfo=ZoneInfo("America/Toronto"))


@pytest.mark.parametrize("loss", ["10 days", "14 days"])
@pytest.mark.parametrize("step", QUIET)
def test_it_never_comes_when_the_contact_is_lost_before_or_at_that_very_moment(
    running: Running, step: str, loss: str
) -> None:
    told = standing_at(running, step, loss)

    assert (told.step, told.state, told.gate) == ("quiet", "never", "timed-out")


@pytest.mark.parametrize("behind", ["exit: enough", "jump: second", "email: hello"])
def test_a_wait_ends_also_when_what_follows_comes_at_that_very_moment(running: Running, behind: str) -> None:
    told = standing_at(running, "wait: ", behind=behind)

    assert (told.step, told.state, told.gate) == ("quiet", "not yet", None)


@pytest.mark.parametrize("step", ["wait: ", "email: hello"])
def test_a_step_never_comes_when_a_day_of_the_contacts_opens_another_stage_before(
    running: Running, step: str
) -> None:
    told = standing_at(running, step, fields={"renewal_on": "2026-03-10"})

    assert (told.step, told.state, told.gate) == ("quiet", "never", "passed-over")
    assert (
        "It never comes to that: by Tue 10 Mar 2026 09:00 the contact goes on to stage 'second'" in told.said
    )


@pytest.mark.parametrize(
    ("loss", "until", "words"),
    [
        (
            "10 days",
            "12 Mar 2026 09:00",
            "but by Thu 12 Mar 2026 09:00 the contact is lost, because 'timed-out'.",
        ),
        ("30 days", "22 Mar 2026 09:00", "; then its timeout comes."),
    ],
)
def test_a_wait_for_an_event_tells_when_the_end_of_the_stage_comes_before_its_timeout(
    running: Running, loss: str, until: str, words: str
) -> None:
    wait = "- {wait_until: email.clicked, timeout: 20 days, id: quiet}"
    text = WORKFLOW.replace("- {STEP, after: 14 days, id: quiet}", wait)
    running.write("workflows/one.yaml", text.replace("LOSS", loss).replace("BEHIND", ""))
    running.publish()
    running.add()
    running.track("a.happened")
    running.run()

    told = ask(running)

    assert (told.state, told.at) == ("waiting", told.until)
    assert told.until == datetime.strptime(until, "%d %b %Y %H:%M").replace(
        tzinfo=ZoneInfo("America/Toronto")
    )
    assert words in told.said


def test_who_was_lost_while_they_waited_for_a_step_is_not_told_to_have_gone_on(running: Running) -> None:
    standing_at(running, "email: hello")
    running.track("email.bounced")
    running.run()

    told = ask(running, step="quiet")

    assert told.state == "never"
    assert "Before that the contact was lost, because mail to the address bounced for good." in told.said


# --- who is not in it yet -----------------------------------------------------------------------------------------


def outside(running: Running, trigger: str, **fields: str) -> Next:
    """What is told of a contact whom this trigger has not taken in."""
    running.write("segments/plus.yaml", "segment: plus\nwhere: contact.plan == 'plus'\n".replace("'", '"'))
    running.write("workflows/other.yaml", OTHER.replace("trigger: manual", f"trigger: {trigger}"))
    running.add(fields=fields)
    running.publish()
    return ask(running, "other")


@pytest.mark.parametrize(
    ("trigger", "fields", "words"),
    [
        ("manual", {}, "a person, a loss or another workflow enters it."),
        ("lost one/first", {}, "`lost one/first` enters it."),
        (
            "a.happened where event.kind == 'fair'",
            {},
            "`a.happened where event.kind == 'fair'` enters it.",
        ),
        (
            "segment plus",
            {"plan": "basic"},
            "`segment plus` takes in who enters it from now on, and they do not fit it now.",
        ),
        (
            "segment plus",
            {"plan": "plus"},
            "`segment plus` takes in who enters it from now on, and they fit it already.",
        ),
        (
            "date contact.renewal_on - 3 days",
            {"renewal_on": "2026-03-20"},
            "`date contact.renewal_on - 3 days` enters it, next on Tue 17 Mar 2026 09:00.",
        ),
        (
            "date contact.renewal_on - 3 days",
            {"renewal_on": "2026-03-04"},
            "`date contact.renewal_on - 3 days` enters it, and no such day of theirs is to come.",
        ),
        (
            "date every contact.renewal_on",
            {"renewal_on": "2020-03-04"},
            "`date every contact.renewal_on` enters it, next on Wed 4 Mar 2026 09:00.",
        ),
    ],
)
def test_who_is_not_in_a_workflow_is_told_what_would_take_them_in_and_when(
    running: Running, trigger: str, fields: dict[str, str], words: str
) -> None:
    running.write(
        "workflows/one.yaml",
        WORKFLOW.replace("STEP", QUIET[1]).replace("LOSS", "30 days").replace("BEHIND", ""),
    )

    told = outside(running, trigger.replace("'fair'", '"fair"'), **fields)

    assert told.state == "not enrolled"
    assert words.replace("'fair'", '"fair"') in told.said
    assert (told.at is not None) == ("next on" in words)
