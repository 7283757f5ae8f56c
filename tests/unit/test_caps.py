"""Caps, and who goes first: never more than a workspace allows, and the higher priority keeps its slot of the day."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.engine.caps import full
from nurture.engine.world import World
from nurture.model.decisions import Send, Shift, Turn
from nurture.model.timing import Duration, Unit
from nurture.model.words import Channel, Enrollment, Facts
from nurture.model.workspace import Cap, Workspace
from nurture.workflow.model import Workflow
from tests.support.worlds import (
    MONDAY,
    WORKSPACE,
    a_workflow,
    a_world,
    one_stage,
    shifts,
    skips,
    touches,
    with_manners,
)


def a_rival(name: str, steps: str, priority: int = 50, trigger: str = "a.happened") -> Workflow:
    """A workflow of one stage with its own name and priority."""
    lines = "\n".join(f"      {line}" for line in steps.strip().splitlines())
    return a_workflow(
        f"workflow: {name}\ntitle: One of several\npurpose: nurture\npriority: {priority}\nreentry: always\n"
        f"stages:\n  - stage: first\n    need: Know more\n    trigger: {trigger}\n    validate: sale.closed\n"
        f"    steps:\n{lines}\n    loss:\n      - {{after: 40 days, reason: timed-out}}\n"
    )


def capped(*caps: tuple[int, int], calls: tuple[int, int] | None = None) -> Workspace:
    """At most so many messages in so many days each; ``calls`` likewise."""
    held = {Channel.EMAIL: tuple(Cap(most, Duration(days, Unit.DAYS)) for most, days in caps)}
    if calls:
        held[Channel.PHONE] = (Cap(calls[0], Duration(calls[1], Unit.DAYS)),)
    return replace(WORKSPACE, caps=held)


# --- calls and several caps ----------------------------------------------------------------------------------------


def test_a_call_is_moved_by_the_cap_of_calls_and_says_which():
    world = a_world(
        one_stage("- {call_task: ring, hold: no}\n- {call_task: ring-again, after: 1 hour}"),
        workspace=with_manners(calls=1, days=3),
    )

    world.track("a.happened")
    world.track("call.outcome", {"outcome": "reached"})
    world.advance(days=6)

    (shift,) = (one for one in world.decided(Shift) if isinstance(one, Shift))
    assert (shift.reason, shift.because) == ("frequency-cap", ("calls: 1 per 3 days",))
    assert touches(world) == [("ring", "Mon 09:00"), ("ring-again", "Thu 09:00")]


def test_the_cap_of_calls_counts_from_when_a_call_was_made():
    world = a_world(
        one_stage("- {call_task: ring, due: 3 business days}\n- call_task: ring-again"),
        workspace=with_manners(calls=1, days=2),
    )
    world.track("a.happened")
    world.advance(hours=5)

    world.track("call.outcome", {"outcome": "reached"})
    world.advance(days=4)

    assert touches(world) == [("ring", "Mon 09:00"), ("ring-again", "Wed 14:00")]


def test_a_call_that_nobody_made_leaves_its_slot_free():
    world = a_world(
        one_stage("- {call_task: ring, due: 1 hour, expires: 2 hours}\n- call_task: ring-again"),
        workspace=with_manners(calls=1, days=5),
    )

    world.track("a.happened")
    world.advance(days=1)

    assert [name for name, _ in touches(world)] == ["ring", "ring-again"]
    assert shifts(world) == []


def test_a_call_knows_no_quiet_hours_but_its_own_window():
    world = a_world(
        one_stage("- {call_task: ring, after: 13 hours}\n- {email: never}"),
        workspace=with_manners(quiet="21:00-08:00"),
    )
    own = a_world(one_stage("- {call_task: ring, after: 1 hour, window: '09:00-17:00'}"))
    world.track("a.happened")
    own.track("a.happened")

    world.advance(days=1)
    own.late_by(hours=12)
    own.advance(days=1)

    assert touches(world) == [("ring", "Mon 22:00")]
    assert touches(own) == [("ring", "Tue 09:00")]


def test_of_several_caps_every_one_holds():
    steps = "\n".join(f"- {{email: m{number}, after: 1 hour}}" for number in range(4))
    world = a_world(one_stage(steps), workspace=capped((1, 1), (3, 6)))

    world.track("a.happened")
    world.advance(days=9)

    assert touches(world) == [
        ("m0", "Mon 10:00"),
        ("m1", "Tue 10:00"),
        ("m2", "Wed 10:00"),
        ("m3", "Sun 10:00"),
    ]


def test_messages_and_calls_are_counted_apart():
    world = a_world(
        one_stage("- {email: hello}\n- {call_task: ring, hold: no}"),
        workspace=capped((1, 3), calls=(1, 3)),
    )

    world.track("a.happened")

    assert [name for name, _ in touches(world)] == ["hello", "ring"]


# --- who goes first ------------------------------------------------------------------------------------------------


def test_the_lower_priority_leaves_the_slot_to_what_is_due_later_that_day():
    low = a_rival("low", "- {email: low-mail}", priority=10)
    high = a_rival("high", "- {email: high-mail, after: 6 hours}", priority=90)
    world = a_world(low, high, workspace=capped((1, 1)))

    world.track("a.happened")
    world.late_by(minutes=0)
    world.advance(days=2)

    assert touches(world) == [("high-mail", "Mon 15:00"), ("low-mail", "Tue 15:00")]
    (shift,) = (one for one in world.decided(Shift) if isinstance(one, Shift))
    assert (shift.reason, shift.because) == ("priority", ("'high' goes first, due Mon 2 Mar 15:00",))


def test_what_is_due_on_another_day_or_is_no_marketing_takes_no_slot():
    low = a_rival("low", "- {email: low-mail}", priority=10)
    tomorrow = a_rival("tomorrow", "- {email: later, after: 1 day}", priority=90)
    receipt = a_rival("receipt", "- {email: receipt, after: 1 hour, purpose: transactional}", priority=90)
    world = a_world(low, tomorrow, receipt, workspace=capped((1, 1)))

    world.track("a.happened")

    assert touches(world) == [("low-mail", "Mon 09:00")]


def test_what_law_would_skip_takes_no_slot():
    low = a_rival("low", "- {email: low-mail}", priority=10)
    other = replace(a_rival("high", "- {email: high-mail, after: 6 hours}", priority=90), purpose="news")
    world = a_world(low, other, workspace=capped((1, 1)))
    world.grants = tuple(one for one in world.grants if one.purpose == "nurture")

    world.track("a.happened")

    assert touches(world) == [("low-mail", "Mon 09:00")]


def test_with_slots_enough_nobody_waits():
    low = a_rival("low", "- {email: low-mail}", priority=10)
    high = a_rival("high", "- {email: high-mail, after: 6 hours}", priority=90)
    world = a_world(low, high, workspace=capped((2, 1)))

    world.track("a.happened")
    world.advance(hours=12)

    assert touches(world) == [("low-mail", "Mon 09:00"), ("high-mail", "Mon 15:00")]


def test_at_equal_priority_what_was_due_first_goes_first_then_the_older_enrollment():
    early = a_rival("early", "- {email: early-mail, after: 1 hour}")
    late = a_rival("late", "- {email: late-mail, after: 5 hours}")
    world = a_world(late, early, workspace=capped((1, 1)))
    same = a_world(a_rival("b", "- {email: one}"), a_rival("a", "- {email: two}"), workspace=capped((1, 1)))

    world.track("a.happened")
    world.advance(days=1, hours=6)
    same.track("a.happened")

    assert touches(world) == [("early-mail", "Mon 10:00"), ("late-mail", "Tue 10:00")]
    assert touches(same) == [("one", "Mon 09:00")]


def test_who_is_outranked_day_after_day_is_skipped_in_the_end():
    low = a_rival("low", "- {email: low-mail}", priority=10)
    daily = "\n".join(f"- {{email: d{number}, after: 23 hours}}" for number in range(9))
    high = a_rival("high", "- {email: first, after: 3 hours}\n" + daily, priority=90)
    world = a_world(low, high, workspace=capped((1, 1)))

    world.track("a.happened")
    world.advance(days=12)

    assert ("low-mail", "held-too-long") in skips(world)
    assert not [one for one in skips(world) if one[0] != "low-mail"]


# --- whatever the life ---------------------------------------------------------------------------------------------


class Watched(World):
    """A world that looks, whenever a marketing mail goes, who of higher rank stood before one that day."""

    robbed: list[str]

    def _decide(self, workflow: Workflow, enrollment: Enrollment, facts: Facts) -> Turn:
        turn = super()._decide(workflow, enrollment, facts)
        if any(isinstance(one, Send) and one.marketing for one in turn.decisions):
            self._look(workflow, facts)
        return turn

    def _look(self, workflow: Workflow, facts: Facts) -> None:
        zone = self.workspace.zone_of(self.contact.timezone)
        today = self.now.astimezone(zone).date()
        higher = [
            one
            for one in facts.rivals
            if one.priority > workflow.priority and one.due.astimezone(zone).date() == today
        ]
        spent = [*self.messages, self.now]
        for one in sorted(higher, key=lambda one: one.due):
            when = max(one.due, self.now)
            if full(self.workspace.caps[Channel.EMAIL], spent, when, zone):
                self.robbed.append(one.workflow)
            spent.append(when)


HOURS = st.sampled_from((0, 1, 3, 8, 20, 24, 30, 50))


@st.composite
def several(draw: st.DrawFn) -> list[Workflow]:
    """Two to four workflows with mails, calls and waits, of any priority."""
    made = []
    for number in range(draw(st.integers(2, 4))):
        steps = []
        for step in range(draw(st.integers(1, 5))):
            kind = draw(st.sampled_from(("email", "email", "email", "call_task")))
            own = ", window: '09:00-17:00'" if draw(st.integers(0, 4)) == 0 else ""
            more = ", hold: no" if kind == "call_task" else ""
            steps.append(f"- {{{kind}: s{number}-{step}, after: {draw(HOURS)} hours{own}{more}}}")
        trigger = draw(st.sampled_from(("a.happened", "b.happened")))
        made.append(a_rival(f"w{number}", "\n".join(steps), draw(st.sampled_from((10, 50, 50, 90))), trigger))
    return made


def never_exceeded(moments: list[datetime], cap: Cap) -> bool:
    """In no span of the cap's length more than it allows."""
    span = timedelta(days=cap.per.amount) - timedelta(hours=1)  # a day may be 23 hours long
    ordered = sorted(moments)
    return all(later - first >= span for first, later in zip(ordered, ordered[cap.most :], strict=False))


@settings(deadline=None, max_examples=60)
@given(
    several(),
    st.lists(
        st.tuples(HOURS, st.sampled_from(("a.happened", "b.happened", "outage", "reached"))), max_size=10
    ),
    st.sampled_from((((1, 1),), ((2, 1),), ((1, 1), (3, 7)), ((2, 3),))),
    st.booleans(),
)
def test_no_life_exceeds_a_cap_and_none_of_higher_priority_loses_its_slot(workflows, acts, caps, quiet):
    workspace = capped(*caps, calls=(1, 2))
    if quiet:
        workspace = replace(workspace, quiet=with_manners(quiet="21:00-08:00").quiet)
    plain = a_world(*workflows, workspace=workspace)
    world = Watched(**{name: getattr(plain, name) for name in World.__dataclass_fields__})
    world.robbed = []

    world.track("a.happened")
    for hours, act in acts:
        if act == "outage":
            world.late_by(hours=hours)
            continue
        world.advance(hours=hours)
        world.track(
            "call.outcome" if act == "reached" else act, {"outcome": "reached"} if act == "reached" else {}
        )
    world.run()

    mails = [at for at, _, one in world.log if isinstance(one, Send) and one.marketing]
    assert all(never_exceeded(mails, cap) for cap in workspace.caps[Channel.EMAIL])
    assert all(never_exceeded(world.made, cap) for cap in workspace.caps[Channel.PHONE])
    assert world.robbed == []
    assert world.live() == []


def test_a_full_cap_names_itself_and_the_longest_rules():
    caps = (Cap(1, Duration(1, Unit.DAYS)), Cap(2, Duration(7, Unit.DAYS)))
    spent = [MONDAY - timedelta(days=5), MONDAY - timedelta(hours=2)]

    held = full(caps, spent, MONDAY, WORKSPACE.zone)

    assert held is not None
    assert (str(held.cap), held.until) == ("2 per 7 days", MONDAY + timedelta(days=2))
    assert full(caps, spent, held.until, WORKSPACE.zone) is None
