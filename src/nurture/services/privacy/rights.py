"""Everything that we hold about one person, for themselves: every row, in a few words each, and mail that was caught.

It reads, and changes nothing but the audit log. What belongs to somebody else is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from nurture.db import forgetting, personal
from nurture.db.personal import HOLDINGS, Fate, Who
from nurture.model.addresses import same_key
from nurture.model.errors import NotFoundError
from nurture.services.runtime import Runtime
from nurture.services.sending import caught
from nurture.services.sending.caught import Slip

ABOUT = (
    "Everything that this installation of nurture holds about you. Times are in UTC. Each table says what it is; the"
    " names of its columns are those of the database. Hashes stand for an address or number that only this installation"
    " can recognise."
)


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one table, as they are stored."""

    table: str
    about: str
    rows: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Everything:
    """What we hold about the person with this address. ``caught`` are mails that were written to a file, not sent.

    ``elsewhere``: rows of others in which somebody wrote down the address, as ``table:id``; what else is in them is not
    this person's to see.
    """

    email: str
    at: datetime
    about: str
    parts: tuple[Part, ...]
    caught: tuple[Slip, ...]
    elsewhere: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        return {part.table: len(part.rows) for part in self.parts}


def everything(runtime: Runtime, email: str, folder: Path, actor: str) -> Everything:
    """All of it, in one snapshot; that it was looked at is noted. ``folder`` is where mail is caught.

    Raises NotFoundError when nothing at all is known of the address, AddressError for what is none.
    """
    key = same_key(email)
    with runtime.database.read() as tx:
        who = personal.who(tx, [key])
        parts = tuple(_parts(tx, who))
        found = forgetting.mentions(tx, who.keys)
        papers = caught_of(tx, who, folder)
    own = {(part.table, row["id"]) for part in parts for row in part.rows if "id" in row}
    elsewhere = tuple(f"{one.table.name}:{one.key}" for one in found if (one.table.name, one.key) not in own)
    if not (parts or elsewhere or papers):
        raise nothing_known(email)
    with runtime.database.write() as tx:
        for contact in who.ids:
            runtime.audit(tx, actor, "export", f"contact:{contact}")
    return Everything(email.strip(), runtime.now(), ABOUT, parts, papers, elsewhere)


@dataclass(frozen=True, slots=True)
class Held:
    """One table with rows of somebody, in the words in which they are told."""

    table: str
    about: str
    rows: int


def tables(counts: Mapping[str, int]) -> tuple[Held, ...]:
    """What these counts by table are, in the order in which a person would read them."""
    return tuple(
        Held(one.table.name, one.about, counts[one.table.name])
        for one in HOLDINGS
        if one.table.name in counts
    )


def as_document(found: Everything) -> dict[str, object]:
    """The document that is handed out."""
    return {
        "email": found.email,
        "exported_at": found.at.isoformat(),
        "about": found.about,
        "tables": {part.table: {"about": part.about, "rows": list(part.rows)} for part in found.parts},
        "caught_mails": [
            {"file": one.name, "at": one.at.isoformat(), "to": one.to, "subject": one.subject}
            for one in found.caught
        ],
        "named_elsewhere": list(found.elsewhere),
    }


def nothing_known(email: str) -> NotFoundError:
    """What is said of an address that stands nowhere."""
    return NotFoundError(
        f"nothing is known of {email.strip()}", hint="look whether the address is written as they write it"
    )


def caught_of(tx: Connection, who: Who, folder: Path) -> tuple[Slip, ...]:
    """The caught mails that are theirs, by their deliveries or by the address in them, oldest first."""
    named = set(caught.naming(folder, who.written))
    mine = {one.name: one for one in caught.by_keys(folder, forgetting.papers(tx, who)).values()}
    slips = [*mine.values(), *(one for name in named - mine.keys() if (one := caught.slip(folder, name)))]
    return tuple(sorted(slips, key=lambda one: one.name))


def known(counts: Mapping[str, int]) -> dict[str, int]:
    """Of the rows of each table those that an erasure takes: what stays by its hash alone is not known any more."""
    staying = {one.table.name for one in HOLDINGS if one.fate is Fate.HASHED or one.table is personal.STORY}
    return {name: number for name, number in counts.items() if name not in staying}


def _parts(tx: Connection, who: Who) -> Sequence[Part]:
    there = forgetting.count(tx, who)
    return [
        Part(one.table.name, one.about, tuple(_readable(row) for row in forgetting.rows(tx, one, who)))
        for one in HOLDINGS
        if one.table.name in there
    ]


def _readable(row: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON has it: times in ISO 8601, and bytes as the text they are, the source of a mail."""
    return {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.decode(errors="replace") if isinstance(value, bytes) else value
