"""Where the mail server is and how to talk to it: ``smtp://user:password@host:587?starttls=1`` read into values.

A password is never sent in the clear to another machine: such an address is refused here, not at the first mail.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from nurture.model.errors import SettingsError, did_you_mean

_OPTIONS = ("starttls", "connections", "timeout", "dot_timeout", "cafile", "helo")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
MOST_CONNECTIONS = 500


class Tls(StrEnum):
    NONE = "none"
    STARTTLS = "starttls"
    """Required: a server that does not offer it gets nothing."""
    IMPLICIT = "implicit"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds, from RFC 5321, 4.5.3.2. A shorter one after the final dot makes doubles (RFC 1047)."""

    connect: float = 60
    command: float = 300
    data: float = 120
    block: float = 180
    final_dot: float = 600
    goodbye: float = 2


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """One mail server. ``connections`` is how many are kept at most, and so the size of a group."""

    host: str
    port: int
    tls: Tls = Tls.NONE
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    connections: int = 32
    helo: str = "[127.0.0.1]"
    cafile: str | None = None
    timeouts: Timeouts = Timeouts()

    def tls_context(self) -> ssl.SSLContext:
        """Certificates are checked, against ``cafile`` when there is one."""
        return ssl.create_default_context(cafile=self.cafile)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def parse_smtp_url(url: str, *, helo: str | None = None) -> SmtpSettings:
    """Read NURTURE_SMTP_URL. Raises SettingsError, which never repeats the password.

    ``?starttls=1`` requires STARTTLS, ``connections=N`` keeps up to N (default 32), ``cafile=PATH`` trusts that authority,
    ``helo=NAME`` is how we introduce ourselves, ``timeout=S`` and ``dot_timeout=S`` shorten the RFC's limits.
    """
    if "#" in url:
        raise bad_url("has a #", "in a password write %23 for it")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:  # its words may hold the password
        raise bad_url(
            "has a host or port that cannot be read", "in a password write %2F for / and %40 for @"
        ) from None
    if parts.scheme not in ("smtp", "smtps"):
        raise bad_url("does not begin with smtp:// or smtps://")
    if not host:
        raise bad_url("names no host")
    if parts.path not in ("", "/"):
        raise bad_url("has a path", "in a password write %2F for /")
    try:
        host.encode("idna")
    except UnicodeError:
        raise bad_url("has a host that is no name") from None
    options = options_of(parts)
    tls = _tls(parts.scheme, options)
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password is not None else None
    if user is not None and password is None:
        raise bad_url("has a user without a password")
    if user is not None and tls is Tls.NONE and host not in LOOPBACK:
        raise bad_url("would send the password in the clear", "add ?starttls=1, or use smtps://")
    return SmtpSettings(
        host=host,
        port=port or {Tls.NONE: 25, Tls.STARTTLS: 587, Tls.IMPLICIT: 465}[tls],
        tls=tls,
        user=user,
        password=password,
        connections=int(number_of(options, "connections", 32, least=1, most=MOST_CONNECTIONS)),
        helo=options.get("helo") or helo or "[127.0.0.1]",
        cafile=_file(options.get("cafile")),
        timeouts=_timeouts(options),
    )


def options_of(parts: SplitResult, known: Sequence[str] = _OPTIONS) -> dict[str, str]:
    """What stands behind the ``?``. Raises SettingsError for a name that is not ``known``."""
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in options:
        if name not in known:
            raise bad_url(
                f"has an unknown option {name!r}",
                did_you_mean(name, known) or f"known are {', '.join(known)}",
            )
    return options


def _tls(scheme: str, options: dict[str, str]) -> Tls:
    starttls = options.get("starttls", "0").lower()
    if starttls not in ("0", "1", "yes", "no", "true", "false"):
        raise bad_url(f"has starttls={starttls!r}", "write starttls=1 or starttls=0")
    wanted = starttls in ("1", "yes", "true")
    if scheme == "smtps":
        if wanted:
            raise bad_url(
                "has starttls=1 with smtps://", "smtps:// is encrypted from the start; use one of them"
            )
        return Tls.IMPLICIT
    return Tls.STARTTLS if wanted else Tls.NONE


def _timeouts(options: dict[str, str]) -> Timeouts:
    usual = Timeouts()
    seconds = number_of(options, "timeout", 0, least=0, most=3600)
    dot = number_of(options, "dot_timeout", usual.final_dot, least=0.05, most=3600)
    if not seconds:
        return Timeouts(final_dot=dot)
    return Timeouts(seconds, seconds, seconds, seconds, dot, min(seconds, usual.goodbye))


def number_of(options: dict[str, str], name: str, usual: float, *, least: float, most: float) -> float:
    """The number an option gives. Raises SettingsError for one that is none or out of bounds."""
    if name not in options:
        return usual
    try:
        number = float(options[name])
    except ValueError:
        raise bad_url(f"has {name}={options[name]!r}, which is no number") from None
    if not least <= number <= most:
        raise bad_url(f"has {name}={options[name]}: it goes from {least:g} to {most:g}")
    return number


def _file(path: str | None) -> str | None:
    if path is not None:
        try:
            ssl.create_default_context(cafile=path)
        except OSError as error:
            raise bad_url(f"names cafile={path}, which cannot be used: {error.strerror or error}") from None
    return path


def bad_url(what: str, hint: str | None = None) -> SettingsError:
    """The error for NURTURE_SMTP_URL. ``what`` completes "NURTURE_SMTP_URL …" and never holds a secret."""
    example = "smtp://user:password@host:587?starttls=1, smtps://user:password@host, mailgun://KEY@api.mailgun.net/DOMAIN, or catch:"
    return SettingsError(f"NURTURE_SMTP_URL {what}", hint=hint or f"write it as {example}")
