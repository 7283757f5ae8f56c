"""Addresses that must not be written to or called, known by their keyed hash only.

The list outlives the contact: importing the address again changes nothing here. It holds no address. How it came to be
what it is stands beside it, append-only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Text, and_, bindparam, delete, exists, func, or_, select

from nurture.db.sets import AnyRow, among, insert_rows, limit_param, now_param, word
from nurture.db.tables import ContactRow, SuppressionChangeRow, SuppressionRow, table_of
from nurture.model.words import Channel, SuppressionReason

S = table_of(SuppressionRow)
T = table_of(SuppressionChangeRow)
CONTACTS = table_of(ContactRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """An address, by its hash (``addresses.address_hash``), that must not be reached by this channel, and why."""

    address_hash: str
    channel: Channel
    reason: SuppressionReason
    at: datetime
    source: str


class Change(StrEnum):
    """What may happen to an address on the list; ``ASKED``: its owner was asked by mail whether to end it."""

    ADDED = "added"
    ASKED = "asked"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListChange:
    """One line of the story of an address. ``actor`` is who of us did it, ``request`` which confirmation it was."""

    address_hash: str
    channel: Channel
    change: Change
    reason: SuppressionReason | None = None
    at: datetime
    source: str
    actor: str | None = None
    request: str | None = None


def add(tx: Connection, suppressions: Sequence[Suppression], actor: str | None = None) -> int:
    """Put addresses on the list; returns how many were new. What stands there stays with its first date."""
    rows = [{name: getattr(one, name) for name in _NAMES} for one in suppressions]
    new = insert_rows(tx, S, rows, returning=_NAMES, skip_conflicts=True)
    note(tx, [_change(Suppression(**_named(row)), Change.ADDED, actor) for row in new])
    return len(new)


def end(
    tx: Connection,
    address_hash: str,
    channel: Channel,
    reasons: Collection[SuppressionReason],
    *,
    at: datetime,
    source: str,
    actor: str | None = None,
    request: str | None = None,
) -> frozenset[SuppressionReason]:
    """Take an address off the list for these reasons; returns those that stood there. Who may is asked elsewhere."""
    values = {"hash": address_hash, "of": channel.value, "reasons": [reason.value for reason in reasons]}
    ended = [SuppressionReason(word) for word in tx.execute(_END, values).scalars()]
    story = ListChange(
        address_hash=address_hash,
        channel=channel,
        change=Change.ENDED,
        at=at,
        source=source,
        actor=actor,
        request=request,
    )
    note(tx, [replace(story, reason=reason) for reason in ended])
    return frozenset(ended)


def note(tx: Connection, changes: Sequence[ListChange]) -> None:
    """Write lines into the story of the list."""
    insert_rows(tx, T, [{name: getattr(one, name) for name in _STORY} for one in changes])


def story(tx: Connection, address_hash: str, channel: Channel) -> list[ListChange]:
    """Everything that happened to this address on the list, oldest first."""
    rows = tx.execute(_STORY_OF, {"hash": address_hash, "of": channel.value})
    return [_told(dict(zip(_STORY, row, strict=True))) for row in rows]


def asked_since(tx: Connection, address_hash: str, channel: Channel, moment: datetime) -> bool:
    """Was the owner of this address asked after ``moment`` whether to end it?"""
    values = {"hash": address_hash, "of": channel.value, "since": moment}
    return bool(tx.execute(_ASKED_SINCE, values).scalar_one())


def of(
    tx: Connection, contact_ids: Collection[int]
) -> dict[int, Mapping[Channel, frozenset[SuppressionReason]]]:
    """Why each contact must not be reached, by channel; those who may be are left out."""
    found: dict[int, dict[Channel, set[SuppressionReason]]] = {}
    if contact_ids:
        for contact, channel, reason in tx.execute(_OF, {"ids": contact_ids}):
            channels = found.setdefault(contact, {})
            channels.setdefault(Channel(channel), set()).add(SuppressionReason(reason))
    return {
        contact: {channel: frozenset(reasons) for channel, reasons in channels.items()}
        for contact, channels in found.items()
    }


def of_hashes(
    tx: Connection, hashes: Collection[str], channel: Channel
) -> dict[str, frozenset[SuppressionReason]]:
    """Why each of these addresses is on the list, contact or not; those that are not are left out."""
    found: dict[str, set[SuppressionReason]] = {}
    if hashes:
        for listed, reason in tx.execute(_OF_HASHES, {"hashes": hashes, "of": channel.value}):
            found.setdefault(listed, set()).add(SuppressionReason(reason))
    return {listed: frozenset(reasons) for listed, reasons in found.items()}


def entries_of(tx: Connection, contact_id: int) -> list[Suppression]:
    """The entries of the list that meet a contact's address or phone number, oldest first."""
    return [Suppression(**_named(row)) for row in tx.execute(_ENTRIES_OF, {"ids": (contact_id,)})]


def entries_of_hash(tx: Connection, address_hash: str) -> list[Suppression]:
    """The entries of one address or number, oldest first."""
    return [Suppression(**_named(row)) for row in tx.execute(_OF_HASH, {"hash": address_hash})]


def lift(tx: Connection, reason: SuppressionReason, before: datetime, now: datetime) -> int:
    """Take off the list what was put there for this reason before a moment; returns how many entries."""
    ended = [Suppression(**_named(row)) for row in tx.execute(_LIFT[reason], {"before": before})]
    note(tx, [replace(_change(one, Change.ENDED, None), at=now, source="its time is over") for one in ended])
    return len(ended)


def hashes_of(tx: Connection, contact_ids: Collection[int]) -> dict[int, tuple[str, str | None]]:
    """The hashes of each contact's address and phone number."""
    rows = tx.execute(_HASHES, {"ids": contact_ids}) if contact_ids else ()
    return {contact: (email, phone) for contact, email, phone in rows}


def holders(tx: Connection, hashes: Collection[str], channel: Channel) -> list[tuple[str, int]]:
    """Who has these addresses or numbers now: (hash, contact id). A number may be that of several."""
    rows = tx.execute(_HOLDERS[channel], {"hashes": hashes}) if hashes else ()
    return [(listed, contact) for listed, contact in rows]


def everything(tx: Connection) -> list[Suppression]:
    """The whole list, oldest first."""
    rows = tx.execute(select(*(S.c[name] for name in _NAMES)).order_by(S.c.id))
    return [Suppression(**_named(row)) for row in rows]


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry as people look through them; ``contact_id`` and ``email`` are of whoever has the address now."""

    id: int
    entry: Suppression
    contact_id: int | None
    email: str | None


def page(
    tx: Connection, reason: SuppressionReason | None = None, *, before: int | None = None, most: int
) -> list[Listed]:
    """The newest entries with ids below ``before``, newest first, at most ``most``."""
    values = {"reason": reason.value if reason else None, "before": before or 2**62, "most": most}
    return [
        Listed(id_, Suppression(**_named(entry)), contact, email)
        for id_, contact, email, *entry in tx.execute(_PAGE, values)
    ]


def counts(tx: Connection) -> dict[SuppressionReason, int]:
    """How many addresses stand on the list for each reason; those for which none does are left out."""
    return {SuppressionReason(word): number for word, number in tx.execute(_COUNTS)}


def _named(row: AnyRow | Sequence[Any]) -> dict[str, Any]:
    values = dict(zip(_NAMES, row, strict=True))
    return {**values, "channel": Channel(values["channel"]), "reason": SuppressionReason(values["reason"])}


def _change(entry: Suppression, change: Change, actor: str | None) -> ListChange:
    return ListChange(
        address_hash=entry.address_hash,
        channel=entry.channel,
        change=change,
        reason=entry.reason,
        at=entry.at,
        source=entry.source,
        actor=actor,
    )


def _told(values: Mapping[str, Any]) -> ListChange:
    reason = SuppressionReason(values["reason"]) if values["reason"] else None
    kind = {"channel": Channel(values["channel"]), "change": Change(values["change"]), "reason": reason}
    return ListChange(**{**values, **kind})


_NAMES = tuple(field.name for field in fields(Suppression))
_STORY = tuple(field.name for field in fields(ListChange))
_MEETS = or_(
    and_(S.c.channel == word(Channel.EMAIL), S.c.address_hash == CONTACTS.c.email_hash),
    and_(S.c.channel == word(Channel.PHONE), S.c.address_hash == CONTACTS.c.phone_hash),
)
_OF = (
    select(CONTACTS.c.id, S.c.channel, S.c.reason)
    .select_from(CONTACTS)
    .join(S, _MEETS)
    .where(among(CONTACTS.c.id))
)
_OF_HASHES = select(S.c.address_hash, S.c.reason).where(
    among(S.c.address_hash, "hashes"), S.c.channel == bindparam("of")
)
_ENTRIES = select(*(S.c[name] for name in _NAMES))
_ENTRIES_OF = _ENTRIES.select_from(S).join(CONTACTS, _MEETS).where(among(CONTACTS.c.id)).order_by(S.c.id)
_OF_HASH = _ENTRIES.where(S.c.address_hash == bindparam("hash")).order_by(S.c.id)
_HASHES = select(CONTACTS.c.id, CONTACTS.c.email_hash, CONTACTS.c.phone_hash).where(among(CONTACTS.c.id))
_HOLDERS = {
    channel: select(column, CONTACTS.c.id).where(among(column, "hashes")).order_by(CONTACTS.c.id)
    for channel, column in (
        (Channel.EMAIL, CONTACTS.c.email_hash),
        (Channel.PHONE, CONTACTS.c.phone_hash),
    )
}
_END = (
    delete(S)
    .where(
        S.c.address_hash == bindparam("hash"), S.c.channel == bindparam("of"), among(S.c.reason, "reasons")
    )
    .returning(S.c.reason)
)
_LIFT = {
    reason: delete(S)
    .where(S.c.reason == word(reason), S.c.at < now_param("before"))
    .returning(*(S.c[name] for name in _NAMES))
    for reason in SuppressionReason
}
_STORY_OF = (
    select(*(T.c[name] for name in _STORY))
    .where(T.c.address_hash == bindparam("hash"), T.c.channel == bindparam("of"))
    .order_by(T.c.id)
)
_ASKED_SINCE = select(
    exists().where(
        T.c.address_hash == bindparam("hash"),
        T.c.channel == bindparam("of"),
        T.c.change == word(Change.ASKED),
        T.c.at > now_param("since"),
    )
)
_EMAIL_OF = and_(S.c.channel == word(Channel.EMAIL), S.c.address_hash == CONTACTS.c.email_hash)
# A number may be that of several contacts: only addresses name who has them.
_PAGE = (
    select(S.c.id, CONTACTS.c.id, CONTACTS.c.email, *(S.c[name] for name in _NAMES))
    .select_from(S)
    .outerjoin(CONTACTS, _EMAIL_OF)
    .where(
        or_(bindparam("reason", type_=Text).is_(None), S.c.reason == bindparam("reason", type_=Text)),
        S.c.id < bindparam("before"),
    )
    .order_by(S.c.id.desc())
    .limit(limit_param("most"))
)
_COUNTS = select(S.c.reason, func.count()).group_by(S.c.reason)
