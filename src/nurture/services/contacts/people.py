"""One person: found by address or id, and everything we hold about them on one page. It changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from nurture.db import consents, contacts, events, suppressions
from nurture.db.deliveries import Delivery
from nurture.db.suppressions import Suppression
from nurture.db.tasks import Task
from nurture.model.errors import NotFoundError, did_you_mean
from nurture.model.words import Channel, Contact, Enrollment, Event, SuppressionReason
from nurture.services.consent.chosen import NOTHING_CHOSEN, Chosen, chosen
from nurture.services.consent.permission import LedgerLine, ledger
from nurture.services.events.scores import Score, score_of
from nurture.services.runtime import Runtime
from nurture.services.story.known import Known, know
from nurture.services.story.outlook import next_of

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
    ledger: tuple[LedgerLine, ...]
    suppressions: Mapping[Channel, frozenset[SuppressionReason]]
    enrollments: tuple[Standing, ...]
    deliveries: tuple[Delivery, ...]
    calls: tuple[Task, ...]
    events: tuple[Event, ...]
    score: Score
    chosen: Chosen = NOTHING_CHOSEN
    """How often they want to hear from us at most, and a pause of their own."""


def find_contact(tx: Connection, email: str) -> Contact:
    """The contact with this address, however it is written.

    Raises NotFoundError, which names an address that is nearly the same; AddressError for what cannot be one.
    """
    found = next(iter(contacts.by_email(tx, [email]).values()), None)
    if found is None:
        known = [one.email for one in contacts.search(tx, email.strip()[:2], limit=500)]
        hint = did_you_mean(email, _namesakes(email, known)) or "`nurture contacts import` adds people"
        raise NotFoundError(f"there is no contact {email.strip()}", hint=hint)
    return found


def _namesakes(email: str, known: Iterable[str]) -> list[str]:
    """Those whose part before the @ is nearly the same: a domain in common makes nobody a likely slip."""
    name = email.strip().partition("@")[0]
    return [one for one in known if did_you_mean(name, [one.partition("@")[0]], cutoff=0.7)]


def contact_of(tx: Connection, contact_id: int) -> Contact:
    """The contact with this id. Raises NotFoundError."""
    found = contacts.load(tx, [contact_id]).get(contact_id)
    if found is None:
        raise NotFoundError("there is no such contact", hint="it may have been erased")
    return found


def person(runtime: Runtime, email: str) -> Person:
    """The whole page of the contact with this address. Raises NotFoundError, AddressError."""
    with runtime.database.read() as tx:
        contact = find_contact(tx, email)
        known = know(tx, runtime, contact)
        return Person(
            contact=contact,
            zone=known.zone,
            ledger=ledger(consents.history(tx, contact.id), known.now, known.zone),
            suppressions=suppressions.of(tx, [contact.id]).get(contact.id, {}),
            enrollments=standings(known),
            deliveries=tuple(known.mails),
            calls=tuple(known.calls),
            events=tuple(events.of_contact(tx, contact.id, limit=EVENTS_SHOWN)),
            score=score_of(tx, contact),
            chosen=chosen(tx, contact.id),
        )


def standings(known: Known) -> tuple[Standing, ...]:
    """What is next for each of a contact's enrollments."""
    found = [(one, next_of(known, one)) for one in known.own]
    return tuple(Standing(one, answer.at, answer.said) for one, answer in found)


@dataclass(frozen=True, slots=True)
class Permission:
    """What a contact allowed and took back, what they may be mailed for now, and where they must not be reached."""

    contact: Contact
    zone: ZoneInfo
    purposes: tuple[str, ...]
    ledger: tuple[LedgerLine, ...]
    suppressions: tuple[Suppression, ...]


def permission(runtime: Runtime, email: str) -> Permission:
    """The permission of the contact with this address. Raises NotFoundError, AddressError."""
    now = runtime.now()
    with runtime.database.read() as tx:
        contact = find_contact(tx, email)
        zone = runtime.shelf.published(tx).workspace.zone_of(contact.timezone)
        lines = ledger(consents.history(tx, contact.id), now, zone)
        closed = tuple(suppressions.entries_of(tx, contact.id))
        live = consents.grants(tx, [contact.id], now).get(contact.id, ())
    barred = any(one.channel is Channel.EMAIL for one in closed)
    purposes = () if barred else sorted({one.purpose for one in live if one.channel is Channel.EMAIL})
    return Permission(contact, zone, tuple(purposes), lines, closed)
