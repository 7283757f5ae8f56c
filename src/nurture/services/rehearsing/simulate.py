"""`nurture simulate`: what so many contacts would mean in messages, calls, sales and money, by rates seen or assumed.

Says of every rate where it comes from. Stores nothing, sends nothing; the history is only read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from nurture.engine.answers import Chance, Rates, Source, chances_of, refuse_unknown
from nurture.engine.simulate import CALL_MINUTES, Question, Simulation, simulate
from nurture.model.errors import NurtureError
from nurture.model.expressions import Scope
from nurture.model.matching import EventMatch
from nurture.model.words import Contact, EnteredBy, Scalar
from nurture.services.rehearsing.made_up import taken_by
from nurture.services.rehearsing.observed import Observed
from nurture.services.rehearsing.rehearsal import BY, Ground, refuse_odd_year, who_plays
from nurture.workflow.model import Workflow, purposes_of

MINUTES = "call.minutes"
"""The one assumption that is no share."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked. ``assume`` goes before what was observed: ``{"email.clicked": 0.2, "stage.validated@first-sale": 0.1}``."""

    workflow: str
    contacts: int
    start: datetime
    days: int = 90
    seed: str = "1"
    per_day: int | None = None
    assume: Mapping[str, float] = field(default_factory=dict)
    holdout: bool = False


@dataclass(frozen=True, slots=True)
class Assumption:
    """One thing the answer rests on, and why: observed ``n`` times, given, or assumed for want of better."""

    what: str
    where: str
    value: float | str
    source: Source
    n: int | None = None
    days: float | None = None


@dataclass(frozen=True, slots=True)
class Simulated:
    """The question as it was played, the answer, and everything it rests on."""

    question: Question
    answer: Simulation
    assumptions: tuple[Assumption, ...]


def foretell(ground: Ground, wish: Wish, observed: Observed) -> Simulated:
    """Simulate ``wish`` on these files. Raises NotFoundError for unknown names, NurtureError for what cannot be played."""
    refuse_odd_year(wish.start)
    workflow = ground.workflow(wish.workflow)
    people, whose = _people(ground, workflow, observed)
    scope = Scope(contact=people[0], workspace=ground.workspace)

    def made_up(match: EventMatch) -> Mapping[str, Scalar] | None:
        return taken_by(match, scope)

    shares = {key: value for key, value in wish.assume.items() if key != MINUTES}
    rates = Rates(shares, observed.seen)
    chances = tuple(chance for one in ground.workflows.values() for chance in chances_of(one, rates, made_up))
    refuse_unknown(shares, chances)
    trigger = workflow.stages[0].trigger
    question = Question(
        workflow=workflow,
        workflows=ground.workflows,
        workspace=ground.workspace,
        chances=chances,
        mix=people,
        contacts=wish.contacts,
        start=wish.start,
        days=wish.days,
        purposes=purposes_of(ground.workflows.values()),
        entry=_entry(workflow, made_up(trigger.match)) if trigger and trigger.match else None,
        enters_by=BY.get(trigger.kind, EnteredBy.HAND) if trigger else EnteredBy.HAND,
        seed=wish.seed,
        per_day=wish.per_day,
        holdout=wish.holdout,
        segments=ground.segments,
        offer_costs={name: offer.cost for name, offer in ground.offers.items()},
        call_minutes=wish.assume.get(MINUTES, CALL_MINUTES),
    )
    answer = simulate(question)
    minutes = Source.GIVEN if MINUTES in wish.assume else Source.ASSUMED
    assumptions = [
        Assumption(
            "contacts", whose, f"{len(people)} taken in turn", _source(observed), len(observed.people) or None
        ),
        *_rates(answer.used),
        Assumption(MINUTES, "", question.call_minutes, minutes),
    ]
    return Simulated(question, answer, tuple(assumptions))


def _source(observed: Observed) -> Source:
    return Source.OBSERVED if observed.people else Source.ASSUMED


def _people(ground: Ground, workflow: Workflow, observed: Observed) -> tuple[tuple[Contact, ...], str]:
    """Real contacts where there are enough, else the persona's example; nobody's past answers go in."""
    if observed.people:
        return tuple(replace(one, last_active_at=None) for one in observed.people), observed.whose
    wanted = [workflow.persona or "", *sorted(ground.personas)]
    name = next((one for one in wanted if one in ground.personas and ground.personas[one].example), None)
    return (who_plays(ground, name),), f"the example of {name}" if name else "somebody made up"


def _entry(workflow: Workflow, data: Mapping[str, Scalar] | None) -> tuple[str, Mapping[str, Scalar]]:
    trigger = workflow.stages[0].trigger
    assert trigger is not None
    assert trigger.match is not None
    if data is None:
        raise NurtureError(f"nobody can be made up who meets the trigger '{trigger.match}'")
    return trigger.match.name, data


def _rates(used: tuple[Chance, ...]) -> list[Assumption]:
    return [
        Assumption(
            one.what,
            f"{one.workflow}/{one.where}",
            one.rate.value,
            one.rate.source,
            one.rate.n,
            one.rate.days,
        )
        for one in used
    ]
