"""The ledger of permission, append-only: what was granted or withdrawn, when, by which words.

The latest word of a contact for a channel and purpose counts, in the order in which words arrived. Nothing is ever
overwritten, which the database itself sees to: it is the proof.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, bindparam, func, literal_column, or_, select

from nurture.db.sets import among, insert_rows, now_param
from nurture.db.tables import ConsentRow, table_of
from nurture.model.words import NOTHING, Channel, Grant

C = table_of(ConsentRow)


class ConsentAction(StrEnum):
    GRANTED = "granted"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One entry of the ledger. ``source`` says where it was given; ``proof`` what shows it (form, address, click).

    An ``implied`` one was not given but follows from a purchase or an inquiry; ``actor`` is who of us wrote it down,
    where somebody did. ``id`` is given by the ledger.
    """

    contact_id: int
    channel: Channel
    purpose: str
    action: ConsentAction
    at: datetime
    source: str
    wording: str | None = None
    wording_version: str | None = None
    expires_at: datetime | None = None
    event_id: int | None = None
    proof: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    implied: bool = False
    actor: str | None = None
    id: int = field(default=0, compare=False)


def add(tx: Connection, consents: Sequence[Consent]) -> list[int]:
    """Write entries into the ledger; returns their ids in the same order."""
    rows = [{name: getattr(one, name) for name in _NAMES} for one in consents]
    return sorted(row.id for row in insert_rows(tx, C, rows, returning=("id",)))


def grants(tx: Connection, contact_ids: Collection[int], now: datetime) -> dict[int, tuple[Grant, ...]]:
    """The live grants of each contact: the latest word is yes and has not expired. None: left out."""
    found: dict[int, list[Grant]] = {}
    if contact_ids:
        for contact, id_, channel, purpose, at, expires in tx.execute(
            _LIVE, {"ids": contact_ids, "now": now}
        ):
            found.setdefault(contact, []).append(Grant(id_, Channel(channel), purpose, at, expires))
    return {contact: tuple(live) for contact, live in found.items()}


def withdrawn(tx: Connection, contact_ids: Collection[int]) -> dict[int, frozenset[str]]:
    """The purposes for which each contact took the permission back, by any channel, and gave none since. None: left out."""
    return {
        contact: frozenset(purpose for purpose, _ in noes)
        for contact, noes in taken_back(tx, contact_ids).items()
    }


Spoken = tuple[str, Channel]
"""A purpose and a channel."""


def taken_back(tx: Connection, contact_ids: Collection[int]) -> dict[int, frozenset[Spoken]]:
    """The same by purpose and channel: who wants no calls may still want mail."""
    found: dict[int, set[Spoken]] = {}
    if contact_ids:
        for contact, purpose, channel in tx.execute(_TAKEN_BACK, {"ids": contact_ids}):
            found.setdefault(contact, set()).add((purpose, Channel(channel)))
    return {contact: frozenset(noes) for contact, noes in found.items()}


def spoken_of(tx: Connection, contact_ids: Collection[int]) -> dict[int, frozenset[Spoken]]:
    """What each contact ever granted or withdrew, by purpose and channel. None: left out."""
    found: dict[int, set[Spoken]] = {}
    if contact_ids:
        for contact, purpose, channel in tx.execute(_SPOKEN_OF, {"ids": contact_ids}):
            found.setdefault(contact, set()).add((purpose, Channel(channel)))
    return {contact: frozenset(spoken) for contact, spoken in found.items()}


def ever_withdrew(tx: Connection, contact_ids: Collection[int], channel: Channel, purpose: str) -> set[int]:
    """Those of the contacts who once withdrew this consent, whatever came later. A list must not ask them again."""
    values = {"ids": contact_ids, "of": channel.value, "purpose": purpose}
    return set(tx.execute(_WITHDRAWN, values).scalars()) if contact_ids else set()


def history(tx: Connection, contact_id: int) -> list[Consent]:
    """Everything a contact ever granted or withdrew, oldest first."""
    return [_consent(row) for row in tx.execute(_HISTORY, {"contact": contact_id})]


def by_ids(tx: Connection, ids: Collection[int]) -> dict[int, Consent]:
    """Entries of the ledger by their numbers, such as the one a message relies on; unknown ones are left out."""
    found = [_consent(row) for row in tx.execute(_BY_ID, {"ids": ids})] if ids else []
    return {one.id: one for one in found}


def _consent(row: Sequence[Any]) -> Consent:
    values = dict(zip((*_NAMES, "id"), row, strict=True))
    kinds = {"channel": Channel(values["channel"]), "action": ConsentAction(values["action"])}
    return Consent(**{**values, **kinds})


_NAMES = tuple(field.name for field in fields(Consent) if field.name != "id")
_LAST_WORDS = (
    select(func.max(C.c.id)).where(among(C.c.contact_id)).group_by(C.c.contact_id, C.c.channel, C.c.purpose)
)
_LIVE = (
    select(C.c.contact_id, C.c.id, C.c.channel, C.c.purpose, C.c.at, C.c.expires_at)
    .where(
        C.c.id.in_(_LAST_WORDS),
        C.c.action == literal_column("'granted'"),
        or_(C.c.expires_at.is_(None), C.c.expires_at > now_param()),
    )
    .order_by(C.c.id)
)
_TAKEN_BACK = select(C.c.contact_id, C.c.purpose, C.c.channel).where(
    C.c.id.in_(_LAST_WORDS), C.c.action == literal_column("'withdrawn'")
)
_SPOKEN_OF = select(C.c.contact_id, C.c.purpose, C.c.channel).where(among(C.c.contact_id)).distinct()
_WITHDRAWN = select(C.c.contact_id).where(
    among(C.c.contact_id),
    C.c.channel == bindparam("of"),
    C.c.purpose == bindparam("purpose"),
    C.c.action == literal_column("'withdrawn'"),
)
_ENTRIES = select(*(C.c[name] for name in _NAMES), C.c.id)
_HISTORY = _ENTRIES.where(C.c.contact_id == bindparam("contact")).order_by(C.c.id)
_BY_ID = _ENTRIES.where(among(C.c.id))
