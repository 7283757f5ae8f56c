"""Not all at once: a message waits for its turn where its sender has a rate or is new, or its domain must rest.

The wait is no lateness, and no attempt. A message for which the turn would come too late, by its step's ``max_late`` or
after seven days, is skipped. All is asked on the operational clock, right before a message leaves.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection

from nurture.db import contacts, domain_days, enrollments, outbox, paces, pauses
from nurture.db.domain_days import Counted
from nurture.db.outbox import ClaimedDelivery
from nurture.db.paces import Held
from nurture.engine.touch import held_at_most
from nurture.model.pace import Asking, Pace, give_turns
from nurture.model.words import DeliveryState, Reason
from nurture.model.workspace import Sender
from nurture.services.runtime import Runtime

TOMORROW = timedelta(days=1)
"""What a new sender may not send today comes back at this time tomorrow."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Why a message may not leave now, in words, and when it asks again (operational time)."""

    until: datetime
    reason: Reason
    said: str


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one sender, which is warming up, may send on one day to all domains together."""

    sender: str
    day: date
    most: int


@dataclass(frozen=True, slots=True)
class Paced:
    """A claimed message that is ready to leave, and what stands before that.

    ``waits`` when it is certain to wait; ``refused`` when its domain refused us the last time.
    """

    claim: ClaimedDelivery
    domain: str
    paces: tuple[Pace, ...] = ()
    allowance: Allowance | None = None
    waits: Waits | None = None
    refused: bool = False

    @property
    def is_asked(self) -> bool:
        """Is there anything to ask before it leaves?"""
        return bool(self.paces or self.allowance or self.waits)


def paces_of(sender: Sender | None, domain: str) -> tuple[Pace, ...]:
    """The paces of a message from this sender to an address of this domain."""
    if sender is None or not (sender.rate or sender.per_domain_rate):
        return ()
    both = ((sender.name, sender.rate), (f"{sender.name} {domain}", sender.per_domain_rate))
    return tuple(Pace(what, most) for what, most in both if most)


def allowance_of(sender: Sender | None, day: date) -> Allowance | None:
    """What the sender may send on this day; None for one that is warm."""
    most = sender.warm_up.most_on(day) if sender and sender.warm_up else None
    return Allowance(sender.name, day, most) if sender and most is not None else None


def take_turns(tx: Connection, runtime: Runtime, paced: Sequence[Paced]) -> frozenset[int]:
    """Give turns to these messages, in their order. Returns the ids of those that may not leave now: they went back.

    Whether a sender that is warming up has room is only looked at here: ``take_places`` says so for good.
    """
    operational = runtime.clock.operational()
    meters = paces.lock(tx, {pace.name for one in paced for pace in one.paces}, operational)
    turns = {one.claim.id: one.waits for one in paced if one.waits}
    turns |= _beyond_today(tx, [one for one in paced if one.claim.id not in turns], operational)
    asking = [
        Asking(one.claim.id, one.paces, first=_goes_first(one.claim))
        for one in paced
        if one.claim.id not in turns
    ]
    for number, turn in give_turns(asking, meters, operational).items():
        turns[number] = Waits(turn.at, Reason.RATE_LIMIT, in_words(turn.by))
    paces.save(tx, meters)
    _put_back(tx, runtime, paced, turns)
    return frozenset(turns)


def take_places(tx: Connection, runtime: Runtime, paced: Sequence[Paced]) -> frozenset[int]:
    """Right before these leave: the ids of those for which a sender that is warming up has no place left today.

    They went back. The others must be counted (``places``) in this transaction: until it ends no other worker counts
    what the sender sent today. A worker that dies has so used up the places of what may have left, and no others.
    """
    warming = [one for one in paced if one.allowance]
    if not warming:
        return frozenset()
    operational = runtime.clock.operational()
    paces.lock(tx, {f"{one.allowance.sender} daily" for one in warming if one.allowance}, operational)
    beyond = _beyond_today(tx, warming, operational)
    _put_back(tx, runtime, warming, beyond)
    return frozenset(beyond)


def places(paced: Iterable[Paced]) -> list[Counted]:
    """What these messages use up of what their senders, where they are warming up, may send."""
    return [
        Counted(one.domain, one.allowance.day, one.allowance.sender, sent=1) for one in paced if one.allowance
    ]


def _put_back(tx: Connection, runtime: Runtime, paced: Sequence[Paced], turns: Mapping[int, Waits]) -> None:
    """These wait until their turn, or end: it would come too late."""
    now, operational = runtime.now(), runtime.clock.operational()
    waiting = [one.claim for one in paced if one.claim.id in turns]
    until = {number: now + (turn.until - operational) for number, turn in turns.items()}
    too_late = _too_late(tx, runtime, waiting, until)
    outbox.record_outcomes(tx, list(_skipped(waiting, turns, too_late)), now)
    paces.hold(tx, list(_held(waiting, turns, too_late)))


def in_words(pace: Pace) -> str:
    """``at most 60 a minute from 'default' to example.org``."""
    sender, _, domain = pace.name.partition(" ")
    return f"at most {pace.per_minute} a minute from '{sender}'" + (f" to {domain}" if domain else "")


def _beyond_today(tx: Connection, paced: Sequence[Paced], operational: datetime) -> dict[int, Waits]:
    """Those for which a sender that is warming up has no room today. What answers a wish counts, and never waits.

    The day's places go to those who were due first, at whatever hour of it they ask again: else whoever comes each
    morning would take the places of those who wait since yesterday's noon, day after day.
    """
    days: dict[Allowance, _Places] = {}
    found: dict[int, Waits] = {}
    for one in sorted(paced, key=lambda one: one.claim.marketing):
        if (allowed := one.allowance) is None:
            continue
        if allowed not in days:
            days[allowed] = _Places(tx, allowed)
        if one.claim.marketing and not days[allowed].has_one_for(one.claim.due):
            said = f"{_warms_up(allowed)}: at most {allowed.most} on {allowed.day.isoformat()}"
            found[one.claim.id] = Waits(operational + TOMORROW, Reason.RATE_LIMIT, said)
        else:
            days[allowed].sent += 1
    return found


def _warms_up(allowed: Allowance) -> str:
    """How the words begin in which messages of this sender wait."""
    return f"'{allowed.sender}' is warming up"


class _Places:
    """What is left of one day's allowance, and who stands in front: those of the days before who ask again later today."""

    def __init__(self, tx: Connection, allowed: Allowance) -> None:
        self.sent = domain_days.sent_by(tx, {allowed.sender}, allowed.day).get(allowed.sender, 0)
        self._most = allowed.most
        midnight = datetime.combine(allowed.day + TOMORROW, time.min, UTC)
        left = self._most - self.sent
        self._in_front = paces.ahead(tx, _warms_up(allowed), midnight, left) if left > 0 else []

    def has_one_for(self, due: datetime) -> bool:
        return self.sent + bisect_left(self._in_front, due) < self._most


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
        if until[one.id] > held_at_most(
            step, max(due, one.again_at or one.planned_at), spans, now, zone, calendar
        ):
            late.add(one.id)
    return late


def _skipped(
    waiting: Sequence[ClaimedDelivery], turns: Mapping[int, Waits], too_late: Collection[int]
) -> Iterator[outbox.Outcome]:
    for one in waiting:
        if one.id in too_late:
            why = f"{turns[one.id].reason}, {turns[one.id].said}"
            yield outbox.Outcome(one.id, one.fence, DeliveryState.SKIPPED, Reason.HELD_TOO_LONG, why)


def _held(
    waiting: Sequence[ClaimedDelivery], turns: Mapping[int, Waits], too_late: Collection[int]
) -> Iterator[Held]:
    for one in waiting:
        if one.id not in too_late:
            turn = turns[one.id]
            yield Held(one.id, one.fence, turn.until, turn.said, turn.reason)
