"""Whoever holds a link of a message: who they are, by which yes we write to them, and whether we still do.

A link outlives all that it was about: the workflow, the offer, the step, the contact. This reads and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from nurture.db import consents, contacts, deliveries, enrollments, suppressions
from nurture.db.consents import Consent, ConsentAction
from nurture.db.deliveries import Delivery
from nurture.model.words import BACKSTAGE, Channel, Contact, Grant, SuppressionReason
from nurture.model.workspace import TRANSACTIONAL
from nurture.services.published import Published
from nurture.services.runtime import Runtime
from nurture.workflow.model import Workflow


class Stand(StrEnum):
    """How somebody stands with us, as far as a message's link tells."""

    WRITTEN_TO = "written to"
    LEFT = "left"
    """They took back the permission for what this message was about."""
    LEFT_ALL = "left all"
    """They left everything, or complained."""
    CLOSED = "closed"
    """Mail to them came back, or a colleague closed the address."""
    UNKNOWN = "unknown"
    """The message, and with it the contact, is gone: erased, or a test."""


@dataclass(frozen=True)
class Recipient:
    """Whom a message went to, in one snapshot; ``purpose`` is the permission it is about, None when nobody knows."""

    delivery: Delivery
    contact: Contact
    published: Published
    workflow: Workflow | None
    purpose: str | None
    history: Sequence[Consent]
    grants: Sequence[Grant]
    closed: frozenset[SuppressionReason]

    @cached_property
    def zone(self) -> ZoneInfo:
        return self.published.workspace.zone_of(self.contact.timezone)

    @property
    def stand(self) -> Stand:
        if self.closed & {SuppressionReason.UNSUBSCRIBED, SuppressionReason.COMPLAINT}:
            return Stand.LEFT_ALL
        if self.closed:
            return Stand.CLOSED
        return Stand.LEFT if self.has_left else Stand.WRITTEN_TO

    @property
    def has_left(self) -> bool:
        """The latest word by mail for this purpose is no; where no purpose is known, for every one there ever was.

        A no by phone ends calls alone: who told us so must still find the way out of the mails.
        """
        last = {one.purpose: one.action for one in self.history if one.channel is Channel.EMAIL}
        if self.purpose:
            return last.get(self.purpose) is ConsentAction.WITHDRAWN
        return bool(last) and set(last.values()) == {ConsentAction.WITHDRAWN}

    @property
    def yes(self) -> Consent | None:
        """The latest yes to what this message is about, taken back or not."""
        return next((one for one in reversed(self.history) if self._is_yes(one)), None)

    @property
    def others(self) -> list[Consent]:
        """The live yes to everything else, one for each purpose, oldest first."""
        live = {one.id for one in self.grants if one.channel is Channel.EMAIL and one.purpose != self.purpose}
        return [one for one in self.history if one.id in live]

    @property
    def last_yes(self) -> int:
        """The number of the latest yes to this purpose, 0 for none: leaving ends it, once."""
        return self.yes.id if self.yes else 0

    @property
    def last_yes_to_all(self) -> int:
        """The number of the latest yes to anything, 0 for none."""
        return max((one.id for one in self.history if one.action is ConsentAction.GRANTED), default=0)

    def _is_yes(self, one: Consent) -> bool:
        by_mail = one.action is ConsentAction.GRANTED and one.channel is Channel.EMAIL
        return by_mail and self.purpose in (None, one.purpose)


def find(runtime: Runtime, tx: Connection, key: str, now: datetime) -> Recipient | None:
    """Whom the message with this key went to; None when it, or the contact, is gone, or it went to one of ours."""
    delivery = deliveries.by_key(tx, key)
    if delivery is None or delivery.channel in BACKSTAGE:
        return None
    one = delivery.contact_id
    contact = contacts.load(tx, [one]).get(one)
    if contact is None:
        return None
    published, workflow = runtime.shelf.published(tx), _workflow(runtime, tx, delivery)
    return Recipient(
        delivery=delivery,
        contact=contact,
        published=published,
        workflow=workflow,
        purpose=_purpose(delivery, workflow, published),
        history=consents.history(tx, one),
        grants=consents.grants(tx, [one], now).get(one, ()),
        closed=suppressions.of(tx, [one]).get(one, {}).get(Channel.EMAIL, frozenset()),
    )


def _purpose(delivery: Delivery, workflow: Workflow | None, published: Published) -> str | None:
    """The permission it is about: its own, its workflow's, its offer's. None when nobody knows any more: every one."""
    if delivery.purpose not in ("", TRANSACTIONAL):
        return delivery.purpose
    if workflow and workflow.purpose:
        return workflow.purpose
    offer = published.offers.get(delivery.offer or "")
    return offer.consent.purpose if offer and offer.consent else None


def _workflow(runtime: Runtime, tx: Connection, delivery: Delivery) -> Workflow | None:
    """The version that the contact was in, published or not."""
    if delivery.enrollment_id is None:
        return None
    enrollment = enrollments.get(tx, [delivery.enrollment_id]).get(delivery.enrollment_id)
    return runtime.shelf.versions(tx, [enrollment.version]).get(enrollment.version) if enrollment else None
