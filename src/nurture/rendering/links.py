"""Links that only we can have made: how to leave, what to receive, the offer to download, the yes to confirm.

A link holds an opaque key and a signature, never an address, a name or a number that can be counted up. A link that
leads out (unsubscribe) works for ever; a download ends, a confirmation too. The first key signs, all keys verify, so
that links survive a change of the secret.
"""

from __future__ import annotations

import re
from base64 import b32encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b, sha256
from hmac import compare_digest, digest

from itsdangerous import BadSignature, Signer
from itsdangerous.signer import SigningAlgorithm

from nurture.model.addresses import wire_domain
from nurture.model.errors import NurtureError

_WORD = re.compile(r"[A-Za-z0-9_-]{1,100}")
_BETWEEN = "~"
LONGEST_TOKEN = 400
RETURN_PREFIX = "b-"
TRAP = "trap"
"""A click's target that is no target: longer words of another alphabet name those."""


class Kind(StrEnum):
    """What a link is for; the value is its path. A token of one kind is worth nothing as another."""

    LEAVE = "u"
    DOWNLOAD = "d"
    CONFIRM = "confirm"
    CLICK = "c"
    OPEN = "p"
    FORM = "o"
    """No link: the stamp in a form's page that says when it was shown."""


class LinkError(NurtureError):
    """This link is not ours, not for this, or no longer good: always the same words, so that nobody learns which."""

    def __init__(self) -> None:
        super().__init__("This link does not work any more", hint="ask for a new one")


class ExpiredLinkError(LinkError):
    """The link is ours, and its time is over; ``payload`` says what it was for, so that a fresh one can be offered."""

    def __init__(self, payload: Payload) -> None:
        super().__init__()
        self.payload = payload


@dataclass(frozen=True, slots=True)
class Payload:
    """What a link says: the delivery it was in, or the request it confirms; a download's offer, a click's target."""

    key: str
    offer: str | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Links:
    """Makes and reads links. ``base_url`` is where our pages stand; ``keys`` are the secrets, the signing one first."""

    base_url: str
    keys: tuple[str, ...] = field(repr=False)

    def unsubscribe(self, key: str) -> str:
        """The way out for the delivery ``key``; also the one-click target (RFC 8058). It never expires."""
        return f"{self.base_url.rstrip('/')}/{Kind.LEAVE}/{self.token(Kind.LEAVE, key)}"

    def preferences(self, key: str) -> str:
        """The same page, at the choice of what to receive and how often."""
        return f"{self.unsubscribe(key)}#preferences"

    def download(self, key: str, offer: str, expires: datetime) -> str:
        """The offer's page; it ends at ``expires`` (aware, whole seconds)."""
        until = _letters(int(expires.timestamp()))
        return f"{self.base_url.rstrip('/')}/{Kind.DOWNLOAD}/{self.token(Kind.DOWNLOAD, key, offer, until)}"

    def confirm(self, key: str, expires: datetime) -> str:
        """Where the request ``key`` is confirmed; it ends at ``expires`` (aware, whole seconds)."""
        until = _letters(int(expires.timestamp()))
        return f"{self.base_url.rstrip('/')}/{Kind.CONFIRM}/{self.token(Kind.CONFIRM, key, until)}"

    def click(self, key: str, target: str) -> str:
        """The way over us to the stored target; it never expires."""
        return f"{self.base_url.rstrip('/')}/{Kind.CLICK}/{self.token(Kind.CLICK, key, target)}"

    def trap(self, key: str) -> str:
        """The link that nobody sees: who follows it reads messages as machines do."""
        return self.click(key, TRAP)

    def open(self, key: str) -> str:
        """The picture of one dot that tells us that the message was shown."""
        return f"{self.base_url.rstrip('/')}/{Kind.OPEN}/{self.token(Kind.OPEN, key)}.gif"

    def return_path(self, key: str, domain: str) -> str:
        """Where bounces of the delivery go: its key and a signature that survive a change of case (VERP).

        Raises AddressError for what is no domain.
        """
        return f"{RETURN_PREFIX}{key}-{_short_signature(self.keys[0], key)}@{wire_domain(domain)}"

    def read_return_path(self, address: str) -> str | None:
        """The key of the delivery that this return path, or its local part, was made for; None for any other address."""
        local = address.strip().strip("<>").partition("@")[0].lower()
        key, _, given = local.removeprefix(RETURN_PREFIX).rpartition("-")
        if not (local.isascii() and local.startswith(RETURN_PREFIX) and _WORD.fullmatch(key)):
            return None
        good = any(compare_digest(given, _short_signature(secret, key)) for secret in self.keys)
        return key if good else None

    def page(self, path: str) -> str:
        """A page of ours, for people who log in: ``admin/calls``."""
        return f"{self.base_url.rstrip('/')}/{path}"

    def offer(self, name: str) -> str:
        """The form of a lead offer: no secret, everybody may ask."""
        return f"{self.base_url.rstrip('/')}/{Kind.FORM}/{name}"

    def stamp(self, nonce: str, now: datetime) -> str:
        """What a form carries to tell when it was shown; ``nonce`` is a plain word, another one for each page."""
        return self.token(Kind.FORM, nonce, _letters(int(now.timestamp() * 1000)))

    def read_stamp(self, stamp: str) -> tuple[str, datetime]:
        """The nonce of a form's page, and when it was shown. Raises LinkError for a stamp that is not ours."""
        nonce, shown = self._words(stamp, Kind.FORM, 2)
        return nonce, datetime.fromtimestamp(int(shown, 36) / 1000, UTC)

    def token(self, kind: Kind, *words: str) -> str:
        """Words and signature (HMAC-SHA-256). Raises ValueError for a word that is more than letters, digits, - and _."""
        if not all(_WORD.fullmatch(word) for word in words):
            raise ValueError(f"a link holds plain words only, not {words!r}")
        return _signer(self.keys, kind).sign(_BETWEEN.join(words)).decode()

    def read(self, token: str, kind: Kind, now: datetime) -> Payload:
        """What the link says, if it is ours, of this kind, and good at ``now``. Raises LinkError, ExpiredLinkError."""
        match kind:
            case Kind.LEAVE:
                return Payload(*self._words(token, kind, 1))
            case Kind.DOWNLOAD:
                key, offer, until = self._words(token, kind, 3)
                return _in_time(Payload(key, offer), until, now)
            case Kind.CONFIRM:
                key, until = self._words(token, kind, 2)
                return _in_time(Payload(key), until, now)
            case Kind.CLICK:
                key, target = self._words(token, kind, 2)
                return Payload(key, target=target)
            case Kind.OPEN:
                return Payload(*self._words(token, kind, 1))
            case Kind.FORM:
                raise LinkError

    def _words(self, token: str, kind: Kind, count: int) -> list[str]:
        """The ``count`` words of a token. Raises LinkError."""
        if len(token) > LONGEST_TOKEN or not token.isascii():
            raise LinkError
        try:
            words = _signer(self.keys, kind).unsign(token).decode().split(_BETWEEN)
        except BadSignature:
            raise LinkError from None
        if len(words) != count:
            raise LinkError
        return words


def _in_time(payload: Payload, until: str, now: datetime) -> Payload:
    if datetime.fromtimestamp(int(until, 36), UTC) < now:
        raise ExpiredLinkError(payload)
    return payload


class _InOneStroke(SigningAlgorithm):
    """HMAC-SHA-256 as ever, in one call."""

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return digest(key, value, "sha256")


class _Signer(Signer):
    """Works out the key of each secret once: a message with ten links would spend half its time on it."""

    def derive_key(self, secret_key: str | bytes | None = None) -> bytes:
        return self._derived(secret_key)

    @lru_cache(maxsize=64)  # noqa: B019 - signers are few, and kept as long as the process
    def _derived(self, secret_key: str | bytes | None) -> bytes:
        return super().derive_key(secret_key)


@lru_cache(maxsize=16)
def _signer(keys: Sequence[str], kind: Kind) -> Signer:
    if not keys or not all(keys):
        raise ValueError("links need a secret to sign with")
    # itsdangerous signs with the last key.
    return _Signer(
        list(reversed(keys)),
        salt=f"nurture.link.{kind}",
        key_derivation="hmac",
        digest_method=sha256,
        algorithm=_InOneStroke(),
    )


def _short_signature(secret: str, key: str) -> str:
    """80 bits in small letters and digits: mail servers may change the case of a local part, which has 64 signs at most."""
    keyed = blake2b(key.encode(), digest_size=10, key=sha256(secret.encode()).digest(), person=b"return-path")
    return b32encode(keyed.digest()).decode().lower()


def _letters(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits or "0"


def delivery_key(enrollment_id: int, step: str, visit: int, secret: str) -> str:
    """The one name of this message of this step in this visit: 26 lower-case letters and digits (128 bits).

    The same for ever, whoever works it out; it tells nothing of the numbers in it.
    """
    words = "\x1f".join((str(enrollment_id), step, str(visit)))
    keyed = blake2b(words.encode(), digest_size=16, key=sha256(secret.encode()).digest(), person=b"delivery")
    return b32encode(keyed.digest()).decode().rstrip("=").lower()


def message_id(key: str, domain: str) -> str:
    """``<key@domain>``: the same for every attempt, so that a doubled mail can be told from two (RFC 5322, 3.6.4).

    Raises ValueError for a key that is no plain word, AddressError for a domain that is none.
    """
    if not _WORD.fullmatch(key):
        raise ValueError(f"{key!r} cannot stand in a Message-ID")
    return f"<{key}@{wire_domain(domain)}>"
