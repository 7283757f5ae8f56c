"""What an event does at once, whoever reads it later: permission given or taken, addresses closed, calls ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import Connection

from nurture.db import consents, contacts, outcomes, points, suppressions, tasks
from nurture.db.consents import Consent, ConsentAction
from nurture.db.points import Points
from nurture.db.suppressions import Suppression
from nurture.engine.effects import asks_to_call_back, closes, redated
from nurture.engine.scoring import gains
from nurture.model.words import Channel, Event, Scalar
from nurture.services.published import Shelf
from nurture.workflow.model import purposes_of

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
    _keep_ledger(tx, shelf, fresh, proofs)
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


def _keep_ledger(tx: Connection, shelf: Shelf, fresh: Sequence[Event], proofs: Proofs) -> None:
    entries: list[Consent] = []
    for event in fresh:
        if event.name == "consent.granted" and event.data.get("purpose"):
            granted = _consent(event, ConsentAction.GRANTED, str(event.data["purpose"]))
            entries.append(replace(granted, proof=dict(proofs.get(event.id, {}))))
        if event.name == "consent.withdrawn":
            purpose = event.data.get("purpose")
            purposes = [str(purpose)] if purpose else _all_purposes(tx, shelf, event.contact_id)
            entries += [_consent(event, ConsentAction.WITHDRAWN, each) for each in purposes]
    consents.add(tx, entries)


def _all_purposes(tx: Connection, shelf: Shelf, contact_id: int) -> list[str]:
    """Whoever withdraws everything withdraws also what they were never asked for: calls need no grant."""
    known = {entry.purpose for entry in consents.history(tx, contact_id)}
    ours = purposes_of(shelf.published(tx).workflows.values())
    return sorted(known | ours)


def _consent(event: Event, action: ConsentAction, purpose: str) -> Consent:
    return Consent(
        contact_id=event.contact_id,
        channel=Channel.EMAIL,
        purpose=purpose,
        action=action,
        at=event.arrived_at,
        source=str(event.data.get("source", "event")),
        wording=_text(event.data.get("wording")),
        wording_version=_text(event.data.get("version")),
        event_id=event.id,
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
