"""Many contacts at once, from a list: new ones are made, known ones completed, the same list twice changes nothing.

An empty cell never clears what is stored, tags are only added. It judges no cell: that is done before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from nurture.db import suppressions
from nurture.db.addresses import email_hash, phone_hash
from nurture.db.contacts import CHANGEABLE, CONTACTS, update_changed
from nurture.db.sets import among, copy_rows, pairs, run_on
from nurture.db.state import hash_key
from nurture.model.addresses import same_key
from nurture.model.words import NOTHING, Channel, Scalar, SuppressionReason

CHUNK = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NewContact:
    """One row of a list. None means that the list does not say."""

    email: str
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    timezone: str | None = None
    locale: str | None = None
    owner: str | None = None
    score: float | None = None
    tags: frozenset[str] = frozenset()
    fields: Mapping[str, Scalar] = field(default_factory=lambda: NOTHING)


@dataclass(slots=True)
class UpsertResult:
    """What became of a list: contact ids, and the id of each normalised address."""

    created: list[int] = field(default_factory=list)
    updated: list[int] = field(default_factory=list)
    unchanged: list[int] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)
    """Normalised addresses whose people were erased: they are not made again, and have no id."""
    ids: dict[str, int] = field(default_factory=dict)


def upsert(tx: Connection, contacts: Sequence[NewContact], now: datetime) -> UpsertResult:
    """Store a list of contacts of any length. An address that comes twice is one contact; the later row completes it.

    Who was erased is left out, however the list says it; only their own yes by mail takes them off the suppression list.
    Raises AddressError for an address that cannot be one; nothing is stored then.
    """
    key = hash_key(tx)
    rows = _merged(contacts)
    result = UpsertResult()
    for chunk in _chunks(rows):
        _upsert_chunk(tx, chunk, key, now, result)
    return result


def _upsert_chunk(
    tx: Connection, wanted: Mapping[str, NewContact], key: bytes, now: datetime, result: UpsertResult
) -> None:
    known = _update_known(tx, wanted, key, now, result)
    missing = {name: contact for name, contact in wanted.items() if name not in known}
    for name in _erased(tx, missing, key):
        del missing[name]
        result.erased.append(name)
    created = _insert(tx, missing, key, now)
    result.created.extend(created.values())
    result.ids.update(created)
    if len(created) < len(missing):
        # Another transaction made some of them just now.
        late = {name: contact for name, contact in missing.items() if name not in created}
        _update_known(tx, late, key, now, result)


def _erased(tx: Connection, names: Collection[str], key: bytes) -> list[str]:
    """Those of these addresses whose people were erased."""
    hashes = {name: email_hash(key, name) for name in names}
    listed = suppressions.of_hashes(tx, hashes.values(), Channel.EMAIL)
    return [name for name, one in hashes.items() if SuppressionReason.ERASED in listed.get(one, ())]


def _update_known(
    tx: Connection, wanted: Mapping[str, NewContact], key: bytes, now: datetime, result: UpsertResult
) -> Collection[str]:
    changed, known = [], {}
    for row in tx.execute(_KNOWN, {"keys": wanted.keys()}):
        id_, email_key, *values = row
        known[email_key] = id_
        before = dict(zip(CHANGEABLE, values, strict=True))
        after = _completed(before, wanted[email_key], key)
        if after is None:
            result.unchanged.append(id_)
        else:
            changed.append({"id": id_} | after)
            result.updated.append(id_)
    if changed:
        run_on(tx, update_changed, changed, now=now)
    result.ids.update(known)
    return known.keys()


def _insert(tx: Connection, contacts: Mapping[str, NewContact], key: bytes, now: datetime) -> dict[str, int]:
    rows = [
        {
            "email": contact.email.strip(),
            "email_key": email_key,
            "email_hash": email_hash(key, email_key),
            "phone_hash": phone_hash(key, contact.phone),
            **{name: getattr(contact, name) for name in _TEXTS},
            "score": contact.score or 0,
            "tags": sorted(contact.tags),
            "fields": {name: value for name, value in contact.fields.items() if value is not None},
            "created_at": now,
            "updated_at": now,
        }
        for email_key, contact in contacts.items()
    ]
    stored = copy_rows(tx, CONTACTS, rows, returning=("email_key", "id"))
    return pairs(stored)


_TEXTS = ("first_name", "last_name", "phone", "timezone", "locale", "owner")
_KNOWN = (
    select(CONTACTS.c.id, CONTACTS.c.email_key, *(CONTACTS.c[name] for name in CHANGEABLE))
    .where(among(CONTACTS.c.email_key, "keys"))
    .order_by(CONTACTS.c.id)
    .with_for_update(key_share=True)
)


def _completed(before: Mapping[str, Any], contact: NewContact, key: bytes) -> dict[str, Any] | None:
    """What is stored, completed by what the list says; None when that is nothing new."""
    news: dict[str, Any] = {
        name: value
        for name in (*_TEXTS, "score")
        if (value := getattr(contact, name)) is not None and value != before[name]
    }
    if not contact.tags.issubset(before["tags"]):
        news["tags"] = sorted(contact.tags.union(before["tags"]))
    stored = before["fields"]
    fields = {name: value for name, value in contact.fields.items() if value is not None}
    if any(name not in stored or stored[name] != value for name, value in fields.items()):
        news["fields"] = {**stored, **fields}
    if not news:
        return None
    if "phone" in news:
        news["phone_hash"] = phone_hash(key, contact.phone)
    return {**before, **news}


def _merged(contacts: Sequence[NewContact]) -> dict[str, NewContact]:
    merged: dict[str, NewContact] = {}
    for contact in contacts:
        key = same_key(contact.email)
        merged[key] = _completed_row(merged[key], contact) if key in merged else contact
    return merged


def _completed_row(first: NewContact, later: NewContact) -> NewContact:
    said = {name: value for name in (*_TEXTS, "score") if (value := getattr(later, name)) is not None}
    kept = {name: getattr(first, name) for name in (*_TEXTS, "score")}
    fields = {**first.fields, **{name: value for name, value in later.fields.items() if value is not None}}
    return NewContact(email=first.email, **{**kept, **said}, tags=first.tags | later.tags, fields=fields)


def _chunks(rows: Mapping[str, NewContact]) -> Iterator[dict[str, NewContact]]:
    items = list(rows.items())
    for start in range(0, len(items), CHUNK):
        yield dict(items[start : start + CHUNK])
