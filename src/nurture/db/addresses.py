"""One person, one address: how addresses are compared, and the keyed hash that stands for one without showing it.

Normalised text is for identity only; mail goes to the address as the contact gave it. Dots and plus tags stay: what
they mean is the receiving server's business.
"""

from __future__ import annotations

import hmac
import unicodedata

from nurture.model import addresses
from nurture.model.addresses import wire_domain
from nurture.model.errors import NurtureError
from nurture.model.words import Channel

LONGEST = 320


class AddressError(NurtureError):
    """This cannot be an e-mail address."""


def normalise_email(text: str) -> str:
    """The address as it is compared: trimmed, NFC, lower case, its domain in ASCII (IDNA).

    Raises AddressError when there is nothing before or after the ``@``, or the domain cannot be one. Whether such a
    mailbox could exist is asked where addresses come in.
    """
    address = unicodedata.normalize("NFC", text.strip())
    local, at, domain = address.rpartition("@")
    if (
        not (local and at and domain)
        or len(address) > LONGEST
        or any(c.isspace() or c < " " for c in address)
    ):
        raise AddressError(f"'{text[:80]}' is not an e-mail address", hint="it looks like name@example.org")
    try:
        return f"{local.lower()}@{wire_domain(domain.rstrip('.'))}"
    except addresses.AddressError as error:
        raise AddressError(f"'{text[:80]}' has a domain that cannot exist") from error


def normalise_phone(text: str) -> str:
    """A phone number as it is compared: its digits, and the plus in front if there is one."""
    digits = "".join(str(unicodedata.digit(c)) for c in text if c.isdigit())
    return f"+{digits}" if text.strip().startswith("+") else digits


def email_hash(key: bytes, email_key: str) -> str:
    """What the suppression list knows of a normalised address; nobody without ``key`` can test an address."""
    return address_hash(key, Channel.EMAIL, email_key)


def phone_hash(key: bytes, phone: str | None) -> str | None:
    """The same for a phone number as it was given; None without digits."""
    digits = normalise_phone(phone or "")
    return address_hash(key, Channel.PHONE, digits) if digits.strip("+") else None


def address_hash(key: bytes, channel: Channel, normalised: str) -> str:
    """HMAC-SHA256, in hex, of a normalised address or number of this channel."""
    return hmac.digest(key, f"{channel}:{normalised}".encode(), "sha256").hex()
