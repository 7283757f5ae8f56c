"""Mail that was caught instead of sent: what lies in the folder of ``catch:``, the newest first, and one mail opened.

Only names that the folder itself lists are opened: no path of a visitor ever reaches the disk. It changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import default
from functools import lru_cache
from pathlib import Path

from nurture.model.errors import NotFoundError

NAME = re.compile(r"(?P<at>\d{8}T\d{6}Z)-(?P<key>[A-Za-z0-9_-]{1,100})\.eml")
_HALF = re.compile(r"\.(?P<key>[A-Za-z0-9_-]{1,128})\.\d+\.\d+\.tmp")
"""One that a channel was writing."""
HEAD = 64 * 1024
"""Bytes in which the headers of a mail end."""
_HEADERS = BytesHeaderParser(policy=default)


@dataclass(frozen=True, slots=True)
class Slip:
    """One caught mail in the list. ``key`` is its delivery's."""

    name: str
    key: str
    at: datetime
    to: str
    subject: str


@dataclass(frozen=True, slots=True)
class Letter:
    """One caught mail, opened. ``html`` is None for one of plain text."""

    slip: Slip
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str | None
    data: bytes


@dataclass(frozen=True, slots=True)
class Pile:
    """One page of the list, and the name after which the next one goes on."""

    slips: tuple[Slip, ...]
    older: str | None


def look_through(folder: Path, to: str = "", *, after: str = "", most: int = 50) -> Pile:
    """The newest caught mails whose recipient or subject holds every word of ``to``, after the name ``after``."""
    words = to.casefold().split()
    found: list[Slip] = []
    for name in sorted(names(folder), reverse=True):
        if after and name >= after:
            continue
        if (one := slip(folder, name)) and all(
            word in f"{one.to} {one.subject}".casefold() for word in words
        ):
            found.append(one)
            if len(found) > most:
                break
    more = len(found) > most
    shown = found[:most]
    return Pile(tuple(shown), shown[-1].name if more else None)


def by_keys(folder: Path, keys: Collection[str]) -> dict[str, Slip]:
    """The caught mails of these deliveries; those that were not caught are left out."""
    wanted = set(keys)
    named = {key: name for name in names(folder) if (key := _key(name)) in wanted}
    return {key: one for key, name in named.items() if (one := slip(folder, name))}


def open_letter(folder: Path, name: str) -> Letter:
    """The caught mail of this name. Raises NotFoundError for any name that is not in the list."""
    one = slip(folder, name) if name in set(names(folder)) else None
    if one is None:
        raise NotFoundError("there is no such caught mail", hint="it may have been thrown away")
    data = (folder / name).read_bytes()
    mail = message_from_bytes(data, policy=default)
    assert isinstance(mail, EmailMessage)
    return Letter(
        slip=one,
        headers=tuple((header, str(value)) for header, value in mail.items()),
        text=_body(mail, "plain") or "",
        html=_body(mail, "html"),
        data=data,
    )


def naming(folder: Path, words: Collection[str]) -> tuple[str, ...]:
    """The names of the mails in whose bytes one of these words stands, as an address does in a header."""
    sought = [word.lower().encode() for word in words]
    return tuple(
        name for name in names(folder) if any(word in (folder / name).read_bytes().lower() for word in sought)
    )


def throw_away(folder: Path, keys: Collection[str], named: Collection[str] = ()) -> int:
    """Delete the mails of these deliveries and those of these names, half-written ones too; returns how many."""
    gone = 0
    for path in folder.iterdir() if folder.is_dir() else ():
        half = _HALF.fullmatch(path.name)
        if path.name in named or (half["key"] if half else _key(path.name)) in keys:
            path.unlink(missing_ok=True)
            gone += not half
    _slip.cache_clear()
    return gone


def names(folder: Path) -> Iterator[str]:
    """What lies there and is a mail of ours: no hidden file, no link to somewhere else."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if NAME.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            yield path.name


def slip(folder: Path, name: str) -> Slip | None:
    """What the list tells of a mail; None when it is gone meanwhile."""
    try:
        changed = (folder / name).stat().st_mtime_ns
        return _slip(folder, name, changed)
    except FileNotFoundError:
        return None


@lru_cache(maxsize=20_000)
def _slip(folder: Path, name: str, changed: int) -> Slip:
    """Read once for as long as the file stays as it is (``changed``)."""
    with (folder / name).open("rb") as file:
        headers = _HEADERS.parsebytes(file.read(HEAD))
    found = NAME.fullmatch(name)
    assert found is not None
    at = datetime.strptime(found["at"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return Slip(name, found["key"], at, str(headers.get("To", "")), str(headers.get("Subject", "")))


def _key(name: str) -> str:
    found = NAME.fullmatch(name)
    return found["key"] if found else ""


def _body(mail: EmailMessage, kind: str) -> str | None:
    part = mail.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part is not None else None
