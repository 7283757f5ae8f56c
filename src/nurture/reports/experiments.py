"""Which variant of a split does better, and does a workflow do any good at all? With n, intervals, and no early winner.

Each contact counts once, with their first enrollment. A winner is named only when every variant has enough contacts,
enough of them did it, and the difference is more than chance makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import Connection

from nurture.db import contacts
from nurture.db import experiments as db
from nurture.db.experiments import Entrant, Exposed
from nurture.model.expressions import Scope
from nurture.model.matching import EventMatch
from nurture.model.statistics import (
    Interval,
    Share,
    contacts_needed,
    deviations,
    difference,
    interval_of,
    relative_lift,
)
from nurture.model.words import Status
from nurture.model.workspace import Workspace
from nurture.steps.split import SplitFields
from nurture.workflow.model import Workflow

AFTERWARDS = timedelta(days=30)
"""What a contact does counts while they are in the workflow, and this long after its end."""
ENOUGH_CONTACTS = 100
"""In each variant, before one may win."""
ENOUGH_DEEDS = 10
"""In all variants together, before one may win."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One variant, or one side of a holdout: how many came, how many did it, and how far it is from the best."""

    name: str
    share: Share
    interval: Interval | None
    weight: float | None = None
    """As it is published now; None for a variant that is gone, and for a holdout."""
    behind: float | None = None
    """Its rate less that of the best one: nought for that one itself."""
    behind_interval: Interval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What may be said by now: ``winner`` only when it is sure enough; ``more`` contacts it takes until then."""

    winner: str | None
    said: str
    more: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One split and what was measured."""

    workflow: str
    split: str
    measure: str
    groups: tuple[Group, ...]
    verdict: Verdict
    sample: str
    """How many contacts a difference takes to be seen, in a sentence."""

    @property
    def n(self) -> int:
        return sum(group.share.n for group in self.groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lift:
    """What a workflow adds: who got it against who was held out, by one goal."""

    workflow: str
    goal: str
    treated: Group
    held_out: Group
    gain: float | None
    """The rate of the treated less that of the held out."""
    gain_interval: Interval | None
    lift: float | None
    """The same as a share of the rate of the held out."""
    lift_interval: Interval | None
    verdict: Verdict

    @property
    def n(self) -> int:
        return self.treated.share.n + self.held_out.share.n


@dataclass(frozen=True, slots=True)
class Experiments:
    """Everything that is being compared."""

    splits: tuple[Experiment, ...]
    lifts: tuple[Lift, ...]


def read(tx: Connection, workflows: Mapping[str, Workflow], workspace: Workspace) -> Experiments:
    """Every split that says what it measures, and every workflow that holds contacts out, in their order."""
    splits: list[Experiment] = []
    lifts: list[Lift] = []
    for name, workflow in sorted(workflows.items()):
        splits += [
            _experiment(tx, name, step.id, step.fields, workspace)
            for step in workflow.steps.values()
            if isinstance(step.fields, SplitFields) and step.fields.measure
        ]
        entrants = db.entrants(tx, name)
        if entrants or workflow.holdout:
            lifts += [_lift(name, goal, entrants, did) for goal, did in _GOALS]
    return Experiments(tuple(splits), tuple(lifts))


# --- splits --------------------------------------------------------------------------------------------------------


def _experiment(
    tx: Connection, workflow: str, split: str, fields: SplitFields, workspace: Workspace
) -> Experiment:
    assert fields.measure is not None
    shares = _counted(tx, workflow, split, fields.measure, workspace)
    present = {name: shares.get(name, Share(0, 0)) for name in fields.weights}
    gone = {name: share for name, share in shares.items() if name not in present}
    return Experiment(
        workflow=workflow,
        split=split,
        measure=str(fields.measure),
        groups=(
            *_compared(present, fields.weights),
            *(Group(name=name, share=share, interval=interval_of(share)) for name, share in gone.items()),
        ),
        verdict=verdict(present),
        sample=sample_sentence(present),
    )


def _counted(
    tx: Connection, workflow: str, split: str, measure: EventMatch, workspace: Workspace
) -> dict[str, Share]:
    own = measure.name.startswith("email.") or measure.name == "call.outcome"
    if measure.where is None:
        return _shares(db.exposed(tx, workflow, split, measure.name, own=own))
    done = db.deeds(tx, workflow, split, measure.name, own=own)
    people = contacts.load(tx, {one.contact_id for one in done if one.did_at})
    matching = [
        one
        for one in done
        if one.did_at
        and one.contact_id in people
        and measure.matches(
            measure.name, Scope(people[one.contact_id], event=one.data, stage="", workspace=workspace)
        )
    ]
    first = {one.contact_id: one for one in reversed(matching)}
    everybody = {one.contact_id: one for one in done}
    return _shares(
        first.get(number) or Exposed(one.variant, one.contact_id, one.at, one.ended_at, None)
        for number, one in everybody.items()
    )


def _shares(exposed: Iterable[Exposed]) -> dict[str, Share]:
    found: dict[str, Share] = {}
    for one in exposed:
        before = found.get(one.variant, Share(0, 0))
        found[one.variant] = Share(before.k + in_time(one.did_at, one.ended_at), before.n + 1)
    return found


def in_time(did_at: datetime | None, ended_at: datetime | None) -> bool:
    """Did they do it while it counts?"""
    return did_at is not None and (ended_at is None or did_at <= ended_at + AFTERWARDS)


def _compared(shares: Mapping[str, Share], weights: Mapping[str, float]) -> list[Group]:
    best = leader(shares)
    z = deviations(comparisons=len(shares) - 1)
    groups = []
    for name, share in shares.items():
        behind = difference(share, shares[best], z) if best and name != best else None
        groups.append(
            Group(
                name=name,
                share=share,
                interval=interval_of(share),
                weight=weights[name],
                behind=behind[0] if behind else (0.0 if name == best else None),
                behind_interval=behind[1] if behind else None,
            )
        )
    return groups


def leader(shares: Mapping[str, Share]) -> str | None:
    """The one with the highest rate, of equal ones the first; None while nobody came."""
    met = [name for name, share in shares.items() if share.n]
    return max(met, key=lambda name: shares[name].rate or 0, default=None)


# --- the verdict ---------------------------------------------------------------------------------------------------


def verdict(shares: Mapping[str, Share]) -> Verdict:
    """The winner among these, or what is missing until there can be one."""
    best = leader(shares)
    missing = sum(max(0, ENOUGH_CONTACTS - share.n) for share in shares.values())
    if best is None or missing:
        return _not_yet(f"each needs {ENOUGH_CONTACTS} contacts", missing or None)
    done, came = sum(share.k for share in shares.values()), sum(share.n for share in shares.values())
    if done < ENOUGH_DEEDS:
        more = ceil((ENOUGH_DEEDS - done) * came / done) if done else None
        return _not_yet(f"{done} did it so far, of {ENOUGH_DEEDS} that it takes", more)
    z = deviations(comparisons=len(shares) - 1)
    others = {name: share for name, share in shares.items() if name != best}
    unsure = [share for share in others.values() if _perhaps_equal(shares[best], share, z)]
    if not unsure:
        return Verdict(winner=best, said=f"{best} does better")
    needed = [_needed(shares[best], share) for share in unsure]
    if None in needed:
        return _not_yet("there is no difference to be seen", None)
    most = max(one for one in needed if one is not None)
    more = sum(max(0, most - share.n) for share in shares.values())
    return _not_yet("the difference may be chance", more or None)


def _perhaps_equal(best: Share, other: Share, z: float) -> bool:
    found = difference(best, other, z)
    return found is None or found[1].holds_zero


def _needed(one: Share, other: Share) -> int | None:
    return contacts_needed(one.rate or 0, other.rate or 0)


def _not_yet(why: str, more: int | None) -> Verdict:
    then = f"; about {more:,} more contact{'s' if more != 1 else ''}" if more else ""
    return Verdict(winner=None, said=f"not yet: {why}{then}", more=more)


def sample_sentence(shares: Mapping[str, Share]) -> str:
    """How many contacts each variant needs, for the difference at hand or else for a fifth more than the rate at hand.

    Never fewer than it takes before any may win.
    """
    ranked = sorted((share.rate for share in shares.values() if share.rate is not None), reverse=True)
    if not ranked or not ranked[0]:
        return "How many contacts it takes can be said once some of them did it."
    best, next_best = ranked[0], ranked[1] if len(ranked) > 1 else ranked[0]
    if best == next_best:
        best = min(1.0, next_best * 1.2)
    needed = contacts_needed(best, next_best)
    if needed is None:
        return "Everybody does it: there is nothing to gain."
    return (
        f"To tell {best:.1%} from {next_best:.1%} in four cases of five takes "
        f"about {max(needed, ENOUGH_CONTACTS):,} contacts in each variant."
    )


# --- holdouts ------------------------------------------------------------------------------------------------------

_Did = Callable[[Entrant], bool]
_GOALS: tuple[tuple[str, _Did], ...] = (
    ("completed", lambda one: one.status is Status.COMPLETED),
    ("sale", lambda one: in_time(one.sold_at, one.ended_at)),
)
TREATED, HELD_OUT = "treated", "held out"


def _lift(workflow: str, goal: str, entrants: Sequence[Entrant], did: _Did) -> Lift:
    shares = {
        name: Share(
            sum(did(one) for one in entrants if one.holdout is held),
            sum(one.holdout is held for one in entrants),
        )
        for name, held in ((TREATED, False), (HELD_OUT, True))
    }
    treated, held_out = shares[TREATED], shares[HELD_OUT]
    gain, lift = difference(treated, held_out), relative_lift(treated, held_out)
    return Lift(
        workflow=workflow,
        goal=goal,
        treated=Group(name=TREATED, share=treated, interval=interval_of(treated)),
        held_out=Group(name=HELD_OUT, share=held_out, interval=interval_of(held_out)),
        gain=gain[0] if gain else None,
        gain_interval=gain[1] if gain else None,
        lift=lift[0] if lift else None,
        lift_interval=lift[1] if lift else None,
        verdict=_of_lift(verdict(shares)),
    )


def _of_lift(found: Verdict) -> Verdict:
    said = {
        TREATED: "those who get it do better",
        HELD_OUT: "those who are left alone do better",
    }
    return Verdict(winner=found.winner, said=said.get(found.winner or "", found.said), more=found.more)
