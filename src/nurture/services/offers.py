"""A requested offer always reaches the contact: where no workflow delivers it, its own mail does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from nurture.db import contacts, deliveries, enrollments, state
from nurture.db.deliveries import NewDelivery
from nurture.engine.evidence import moves
from nurture.model.expressions import Scope
from nurture.model.words import Channel, Event
from nurture.rendering.links import delivery_key
from nurture.services.enroll import Answer
from nurture.services.published import Shelf
from nurture.steps.email import TRANSACTIONAL

ONCE_IN = timedelta(hours=24)


def deliver_requested(
    tx: Connection, shelf: Shelf, fresh: Sequence[Event], answers: Sequence[Answer], now: datetime
) -> None:
    """Plan the offer's mail for every request that enrolled nobody, at most once in 24 hours."""
    entered = {answer.request.event.id for answer in answers if answer.enrollment and answer.request.event}
    published = shelf.published(tx)
    asked = [
        (event, offer)
        for event in fresh
        if event.name == "offer.requested" and event.id not in entered
        if (offer := published.offers.get(str(event.data.get("offer")))) and offer.mail
    ]
    if not asked:
        return
    moving = _moving(tx, shelf, [event for event, _ in asked])
    asked = [(event, offer) for event, offer in asked if event.id not in moving]
    recent = deliveries.offers_since(tx, {event.contact_id for event, _ in asked}, now - ONCE_IN)
    secret = state.hash_key(tx).hex()
    planned = {}
    for event, offer in asked:
        if (event.contact_id, offer.name) in recent:
            continue
        planned[(event.contact_id, offer.name)] = NewDelivery(
            key=delivery_key(0, f"offer:{offer.name}:{event.id}", 1, secret),
            enrollment_id=None,
            contact_id=event.contact_id,
            workflow=None,
            stage="",
            step=f"offer-{offer.name}",
            visit=1,
            channel=Channel.EMAIL,
            template=offer.mail or "",
            purpose=TRANSACTIONAL,
            marketing=False,
            planned_at=now,
            due=now,
            offer=offer.name,
            event_id=event.id,
        )
    deliveries.plan(tx, list(planned.values()))


def _moving(tx: Connection, shelf: Shelf, fresh: Sequence[Event]) -> set[int]:
    """The events that take a live enrollment to a stage: its workflow delivers what was asked for."""
    live = enrollments.live_of(tx, {event.contact_id for event in fresh})
    versions = shelf.versions(tx, {one.version for one in live})
    people = contacts.load(tx, {one.contact_id for one in live})
    workspace = shelf.published(tx).workspace
    return {
        event.id
        for event in fresh
        for one in live
        if one.contact_id == event.contact_id
        and moves(
            versions[one.version], one, event, Scope(people[one.contact_id], event.data, one.stage, workspace)
        )
    }
