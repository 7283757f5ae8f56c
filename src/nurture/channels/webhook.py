"""One message to another system: signed, sent once, with an answer in ten seconds or none.

Signed as Standard Webhooks does (webhook-id, webhook-timestamp, webhook-signature). Follows no redirect, connects only to
the address that was judged (``channels.reach``), reads little of the answer, and never decides whether to try again.
"""

from __future__ import annotations

import hmac
import io
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from hashlib import sha256
from http.client import HTTPException, HTTPResponse
from time import monotonic
from typing import TYPE_CHECKING, cast

from nurture import __version__
from nurture.channels.reach import Reach, Resolve, Target, UnreachableError, look_up, read_target

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SECONDS = 10.0
"""For everything: the name, the connection, the request, the answer."""
MOST_READ = 64 * 1024
"""Bytes of an answer, its headers included."""
EXCERPT = 200
PREFIX = "whsec_"
GONE = 410
_ADDRESS = re.compile(r"""[^\s<>"'(){}\[\],;:=&/]{1,64}(?:@|%40)[\w.-]+""", re.IGNORECASE)
"""A mail address: other systems like to repeat what they were told."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other system said: its status, and the first printable characters of its words."""

    status: int
    text: str = ""
    retry_after: timedelta | None = None

    @property
    def taken(self) -> bool:
        return 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """It wants nothing more, ever."""
        return self.status == GONE

    @property
    def tired(self) -> bool:
        """It is the system that cannot, not this one message: let it rest."""
        return self.status >= 500 or self.status == 429

    def __str__(self) -> str:
        return f"{self.status} {self.text}".strip()


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer came: it could not or must not be reached, or took too long. It may have taken the message all the same."""

    text: str

    def __str__(self) -> str:
        return self.text


@cache
def _usual_tls() -> ssl.SSLContext:
    return ssl.create_default_context()


@dataclass(frozen=True)
class WebhookChannel:
    """The way out for webhooks. Any number of threads may share one.

    ``keys`` are those of NURTURE_SECRET_KEY: every one signs, the first comes first. ``catches``: nothing leaves but to
    hosts that NURTURE_WEBHOOK_ALLOW names.
    """

    keys: Sequence[str] = field(default=(), repr=False)
    reach: Reach = field(default_factory=Reach)
    catches: bool = False
    resolve: Resolve = look_up
    seconds: float = SECONDS
    tls: ssl.SSLContext | None = None
    """Whom to believe; None for what this machine believes, read when it is first needed."""

    def keeps(self, url: str) -> bool:
        """Would a message to this address leave the machine although nothing may?"""
        return self.catches and not self.reach.names(read_target(url).host)

    def secrets(self, endpoint: str) -> tuple[bytes, ...]:
        """What requests to this endpoint are signed with, one for each key; ``as_words`` shows one."""
        if not self.keys:
            raise ValueError("webhooks need a secret to sign with")
        return tuple(secret_of(key, endpoint) for key in self.keys)

    def post(self, endpoint: str, url: str, id_: str, body: bytes, at: datetime) -> Answer | Silence:
        """Send one message to an endpoint; ``at`` is the true time. Raises nothing that the other side can cause."""
        headers = {
            "User-Agent": f"nurture/{__version__}",
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "Connection": "close",
            **signed_headers(self.secrets(endpoint), id_, at, body),
        }
        ends = monotonic() + self.seconds
        try:
            target = read_target(url)
            with closing(self._connect(target, ends)) as line:
                line.send(_request(target, headers, body))
                return line.answer(at)
        except UnreachableError as error:
            return Silence(str(error))
        except TimeoutError:
            return Silence(f"no answer within {self.seconds:g} seconds")
        except (OSError, HTTPException) as error:
            return Silence(excerpt(f"{type(error).__name__}: {error}"))

    def get(self, url: str) -> bytes:
        """What stands at this address, 64 kB at most, judged and reached as a webhook is.

        Raises OSError: nothing was got, also when the answer is no plain 200; redirects lead nowhere.
        """
        headers = {
            "User-Agent": f"nurture/{__version__}",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        ends = monotonic() + self.seconds
        try:
            target = read_target(url)
            with closing(self._connect(target, ends)) as line:
                line.send(_request(target, headers, b"", method="GET"))
                return line.body()
        except (UnreachableError, HTTPException) as error:
            raise OSError(str(error)) from error

    def _connect(self, target: Target, ends: float) -> _Line:
        """A connection to the first allowed address that takes one. Raises UnreachableError, OSError."""
        refused: OSError = TimeoutError()
        for address in self.reach.addresses(target, self.resolve, ends - monotonic()):
            try:
                sock = socket.create_connection((address, target.port), timeout=_left(ends))
            except OSError as error:
                refused = error
                continue
            try:
                return _Line(self._secured(sock, target, ends), ends)
            except BaseException:
                sock.close()
                raise
        raise refused

    def _secured(self, sock: socket.socket, target: Target, ends: float) -> socket.socket:
        sock.settimeout(_left(ends))
        # The certificate must be for the name that was asked for, whatever address it has now.
        return (
            (self.tls or _usual_tls()).wrap_socket(sock, server_hostname=target.host) if target.tls else sock
        )


# --- signing ------------------------------------------------------------------------------------------------------


def secret_of(key: str, endpoint: str) -> bytes:
    """The secret that this installation shares with one endpoint: 32 bytes, the same for ever under one key."""
    return hmac.digest(key.encode(), f"nurture.webhook.{endpoint}".encode(), sha256)


def as_words(secret: bytes) -> str:
    """A secret as the other system takes it: ``whsec_…``."""
    return PREFIX + b64encode(secret).decode()


def signature(secret: bytes, id_: str, timestamp: int, body: bytes) -> str:
    """``v1,…`` over id, time and body. Source: Standard Webhooks, "Signature scheme"."""
    signed = f"{id_}.{timestamp}.".encode() + body
    return "v1," + b64encode(hmac.digest(secret, signed, sha256)).decode()


def signed_headers(secrets: Sequence[bytes], id_: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of Standard Webhooks; while keys rotate, one signature for each secret."""
    timestamp = int(at.timestamp())
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(secret, id_, timestamp, body) for secret in secrets),
    }


# --- the line -----------------------------------------------------------------------------------------------------


def _request(target: Target, headers: Mapping[str, str], body: bytes, method: str = "POST") -> bytes:
    lines = [f"{method} {target.path} HTTP/1.1", f"Host: {target.name}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}"] if method == "POST" else []
    lines += ["", ""]
    return "\r\n".join(lines).encode("ascii") + body


def _left(ends: float) -> float:
    """The seconds that are left. Raises TimeoutError when none are."""
    left = ends - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Line:
    """One connection with one deadline for all of it, however slowly the other side drips."""

    def __init__(self, sock: socket.socket, ends: float) -> None:
        self._sock = sock
        self._ends = ends

    def send(self, data: bytes) -> None:
        self._sock.settimeout(_left(self._ends))
        self._sock.sendall(data)

    def answer(self, at: datetime) -> Answer:
        """The status, once it is there; what is said beside it is heard as far as the time allows."""
        # HTTPResponse asks its socket for nothing but this one method.
        response = HTTPResponse(cast("socket.socket", self), method="POST")
        response.begin()
        try:
            said = response.read(MOST_READ)
        except (OSError, HTTPException, ValueError):
            said = b""  # the status is the answer; words that break off change nothing
        return Answer(
            response.status,
            excerpt(said.decode("utf-8", "replace")),
            wait_of(response.headers.get("Retry-After"), at),
        )

    def body(self) -> bytes:
        """The whole answer. Raises OSError when it is none of success, HTTPException when it is no answer."""
        response = HTTPResponse(cast("socket.socket", self), method="GET")
        response.begin()
        if response.status != 200:
            raise OSError(f"the answer is {response.status}")
        return response.read(MOST_READ)

    def makefile(self, mode: str = "rb", *_: object) -> io.BufferedReader:
        return io.BufferedReader(_Ear(self._sock, self._ends))

    def close(self) -> None:
        self._sock.close()


class _Ear(io.RawIOBase):
    """Hears a connection until the deadline, and only so much."""

    def __init__(self, sock: socket.socket, ends: float) -> None:
        self._sock = sock
        self._ends = ends
        self._room = MOST_READ

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        if not self._room:
            return 0
        view = memoryview(buffer)[: self._room]
        self._sock.settimeout(_left(self._ends))
        count = self._sock.recv_into(view)
        self._room -= count
        return count


def excerpt(text: str) -> str:
    """The first printable characters, on one line. It goes into logs and outlives the contact: it names no address."""
    head = _ADDRESS.sub("…@…", text[: EXCERPT * 4])
    plain = "".join(letter if letter.isprintable() else " " for letter in head)
    return " ".join(plain.split())[:EXCERPT]


def wait_of(value: str | None, at: datetime) -> timedelta | None:
    """Seconds or a date; None for anything else."""
    word = (value or "").strip()
    if word.isascii() and word.isdecimal():
        return timedelta(seconds=min(int(word[:9]), 10**8))
    try:
        moment = parsedate_to_datetime(word)
    except (ValueError, OverflowError):  # a year or a zone of twenty digits
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(timedelta(), aware - at)
