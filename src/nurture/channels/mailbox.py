"""A mailbox that bounces and answers come to, read over IMAP: messages by their numbers, fetched without a mark.

It looks, and afterwards does with a message what it is told: mark it as read, move or delete it. It decides nothing about a
message, and opens none that is longer than what is looked at: of such a one it fetches the beginning.
"""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from nurture.channels.inbound.reading import LONGEST_MESSAGE
from nurture.model.errors import SettingsError, did_you_mean

OPTIONS = ("starttls", "done", "timeout", "cafile")
SEEN, DELETE = "seen", "delete"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SECONDS = 30.0
EXAMPLE = "imaps://user:password@mail.example.com/INBOX"
_UID = re.compile(rb"\bUID (\d{1,10})\b")

Said = Any
"""imaplib gives bytes, None, or pairs of bytes where a message stands."""


class MailboxError(Exception):
    """The mailbox cannot be read now; the text says why, without the password."""


@dataclass(frozen=True, slots=True)
class MailboxSettings:
    """One folder of one account. ``done``: ``seen``, ``delete``, or the folder that a dealt-with message is moved to."""

    host: str
    port: int
    tls: bool
    starttls: bool
    user: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    done: str = SEEN
    seconds: float = SECONDS
    cafile: str | None = None

    def __str__(self) -> str:
        return f"{self.folder} of {self.user} at {self.host}"

    def tls_context(self) -> ssl.SSLContext:
        """Certificates are checked, against ``cafile`` when there is one."""
        return ssl.create_default_context(cafile=self.cafile)


def parse_mailbox_url(url: str) -> MailboxSettings:
    """Read NURTURE_MAILBOX_URL. Raises SettingsError, which never repeats the password.

    ``?done=seen|delete|FOLDER``, ``timeout=S``, ``cafile=PATH``; ``imap://…?starttls=1`` instead of ``imaps://``.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # its words may hold the password
        raise _bad("has a host or port that cannot be read") from None
    if parts.scheme not in ("imap", "imaps") or not host or parts.fragment:
        raise _bad("is no address of a mailbox")
    if not parts.username or parts.password is None:
        raise _bad("has no user or no password")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if stray := next((name for name in options if name not in OPTIONS), None):
        raise _bad(f"has an unknown option {stray!r}", did_you_mean(stray, OPTIONS))
    tls, starttls = parts.scheme == "imaps", options.get("starttls", "0").lower() in ("1", "yes", "true")
    if not tls and not starttls and host not in LOOPBACK:
        raise _bad("would send the password in the clear", "use imaps://, or add ?starttls=1")
    settings = MailboxSettings(
        host=host,
        port=port or (993 if tls else 143),
        tls=tls,
        starttls=starttls and not tls,
        user=unquote(parts.username),
        password=unquote(parts.password),
        folder=unquote(parts.path.strip("/")) or "INBOX",
        done=options.get("done") or SEEN,
        seconds=_seconds(options.get("timeout")),
        cafile=options.get("cafile"),
    )
    _refuse_unspeakable(settings)
    return settings


def _seconds(text: str | None) -> float:
    try:
        seconds = SECONDS if text is None else float(text)
    except ValueError:
        seconds = 0.0
    if not 0.05 <= seconds <= 600:
        raise _bad("has a timeout that is no number of seconds up to 600")
    return seconds


def _refuse_unspeakable(settings: MailboxSettings) -> None:
    """What cannot be said in a line of IMAP, or read from a disk."""
    said = (settings.user, settings.password, settings.folder, settings.done)
    if not all(text.isascii() and text.isprintable() for text in said):
        raise _bad("holds letters that are not plain ones", "write the folder as the server lists it")
    try:
        settings.tls_context()
    except OSError as error:
        raise _bad(f"names cafile={settings.cafile}, which cannot be used: {error.strerror}") from None


def _bad(what: str, hint: str | None = None) -> SettingsError:
    usual = f"write it as {EXAMPLE}; in a password write %40 for @, %2F for / and %23 for #"
    return SettingsError(f"NURTURE_MAILBOX_URL {what}", hint=hint or usual)


@dataclass
class OpenMailbox:
    """A folder that is open. ``validity`` is another number when the server has given its messages other numbers."""

    settings: MailboxSettings
    validity: int
    able: frozenset[str]
    """What the server can do, now that it knows us."""
    _imap: imaplib.IMAP4

    def numbers_from(self, first: int) -> list[int]:
        """The numbers of the messages from ``first`` on, in order. Raises MailboxError."""
        # FIRST:* is the last message when all are older.
        data = self._ask(lambda: self._imap.uid("SEARCH", "UID", f"{max(first, 1)}:*"))
        words = b" ".join(one for one in data if isinstance(one, bytes)).split()
        return sorted({int(one) for one in words if one.isdigit() and int(one) >= first})

    def fetch(self, number: int) -> bytes | None:
        """As much of a message as is looked at, without a mark; None when it is gone. Raises MailboxError."""
        wanted = f"(UID BODY.PEEK[]<0.{LONGEST_MESSAGE + 1}>)"
        data = self._ask(lambda: self._imap.uid("FETCH", str(number), wanted))
        for one in data:
            if isinstance(one, tuple) and (told := _UID.search(one[0])) and int(told[1]) == number:
                return bytes(one[1])
            if isinstance(one, tuple) and not _UID.search(one[0]):
                return bytes(one[1])  # the number stands behind the message
        return None

    def done_with(self, number: int) -> None:
        """Do with a message what the settings say. Raises MailboxError."""
        match self.settings.done:
            case "seen":
                self._flag(number, r"(\Seen)")
            case "delete":
                self._delete(number)
            case folder:
                self._move(number, folder)

    def _flag(self, number: int, flags: str) -> None:
        self._ask(lambda: self._imap.uid("STORE", str(number), "+FLAGS.SILENT", flags))

    def _delete(self, number: int) -> None:
        """Gone at once where the server can delete one message alone; else marked, for whoever tidies up."""
        self._flag(number, r"(\Seen \Deleted)")
        if "UIDPLUS" in self.able:
            self._ask(lambda: self._imap.uid("EXPUNGE", str(number)))

    def _move(self, number: int, folder: str) -> None:
        if "MOVE" in self.able:
            self._ask(lambda: self._imap.uid("MOVE", str(number), _quoted(folder)))
            return
        self._ask(lambda: self._imap.uid("COPY", str(number), _quoted(folder)))
        self._delete(number)

    def _ask(self, question: Callable[[], tuple[str, list[Said]]]) -> list[Said]:
        with _told():
            status, data = question()
        if status != "OK":
            raise MailboxError(f"the server says no: {_words(data)}")
        return data


@contextmanager
def opened(settings: MailboxSettings) -> Iterator[OpenMailbox]:
    """The folder, open until the block ends. Raises MailboxError."""
    with _told():
        imap = _connected(settings)
    try:
        with _told():
            imap.login(_quoted(settings.user), settings.password)
            _, told = imap.capability()
            able = frozenset(_words(told).upper().split())
            status, data = imap.select(_quoted(settings.folder))
            if status != "OK":
                raise MailboxError(f"the folder {settings.folder} cannot be opened: {_words(data)}")
            _, numbered = imap.response("UIDVALIDITY")
        yield OpenMailbox(settings, _number(numbered), able, imap)
    finally:
        _hang_up(imap)


def _hang_up(imap: imaplib.IMAP4) -> None:
    """Say good-bye, if there is still somebody; what was asked for is done already."""
    with suppress(OSError, imaplib.IMAP4.error):
        imap.logout()
    with suppress(OSError):
        imap.shutdown()


def _connected(settings: MailboxSettings) -> imaplib.IMAP4:
    host, port, seconds = settings.host, settings.port, settings.seconds
    if settings.tls:
        return imaplib.IMAP4_SSL(host, port, ssl_context=settings.tls_context(), timeout=seconds)
    imap = imaplib.IMAP4(host, port, timeout=seconds)
    if settings.starttls:
        try:
            imap.starttls(settings.tls_context())
        except BaseException:
            imap.shutdown()
            raise
    return imap


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong in a conversation, as MailboxError."""
    try:
        yield
    except TimeoutError:
        raise MailboxError("the server does not answer in time") from None
    except (OSError, EOFError) as error:
        raise MailboxError(f"the connection failed: {_plain(str(error)) or type(error).__name__}") from error
    except imaplib.IMAP4.abort:
        raise MailboxError("the connection failed: the server hung up") from None
    except imaplib.IMAP4.error as error:
        raise MailboxError(f"the server says no: {_words(error.args)}") from None


def _number(data: Sequence[Said]) -> int:
    found = next(iter(data), None)
    return int(found) if isinstance(found, bytes) and found.isdigit() else 0


def _words(data: Sequence[Said]) -> str:
    said = " ".join(
        one.decode("utf-8", "replace") if isinstance(one, bytes) else one
        for one in data
        if isinstance(one, bytes | str)
    )
    return _plain(said) or "no words"


def _plain(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:2_000]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
