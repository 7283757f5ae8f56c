"""One person: found by address or id, and everything we hold about them on one page. It changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from nurture.db import consents, contacts, deliveries, enrollments, events, suppressions, tasks
from nurture.db.consents import Consent
from nurture.db.deliveries import Delivery
from nurture.db.tasks import Task
from nurture.engine.decide import upcoming
from nurture.engine.explain import moment, what_is_next
from nurture.model.errors import NotFoundError, did_you_mean
from nurture.model.words import Channel, Contact, Enrollment, Event, Reason, SuppressionReason
from nurture.services.facts import load_facts
from nurture.services.runtime import Runtime

EVENTS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Standing:
    """One enrollment and what comes next; ``at`` is None when only an event can move it."""

    enrollment: Enrollment
    at: datetime | None
    said: str


@dataclass(frozen=True, slots=True)
class Person:
    """Everything of one contact: lists are oldest first, but for the latest ``events``, newest first."""

    contact: Contact
    zone: ZoneInfo
    consents: tuple[Consent, ...]
    suppressions: Mapping[Channel, frozenset[SuppressionReason]]
    enrollments: tuple[Standing, ...]
    deliveries: tuple[Delivery, ...]
    calls: tuple[Task, ...]
    events: tuple[Event, ...]


def find_contact(tx: Connection, email: str) -> Contact:
    """The contact with this address, however it is written.

    Raises NotFoundError, which names an address that is nearly the same; AddressError for what cannot be one.
    """
    found = next(iter(contacts.by_email(tx, [email]).values()), None)
    if found is None:
        near = [one.email for one in contacts.search(tx, email.strip()[:2], limit=500)]
        hint = did_you_mean(email, near) or "`nurture contacts import` adds people"
        raise NotFoundError(f"there is no contact {email.strip()}", hint=hint)
    return found


def contact_of(tx: Connection, contact_id: int) -> Contact:
    """The contact with this id. Raises NotFoundError."""
    found = contacts.load(tx, [contact_id]).get(contact_id)
    if found is None:
        raise NotFoundError("there is no such contact", hint="it may have been erased")
    return found


def person(runtime: Runtime, email: str) -> Person:
    """The whole page of the contact with this address. Raises NotFoundError, AddressError."""
    now = runtime.now()
    with runtime.database.read() as tx:
        contact = find_contact(tx, email)
        return Person(
            contact=contact,
            zone=(zone := runtime.shelf.published(tx).workspace.zone_of(contact.timezone)),
            consents=tuple(consents.history(tx, contact.id)),
            suppressions=suppressions.of(tx, [contact.id]).get(contact.id, {}),
            enrollments=standings(tx, runtime, enrollments.of_contact(tx, contact.id), zone, now),
            deliveries=tuple(deliveries.of_contact(tx, contact.id)),
            calls=tuple(tasks.of_contact(tx, contact.id)),
            events=tuple(events.of_contact(tx, contact.id, limit=EVENTS_SHOWN)),
        )


def standings(
    tx: Connection, runtime: Runtime, own: list[Enrollment], zone: ZoneInfo, now: datetime
) -> tuple[Standing, ...]:
    """What is next for each of these enrollments."""
    workspace = runtime.shelf.published(tx).workspace
    versions = runtime.shelf.versions(tx, {one.version for one in own})
    facts = load_facts(tx, own, workspace, now)
    mails = deliveries.of_contact(tx, own[0].contact_id) if own else []
    found = []
    for one in own:
        at = upcoming(versions[one.version], one, facts[one.id], now)
        said = what_is_next(one, at, facts[one.id].paused, zone)
        if waiting := waits_its_turn(one, mails):
            at = turn_of(runtime, waiting)
            said = (
                f"Mail '{waiting.template}' waits for its turn: {waiting.detail}; about {moment(at, zone)}."
            )
        found.append(Standing(one, at, said))
    return tuple(found)


def waits_its_turn(enrollment: Enrollment, mails: Iterable[Delivery]) -> Delivery | None:
    """The message that an enrollment acts on and that its sender's rate holds back."""
    about = (enrollment.id, enrollment.step, enrollment.visit)
    return next(
        (
            one
            for one in mails
            if one.reason == Reason.RATE_LIMIT and (one.enrollment_id, one.step, one.visit) == about
        ),
        None,
    )


def turn_of(runtime: Runtime, waiting: Delivery) -> datetime:
    """When the turn of a message comes that its sender's rate holds back, in business time."""
    left = waiting.retry_at - runtime.clock.operational() if waiting.retry_at else timedelta()
    return runtime.now() + max(left, timedelta())
