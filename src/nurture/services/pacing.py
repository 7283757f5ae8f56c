"""Not all at once: a message waits for its turn where its sender has a rate, for everyone or for one domain.

The wait is no lateness, and no attempt. A message for which the turn would come too late, by its step's ``max_late`` or
after seven days, is skipped. Rates are asked on the operational clock, right before a message leaves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from nurture.db import contacts, enrollments, outbox, paces, pauses
from nurture.db.outbox import ClaimedDelivery
from nurture.db.paces import Held
from nurture.engine.touch import held_at_most
from nurture.model.pace import Asking, Pace, Turn, give_turns
from nurture.model.words import DeliveryState, Reason
from nurture.model.workspace import Workspace
from nurture.services.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Paced:
    """A claimed message that is ready to leave, and the paces it keeps: one at least."""

    claim: ClaimedDelivery
    paces: tuple[Pace, ...]


def paces_of(workspace: Workspace, sender: str, recipient: str) -> tuple[Pace, ...]:
    """The paces of a message from the sender of this name; who writes as ``owner`` writes by the default's leave."""
    name = "default" if sender == "owner" else sender
    found = workspace.senders.get(name)
    if found is None or not (found.rate or found.per_domain_rate):
        return ()
    domain = recipient.rpartition("@")[2].lower()
    both = ((name, found.rate), (f"{name} {domain}", found.per_domain_rate))
    return tuple(Pace(what, most) for what, most in both if most)


def take_turns(tx: Connection, runtime: Runtime, paced: Sequence[Paced]) -> frozenset[int]:
    """Give turns to these messages, in their order. Returns the ids of those that may not leave now: they went back."""
    now, operational = runtime.now(), runtime.clock.operational()
    meters = paces.lock(tx, {pace.name for one in paced for pace in one.paces}, operational)
    asking = [Asking(one.claim.id, one.paces, first=_goes_first(one.claim)) for one in paced]
    turns = give_turns(asking, meters, operational)
    paces.save(tx, meters)
    waiting = [one.claim for one in paced if one.claim.id in turns]
    until = {number: now + (turn.at - operational) for number, turn in turns.items()}
    too_late = _too_late(tx, runtime, waiting, until)
    outbox.record_outcomes(tx, list(_skipped(waiting, turns, too_late)), now)
    paces.hold(
        tx,
        [
            Held(one.id, one.fence, turns[one.id].at, in_words(turns[one.id].by))
            for one in waiting
            if one.id not in too_late
        ],
    )
    return frozenset(turns)


def in_words(pace: Pace) -> str:
    """``at most 60 a minute from 'default' to example.org``."""
    sender, _, domain = pace.name.partition(" ")
    return f"at most {pace.per_minute} a minute from '{sender}'" + (f" to {domain}" if domain else "")


def _goes_first(claim: ClaimedDelivery) -> bool:
    """It waited before, or answers what the contact did: a queue of thousands must not stand in front of that."""
    return claim.retry_at is not None or not claim.marketing


def _too_late(
    tx: Connection, runtime: Runtime, waiting: Sequence[ClaimedDelivery], until: Mapping[int, datetime]
) -> Collection[int]:
    """Those whose turn (business time) comes later than their step may be held."""
    own = enrollments.get(tx, {one.enrollment_id for one in waiting if one.enrollment_id})
    people = contacts.load(tx, {one.contact_id for one in waiting})
    versions = runtime.shelf.versions(tx, {one.version for one in own.values()})
    workspace = runtime.shelf.published(tx).workspace
    stood_still = pauses.pauses_for(tx, {(one.contact_id, one.workflow) for one in own.values()})
    now = runtime.now()
    late: set[int] = set()
    for one in waiting:
        enrollment, person = own.get(one.enrollment_id or 0), people.get(one.contact_id)
        step = versions[enrollment.version].steps.get(one.step) if enrollment else None
        if enrollment is None or person is None or step is None:
            continue
        zone = workspace.zone_of(person.timezone)
        calendar = workspace.calendar(versions[enrollment.version].calendar)
        due = next((ran.due for ran in reversed(enrollment.ran) if ran.step == one.step), one.planned_at)
        spans = stood_still.get((one.contact_id, enrollment.workflow), ())
        if until[one.id] > held_at_most(step, max(due, one.planned_at), spans, now, zone, calendar):
            late.add(one.id)
    return late


def _skipped(
    waiting: Sequence[ClaimedDelivery], turns: Mapping[int, Turn], too_late: Collection[int]
) -> Iterator[outbox.Outcome]:
    for one in waiting:
        if one.id in too_late:
            why = f"{Reason.RATE_LIMIT}, {in_words(turns[one.id].by)}"
            yield outbox.Outcome(one.id, one.fence, DeliveryState.SKIPPED, Reason.HELD_TOO_LONG, why)
