"""What stands for an address without showing it: a keyed hash, so that a suppression survives an erasure.

It compares addresses no further than ``model.addresses`` does, and phone numbers by their digits.
"""

from __future__ import annotations

import hmac
import unicodedata

from nurture.model.words import Channel


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
