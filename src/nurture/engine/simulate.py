"""What a thousand contacts would live through: each plays the production ``decide`` once, and answers by chance.

Chance is a hash of the seed and of what is asked, so that the same question has the same answer. Reads no clock and no
database, sends nothing, and foretells only what its assumptions say.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from heapq import heappop, heappush
from math import log, sqrt
from typing import NamedTuple

from nurture.engine.answers import CALL, Chance, Cue
from nurture.engine.effects import granted
from nurture.engine.evidence import SPOKE
from nurture.engine.world import World
from nurture.model.chance import share
from nurture.model.decisions import Call, Change, Decision, Finish, HandOver, Move, Send, Wait
from nurture.model.teams import members
from nurture.model.words import Channel, Contact, EnteredBy, Scalar, Status
from nurture.model.workspace import Workspace
from nurture.workflow.documents import Segment
from nurture.workflow.model import Workflow

Z90 = 1.6449
"""Nine of ten draws lie within so many standard deviations."""
CALL_MINUTES = 6.0
"""A call in which somebody speaks; any other takes one minute."""
ANYONE = "anyone"
"""Calls whose team cannot be told."""


@dataclass(frozen=True)
class Question:
    """What is to be simulated. ``mix`` are the contacts to take turns from; ``entry`` is the event that lets them in.

    ``per_day`` contacts arrive each day, 24 hours after the day before; None: all at the start.
    """

    workflow: Workflow
    workflows: Mapping[str, Workflow]
    workspace: Workspace
    chances: Sequence[Chance]
    mix: Sequence[Contact]
    contacts: int
    start: datetime
    days: int
    purposes: frozenset[str] = frozenset()
    entry: tuple[str, Mapping[str, Scalar]] | None = None
    enters_by: EnteredBy = EnteredBy.HAND
    seed: str = "1"
    per_day: int | None = None
    holdout: bool = False
    segments: Mapping[str, Segment] = field(default_factory=dict)
    offer_costs: Mapping[str, float] = field(default_factory=dict)
    call_minutes: float = CALL_MINUTES

    @cached_property
    def until(self) -> datetime:
        return self.start + timedelta(days=self.days)

    @cached_property
    def by_cue(self) -> Mapping[tuple[str, Cue, str], list[Chance]]:
        found: dict[tuple[str, Cue, str], list[Chance]] = defaultdict(list)
        for chance in self.chances:
            found[chance.workflow, chance.cue, chance.where].append(chance)
        return found

    def arrives(self, number: int) -> datetime:
        """When contact ``number`` (from 0) comes; those of one day spread over its hours."""
        if self.per_day is None:
            return self.start
        day, place = divmod(number, self.per_day)
        return self.start + timedelta(days=day, hours=9 * place / self.per_day)


@dataclass
class Tally:
    """What was counted over all lives."""

    entered: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    validated: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    lost: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    standing: Counter[str] = field(default_factory=Counter)
    completed: int = 0
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    messages: Counter[date] = field(default_factory=Counter)
    calls: Counter[tuple[date, str]] = field(default_factory=Counter)
    minutes: float = 0.0
    offers: Counter[str] = field(default_factory=Counter)
    used: set[tuple[str, Cue, str]] = field(default_factory=set)
    """What was asked for: workflow, cue, step or stage."""
    arrived: int = 0


@dataclass(frozen=True, slots=True)
class StageCount:
    """Contacts at one stage at the end. The intervals hold nine of ten runs like this one."""

    stage: str
    entered: int
    entered_interval: tuple[int, int]
    validated: int
    validated_interval: tuple[int, int]
    lost: int
    under_way: int


@dataclass(frozen=True, slots=True)
class CallDay:
    """The calls that are due on one day in one team. ``capacity`` None: no limit; ``people``: who is there."""

    date: date
    team: str
    calls: int
    people: int
    capacity: int | None

    @property
    def over(self) -> bool:
        return self.capacity is not None and self.calls > self.capacity


@dataclass(frozen=True, slots=True)
class Simulation:
    """The answer. Days are those of the workspace's zone."""

    arrived: int
    stages: tuple[StageCount, ...]
    completed: int
    losses: tuple[tuple[str, str, int], ...]
    """Stage, reason, how many; most first."""
    messages: tuple[tuple[date, int], ...]
    calls: tuple[CallDay, ...]
    costs: Mapping[str, float]
    """Of messages, calls and offers."""
    used: tuple[Chance, ...]
    """The assumptions that were asked for at least once."""


def simulate(question: Question) -> Simulation:
    """Play every life up to the last day. Raises NurtureError where ``decide`` does."""
    tally = Tally()
    for number in range(question.contacts):
        arrives = question.arrives(number)
        if arrives < question.until:
            _live(question, tally, number, arrives)
    return _summed_up(question, tally)


def interval(count: int, of: int) -> tuple[int, int]:
    """Wilson's 90 % interval of a share, as a number of ``of``: what chance alone makes of it."""
    if not of:
        return 0, 0
    share_, z2 = count / of, Z90 * Z90
    middle = share_ + z2 / (2 * of)
    half = Z90 * sqrt(share_ * (1 - share_) / of + z2 / (4 * of * of))
    scale = of / (1 + z2 / of)
    return max(0, round((middle - half) * scale)), min(of, round((middle + half) * scale))


# --- one life -----------------------------------------------------------------------------------------------------


def _live(question: Question, tally: Tally, number: int, arrives: datetime) -> None:
    contact = replace(question.mix[number % len(question.mix)], id=number + 1)
    life = Life(
        workflows=question.workflows,
        contact=contact,
        workspace=question.workspace,
        now=arrives,
        grants=granted(question.purposes, arrives),
        held_out=None if question.holdout else False,
        segments=question.segments,
        question=question,
        tally=tally,
        number=number,
    )
    tally.arrived += 1
    if question.entry:
        life.track(*question.entry)
    else:
        life.enroll(question.workflow.name, by=question.enters_by, reason="a simulation")
    life.go_on(question.until)
    for enrollment in life.live():
        if enrollment.workflow == question.workflow.name:
            tally.standing[enrollment.stage] += 1


class Planned(NamedTuple):
    """Something a contact is yet to do: ``number`` keeps the order of a moment; ``about`` is the message or call it concerns,
    ``stands`` the enrollment, stage and visit without which it comes to nothing."""

    at: datetime
    number: int
    chance: Chance
    about: tuple[int, str, int] | None = None
    stands: tuple[int, str, int] | None = None


def _missing() -> Question:
    raise TypeError("a life needs the question it belongs to")


@dataclass
class Life(World):
    """One contact's life, with what they are yet to do. ``question`` and ``tally`` are needed."""

    question: Question = field(default_factory=_missing)
    tally: Tally = field(default_factory=Tally)
    number: int = 0
    _coming: list[Planned] = field(default_factory=list)
    _planned: int = 0

    def go_on(self, until: datetime) -> None:
        """Timers and answers, each at its moment, the answers of a moment first."""
        while True:
            moment, answer = self.next_moment(), self._coming[0].at if self._coming else None
            following = min((at for at in (moment, answer) if at is not None), default=None)
            if following is None or following > until:
                return
            self.advance_to(max(self.now, following))
            if answer == following:
                self._answer()

    def hear(self, enrollment: int, decision: Decision) -> None:
        workflow = self.enrollments[enrollment].workflow
        own = workflow == self.question.workflow.name
        match decision:
            case Send(channel=Channel.EMAIL):
                self.tally.messages[self._day(self.now)] += 1
                if decision.offer:
                    self.tally.offers[decision.offer] += 1
                self._ask(workflow, Cue.MAIL, enrollment, decision)
            case Call():
                self.tally.calls[self._day(decision.due), self._team(decision)] += 1
                self._ask_call(workflow, enrollment, decision)
            case HandOver():
                self.tally.offers[decision.offer] += 1
            case Wait() if decision.for_events:
                self._ask(workflow, Cue.WAIT, enrollment, decision)
            case Move(change=Change.ENTERED):
                if own:
                    self.tally.entered[decision.stage].add(self.number)
                self._ask(workflow, Cue.STAGE, enrollment, decision)
            case Move(change=Change.VALIDATED):
                if own:
                    self.tally.validated[decision.stage].add(self.number)
                self._ask(workflow, Cue.REST, enrollment, decision)
            case Finish() if own:
                self._count_end(decision)

    def _count_end(self, finish: Finish) -> None:
        if finish.status is Status.COMPLETED:
            self.tally.completed += 1
        elif finish.status is Status.LOST:
            self.tally.lost[finish.before or finish.stage].add(self.number)
            self.tally.reasons[finish.before or finish.stage, finish.reason] += 1

    # --- what they do ---------------------------------------------------------------------------------------

    def _ask(self, workflow: str, cue: Cue, enrollment: int, decision: Decision) -> None:
        """Will they answer this, and when? Each chance is drawn for itself."""
        where = decision.stage if cue in (Cue.STAGE, Cue.REST) else decision.step or ""
        self.tally.used.add((workflow, cue, where))
        for chance in self.question.by_cue.get((workflow, cue, where), ()):
            if self._draw(chance, enrollment, decision, "whether") < chance.rate.value:
                spread = -log(1 - self._draw(chance, enrollment, decision, "when"))
                at = self.now + timedelta(days=chance.rate.days * spread)
                about = (enrollment, where, decision.visit) if cue is Cue.MAIL else None
                stands = None if cue is Cue.MAIL else (enrollment, decision.stage, decision.visit)
                self._plan(at, chance, about, stands)

    def _ask_call(self, workflow: str, enrollment: int, call: Call) -> None:
        """One outcome, or none when nobody calls in time; on average halfway to the time it is due."""
        cue = (workflow, Cue.CALL, call.step or "")
        self.tally.used.add(cue)
        chances = self.question.by_cue.get(cue, [])
        most = max(1.0, sum(chance.rate.value for chance in chances))
        point = None
        for chance in chances:
            point = self._draw(chances[0], enrollment, call, "whether") * most if point is None else point
            point -= chance.rate.value
            if point < 0:
                part = self._draw(chance, enrollment, call, "when")
                about = (enrollment, call.step or "", call.visit)
                self._plan(self.now + (call.due - self.now) * part, chance, about)
                spoke = chance.what.removeprefix(CALL) in SPOKE
                self.tally.minutes += self.question.call_minutes if spoke else 1.0
                return

    def _draw(self, chance: Chance, enrollment: int, decision: Decision, what: str) -> float:
        asked = f"{chance.workflow}/{chance.key}/{chance.event}/{enrollment}/{decision.visit}/{what}"
        return share(self.question.seed, str(self.number), asked)

    def _plan(
        self,
        at: datetime,
        chance: Chance,
        about: tuple[int, str, int] | None = None,
        stands: tuple[int, str, int] | None = None,
    ) -> None:
        self._planned += 1
        heappush(self._coming, Planned(at, self._planned, chance, about, stands))

    def _answer(self) -> None:
        """The next thing they do; what was meant for a stage they have left comes to nothing."""
        planned = heappop(self._coming)
        if planned.stands:
            enrollment, stage, visit = planned.stands
            now = self.enrollments[enrollment]
            if not now.live or (now.stage, now.visit) != (stage, visit):
                return
        self.track(planned.chance.event, planned.chance.data, about=planned.about)

    # --- where it counts ------------------------------------------------------------------------------------

    def _day(self, at: datetime) -> date:
        return at.astimezone(self.workspace.zone).date()

    def _team(self, call: Call) -> str:
        """The team that makes the call: named, the only one, or that of the contact's owner."""
        named = call.assign.rpartition(" ")[2]
        teams = self.workspace.teams
        if named in teams:
            return named
        who = self.contact.owner if call.assign == "owner" else call.assign
        own = next((name for name, team in teams.items() if who in team.members), None)
        return own or (next(iter(teams)) if len(teams) == 1 else ANYONE)


# --- the answer ---------------------------------------------------------------------------------------------------


def _summed_up(question: Question, tally: Tally) -> Simulation:
    costs = question.workspace.costs
    return Simulation(
        arrived=tally.arrived,
        stages=tuple(_stages(question, tally)),
        completed=tally.completed,
        losses=tuple((stage, reason, count) for (stage, reason), count in tally.reasons.most_common()),
        messages=tuple(sorted(tally.messages.items())),
        calls=tuple(_call_days(question.workspace, tally)),
        costs={
            "messages": costs.get("email", 0.0) * tally.messages.total(),
            "calls": costs.get("call_minute", 0.0) * tally.minutes,
            "offers": sum(
                question.offer_costs.get(name, 0.0) * count for name, count in tally.offers.items()
            ),
        },
        used=tuple(one for one in question.chances if (one.workflow, one.cue, one.where) in tally.used),
    )


def _stages(question: Question, tally: Tally) -> Iterator[StageCount]:
    for stage in question.workflow.stages:
        entered, validated = len(tally.entered[stage.name]), len(tally.validated[stage.name])
        yield StageCount(
            stage.name,
            entered,
            # Who begins is no matter of chance.
            interval(entered, tally.arrived) if stage.index else (entered, entered),
            validated,
            interval(validated, tally.arrived),
            len(tally.lost[stage.name]),
            tally.standing[stage.name],
        )


def _call_days(workspace: Workspace, tally: Tally) -> Iterator[CallDay]:
    everybody = members(workspace)
    for (day, team), calls in sorted(tally.calls.items()):
        there = [one for one in everybody if one.team == team and one.there(day)]
        limits = [one.capacity for one in there if one.capacity is not None]
        limited = len(limits) == len(there) and team != ANYONE
        yield CallDay(day, team, calls, len(there), sum(limits) if limited else None)
