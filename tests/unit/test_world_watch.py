"""What comes about by itself in a walked life: segments, days and fading points, at their own moments."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.engine.dates import comes, comes_next
from nurture.engine.scoring import gains
from nurture.engine.world import World
from nurture.model.expressions import Scope
from nurture.model.matching import DateRule, parse_event_match
from nurture.model.timing import Duration, Unit
from nurture.model.words import EnteredBy
from nurture.model.workspace import ScoreRule
from nurture.workflow.documents import Segment, read_segment
from nurture.workflow.fields import parse_trigger
from tests.support.worlds import MONDAY, WORKSPACE, a_contact, a_workflow, a_world

DAY = timedelta(days=1)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def a_segment(text: str) -> Segment:
    read, problems = read_segment(text, "segments/test.yaml")
    assert read is not None, problems
    assert isinstance(read.document, Segment)
    return read.document


WARM = a_segment("segment: warm\nwhere: contact.score >= 20")


def begun_by(trigger: str, *, wait: str = "2 days", reentry: str = "never") -> World:
    workflow = a_workflow(
        f"""\
        workflow: one
        title: One
        purpose: nurture
        reentry: {reentry}
        stages:
          - stage: first
            need: Know more
            trigger: {trigger}
            validate: b.happened
            steps: [{{wait: {wait}}}]
            loss: [{{after: 30 days, reason: timed-out}}]
        """
    )
    rules = (
        ScoreRule(parse_event_match("a.happened"), 15, Duration(10, Unit.DAYS)),
        ScoreRule(parse_event_match("email.clicked where event.link is not none"), 5),
    )
    return a_world(workflow, workspace=replace(WORKSPACE, scores=rules), segments={"warm": WARM})


def told(world: World) -> list[str]:
    return [event.name for event in world.events]


def test_who_comes_to_fit_a_segment_enters_the_workflow_it_triggers() -> None:
    world = begun_by("segment warm")

    world.change(score=30)

    assert world.only().entered_by is EnteredBy.SEGMENT
    assert told(world) == ["contact.changed", "segment.entered"]


def test_points_open_the_segment_and_fade_and_leave_it_after_the_grace() -> None:
    world = begun_by("segment warm", wait="20 days")

    world.track("a.happened")
    world.track("a.happened")
    high = world.contact.score
    world.advance(days=12)

    assert (high, world.contact.score) == (30, 0)
    assert [name for name in told(world) if name.startswith("segment.")] == [
        "segment.entered",
        "segment.left",
    ]
    left = next(event for event in world.events if event.name == "segment.left")
    assert left.arrived_at == datetime(2026, 3, 13, 13, tzinfo=UTC)  # the clocks went forward on the 8th
    assert world.only().live


def test_what_a_machine_did_and_what_a_rule_leaves_out_adds_nothing() -> None:
    world = begun_by("segment warm")

    world.track("a.happened", human=False)
    world.track("email.clicked")

    assert world.contact.score == 0


def test_two_rules_for_one_event_both_count() -> None:
    world = begun_by("manual")
    twice = replace(world.workspace, scores=(*world.workspace.scores, *world.workspace.scores))

    found = list(gains(a_world(workspace=twice).track("a.happened"), world.contact, twice))

    assert [(one.rule, one.points) for one in found] == [("a.happened", 15), ("a.happened (2)", 15)]


def test_a_day_enrolls_at_nine_local_time() -> None:
    world = begun_by("date contact.renewal_on - 1 week")

    world.change(fields={"renewal_on": "2026-03-20"})
    world.advance(days=14)

    entered = world.only()
    assert (entered.entered_at, entered.entered_by) == (datetime(2026, 3, 13, 13, tzinfo=UTC), EnteredBy.DATE)


def test_the_journey_ends_although_another_birthday_will_come() -> None:
    world = begun_by("date every contact.renewal_on", reentry="always")
    world.change(fields={"renewal_on": "2025-03-05"})
    world.advance(days=4)

    world.run()

    assert not world.live()
    assert len(world.enrollments) == 1


def test_every_counts_years_after_the_day_itself() -> None:
    trigger = parse_trigger("date every contact.renewal_on - 7 days")
    contact = a_contact(fields={"renewal_on": "2026-03-20"})

    assert trigger.date is not None
    found = comes(trigger.date, contact, WORKSPACE, MONDAY, MONDAY + 800 * DAY)

    assert [day for day, _ in found] == [date(2027, 3, 13), date(2028, 3, 13)]


@pytest.mark.parametrize("value", [None, "soon", "9999-12-31", "0001-01-01", True, 12.5])
def test_what_is_no_day_never_comes(value: object) -> None:
    contact = a_contact(fields={"renewal_on": value})

    assert comes_next(DateRule("renewal_on", Duration(3, Unit.DAYS)), contact, WORKSPACE, LONG_AGO) is None


rules = st.builds(
    DateRule,
    st.just("renewal_on"),
    st.none()
    | st.builds(Duration, st.integers(0, 40), st.sampled_from([Unit.DAYS, Unit.WEEKS, Unit.MONTHS])),
    st.sampled_from([1, -1]),
    st.booleans(),
)


@given(
    rules,
    st.dates(date(1990, 1, 1), date(2040, 12, 31)),
    st.dates(date(1995, 1, 1), date(2040, 12, 31)),
    st.integers(0, 70),
)
def test_whoever_a_day_comes_to_carries_one_of_the_texts_that_are_looked_for(
    rule: DateRule, value: date, first: date, length: int
) -> None:
    last = first + timedelta(days=length)
    scope = Scope(a_contact(fields={"renewal_on": value.isoformat()}))

    if rule.days(scope, first, last):
        text = value.isoformat()
        assert (text[5:] if rule.every else text) in rule.origins(first, last)
