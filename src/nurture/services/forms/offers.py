"""A requested offer always reaches the contact: where no stage hands it over, its own mail does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from nurture.db import contacts, deliveries, enrollments, state
from nurture.db.deliveries import NewDelivery
from nurture.engine.evidence import goal
from nurture.model.expressions import Scope
from nurture.model.words import Channel, Event
from nurture.model.workspace import TRANSACTIONAL
from nurture.rendering.links import delivery_key
from nurture.services.advancing.enroll import Answer
from nurture.services.published import Published, Shelf
from nurture.workflow.model import Stage, Workflow

ONCE_IN = timedelta(hours=24)


def deliver_requested(
    tx: Connection, shelf: Shelf, fresh: Sequence[Event], answers: Sequence[Answer], now: datetime
) -> None:
    """Plan the offer's mail for every request that leads to no stage which hands it over, at most once in 24 hours."""
    published = shelf.published(tx)
    entering = _entering(published, answers)
    asked = [
        (event, offer)
        for event in fresh
        if event.name == "offer.requested" and event.id not in entering
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


def _entering(published: Published, answers: Sequence[Answer]) -> set[int]:
    """The requests that enrolled, into a stage that hands over what was asked for."""
    found = set()
    for request in (answer.request for answer in answers if answer.enrollment):
        workflow = published.workflow(request.workflow)
        stage = workflow.stage(request.stage) if request.stage else workflow.stages[0]
        if request.event and hands_over(workflow, stage, request.event):
            found.add(request.event.id)
    return found


def _moving(tx: Connection, shelf: Shelf, fresh: Sequence[Event]) -> set[int]:
    """The requests that take a live enrollment to a stage which hands over what was asked for."""
    live = enrollments.live_of(tx, {event.contact_id for event in fresh})
    versions = shelf.versions(tx, {one.version for one in live})
    people = contacts.load(tx, {one.contact_id for one in live})
    workspace = shelf.published(tx).workspace
    found = set()
    for event in fresh:
        for one in live:
            if one.contact_id == event.contact_id and event.id > one.cursor:
                workflow = versions[one.version]
                scope = Scope(people[one.contact_id], event.data, one.stage, workspace)
                stage = goal(workflow, one, event, scope)
                if stage and hands_over(workflow, stage, event):
                    found.add(event.id)
    return found


def hands_over(workflow: Workflow, stage: Stage, event: Event) -> bool:
    """Does a step of this stage send or hand over the offer that the event asks for?"""
    wanted = event.data.get("offer")
    own = (step.fields for step in workflow.steps.values() if step.stage == stage.name)
    return any(
        wanted in (getattr(fields, "link_offer", None), getattr(fields, "offer", None)) for fields in own
    )
