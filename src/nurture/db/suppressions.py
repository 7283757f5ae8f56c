"""Addresses that must not be written to or called, known by their keyed hash only.

The list outlives the contact: importing the address again changes nothing here. It holds no address.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, delete, or_, select

from nurture.db.sets import among, insert_rows, word
from nurture.db.tables import ContactRow, SuppressionRow, table_of
from nurture.model.words import Channel, SuppressionReason

S = table_of(SuppressionRow)
CONTACTS = table_of(ContactRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """An address, by its hash (``addresses.address_hash``), that must not be reached by this channel, and why."""

    address_hash: str
    channel: Channel
    reason: SuppressionReason
    at: datetime
    source: str


def add(tx: Connection, suppressions: Sequence[Suppression]) -> int:
    """Put addresses on the list; returns how many were new. What stands there stays with its first date."""
    rows = [{name: getattr(one, name) for name in _NAMES} for one in suppressions]
    return len(insert_rows(tx, S, rows, returning=("id",), skip_conflicts=True))


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
    rows = tx.execute(_ENTRIES_OF, {"ids": (contact_id,)})
    return [
        Suppression(address_hash=h, channel=Channel(c), reason=SuppressionReason(r), at=at, source=source)
        for h, c, r, at, source in rows
    ]


def revive(
    tx: Connection, address_hash: str, channel: Channel, reasons: Collection[SuppressionReason]
) -> int:
    """Take an address off the list for these reasons; only a fresh double opt-in may. Returns how many entries."""
    values = {"hash": address_hash, "of": channel.value, "reasons": [reason.value for reason in reasons]}
    return tx.execute(_REVIVE, values).rowcount


def hashes_of(tx: Connection, contact_ids: Collection[int]) -> dict[int, tuple[str, str | None]]:
    """The hashes of each contact's address and phone number."""
    rows = tx.execute(_HASHES, {"ids": contact_ids}) if contact_ids else ()
    return {contact: (email, phone) for contact, email, phone in rows}


def everything(tx: Connection) -> list[Suppression]:
    """The whole list, oldest first."""
    rows = tx.execute(select(*(S.c[name] for name in _NAMES)).order_by(S.c.id))
    return [
        Suppression(address_hash=h, channel=Channel(c), reason=SuppressionReason(r), at=at, source=source)
        for h, c, r, at, source in rows
    ]


_NAMES = tuple(field.name for field in fields(Suppression))
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
_ENTRIES_OF = (
    select(*(S.c[name] for name in _NAMES))
    .select_from(S)
    .join(CONTACTS, _MEETS)
    .where(among(CONTACTS.c.id))
    .order_by(S.c.id)
)
_HASHES = select(CONTACTS.c.id, CONTACTS.c.email_hash, CONTACTS.c.phone_hash).where(among(CONTACTS.c.id))
_REVIVE = delete(S).where(
    S.c.address_hash == bindparam("hash"), S.c.channel == bindparam("of"), among(S.c.reason, "reasons")
)
