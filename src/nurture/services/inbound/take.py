"""A report is noted and takes effect, in one transaction: the address is closed, the workflows hear of it, or nothing.

Each report counts once, whoever brings it and however often. Nobody's words are kept: a reply is an event without its
text, which stays in the mailbox where people read it. It sends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from nurture.channels.inbound import Kind, Report
from nurture.db import contacts, domain_days, reports, state, suppressions
from nurture.db.addresses import email_hash
from nurture.db.domain_days import Counted
from nurture.db.reports import Followed, NewReport
from nurture.db.suppressions import Suppression
from nurture.model.addresses import AddressError, wire_domain
from nurture.model.mentions import masked
from nurture.model.returns import Effect, MatchedBy
from nurture.model.words import Channel, Contact, Event
from nurture.services.events.ingest import take_in
from nurture.services.inbound import soft
from nurture.services.inbound.arrivals import Arrival, arrival_of
from nurture.services.inbound.match import key_of, match
from nurture.services.inbound.sequel import SOURCE, Found, Sequel, sequel
from nurture.services.runtime import Runtime

CLOSING = (Kind.HARD, Kind.COMPLAINT)
KEPT = timedelta(days=90)
"""How long we remember a report about no message of ours."""


@dataclass(frozen=True, slots=True)
class Became:
    """What became of a report about one recipient. ``delivery`` is the id of the message it is about."""

    recipient: str | None
    kind: Kind
    status: str | None
    why: str
    matched_by: MatchedBy | None = None
    delivery: int | None = None
    effect: Effect = Effect.NOTHING
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one report: each recipient that it tells of."""

    report: Report
    became: tuple[Became, ...]

    @property
    def ours(self) -> bool:
        """Is it about a message of ours?"""
        return any(one.matched_by for one in self.became)

    @property
    def duplicate(self) -> bool:
        """Had all of it been noted before?"""
        return all(one.duplicate for one in self.became)


def take(runtime: Runtime, raw: bytes, source: str) -> Taken:
    """Take in one message as it came; ``source`` is ``mailbox`` or ``pipe``. Raises the errors of a database that is away."""
    return take_all(runtime, [arrival_of(raw)], source)[0]


def take_all(runtime: Runtime, arrivals: Sequence[Arrival], source: str) -> list[Taken]:
    """Take in these reports, in this order, in one transaction; the answers stand in the same order."""
    return runtime.database.retrying(lambda tx: take_within(tx, runtime, arrivals, source))


def take_within(tx: Connection, runtime: Runtime, arrivals: Sequence[Arrival], source: str) -> list[Taken]:
    """The same inside a transaction of the caller."""
    now = runtime.now()
    key = state.hash_key(tx)
    found = [Found(line, about) for line, about in match(tx, runtime.links, arrivals, now)]
    found = _of_living(tx, found)
    ids = reports.add(tx, [_noted(one, source, key, now) for one in found])
    fresh = [
        _Noted(one, id_, sequel(one, now)) for one, id_ in zip(found, ids, strict=True) if id_ is not None
    ]
    effects = _follow(tx, runtime, fresh, key, now)
    became = [
        Became(
            recipient=one.line.recipient.written_to,
            kind=one.kind,
            status=one.line.recipient.status,
            why=one.why,
            matched_by=one.match.by if one.match else None,
            delivery=one.match.delivery.id if one.match and one.match.delivery else None,
            effect=effects.get(id_ or 0, Effect.NOTHING),
            duplicate=id_ is None,
        )
        for one, id_ in zip(found, ids, strict=True)
    ]
    by_arrival: dict[int, list[Became]] = {id(arrival): [] for arrival in arrivals}
    for one, what in zip(found, became, strict=True):
        by_arrival[id(one.line.arrival)].append(what)
    return [Taken(arrival.report, tuple(by_arrival[id(arrival)])) for arrival in arrivals]


def forget_old(tx: Connection, runtime: Runtime) -> None:
    """Forget what was about nothing of ours long ago, and write again to addresses that have rested."""
    reports.forget_unmatched(tx, runtime.now() - KEPT)
    soft.lift(tx, runtime)


# --- whom it concerns ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Noted:
    """A report that is new, its id, and what follows from it."""

    found: Found
    id: int
    sequel: Sequel


def _of_living(tx: Connection, found: Sequence[Found]) -> list[Found]:
    """The same with their contacts, who cannot be erased meanwhile. What is about somebody who was is about nobody."""
    ids = {one.match.delivery.contact_id for one in found if one.match and one.match.delivery}
    asked = [one.match.notice.recipient for one in found if one.match and one.match.notice]
    addressed = contacts.by_email(tx, [address for address in asked if key_of(address)])
    contacts.lock(tx, ids | {one.id for one in addressed.values()})
    people = contacts.load(tx, ids | {one.id for one in addressed.values()})
    return [_with_contact(one, people, addressed) for one in found]


def _with_contact(one: Found, people: Mapping[int, Contact], addressed: Mapping[str, Contact]) -> Found:
    if one.match is None:
        return one
    if one.match.notice is not None:
        known = addressed.get(key_of(one.match.notice.recipient) or "")
        return replace(one, contact=people.get(known.id) if known else None)
    delivery = one.match.delivery
    assert delivery is not None
    if delivery.contact_id not in people:
        return replace(one, match=None)
    return replace(one, contact=people[delivery.contact_id] if delivery.channel is Channel.EMAIL else None)


def _noted(one: Found, source: str, key: bytes, now: datetime) -> NewReport:
    delivery = one.match.delivery if one.match else None
    address = key_of(one.address) if one.match else None
    return NewReport(
        fingerprint=one.line.fingerprint(key),
        source=source,
        kind=one.kind.value,
        status=one.line.recipient.status,
        because=masked(one.why),
        matched_by=one.match.by if one.match else None,
        delivery_id=delivery.id if delivery else None,
        contact_id=one.contact.id if one.contact else None,
        notice_id=one.match.notice.id if one.match and one.match.notice else None,
        address_hash=email_hash(key, address) if address else None,
        at=one.happened_at(now),
        arrived_at=now,
    )


# --- what follows -------------------------------------------------------------------------------------------------


def _follow(
    tx: Connection, runtime: Runtime, noted: Sequence[_Noted], key: bytes, now: datetime
) -> dict[int, Effect]:
    """Let it take effect; returns the effect of each report by its id."""
    events = _tell(tx, runtime, noted, now)
    closed = _close(tx, [one for one in noted if one.sequel.closes], key, now)
    effects = {one.id: _effect(one, events, closed) for one in noted}
    _write(tx, {id_: effect for id_, effect in effects.items() if effect is not Effect.NOTHING}, events)
    counted = {one.id: _hash(one, key) for one in noted if effects[one.id] is Effect.COUNTED}
    tired = soft.rest(tx, runtime, set(counted.values()))
    rests = {id_: Effect.RESTS for id_, address in counted.items() if address in tired}
    _write(tx, rests, events)
    _count(tx, runtime, [one for one in noted if effects[one.id] is Effect.SUPPRESSED])
    return effects | rests


def _tell(tx: Connection, runtime: Runtime, noted: Sequence[_Noted], now: datetime) -> dict[int, Event]:
    """Store the events that follow; what was told of a message before is left out."""
    telling = {one.id: one.sequel.happening for one in noted if one.sequel.happening}
    taken = take_in(tx, runtime.shelf, list(telling.values()), now).events
    return {id_: event for id_, event in zip(telling, taken, strict=True) if event}


def _write(tx: Connection, effects: Mapping[int, Effect], events: Mapping[int, Event]) -> None:
    numbers = {id_: event.id for id_, event in events.items()}
    reports.follow(tx, [Followed(id_, effect, numbers.get(id_)) for id_, effect in effects.items()])


def _close(tx: Connection, noted: Sequence[_Noted], key: bytes, now: datetime) -> set[int]:
    """Put addresses on the list that no event speaks of."""
    suppressions.add(
        tx,
        [
            Suppression(
                address_hash=_hash(one, key),
                channel=Channel.EMAIL,
                reason=one.sequel.closes,
                at=now,
                source=SOURCE,
            )
            for one in noted
            if one.sequel.closes
        ],
    )
    return {one.id for one in noted}


def _hash(one: _Noted, key: bytes) -> str:
    return email_hash(key, key_of(one.found.address) or "")


def _effect(one: _Noted, events: Mapping[int, Event], closed: set[int]) -> Effect:
    if one.id in closed or (one.id in events and one.found.kind in CLOSING):
        return Effect.SUPPRESSED
    if one.id not in events:
        return Effect.NOTHING
    return Effect.TOLD if one.found.kind is Kind.REPLY else Effect.COUNTED


def _count(tx: Connection, runtime: Runtime, noted: Sequence[_Noted]) -> None:
    """Dead addresses and complaints by receiving domain. Last: all workers share these rows."""
    day = runtime.clock.operational().date()
    domain_days.count(
        tx,
        [
            Counted(
                domain,
                day,
                bounced=int(one.found.kind is Kind.HARD),
                complained=int(one.found.kind is Kind.COMPLAINT),
            )
            for one in noted
            if (domain := _domain(one.found.address))
        ],
    )


def _domain(address: str | None) -> str | None:
    try:
        return wire_domain((address or "").rpartition("@")[2])
    except AddressError:
        return None
