"""What always holds, whatever the workflow and whatever the life: played over generated ones."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.engine.decide import decide
from nurture.engine.explain import sentence
from nurture.engine.world import World
from nurture.model.decisions import Call, Change, Clear, Finish, Move, Send, Skip
from nurture.model.words import Channel, Status, SuppressionReason
from nurture.workflow.model import Workflow
from tests.support.generated import Act, Recorded, live_through, lives, workflows
from tests.support.worlds import MONDAY, a_contact, a_world, one_stage, sent, with_manners

often = settings(deadline=None)


def played(workflow: Workflow, acts: list[Act], **over: object) -> Recorded:
    plain = a_world(workflow, **over)
    world = Recorded(**{name: getattr(plain, name) for name in World.__dataclass_fields__})
    live_through(world, acts)
    return world


@often
@given(workflows(), lives())
def test_everyone_leaves_in_the_end(workflow, acts):
    world = played(workflow, acts)

    world.run()

    assert world.live() == []
    assert world.next_moment() is None


@often
@given(workflows(), lives())
def test_no_message_or_call_happens_twice_or_before_it_is_due(workflow, acts):
    world = played(workflow, acts)
    world.run()

    happened = Counter()
    for at, enrollment, decision in world.log:
        if isinstance(decision, Send | Call | Skip):
            happened[(enrollment, decision.step, decision.visit)] += 1
        if isinstance(decision, Send):
            assert decision.due <= at
    assert [key for key, times in happened.items() if times > 1] == []


@often
@given(workflows(), lives(), st.sampled_from(sorted(SuppressionReason)))
def test_a_suppressed_address_gets_nothing(workflow, acts, reason):
    world = played(workflow, acts, suppressed={Channel.EMAIL: frozenset((reason,))})
    world.run()

    sends = [one for one in world.decided(Send) if isinstance(one, Send)]

    if reason is SuppressionReason.UNSUBSCRIBED:
        sends = [one for one in sends if one.marketing]
    assert sends == []


@often
@given(workflows(), lives(), lives())
def test_after_a_withdrawal_nothing_reaches_the_contact(workflow, before, after):
    world = played(workflow, before)
    world.track("consent.withdrawn", {"purpose": "nurture"})
    told = len(world.log)
    live_through(world, after)
    world.run()

    later = [one for _, _, one in world.log[told:]]

    assert [one for one in later if isinstance(one, Send) and one.marketing] == []
    assert [one for one in later if isinstance(one, Call)] == []


@often
@given(workflows(), lives())
def test_the_exit_condition_beats_all(workflow, acts):
    world = played(workflow, acts)
    was_live = bool(world.live())

    world.change(fields={"is_competitor": True})
    told = len(world.log)
    world.run()

    assert world.live() == []
    assert len(world.log) == told
    if was_live:
        assert world.only().status is Status.EXITED


@often
@given(workflows(), lives())
def test_the_same_input_gives_the_same_turn_and_a_replay_gives_the_record(workflow, acts):
    world = played(workflow, acts)

    replayed = [decide(*given_, world.variants) for *given_, _ in world.turns]

    assert replayed == [turn for *_, turn in world.turns]


@often
@given(workflows(), lives())
def test_a_turn_that_has_been_taken_has_nothing_left_to_do(workflow, acts):
    world = played(workflow, acts)

    for definition, _, facts, now, turn in world.turns[-5:]:
        again = decide(definition, turn.enrollment, facts, now, world.variants)
        assert [one for one in again.decisions if isinstance(one, Send | Call | Move | Finish)] == []


@often
@given(workflows(), lives())
def test_every_change_of_stage_has_evidence_or_a_rule_and_every_decision_its_sentence(workflow, acts):
    world = played(workflow, acts)
    world.run()

    for _, _, decision in world.log:
        assert sentence(decision, world.workspace.zone).endswith(".")
        if isinstance(decision, Move) and decision.change in (
            Change.VALIDATED,
            Change.SKIPPED,
            Change.REOPENED,
        ):
            assert decision.event is not None or decision.reason == "step"
        if isinstance(decision, Send | Call | Skip | Finish | Move):
            assert decision.reason


@often
@given(workflows(), lives())
def test_nothing_of_a_stage_happens_once_it_is_left(workflow, acts):
    world = played(workflow, acts)
    world.run()

    stage = {}
    for _, enrollment, decision in world.log:
        if isinstance(decision, Move) and decision.change is Change.ENTERED:
            stage[enrollment] = decision.stage
        if isinstance(decision, Clear):
            stage[enrollment] = None
        if isinstance(decision, Send | Call):
            assert stage[enrollment] == decision.stage


@often
@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(("hours", "minutes"))), min_size=1, max_size=8))
def test_waits_add_up(waits):
    steps = "\n".join(f"- {{wait: {amount} {unit}}}" for amount, unit in waits)
    world = a_world(one_stage(f"{steps}\n- {{email: at-last}}"), contact=a_contact(timezone="UTC"))
    world.track("a.happened")

    world.advance(days=30)

    total = sum((timedelta(**{unit: amount}) for amount, unit in waits), timedelta())
    arrivals = [at for at, _, decision in world.log if isinstance(decision, Send)]
    assert sent(world) == ["at-last"]
    assert arrivals == [MONDAY + total]


@often
@given(workflows(), lives())
def test_the_cap_holds_whatever_comes(workflow, acts):
    world = played(workflow, acts, workspace=with_manners(messages=2, days=7, quiet="21:00-08:00"))
    world.run()

    times = sorted(at for at, _, one in world.log if isinstance(one, Send) and one.marketing)
    for first, third in zip(times, times[2:], strict=False):
        assert third - first >= timedelta(days=7) - timedelta(
            hours=1
        )  # an hour less when the clocks go forward
