"""Mail over HTTP: a provider's interface that takes a whole message as it is, Message-ID, headers and signature.

``mailgun://KEY@api.mailgun.net/DOMAIN``. A request is sent but for its last byte and held there: incomplete, it is
nothing. ``finish`` sends the byte. The provider knows no repeated message by its key, so that an answer which never came
leaves a message in doubt. It follows no redirect.
"""

from __future__ import annotations

import io
import socket
import ssl
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message as Headers
from email.utils import parsedate_to_datetime
from hashlib import sha256
from http.client import HTTPException, HTTPResponse
from time import monotonic
from typing import TYPE_CHECKING, cast
from urllib.parse import quote, unquote, urlsplit

from nurture import __version__
from nurture.channels.base import (
    Accepted,
    Deferred,
    Message,
    Outcome,
    RefusedMessage,
    RefusedUs,
    Unknown,
    Untried,
)
from nurture.channels.held import Held
from nurture.channels.smtp_url import LOOPBACK, MOST_CONNECTIONS, bad_url, number_of, options_of
from nurture.channels.webhook import excerpt, wait_of
from nurture.model.addresses import AddressError, wire_address, wire_domain

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SCHEME = "mailgun"
OPTIONS = ("connections", "timeout", "cafile", "tls")
KEPT = 30.0
"""Seconds for which an idle connection is taken for open; then a new one is made."""
MOST_READ = 64 * 1024
LONGEST_WAIT = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REFUSES_US = frozenset({401, 402, 403, 404})
_NOBODY_KNOWS = frozenset({502, 504})
"""A machine in between had no answer: whether the one behind it took the message is not known."""


@dataclass(frozen=True, slots=True)
class MailgunSettings:
    """One sending domain at the provider. ``connections`` is the size of a group."""

    host: str
    port: int
    domain: str
    key: str = field(repr=False)
    tls: bool = True
    cafile: str | None = None
    connections: int = 8
    timeout: float = 60

    def tls_context(self) -> ssl.SSLContext | None:
        return ssl.create_default_context(cafile=self.cafile) if self.tls else None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def parse_mailgun_url(url: str) -> MailgunSettings:
    """Read such an address. Raises SettingsError, which never repeats the key.

    ``?connections=N`` is how many messages go at a time, ``timeout=S`` how long an answer may take, ``cafile=PATH`` whom to
    trust, ``tls=0`` for a machine of one's own only.
    """
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise bad_url("has a host or port that cannot be read", EXAMPLE) from None
    domain, key = parts.path.strip("/"), unquote(parts.password or parts.username or "")
    if not (host and key and domain) or "#" in url:
        raise bad_url("names no key, host and domain", EXAMPLE)
    if not (key.isascii() and key.isprintable()):
        raise bad_url("has a key with strange characters", EXAMPLE)
    try:
        domain = wire_domain(domain)
    except AddressError:
        raise bad_url("has a domain that is none", EXAMPLE) from None
    options = options_of(parts, OPTIONS)
    if options.get("tls", "1") not in ("0", "1"):
        raise bad_url(f"has tls={options['tls']!r}", "write tls=1 or leave it out")
    tls = options.get("tls", "1") == "1"
    if not tls and host not in LOOPBACK:
        raise bad_url("would send the key in the clear", "leave out tls=0")
    return MailgunSettings(
        host=host,
        port=port or (443 if tls else 80),
        domain=domain,
        key=key,
        tls=tls,
        cafile=options.get("cafile"),
        connections=int(number_of(options, "connections", 8, least=1, most=MOST_CONNECTIONS)),
        timeout=number_of(options, "timeout", 60, least=0.05, most=3600),
    )


EXAMPLE = "write it as mailgun://KEY@api.mailgun.net/DOMAIN"


@dataclass
class MailgunChannel:
    """One worker's connections to the provider. Made by ``channel_for``; not for sharing between threads."""

    settings: MailgunSettings
    _pool: list[_Line] = field(default_factory=list)
    _staged: StagedRequests | None = None

    def __post_init__(self) -> None:
        self._tls = self.settings.tls_context()

    @property
    def group(self) -> int:
        return self.settings.connections

    def stage(self, messages: Sequence[Message]) -> StagedRequests:
        """Every request but for its last byte."""
        self._drop_what_is_staged()
        over = dict.fromkeys(range(self.group, len(messages)), Untried(text="more than one group"))
        staged = StagedRequests(dict(over), channel=self)
        refusal: RefusedUs | None = None
        for index, message in enumerate(messages[: self.group]):
            if refusal is not None:
                staged.over[index] = refusal
                continue
            outcome = self._begin(message)
            if isinstance(outcome, _Line):
                staged.going[index] = outcome
            else:
                staged.over[index] = outcome
                # Who cannot be reached is asked once, not for each message.
                refusal = outcome if isinstance(outcome, RefusedUs) else None
        self._staged = staged
        return staged

    def close(self) -> None:
        """Hang up."""
        self._drop_what_is_staged()
        for line in self._pool:
            line.close()
        self._pool.clear()

    def keep(self, line: _Line) -> None:
        """Take back a connection for the next message."""
        line.idle_since = monotonic()
        self._pool.append(line)

    def _drop_what_is_staged(self) -> None:
        if self._staged is not None:
            self._staged.drop_all()

    def _begin(self, message: Message) -> _Line | Outcome:
        """A connection on which all of this message's request but its last byte was sent, or what was in the way."""
        request = self._request(message)
        try:
            line = self._open()
        except (OSError, ValueError) as error:
            return RefusedUs(text=f"cannot reach {self.settings}: {excerpt(str(error))}")
        try:
            line.begin(request, self.settings.timeout)
        except (OSError, HTTPException) as error:
            line.close()
            return Deferred(text=f"{type(error).__name__}, before the message was complete")
        return line

    def _open(self) -> _Line:
        """A kept connection that is still there, else a new one. Raises OSError."""
        while self._pool:
            line = self._pool.pop()
            if monotonic() - line.idle_since < KEPT and line.is_quiet():
                return line
            line.close()
        at = (self.settings.host, self.settings.port)
        sock = socket.create_connection(at, self.settings.timeout)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_hostname=self.settings.host)
            return _Line(sock)
        except BaseException:
            sock.close()
            raise

    def _request(self, message: Message) -> bytes:
        """One POST of the whole message, in the form that the provider takes (``messages.mime``)."""
        boundary = sha256(message.data).hexdigest()
        while boundary.encode() in message.data:
            boundary = sha256(boundary.encode()).hexdigest()
        to = wire_address(message.recipient).encode()
        part = f"--{boundary}\r\nContent-Disposition: form-data; name="
        body = b"".join(
            (
                f'{part}"to"\r\n\r\n'.encode() + to + b"\r\n",
                f'{part}"message"; filename="message.mime"\r\nContent-Type: message/rfc822\r\n\r\n'.encode(),
                message.data,
                f"\r\n--{boundary}--\r\n".encode(),
            )
        )
        secret = b64encode(f"api:{self.settings.key}".encode()).decode()
        head = (
            f"POST /v3/{quote(self.settings.domain)}/messages.mime HTTP/1.1\r\n"
            f"Host: {self.settings.host}\r\nUser-Agent: nurture/{__version__}\r\nAuthorization: Basic {secret}\r\n"
            f"Content-Type: multipart/form-data; boundary={boundary}\r\nContent-Length: {len(body)}\r\n"
            "Accept: application/json\r\nAccept-Encoding: identity\r\n\r\n"
        )
        return head.encode("ascii") + body


@dataclass(slots=True, kw_only=True)
class StagedRequests(Held["_Line"]):
    """A group of requests that lack one byte each: a request whose length does not fit is none."""

    channel: MailgunChannel

    def finish(self) -> Mapping[int, Outcome]:
        """All last bytes at once, then all answers."""
        going = self.let_go()
        seconds = self.channel.settings.timeout
        outcomes: dict[int, Outcome] = {}
        asked = []
        for index, line in sorted(going.items()):
            if (early := line.end(seconds)) is not None:
                outcomes[index] = early
                line.close()
            else:
                asked.append((index, line))
        ends = monotonic() + seconds
        for index, line in asked:
            outcome, again = line.answer(max(ends - monotonic(), 0.01))
            outcomes[index] = outcome
            if again:
                self.channel.keep(line)
            else:
                line.close()
        return dict(sorted(outcomes.items()))


class _Line:
    """One kept connection. What is heard too early is kept for whoever reads the answer."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._last = b""
        self._early = b""
        self.idle_since = monotonic()

    def is_quiet(self) -> bool:
        """Nothing was said that nobody asked for, and nobody hung up."""
        self._sock.settimeout(0)
        try:
            heard = self._sock.recv(MOST_READ)
        except (BlockingIOError, ssl.SSLWantReadError):  # of TLS there may have been words, and none for us
            return not self._early
        except OSError:
            return False
        self._early += heard
        return False

    def begin(self, request: bytes, seconds: float) -> None:
        """Send all but the last byte. Raises OSError."""
        self._sock.settimeout(seconds)
        self._last = request[-1:]
        self._sock.sendall(request[:-1])

    def end(self, seconds: float) -> Outcome | None:
        """Send the last byte; what it means when the other side had spoken or hung up before, None when it had not."""
        if not self.is_quiet():
            outcome, _ = self.answer(seconds)
            if isinstance(outcome, Accepted | Unknown):
                return Deferred(outcome.code, text="it hung up, or answered before it had the whole message")
            return outcome
        try:
            self._sock.settimeout(seconds)
            self._sock.sendall(self._last)
        except OSError as error:
            return Unknown(text=f"{type(error).__name__}, as the message was completed")
        return None

    def answer(self, seconds: float) -> tuple[Outcome, bool]:
        """What was answered, and whether the connection is good for more."""
        try:
            self._sock.settimeout(seconds)
            # HTTPResponse asks its socket for nothing but this one method.
            response = HTTPResponse(cast("socket.socket", self), method="POST")
            response.begin()
        except (OSError, HTTPException, ValueError) as error:
            return Unknown(text=f"{type(error).__name__}, after the whole message"), False
        said = b""
        with suppress(OSError, HTTPException, ValueError):  # the status is the answer
            said = response.read(MOST_READ)
            said += response.read(1)  # the end is seen by reading beyond it
        again = response.isclosed() and not response.will_close
        outcome = outcome_of(response.status, said.decode("utf-8", "replace"), _wait(response.headers))
        return outcome, again

    def makefile(self, mode: str = "rb", *_: object) -> io.BufferedReader:
        early, self._early = self._early, b""
        return io.BufferedReader(_Ear(self._sock, early))

    def close(self) -> None:
        self._sock.close()


class _Ear(io.RawIOBase):
    """Hears a connection, what was heard before first."""

    def __init__(self, sock: socket.socket, early: bytes) -> None:
        self._sock = sock
        self._early = early

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        if not self._early:
            return self._sock.recv_into(view)
        heard, self._early = self._early[: len(view)], self._early[len(view) :]
        view[: len(heard)] = heard
        return len(heard)


def _wait(headers: Headers) -> timedelta | None:
    """How long to wait by ``Retry-After``: seconds, or a date that is compared with the answer's own. A day at most."""
    said = headers.get("Retry-After") or ""
    try:
        at = parsedate_to_datetime(headers.get("Date", ""))
        wait = wait_of(said, at if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        wait = wait_of(said, _EPOCH) if said.strip().isdecimal() else None
    return min(wait, LONGEST_WAIT) if wait is not None else None


def outcome_of(status: int, said: str, retry_after: timedelta | None = None) -> Outcome:
    """What an answer means for the message or for us."""
    text = excerpt(said)
    if 200 <= status < 300:
        return Accepted(status, text=text)
    if status in _REFUSES_US or 300 <= status < 400:
        return RefusedUs(status, text=text, permanent=True)
    if status in _NOBODY_KNOWS:
        return Unknown(status, text=text)
    if status in (408, 425, 429) or status >= 500:
        return Deferred(status, text=text, retry_after=retry_after)
    return RefusedMessage(status, text=text)
