"""The people we may reach: found by address or id, changed as a set.

An address is one person, however it is written. A stored value is never cleared by an empty one. The rows know
nothing of workflows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Text,
    Update,
    bindparam,
    func,
    or_,
    select,
    update,
)

from nurture.db.addresses import phone_hash
from nurture.db.sets import AnyRow, among, given, now_param, run_on, same_row
from nurture.db.state import hash_key
from nurture.db.tables import ContactRow, table_of
from nurture.model.addresses import same_key
from nurture.model.words import Contact, Scalar

CONTACTS = table_of(ContactRow)
_NAMES = tuple(field.name for field in fields(Contact))
_COLUMNS = tuple(CONTACTS.c[name] for name in _NAMES)

OWN_COLUMNS = frozenset({"first_name", "last_name", "phone", "timezone", "locale", "owner", "score"})
"""Fields of a contact that have a column; every other field the workspace declares lives in ``fields``."""


@dataclass(frozen=True, slots=True)
class Change:
    """What to change of one contact; a value of None clears it. The address itself is not changed here."""

    values: Mapping[str, Scalar]
    add_tags: frozenset[str] = frozenset()
    remove_tags: frozenset[str] = frozenset()


def by_email(tx: Connection, emails: Collection[str]) -> dict[str, Contact]:
    """Contacts by address, however it is written: ``{same_key: contact}``; unknown ones are left out.

    Raises AddressError for what cannot be an address.
    """
    keys = {same_key(email) for email in emails}
    return {row.email_key: _contact(row) for row in tx.execute(_BY_KEY, {"keys": keys})} if keys else {}


def load(tx: Connection, ids: Collection[int]) -> dict[int, Contact]:
    """Contacts by id; unknown ids are left out."""
    return {row.id: _contact(row) for row in tx.execute(_BY_ID, {"ids": ids})} if ids else {}


def lock(tx: Connection, ids: Collection[int]) -> Collection[int]:
    """Nobody else stores anything for these contacts until this transaction ends. Returns who was not erased meanwhile.

    Always in the order of ids, so that two never wait for each other. SQLite has one writer anyway.
    """
    return tx.execute(_LOCK, {"ids": ids}).scalars().all() if ids else ids


def lock_numbers(tx: Connection, phone_hashes: Collection[str]) -> None:
    """The same for everybody who has one of these numbers: opening it and closing it then never cross."""
    if phone_hashes and tx.dialect.name != "sqlite":
        tx.execute(_LOCK_NUMBERS, {"numbers": phone_hashes}).all()


def apply_changes(tx: Connection, changes: Mapping[int, Change], now: datetime) -> set[int]:
    """Change contacts; returns the ids of those that are really different now."""
    if not changes:
        return set()
    key = hash_key(tx)
    rows = []
    for contact in tx.execute(_FOR_CHANGE, {"ids": changes.keys()}):
        before = _changeable(contact)
        after = _changed(before, changes[contact.id], key)
        if after != before:
            rows.append({"id": contact.id} | after)
    if rows:
        run_on(tx, update_changed, rows, now=now)
    return {row["id"] for row in rows}


def touch_active(tx: Connection, moments: Mapping[int, datetime]) -> None:
    """Note human activity: ``{contact id: when}``; an earlier moment than the one known changes nothing."""
    rows = [{"id": contact, "at": at} for contact, at in moments.items()]
    if rows:
        run_on(tx, _touch, rows)


def search(tx: Connection, text: str = "", *, limit: int = 50, after: int = 0) -> list[Contact]:
    """Contacts whose address or name holds ``text``, by id, from ``after`` on, at most ``limit``."""
    values = {"text": f"%{_escaped(text.strip().lower())}%", "after": after, "most": limit}
    return [_contact(row) for row in tx.execute(_SEARCH, values)]


def count(tx: Connection) -> int:
    return tx.execute(select(func.count()).select_from(CONTACTS)).scalar_one()


def all_ids(tx: Connection) -> list[int]:
    """The id of every contact, oldest first."""
    return list(tx.execute(select(CONTACTS.c.id).order_by(CONTACTS.c.id)).scalars())


# --- statements -------------------------------------------------------------------------------------------------

CHANGEABLE = (*sorted(OWN_COLUMNS), "phone_hash", "tags", "fields")

_BY_KEY = select(*_COLUMNS, CONTACTS.c.email_key).where(among(CONTACTS.c.email_key, "keys"))
_BY_ID = select(*_COLUMNS).where(among(CONTACTS.c.id))
_LOCK = (
    select(CONTACTS.c.id).where(among(CONTACTS.c.id)).order_by(CONTACTS.c.id).with_for_update(key_share=True)
)
_LOCK_NUMBERS = (
    select(CONTACTS.c.id)
    .where(among(CONTACTS.c.phone_hash, "numbers"))
    .order_by(CONTACTS.c.id)
    .with_for_update(key_share=True)
)
_FOR_CHANGE = (
    select(CONTACTS.c.id, *(CONTACTS.c[name] for name in CHANGEABLE))
    .where(among(CONTACTS.c.id))
    .order_by(CONTACTS.c.id)
    .with_for_update(key_share=True)
)
_SEARCH = (
    select(*_COLUMNS)
    .where(
        CONTACTS.c.id > bindparam("after"),
        or_(
            *(
                column.like(bindparam("text", type_=Text), escape="\\")
                for column in (
                    CONTACTS.c.email_key,
                    func.lower(CONTACTS.c.first_name),
                    func.lower(CONTACTS.c.last_name),
                )
            )
        ),
    )
    .order_by(CONTACTS.c.id)
    .limit(bindparam("most"))
)


@cache
def update_changed(dialect: str) -> Update:
    """Write the rows of ``given``, each with an id and every changeable column."""
    row = given(dialect, id=CONTACTS.c.id, **{name: CONTACTS.c[name] for name in CHANGEABLE})
    return (
        update(CONTACTS)
        .where(same_row(dialect, CONTACTS.c.id, row))
        .values({name: row.c[name] for name in CHANGEABLE} | {"updated_at": now_param()})
    )


@cache
def _touch(dialect: str) -> Update:
    row = given(dialect, id=CONTACTS.c.id, at=CONTACTS.c.last_active_at)
    known = CONTACTS.c.last_active_at
    return (
        update(CONTACTS)
        .where(same_row(dialect, CONTACTS.c.id, row), or_(known.is_(None), known < row.c.at))
        .values(last_active_at=row.c.at)
    )


# --- rows and values --------------------------------------------------------------------------------------------


def _contact(row: AnyRow) -> Contact:
    value = dict(zip(_NAMES, row, strict=False))
    value["tags"] = frozenset(value["tags"])
    return Contact(**value)


def _changeable(row: AnyRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in CHANGEABLE}


def _changed(before: Mapping[str, Any], change: Change, key: bytes) -> dict[str, Any]:
    after = dict(before)
    after["fields"] = dict(before["fields"])
    for name, value in change.values.items():
        if name in OWN_COLUMNS:
            after[name] = value
        elif value is None:
            after["fields"].pop(name, None)
        else:
            after["fields"][name] = value
    if after["score"] is None:
        after["score"] = 0
    if after["phone"] != before["phone"]:
        after["phone_hash"] = phone_hash(key, after["phone"])
    after["tags"] = sorted((set(before["tags"]) | change.add_tags) - change.remove_tags)
    return after


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
