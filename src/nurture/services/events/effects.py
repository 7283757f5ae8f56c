"""What an event does at once, whoever reads it later: permission given or taken, addresses closed, calls ended."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import Connection

from nurture.db import consents, contacts, outcomes, points, suppressions, tasks
from nurture.db.consents import Consent, ConsentAction, Spoken
from nurture.db.points import Points
from nurture.db.suppressions import Suppression
from nurture.engine.effects import asks_to_call_back, closes, redated
from nurture.engine.scoring import gains
from nurture.model.mentions import masked
from nurture.model.permission import channels_of, end_of
from nurture.model.words import Channel, Event, Grant, Scalar
from nurture.services.published import Shelf

GRANTED, WITHDRAWN = "consent.granted", "consent.withdrawn"
Proofs = Mapping[int, Mapping[str, Scalar]]
"""What shows a consent, by the id of its event."""
Numbers = Mapping[int, str]
"""The hash of the number that a call was made to, by the id of its outcome."""


def apply(
    tx: Connection,
    shelf: Shelf,
    fresh: Sequence[Event],
    now: datetime,
    proofs: Proofs = MappingProxyType({}),
    numbers: Numbers = MappingProxyType({}),
) -> None:
    """The effects of these events, in order of arrival."""
    _keep_ledger(tx, shelf, fresh, proofs, now)
    _suppress(tx, fresh, now, numbers)
    _end_calls(tx, [event for event in fresh if event.name == "call.outcome"])


def score(tx: Connection, shelf: Shelf, fresh: Sequence[Event], now: datetime) -> set[int]:
    """Add the points that these events bring; returns the contacts whose score is another now."""
    workspace = shelf.published(tx).workspace
    names = {rule.on.name for rule in workspace.scores}
    scoring = [event for event in fresh if event.name in names]
    if not scoring:
        return set()
    people = contacts.load(tx, {event.contact_id for event in scoring})
    new = [
        Points(event.contact_id, event.id, gain.rule, gain.points, event.arrived_at, gain.fades_at)
        for event in scoring
        for gain in gains(event, people[event.contact_id], workspace)
    ]
    return points.add(tx, new, now)


def _keep_ledger(tx: Connection, shelf: Shelf, fresh: Sequence[Event], proofs: Proofs, now: datetime) -> None:
    words = [one for one in fresh if one.name in (GRANTED, WITHDRAWN)]
    if not words:
        return
    people = {one.contact_id for one in words}
    live = consents.grants(tx, people, now) if any(end_of(one.data) for one in words) else {}
    spoken = consents.spoken_of(tx, people)
    published = shelf.published(tx)
    entries: list[Consent] = []
    for event in words:
        proof = dict(proofs.get(event.id, {}))
        if event.name == GRANTED:
            entries += _granted(event, live.get(event.contact_id, ()), proof)
        else:
            known = spoken.get(event.contact_id, frozenset())
            known |= {(one.purpose, one.channel) for one in entries if one.contact_id == event.contact_id}
            entries += _withdrawn(event, known, published.purposes, proof)
    ours = {one.consent.wording for one in published.offers.values() if one.consent}
    consents.add(tx, [_naming_nobody(one, ours) for one in entries])


def _naming_nobody(entry: Consent, ours: Collection[str]) -> Consent:
    """The ledger is never rewritten: no address stands in it, but for one that our own offers publish.

    The event, which an erasure can reach, says it in full.
    """
    told = entry.wording
    # Who was asked by mail was asked in words of ours, whatever the offer says by now.
    is_ours = told in ours or "asked_at" in entry.proof
    return replace(
        entry,
        source=masked(entry.source),
        wording=told if told is None or is_ours else masked(told),
        wording_version=entry.wording_version and masked(entry.wording_version),
    )


def _granted(event: Event, live: Sequence[Grant], proof: Mapping[str, Scalar]) -> list[Consent]:
    """The entries of a yes. One that ends cuts no longer one short: it is in the events, and adds nothing."""
    purpose = _text(event.data.get("purpose"))
    if not purpose:
        return []
    end = end_of(event.data)
    longer = {
        one.channel for one in live if one.purpose == purpose and end is not None and one.lasts_until(end)
    }
    return [
        replace(_consent(event, ConsentAction.GRANTED, purpose, channel), expires_at=end, proof=proof)
        for channel in channels_of(event.data) or (Channel.EMAIL,)
        if channel not in longer
    ]


def _withdrawn(
    event: Event, known: frozenset[Spoken], asked_for: Collection[str], proof: Mapping[str, Scalar]
) -> list[Consent]:
    """The entries of a no. Without a channel it ends mail and whatever else was spoken of."""
    named, only = _text(event.data.get("purpose")), channels_of(event.data)
    # Whoever withdraws everything withdraws also what they were never asked for: calls need no grant, and a list or the
    # button of an older question must not open afterwards what only an offer asks for.
    purposes = [named] if named else sorted({purpose for purpose, _ in known} | set(asked_for))
    return [
        replace(_consent(event, ConsentAction.WITHDRAWN, purpose, channel), proof=proof)
        for purpose in purposes
        for channel in only or sorted({Channel.EMAIL, *(way for what, way in known if what == purpose)})
    ]


def _consent(event: Event, action: ConsentAction, purpose: str, channel: Channel) -> Consent:
    return Consent(
        contact_id=event.contact_id,
        channel=channel,
        purpose=purpose,
        action=action,
        at=event.arrived_at,
        source=str(event.data.get("source", "event")),
        wording=_text(event.data.get("wording")),
        wording_version=_text(event.data.get("version")),
        event_id=event.id,
        implied=event.data.get("implied") is True,
        actor=_text(event.data.get("by")),
    )


def _suppress(tx: Connection, fresh: Sequence[Event], now: datetime, numbers: Numbers) -> None:
    closing = [(event, closed) for event in fresh if (closed := closes(event))]
    if not closing:
        return
    hashes = suppressions.hashes_of(tx, {event.contact_id for event, _ in closing})
    entries = []
    for event, (channel, reason) in closing:
        mail, phone = hashes[event.contact_id]
        # Who mended a wrong number within the grace must not find the right one closed.
        address = numbers.get(event.id, phone) if channel is Channel.PHONE else mail
        if address:
            entries.append(
                Suppression(address_hash=address, channel=channel, reason=reason, at=now, source=event.name)
            )
    numbers_closed = {one.address_hash for one in entries if one.channel is Channel.PHONE}
    contacts.lock_numbers(tx, numbers_closed)
    outcomes.rests_elsewhere(tx, numbers_closed)
    suppressions.add(tx, entries)


def _end_calls(tx: Connection, outcomes: Sequence[Event]) -> None:
    """The calls these outcomes concern are done, or stand for another time; a late outcome ends nothing."""
    calls = tasks.open_of_each(tx, {event.contact_id for event in outcomes})
    still_open = {(one.enrollment_id, one.step, one.visit): one for own in calls.values() for one in own}
    for event in outcomes:
        about = (event.enrollment_id or 0, event.step or "", event.visit or 0)
        task = still_open.pop(about, None)
        if task is None:
            continue
        if not asks_to_call_back(event):
            tasks.finish(tx, task.id, str(event.data.get("outcome", "")), event.arrived_at)
        elif again := tasks.redate(tx, task.id, *redated(event, task.due, task.expires)):
            still_open[about] = again


def _text(value: Scalar) -> str | None:
    return None if value is None else str(value)
