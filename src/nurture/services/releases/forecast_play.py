"""The future of many contacts at once, counted: their lives loaded in a few statements and played on, now and then.

Decides nothing: the production ``decide`` plays. What it counts is summed up by ``forecast``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import TypeVar

from sqlalchemy import Connection

from nurture.db import forecasting, migrating, outcomes, pauses, points
from nurture.db.forecasting import OnItsWay, Ringing
from nurture.db.outcomes import CallOutcome
from nurture.db.points import Points
from nurture.engine.foresee import Foreseen, Standing, foresee
from nurture.engine.migrating import Way, migrate
from nurture.model.calendars import day_span
from nurture.model.decisions import Call, Send
from nurture.model.errors import NurtureError
from nurture.model.words import Channel, Enrollment, Facts, Pause, Phase
from nurture.model.workspace import Workspace
from nurture.services.facts import load_facts, reach_back, with_variants
from nurture.services.runtime import Runtime
from nurture.services.story.ahead import fading, goes_at, open_call, reported
from nurture.workflow.documents import Segment
from nurture.workflow.model import Workflow

Tally = Counter[tuple[str, date, str]]
"""Messages and calls: by workflow, day and which of both."""
MESSAGE, CALL = "message", "call"
Along = Mapping[int, Way]
"""Which enrollments are taken along into another version, and how."""
ALONE: Along = MappingProxyType({})
Standpoint = tuple[str, str, str | None]
"""Where somebody stands: version, stage, step."""
_Row = TypeVar("_Row", OnItsWay, Ringing)


@dataclass(frozen=True, slots=True)
class State:
    """One state of the project: what new contacts enter, who we are, the segments, and who could be taken along.

    ``ways`` are by old version.
    """

    workflows: Mapping[str, Workflow]
    workspace: Workspace
    segments: Mapping[str, Segment]
    ways: Mapping[str, Way] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dues:
    """When those who stand at one step are due: the first of them before and after, and how many at once."""

    before: datetime | None
    after: datetime | None
    at_once: int


@dataclass(frozen=True, slots=True)
class Person:
    """All that is known of one contact under way."""

    own: Sequence[Enrollment]
    mails: Sequence[OnItsWay]
    calls: Sequence[Ringing]
    made: Sequence[datetime]
    told: Sequence[CallOutcome]
    earned: Sequence[Points]
    pauses: Mapping[str, tuple[Pause, ...]]


@dataclass
class Playing:
    tx: Connection
    runtime: Runtime
    live: State
    planned: State
    takes_along: frozenset[str]
    now: datetime
    days: Sequence[date]
    before: Tally = field(default_factory=Counter)
    after: Tally = field(default_factory=Counter)
    dues: dict[Standpoint, Dues] = field(default_factory=dict)
    undecidable: int = 0

    def __post_init__(self) -> None:
        _, self.until = day_span(self.days[-1], self.planned.workspace.zone)
        same_heads = {name: one.version for name, one in self.live.workflows.items()} == {
            name: one.version for name, one in self.planned.workflows.items()
        }
        self.alike = (
            same_heads
            and self.live.workspace == self.planned.workspace
            and self.live.segments == self.planned.segments
        )

    def chunk(self, people: Sequence[int]) -> None:
        """Load everything about these contacts in a handful of statements, then play each."""
        journeys = forecasting.journeys_of(self.tx, people)
        everything = [one for own in journeys.values() for one in own]
        versions = self.runtime.shelf.versions(self.tx, {one.version for one in everything})
        facts = self._facts(everything, versions, self.live.workspace)
        facts_then = facts
        if self.live.workspace != self.planned.workspace:
            facts_then = self._facts(everything, versions, self.planned.workspace)
        done = migrating.had_their_turn(
            self.tx, [one.id for one in everything if one.live and one.version in self.planned.ways]
        )
        for person in self._persons(journeys):
            standings = [
                Standing(one, versions[one.version], facts[one.id], self._leaves(one, person))
                for one in person.own
                if one.id in facts
            ]
            try:
                coming = self._count(person, standings, self.live, self.before)
                then, along = self._then(standings, facts_then, done)
                if self.alike and not along:
                    self._add(coming, person, self.after)
                else:
                    self._count(person, then, self.planned, self.after, along)
            except NurtureError:
                self.undecidable += 1

    def _facts(
        self, own: Sequence[Enrollment], versions: Mapping[str, Workflow], workspace: Workspace
    ) -> dict[int, Facts]:
        return with_variants(self.tx, own, versions, load_facts(self.tx, own, workspace, self.now))

    def _then(
        self,
        standings: Sequence[Standing],
        facts: Mapping[int, Facts],
        done: Mapping[int, set[tuple[str, int]]],
    ) -> tuple[list[Standing], Along]:
        """Where they would stand then, and which enrollments are taken along."""
        found, along = [], {}
        for standing in standings:
            one = standing.enrollment
            there = replace(standing, facts=facts[one.id])
            way = self.planned.ways.get(one.version) if one.live else None
            if way and way.obstacle(one) is None:
                turn = migrate(way, one, facts[one.id], self.now, steps_of(one, done.get(one.id, set())))
                self._note_dues(one, turn.enrollment)
                if one.version in self.takes_along:
                    along[one.id] = way
                    known = _under_new_name(facts[one.id], way, one)
                    there = Standing(turn.enrollment, way.after, known, standing.leaves)
            found.append(there)
        return found, along

    def _note_dues(self, one: Enrollment, then: Enrollment) -> None:
        if one.phase is Phase.ACTING or one.step is None:
            return
        where = (one.version, one.stage, one.step)
        seen = self.dues.get(where, Dues(None, None, 0))
        at_once = then.due is not None and then.due <= self.now
        self.dues[where] = Dues(
            min(filter(None, (seen.before, one.due)), default=None),
            min(filter(None, (seen.after, then.due)), default=None),
            seen.at_once + at_once,
        )

    def _count(
        self, person: Person, standings: Sequence[Standing], state: State, tally: Tally, along: Along = ALONE
    ) -> tuple[Foreseen, ...]:
        tasks = {call.id: call for call in person.calls}
        coming = foresee(
            standings,
            [open_call(call, _name(call, along)) for call in person.calls],
            state.workflows,
            person.pauses,
            self.now,
            self.until,
            [reported(one, tasks[one.task_id], _name(tasks[one.task_id], along)) for one in person.told],
            person.made,
            state.segments,
            fading(person.earned),
        )
        self._add(coming, person, tally)
        return coming

    def _add(self, coming: Sequence[Foreseen], person: Person, tally: Tally) -> None:
        for one in coming:
            match one.decision:
                case Send(channel=Channel.EMAIL):
                    tally[one.workflow, self._day(one.at), MESSAGE] += 1
                case Call():
                    tally[one.workflow, self._day(one.at), CALL] += 1
        for mail in person.mails:
            at = goes_at(self.runtime, mail, self.now, person.pauses.get(mail.workflow, ()))
            if mail.channel is Channel.EMAIL and at and at < self.until:
                tally[mail.workflow, self._day(at), MESSAGE] += 1

    def _day(self, at: datetime) -> date:
        return at.astimezone(self.planned.workspace.zone).date()

    def _leaves(self, one: Enrollment, person: Person) -> datetime | None:
        if one.phase is not Phase.ACTING:
            return None
        here = (one.id, one.step, one.visit)
        return next(
            (
                goes_at(self.runtime, mail, self.now, person.pauses.get(mail.workflow, ()))
                for mail in person.mails
                if (mail.enrollment_id, mail.step, mail.visit) == here
            ),
            None,
        )

    def _persons(self, journeys: Mapping[int, Sequence[Enrollment]]) -> Iterator[Person]:
        ids = list(journeys)
        mails = _by_contact(forecasting.on_their_way(self.tx, ids))
        calls = _by_contact(forecasting.ringing(self.tx, ids))
        tasks = [call.id for many in calls.values() for call in many]
        told: dict[int, list[CallOutcome]] = {}
        for outcome in outcomes.pending_of_tasks(self.tx, tasks):
            told.setdefault(outcome.task_id, []).append(outcome)
        made = (
            forecasting.calls_made(self.tx, ids, reach_back(capped, self.now))
            if (capped := [one for one in (self.planned.workspace, self.live.workspace) if one.caps])
            else {}
        )
        earned = points.of_contacts(self.tx, ids)
        names = {*self.live.workflows, *self.planned.workflows}
        pairs = {(one.contact_id, one.workflow) for own in journeys.values() for one in own}
        pairs |= {(person, name) for person in ids for name in names}
        stood_still: dict[int, dict[str, tuple[Pause, ...]]] = {}
        for (person, name), spans in pauses.pauses_for(self.tx, pairs).items():
            stood_still.setdefault(person, {})[name] = spans
        for person, own in journeys.items():
            ringing = calls.get(person, [])
            yield Person(
                own,
                mails.get(person, []),
                ringing,
                made.get(person, []),
                [one for call in ringing for one in told.get(call.id, [])],
                earned.get(person, []),
                stood_still.get(person, {}),
            )


def steps_of(one: Enrollment, done: set[tuple[str, int]]) -> set[str]:
    """Of the steps that had their turn those of the present visit."""
    return {step for step, visit in done if visit == one.visit}


def _under_new_name(facts: Facts, way: Way, one: Enrollment) -> Facts:
    """A receipt of a renamed step is a receipt of its new name."""
    receipt, goal = facts.receipt, way.goal(one)
    if receipt is None or goal is None or receipt.step != one.step:
        return facts
    return replace(facts, receipt=replace(receipt, step=goal))


def _name(call: Ringing, along: Along) -> str:
    """What the step of a call is called once its enrollment was taken along."""
    way = along.get(call.enrollment_id)
    return way.renamed().get(call.step, call.step) if way else call.step


def _by_contact(rows: Sequence[_Row]) -> dict[int, list[_Row]]:
    found: dict[int, list[_Row]] = {}
    for row in rows:
        found.setdefault(row.contact_id, []).append(row)
    return found
