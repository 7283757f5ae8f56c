"""Make the key that signs a sender's mail, and say which DNS record lets others check it.

It touches files of the project only. A key that is there is never replaced: mail on its way is signed with it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nurture.model.addresses import is_selector, parse_mailbox, wire_domain
from nurture.model.errors import NotFoundError, NurtureError, did_you_mean
from nurture.model.workspace import Sender
from nurture.rendering.dkim import MAKE_ONE, DkimError, KeyKind, new_key, read_key, record_name
from nurture.services.files.folder import read_toml
from nurture.services.sending.senders import Keyring

FOLDER = "var/dkim"
LONGEST_STRING = 255
"""Octets in one string of a TXT record (RFC 1035, 3.3.14); several count as one."""


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """What is to stand in the DNS, as TXT."""

    sender: str
    name: str
    value: str

    @property
    def strings(self) -> tuple[str, ...]:
        """The value in parts that fit."""
        return tuple(self.value[at : at + LONGEST_STRING] for at in range(0, len(self.value), LONGEST_STRING))


@dataclass(frozen=True, slots=True)
class Made:
    """A new key: its file (relative to the project), its record, and the lines for nurture.toml."""

    file: str
    record: DnsRecord
    toml: tuple[str, ...]


def make(
    project: Path, selector: str, *, sender: str = "default", domain: str | None = None, kind: KeyKind
) -> Made:
    """Make a key and write it, readable by its owner only.

    Raises NotFoundError for an unknown sender, NurtureError where there is such a key, DkimError without the extra.
    """
    if not is_selector(selector):
        raise DkimError(f"{selector!r} is no selector", hint="use letters, digits and -, such as s2026")
    signs_for = wire_domain(domain) if domain else _domain_of(project, sender)
    pem = new_key(kind)
    file = project / FOLDER / f"{selector}.pem"
    try:
        _write(file, pem)
    except FileExistsError:
        raise NurtureError(
            f"there is a key in {FOLDER}/{selector}.pem already", hint="take another selector"
        ) from None
    except OSError as error:
        raise NurtureError(f"{file} cannot be written: {error.strerror}") from None
    record = DnsRecord(sender, record_name(selector, signs_for), read_key(pem).record)
    name = f"{FOLDER}/{selector}.pem"
    return Made(
        name, record, (f"[senders.{sender}]", f'dkim_selector = "{selector}"', f'dkim_key_file = "{name}"')
    )


def records(project: Path, given: str | None, name: str | None = None) -> list[DnsRecord]:
    """The records of all senders that sign, or of one. Raises NotFoundError when there is none, DkimError."""
    senders = read_toml(project).senders
    wanted = [_one(senders, name)] if name else list(senders.values())
    keys = Keyring(project, given)
    found = [
        DnsRecord(sender.name, signer.record_name, signer.key.record)
        for sender in wanted
        if (signer := keys.signer(sender))
    ]
    if not found:
        raise NotFoundError("no sender in nurture.toml has a dkim_selector", hint=MAKE_ONE)
    return found


def _domain_of(project: Path, name: str) -> str:
    return parse_mailbox(_one(read_toml(project).senders, name).address).domain


def _one(senders: Mapping[str, Sender], name: str) -> Sender:
    if name not in senders:
        known = f"known are {', '.join(senders)}; " if senders else ""
        hint = did_you_mean(name, senders) or f"{known}add [senders.{name}] to nurture.toml for another"
        raise NotFoundError(f"there is no sender '{name}'", hint=hint)
    return senders[name]


def _write(file: Path, pem: bytes) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(pem)
