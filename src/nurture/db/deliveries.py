"""Every message to every contact: planned once per step and visit, skipped when its stage is left, looked at by people.

The row exists before anything leaves. Sending it is the outbox's part.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, bindparam, func, null, or_, select, update

from nurture.db.sets import ONE, AnyRow, among, insert_rows, now_param, pairs, word
from nurture.db.tables import DeliveryRow, table_of
from nurture.model.words import BACKSTAGE, Channel, DeliveryState, Reason

D = table_of(DeliveryRow)
ENDED = {"lease_until": null(), "fence": D.c.fence + ONE}
"""What every end of a claim does: its holder can no longer write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """A message as it was decided. A skipped one is born ``skipped``, one that stands in the portal ``sent``."""

    key: str
    enrollment_id: int | None
    contact_id: int
    workflow: str | None
    stage: str
    step: str
    visit: int
    channel: Channel
    template: str
    purpose: str
    marketing: bool
    planned_at: datetime
    due: datetime
    offer: str | None = None
    team: str | None = None
    payload: Mapping[str, Any] | None = None
    grant_id: int | None = None
    event_id: int | None = None
    state: DeliveryState = DeliveryState.PENDING
    reason: str | None = None
    detail: str | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as it now stands: for people, pages and reports."""

    id: int
    key: str
    enrollment_id: int | None
    contact_id: int
    workflow: str | None
    stage: str
    step: str
    visit: int
    channel: Channel
    template: str
    purpose: str
    marketing: bool
    offer: str | None
    team: str | None
    payload: Mapping[str, Any] | None
    grant_id: int | None
    event_id: int | None
    planned_at: datetime
    due: datetime
    state: DeliveryState
    reason: str | None
    detail: str | None
    attempts: int
    retry_at: datetime | None
    message_id: str | None
    recipient: str | None
    template_hash: str | None
    ended_at: datetime | None


def plan(tx: Connection, deliveries: Sequence[NewDelivery]) -> list[int | None]:
    """Write down messages, pending or already ended. Returns ids in the same order.

    None stands for one whose (enrollment, step, visit) had been planned before: it is left as it is.
    """
    rows = [
        {name: getattr(delivery, name) for name in _NEW} | {"attempts": 0, "fence": 0}
        for delivery in deliveries
    ]
    stored = insert_rows(tx, D, rows, returning=("key", "id"), skip_conflicts=True)
    ids = pairs(stored)
    return [ids.pop(delivery.key, None) for delivery in deliveries]


def clear(tx: Connection, enrollment_ids: Collection[int], reason: Reason, now: datetime) -> int:
    """Skip what these enrollments still had waiting for the contact; returns how many messages that were.

    A message already in its dialogue ends there; what goes to our own people and systems still goes.
    """
    if not enrollment_ids:
        return 0
    values = {"ids": enrollment_ids, "reason": reason.value, "now": now}
    return tx.execute(_CLEAR, values).rowcount


def call_off(tx: Connection, about: tuple[int, str, int], reason: Reason, now: datetime) -> bool:
    """Skip the message of this enrollment, step and visit. False when there is none that waits: it is leaving, or over."""
    enrollment, step, visit = about
    values = {"enrollment": enrollment, "of": step, "in_visit": visit, "reason": reason.value, "now": now}
    return tx.execute(_CALL_OFF, values).rowcount > 0


def of_contact(tx: Connection, contact_id: int) -> list[Delivery]:
    """Every message of a contact, in the order in which they were planned."""
    return [_delivery(row) for row in tx.execute(_OF_CONTACT, {"contact": contact_id})]


def by_ids(tx: Connection, ids: Collection[int]) -> dict[int, Delivery]:
    """Messages by id; unknown ids are left out."""
    return {row.id: _delivery(row) for row in tx.execute(_BY_ID, {"ids": ids})} if ids else {}


def by_key(tx: Connection, key: str) -> Delivery | None:
    """The message with this key: what one of its links concerns. None when it is gone."""
    row = tx.execute(_BY_KEY, {"key": key}).first()
    return _delivery(row) if row else None


def by_keys(tx: Connection, keys: Collection[str]) -> dict[str, Delivery]:
    """The messages with these keys; unknown keys are left out."""
    return {row.key: _delivery(row) for row in tx.execute(_BY_KEYS, {"keys": keys})} if keys else {}


def by_message_ids(tx: Connection, message_ids: Collection[str]) -> dict[str, Delivery]:
    """The messages that left, or may have, under these ids (in angle brackets); unknown ones are left out."""
    rows = tx.execute(_BY_MESSAGE_IDS, {"message_ids": message_ids}) if message_ids else ()
    return {row.message_id: _delivery(row) for row in rows}


def sent_after(tx: Connection, moment: datetime) -> list[Delivery]:
    """The messages that went to contacts after a moment (business time), in order."""
    return [_delivery(row) for row in tx.execute(_SENT_AFTER, {"moment": moment})]


def last_sent(tx: Connection, contact_ids: Collection[int]) -> dict[int, Delivery]:
    """The message to each contact that went out last: what an event without a reference concerns. None: left out."""
    rows = tx.execute(_LAST_SENT, {"ids": contact_ids}) if contact_ids else ()
    return {row.contact_id: _delivery(row) for row in rows}


def offers_since(tx: Connection, contact_ids: Collection[int], since: datetime) -> set[tuple[int, str]]:
    """Which offers went, or will go, to these contacts since a moment: (contact id, offer)."""
    rows = tx.execute(_OFFERS, {"ids": contact_ids, "since": since}) if contact_ids else ()
    return {(contact, offer) for contact, offer in rows}


def ambiguous(tx: Connection) -> list[Delivery]:
    """Every message of which nobody knows whether it went, oldest first."""
    return [_delivery(row) for row in tx.execute(_AMBIGUOUS)]


# --- statements -------------------------------------------------------------------------------------------------

_NEW = tuple(field.name for field in fields(NewDelivery))
_DELIVERY = tuple(D.c[field.name] for field in fields(Delivery))
_WAITS = or_(D.c.state == word(DeliveryState.PENDING), D.c.state == word(DeliveryState.CLAIMED))
_SKIPPED = (
    ENDED
    | {"state": DeliveryState.SKIPPED.value, "reason": bindparam("reason", type_=Text)}
    | {"ended_at": now_param()}
)
_CLEAR = (
    update(D)
    .where(among(D.c.enrollment_id), _WAITS, *(D.c.channel != word(one) for one in sorted(BACKSTAGE)))
    .values(_SKIPPED)
)
_CALL_OFF = (
    update(D)
    .where(
        D.c.enrollment_id == bindparam("enrollment"),
        D.c.step == bindparam("of"),
        D.c.visit == bindparam("in_visit"),
        _WAITS,
    )
    .values(_SKIPPED)
)

_OF_CONTACT = (
    select(*_DELIVERY).where(D.c.contact_id == bindparam("contact")).order_by(D.c.planned_at, D.c.id)
)
_LATEST = func.row_number().over(partition_by=D.c.contact_id, order_by=(D.c.ended_at.desc(), D.c.id.desc()))
_RANKED = (
    select(D.c.id, _LATEST.label("rank"))
    .where(
        among(D.c.contact_id),
        D.c.channel == word(Channel.EMAIL),
        or_(D.c.state == word(DeliveryState.SENT), D.c.state == word(DeliveryState.AMBIGUOUS)),
    )
    .subquery()
)
_LAST_SENT = (
    select(*_DELIVERY).select_from(D).join(_RANKED, D.c.id == _RANKED.c.id).where(_RANKED.c.rank == ONE)
)
_OFFERS = select(D.c.contact_id, D.c.offer).where(
    among(D.c.contact_id),
    D.c.offer.is_not(None),
    D.c.planned_at >= now_param("since"),
    D.c.state != word(DeliveryState.SKIPPED),
    D.c.state != word(DeliveryState.FAILED),
)
_AMBIGUOUS = (
    select(*_DELIVERY).where(D.c.state == word(DeliveryState.AMBIGUOUS)).order_by(D.c.ended_at, D.c.id)
)
_BY_ID = select(*_DELIVERY).where(among(D.c.id))
_SENT_AFTER = (
    select(*_DELIVERY)
    .where(
        D.c.state == word(DeliveryState.SENT),
        D.c.channel == word(Channel.EMAIL),
        D.c.ended_at > now_param("moment"),
    )
    .order_by(D.c.ended_at, D.c.id)
)
_BY_KEY = select(*_DELIVERY).where(D.c.key == bindparam("key"))
_BY_KEYS = select(*_DELIVERY).where(among(D.c.key, "keys"))
_BY_MESSAGE_IDS = select(*_DELIVERY).where(among(D.c.message_id, "message_ids"))


def _delivery(row: AnyRow) -> Delivery:
    values: Mapping[str, Any] = dict(zip(Delivery.__slots__, row, strict=True))
    return Delivery(
        **{**values, "channel": Channel(values["channel"]), "state": DeliveryState(values["state"])}
    )
