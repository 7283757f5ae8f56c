"""Do the funnel's numbers add up, and are they what a recount by hand gives, whatever contacts lived through?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from nurture.db import enrollments, funnel, needs, pauses, turns
from nurture.db.funnel import Standing
from nurture.db.session import Database
from nurture.db.turns import Transition
from nurture.model.decisions import Change, Decision, Finish, Move
from nurture.model.words import Enrollment, Status
from nurture.reports import funnel as report
from nurture.reports import losses, steps
from nurture.reports.funnel import Span, StageFunnel
from nurture.services.advancing.record import ENDS
from nurture.workflow.model import Workflow
from tests.integration.stores.conftest import empty
from tests.support.generated import Act, Recorded, live_through, lives, workflows
from tests.support.stores import NOW, a_workflow, called, enrolled, people, planned
from tests.support.worlds import a_world

DAY = timedelta(days=1)


def move(enrollment: int, contact: int, change: Change, stage: str, **over: object) -> Transition:
    values = {"workflow": "welcome", "visit": 1, "at": NOW, "reason": "event", **over}
    return Transition(enrollment_id=enrollment, contact_id=contact, stage=stage, change=change, **values)  # type: ignore[arg-type]


def only(stages: Iterable[StageFunnel], name: str) -> StageFunnel:
    return next(stage for stage in stages if stage.stage == name)


# --- a recount by hand --------------------------------------------------------------------------------------------


@dataclass
class Recount:
    """What each enrollment lived through at each stage, kept as sets of enrollments."""

    sets: dict[tuple[str, str], set[int]] = field(default_factory=dict)

    def add(self, stage: str, what: str, enrollment: int) -> None:
        self.sets.setdefault((stage, what), set()).add(enrollment)

    def of(self, stage: str, what: str) -> set[int]:
        return self.sets.get((stage, what), set())


def recounted(moves: Iterable[Transition]) -> Recount:
    counted = Recount()
    for one in moves:
        if one.change is Change.LOST and one.before:
            counted.add(one.before, "not-come", one.enrollment_id)
        else:
            counted.add(one.stage, one.change.value, one.enrollment_id)
    return counted


def transitions_of(world: Recorded, number: int) -> Iterator[Transition]:
    """The changes of stage of all turns, as they would be recorded."""
    for at, enrollment, decision in world.log:
        change = _change(decision)
        if change:
            yield Transition(
                enrollment_id=number + enrollment,
                contact_id=0,
                workflow="generated",
                stage=decision.stage,
                visit=decision.visit,
                change=change,
                at=at,
                reason=decision.reason,
                before=decision.before if isinstance(decision, Finish) else None,
            )


def _change(decision: Decision) -> Change | None:
    if isinstance(decision, Move):
        return decision.change
    return ENDS[decision.status] if isinstance(decision, Finish) else None


def store(tx: Connection, workflow: Workflow, contact: int, world: Recorded) -> list[Transition]:
    """Write down where a played contact now stands, and how they came there; returns the rows."""
    lived = sorted(world.enrollments.values(), key=lambda one: one.id)
    rows = [replace(one, contact_id=contact, version="welcome", parent=None, evidence=None) for one in lived]
    ids = [enrollments.insert(tx, [(row, None)])[0] for row in rows]
    numbers = {one.id: number for one, number in zip(lived, ids, strict=True) if number is not None}
    moves = [
        replace(one, enrollment_id=numbers[one.enrollment_id], contact_id=contact)
        for one in transitions_of(world, 0)
    ]
    turns.move(tx, moves)
    return moves


@pytest.mark.parametrize("any_store", ["sqlite", "postgres"], indirect=True)
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(workflow=workflows(), stories=st.lists(lives(), min_size=1, max_size=4))
def test_whatever_contacts_lived_through_the_funnel_is_what_a_recount_gives(
    any_store: str, workflow: Workflow, stories: list[list[Act]]
) -> None:
    database = Database(any_store)
    try:
        with database.write() as tx:
            a_workflow(tx)
            contacts = people(tx, *(f"p{number}" for number in range(len(stories))))
            moves: list[Transition] = []
            live: list[Enrollment] = []
            for contact, acts in zip(contacts, stories, strict=True):
                world = a_world(workflow)
                recorded = Recorded(**{name: getattr(world, name) for name in world.__dataclass_fields__})
                live_through(recorded, acts)
                moves += store(tx, workflow, contact, recorded)
                live += [one for one in recorded.enrollments.values() if one.live]

        with database.read() as tx:
            (counted,) = report.read(tx, {"generated": workflow}, "generated")
            ranked = losses.rank([counted])

        naive = recounted(moves)
        for stage in counted.stages:
            name = stage.stage
            assert stage.entered == len(naive.of(name, "entered"))
            assert stage.validated == len(naive.of(name, "validated"))
            assert stage.outright == len(naive.of(name, "validated") - naive.of(name, "entered"))
            assert stage.lost == len(naive.of(name, "lost"))
            assert stage.reopened == len(naive.of(name, "reopened"))
            assert sum(stage.not_come.values()) == len(naive.of(name, "not-come"))
            assert stage.came == (
                stage.validated
                + stage.lost
                - stage.also_lost
                + stage.skipped
                + stage.exited
                + stage.went_back
                + stage.under_way
            )
            assert stage.resting == sum(one.resting for one in live if one.stage == name)
        assert sum(row.lost for row in ranked.rows) >= sum(stage.lost for stage in counted.stages)
        assert all(row.lost <= row.n for row in ranked.rows)
    finally:
        empty(database)
        database.dispose()


# --- one life each ------------------------------------------------------------------------------------------------


def test_somebody_lost_and_brought_back_counts_as_lost_reopened_and_validated_once(any_store: str) -> None:
    database = Database(any_store)
    with database.write() as tx:
        a_workflow(tx)
        (ana,) = people(tx, "ana")
        (one,) = enrolled(tx, [ana], stage="first-sale")
        turns.move(
            tx,
            [
                move(one, ana, Change.ENTERED, "lead-offer"),
                move(one, ana, Change.LOST, "lead-offer", reason="went-silent"),
                move(one, ana, Change.REOPENED, "lead-offer"),
                move(one, ana, Change.VALIDATED, "lead-offer"),
                move(one, ana, Change.ENTERED, "first-sale"),
            ],
        )

    with database.read() as tx:
        (counted,) = report.read(tx, {}, "welcome")
    lead = only(counted.stages, "lead-offer")

    assert (lead.entered, lead.validated, lead.lost, lead.reopened, lead.also_lost) == (1, 1, 1, 1, 1)
    assert lead.conversion == 1
    assert only(counted.stages, "first-sale").under_way == 1
    database.dispose()


def test_proof_that_comes_early_counts_for_its_stage_and_not_in_its_conversion(any_store: str) -> None:
    database = Database(any_store)
    with database.write() as tx:
        a_workflow(tx)
        (ana,) = people(tx, "ana")
        (one,) = enrolled(tx, [ana], stage="onboarding")
        turns.move(
            tx,
            [
                move(one, ana, Change.ENTERED, "lead-offer"),
                move(one, ana, Change.SKIPPED, "lead-offer"),
                move(one, ana, Change.VALIDATED, "first-sale"),
                move(one, ana, Change.ENTERED, "onboarding"),
            ],
        )

    with database.read() as tx:
        (counted,) = report.read(tx, {}, "welcome")
    sale = only(counted.stages, "first-sale")

    assert (sale.entered, sale.validated, sale.outright, sale.came, sale.conversion) == (0, 1, 1, 1, None)
    assert only(counted.stages, "lead-offer").skipped == 1
    database.dispose()


def test_who_rested_and_did_not_go_on_is_lost_before_the_next_stage(any_store: str) -> None:
    database = Database(any_store)
    with database.write() as tx:
        a_workflow(tx)
        (ana,) = people(tx, "ana")
        (one,) = enrolled(tx, [ana], status=Status.LOST, wake_at=None)
        turns.move(
            tx,
            [
                move(one, ana, Change.ENTERED, "lead-offer"),
                move(one, ana, Change.VALIDATED, "lead-offer"),
                move(one, ana, Change.LOST, "lead-offer", reason="did-not-go-on", before="second"),
                move(one, ana, Change.ENTERED, "second", workflow="other"),
            ],
        )

    with database.read() as tx:
        found = funnel.losses(tx)
        (counted,) = report.read(tx, {}, "welcome")

    assert [(one.stage, one.before, one.reason, one.count) for one in found] == [
        ("second", True, "did-not-go-on", 1)
    ]
    assert (only(counted.stages, "lead-offer").validated, only(counted.stages, "lead-offer").lost) == (1, 0)
    database.dispose()


def test_a_span_counts_those_who_began_in_it(any_store: str) -> None:
    database = Database(any_store)
    with database.write() as tx:
        a_workflow(tx)
        ana, bea = people(tx, "ana", "bea")
        (early,), (late,) = enrolled(tx, [ana]), enrolled(tx, [bea], entered_at=NOW + 10 * DAY)
        turns.move(
            tx,
            [move(early, ana, Change.ENTERED, "lead-offer"), move(late, bea, Change.ENTERED, "lead-offer")],
        )

    with database.read() as tx:
        spans = [Span(), Span(until=NOW + DAY), Span(since=NOW + DAY), Span(NOW + DAY, NOW + 2 * DAY)]
        counted = [sum(row.count for row in funnel.fates(tx, None, one.since, one.until)) for one in spans]

    assert counted == [2, 1, 1, 0]
    database.dispose()


def test_the_most_vulnerable_stage_is_the_one_that_loses_most_contacts() -> None:
    leaky = StageFunnel(workflow="w", stage="leaky", entered=4, lost=3)
    broad = StageFunnel(workflow="w", stage="broad", entered=100, lost=20)

    found = report.most_vulnerable([leaky, broad])

    assert found is broad
    assert report.most_vulnerable([StageFunnel(workflow="w", stage="calm", entered=9)]) is None


# --- steps --------------------------------------------------------------------------------------------------------


def test_a_step_says_who_stands_there_and_what_became_of_its_messages_and_calls(any_store: str) -> None:
    database = Database(any_store)
    with database.write() as tx:
        a_workflow(tx)
        ana, bea, carl = people(tx, "ana", "bea", "carl")
        ids = enrolled(tx, [ana, bea])
        finished = enrolled(tx, [carl], step=None)
        planned(tx, ids, [ana, bea])
        called(tx, finished, [carl])

    with database.read() as tx:
        found = steps.read(tx, "welcome")
        versions = funnel.versions_of(tx, "welcome")
        stand = funnel.standing(tx, "welcome")

    assert found.of("first-mail").now == 2
    assert found.of("first-mail").by_version == {"welcome": 2}
    assert found.of("first-mail").messages == {"pending": 2}
    assert found.of("first-mail").calls == {"open": 1}
    assert found.finished == {"lead-offer": 1}
    assert found.of("no-such-step").ran == 0
    assert versions == {"welcome": (3, 3)}
    assert Standing("welcome", "welcome", "lead-offer", None, False, 1) in stand
    assert Counter(one.workflow for one in stand) == {"welcome": 2}
    database.dispose()


# --- what waits ---------------------------------------------------------------------------------------------------


def test_what_waits_for_a_person_and_what_falls_due_is_counted(any_store: str) -> None:
    database = Database(any_store)
    with database.write() as tx:
        a_workflow(tx)
        ana, bea = people(tx, "ana", "bea")
        ids = enrolled(tx, [ana, bea], due=NOW + DAY / 2, wake_at=NOW + DAY / 2)
        planned(tx, ids, [ana, bea])
        called(tx, ids[:1], [ana], assignee=None)
        pauses.begin(tx, NOW, workflow="other")

    with database.read() as tx:
        waiting = needs.waiting(tx, NOW + 2 * DAY, NOW - 7 * DAY)
        tomorrow = needs.steps_until(tx, NOW + DAY)
        held = needs.held_steps(tx, NOW + DAY, "welcome")
        late = needs.late_steps(tx, [("welcome", "first-mail", NOW + DAY), ("welcome", "other", NOW + DAY)])

        assert (waiting.calls_late, waiting.calls_unassigned) == (1, 1)
        assert (waiting.ambiguous, waiting.failed, waiting.bounced, waiting.troubled) == (0, 0, 0, 0)
        assert [(one.step, one.count) for one in tomorrow] == [("first-mail", 2)]
        assert [one.count for one in held] == [2]
        assert needs.held_steps(tx, NOW, "welcome") == []
        assert late == {("welcome", "first-mail"): 2}
        assert needs.messages_until(tx, NOW + DAY) == 2
        assert needs.calls_until(tx, NOW + 2 * DAY) == {None: 1}
    database.dispose()
