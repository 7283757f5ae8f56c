"""Mail addresses as they are written, as they travel, and as they compare.

Deliverability is never asked of the network here, and mail goes to the address as it was given: what dots and plus tags
mean is the receiver's business (RFC 5321, 2.3.11).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import idna

from nurture.model.errors import NurtureError

LONGEST_LOCAL_PART, LONGEST_DOMAIN = 64, 255  # octets: RFC 5321, 4.5.3.1.1 and 4.5.3.1.2
LONGEST = LONGEST_LOCAL_PART + 1 + LONGEST_DOMAIN

# What an unquoted local part may hold (RFC 5322 atext and dots, RFC 6531 beyond ASCII); importers refuse quoted ones too.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a1-\U0010ffff-]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_ASCII_DOMAIN = re.compile(
    r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*", re.IGNORECASE
)


_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_SELECTOR = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


class AddressError(NurtureError, ValueError):
    """This text is no mail address that can be written to."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address with the name people see beside it."""

    address: str
    name: str = ""

    @property
    def domain(self) -> str:
        """The domain as it travels (A-labels, lower case)."""
        return split_address(self.address)[1]


def parse_mailbox(text: str) -> Mailbox:
    """Read ``Name <address>`` or a bare address; the name may hold commas and be quoted.

    Raises AddressError.
    """
    before, opening, rest = text.strip().rpartition("<")
    if not opening:
        split_address(rest)
        return Mailbox(rest)
    address, closing, after = rest.partition(">")
    if not closing or after.strip():
        raise AddressError(f"{text!r} is no sender: write it as Name <name@example.org>")
    split_address(address.strip())
    name = before.strip()
    if len(name) >= 2 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return Mailbox(address.strip(), name)


@lru_cache(maxsize=4096)
def wire_domain(domain: str) -> str:
    """The domain as mail servers know it: A-labels, lower case (RFC 5891). Raises AddressError."""
    try:
        ascii_domain = domain.lower() if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")
    except UnicodeError as error:
        raise AddressError(f"{domain!r} is no domain: {error}") from error
    if len(ascii_domain) > LONGEST_DOMAIN or not _ASCII_DOMAIN.fullmatch(ascii_domain):
        raise AddressError(f"{domain!r} is no domain")
    return ascii_domain


def is_selector(text: str) -> bool:
    """Whether a signature (DKIM) can name its key so: it is the beginning of a name in the DNS."""
    return len(text) <= 100 and _SELECTOR.fullmatch(text) is not None


def split_address(address: str) -> tuple[str, str]:
    """The local part as written, and the domain as it travels. Raises AddressError."""
    local, at, domain = address.rpartition("@")
    # Not printable: spaces of any kind, invisible signs, half characters.
    written = _LOCAL_PART.fullmatch(local) is not None and local.isprintable()
    if not at or not written or len(local.encode()) > LONGEST_LOCAL_PART:
        raise AddressError(f"{address!r} is no mail address")
    return local, wire_domain(domain)


def wire_address(address: str) -> str:
    """The address as it stands in an envelope or a header; only its local part may still be non-ASCII."""
    return "@".join(split_address(address))


def needs_smtputf8(address: str) -> bool:
    """Whether only servers that offer SMTPUTF8 can take it: its local part is not ASCII (RFC 6531)."""
    return not address.rpartition("@")[0].isascii()


def same_key(address: str) -> str:
    """What all spellings of one address share, so that one address is one person. Dots and plus tags are kept.

    Trimmed, NFC, lower case, its domain in ASCII. Raises AddressError when nothing stands before or after the ``@``, when
    there are two, or the domain cannot be one; whether such a mailbox could exist is asked where addresses come in.
    """
    text = unicodedata.normalize("NFC", address.strip())
    local, _, domain = text.rpartition("@")
    doubled = "@" in local and not local.startswith('"')
    if not (local and domain) or doubled or len(text) > LONGEST or any(c.isspace() or c < " " for c in text):
        raise AddressError(
            f"'{address[:80]}' is not an e-mail address", hint="it looks like name@example.org"
        )
    # Once more: small letters may compose where capitals do not.
    return f"{unicodedata.normalize('NFC', local.lower())}@{wire_domain(domain.rstrip('.'))}"
