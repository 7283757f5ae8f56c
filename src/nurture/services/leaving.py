"""The way out: whoever holds a link of a message learns why they get it, and can stop it, at once and for good.

It works when the workflow is long gone, needs no log-in, and changes nothing when it was done before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from nurture.db import consents, contacts, deliveries, enrollments
from nurture.db.consents import ConsentAction
from nurture.db.deliveries import Delivery
from nurture.model.words import Channel
from nurture.services.ingest import Happening, take_in
from nurture.services.runtime import Runtime
from nurture.steps.email import TRANSACTIONAL
from nurture.workflow.model import Workflow

Source = Literal["page", "one-click"]


@dataclass(frozen=True, slots=True)
class Belonging:
    """Why somebody gets a message. ``at`` is the date of their yes in their own zone; ``left``: it is over already."""

    sender: str
    postal_address: str
    title: str | None = None
    wording: str | None = None
    source: str | None = None
    at: datetime | None = None
    left: bool = False


def belonging(runtime: Runtime, key: str) -> Belonging:
    """Why the message with this key was sent. Of one that is gone, only who we are is known."""
    with runtime.database.read() as tx:
        return _belonging(runtime, tx, deliveries.by_key(tx, key))


def leave(runtime: Runtime, key: str, source: Source) -> Belonging:
    """Withdraw the permission that the message with this key rests on. Doing it twice is doing it once."""
    now = runtime.now()

    def withdraw(tx: Connection) -> Belonging:
        delivery = deliveries.by_key(tx, key)
        before = _belonging(runtime, tx, delivery)
        if delivery is None or before.left:
            return before
        purpose = _purpose(runtime, tx, delivery)
        happening = Happening(
            contact_id=delivery.contact_id,
            name="consent.withdrawn",
            data={"purpose": purpose, "source": source} if purpose else {"source": source},
            # The same link leaves again after a new yes, and only once for each yes.
            id=f"leave:{key}:{_last_yes(tx, delivery.contact_id, purpose, now)}",
            source=source,
        )
        take_in(tx, runtime.shelf, [happening], now)
        return _belonging(runtime, tx, delivery)

    return runtime.database.retrying(withdraw)


def _belonging(runtime: Runtime, tx: Connection, delivery: Delivery | None) -> Belonging:
    published = runtime.shelf.published(tx)
    sender, postal_address = published.workspace.name, published.workspace.postal_address
    if delivery is None:
        return Belonging(sender, postal_address, left=True)
    purpose = _purpose(runtime, tx, delivery)
    history = [one for one in consents.history(tx, delivery.contact_id) if purpose in (None, one.purpose)]
    yes = next((one for one in reversed(history) if one.action is ConsentAction.GRANTED), None)
    person = contacts.load(tx, [delivery.contact_id]).get(delivery.contact_id)
    zone = published.workspace.zone_of(person.timezone if person else None)
    workflow = _workflow(runtime, tx, delivery)
    offer = published.offers.get(delivery.offer or "")
    return Belonging(
        sender,
        postal_address,
        title=workflow.title if workflow else offer.title if offer else None,
        wording=yes.wording if yes else None,
        source=yes.source if yes else None,
        at=yes.at.astimezone(zone) if yes else None,
        left=bool(history)
        and _all_withdrawn(tx, delivery.contact_id, purpose, {one.purpose for one in history}),
    )


def _all_withdrawn(tx: Connection, contact_id: int, purpose: str | None, purposes: set[str]) -> bool:
    withdrawn = consents.withdrawn(tx, [contact_id]).get(contact_id, frozenset())
    return purpose in withdrawn if purpose else purposes <= withdrawn


def _purpose(runtime: Runtime, tx: Connection, delivery: Delivery) -> str | None:
    """The permission it is about: its own, its workflow's, its offer's. None when nobody knows any more: every one."""
    if delivery.purpose not in ("", TRANSACTIONAL):
        return delivery.purpose
    workflow = _workflow(runtime, tx, delivery)
    if workflow and workflow.purpose:
        return workflow.purpose
    offer = runtime.shelf.published(tx).offers.get(delivery.offer or "")
    return offer.consent.purpose if offer and offer.consent else None


def _workflow(runtime: Runtime, tx: Connection, delivery: Delivery) -> Workflow | None:
    """The version that the contact was in, published or not."""
    if delivery.enrollment_id is None:
        return None
    enrollment = enrollments.get(tx, [delivery.enrollment_id]).get(delivery.enrollment_id)
    return runtime.shelf.versions(tx, [enrollment.version]).get(enrollment.version) if enrollment else None


def _last_yes(tx: Connection, contact_id: int, purpose: str | None, now: datetime) -> int:
    """The number of the grant that ends; 0 for somebody who never gave one."""
    grants = consents.grants(tx, [contact_id], now).get(contact_id, ())
    return max(
        (one.id for one in grants if one.channel is Channel.EMAIL and purpose in (None, one.purpose)),
        default=0,
    )
