"""A message as it travels: headers and parts as bytes, lines of at most 998 octets, CRLF only.

The standard library's builder is correct and makes some 400 mails a second; this one makes the few shapes that we send,
and its tests read every shape back with the standard library. It refuses a line end in a header instead of mending it.
"""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import b2a_base64, b2a_qp
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256

from nurture.model.addresses import AddressError, Mailbox, wire_address

Header = tuple[str, str]
Sign = Callable[[Sequence[Header], bytes], Sequence[Header]]
"""Given all headers and the body as they travel, more headers to stand on top (a DKIM signature)."""

_WIDTH = 76
_LONGEST_LINE = 998
_ENCODED_WORD = 75  # RFC 2047, 2
_WORD_FRAME = len("=?utf-8?b??=")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f]")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9._+=-]+@[A-Za-z0-9.-]+>")
_LINK = re.compile(r"https?://[!-;=?-~]+")
_LIST_ID = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_OURS = frozenset(
    {
        *(
            "date",
            "from",
            "reply-to",
            "to",
            "subject",
            "message-id",
            "list-id",
            "list-unsubscribe",
            "list-unsubscribe-post",
        ),
        *(
            "auto-submitted",
            "mime-version",
            "content-type",
            "content-transfer-encoding",
            "sender",
            "cc",
            "bcc",
        ),
        *("dkim-signature", "return-path", "received"),
    }
)


class UnsendableError(ValueError):
    """This message cannot be put into valid headers and parts; says which part is to blame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One message to one person. ``text`` and ``html`` may have any line ends.

    ``unsubscribe_link`` (http or https) makes it a marketing message: it gets the two one-click headers of RFC 8058.
    ``list_id`` is a dotted name without brackets (RFC 2919), ``message_id`` has its brackets.
    """

    from_: Mailbox
    to: Mailbox
    subject: str
    text: str
    message_id: str
    date: datetime
    html: str | None = None
    reply_to: Mailbox | None = None
    unsubscribe_link: str | None = None
    list_id: str | None = None
    auto_submitted: str | None = "auto-generated"
    extra: Mapping[str, str] = field(default_factory=dict)


def build_message(mail: Mail, sign: Sign | None = None) -> bytes:
    """The whole message. Raises UnsendableError."""
    own_headers = _headers(mail)  # refuses what cannot stand in a header, before anything is made of it
    content_headers, body = _content(mail)
    headers = [*own_headers, *content_headers]
    if sign is not None:
        headers = [*sign(headers, body), *headers]
    return "".join([f"{name}: {value}\r\n" for name, value in headers]).encode() + b"\r\n" + body


def sealed(data: bytes, sign: Sign) -> bytes:
    """A message that ``build_message`` made before, with what ``sign`` puts on top."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = re.split(r"\r\n(?![ \t])", head.decode())
    headers = [(name, value.removeprefix(" ")) for name, _, value in (line.partition(":") for line in lines)]
    return "".join([f"{name}: {value}\r\n" for name, value in sign(headers, body)]).encode() + data


def preview_headers(mail: Mail) -> list[Header]:
    """The headers in the order in which they travel, encoded as they travel. Raises UnsendableError."""
    return [*_headers(mail), *_content(mail)[0]]


def _headers(mail: Mail) -> list[Header]:
    if mail.date.tzinfo is None:
        raise UnsendableError("the date of a message has a zone")
    headers = [
        ("Date", format_datetime(mail.date)),
        ("From", _mailbox("From", mail.from_)),
        ("To", _mailbox("To", mail.to)),
        ("Subject", encode_text("Subject", mail.subject)),
        ("Message-ID", _matching("Message-ID", _MESSAGE_ID, mail.message_id)),
    ]
    if mail.reply_to is not None:
        headers.insert(2, ("Reply-To", _mailbox("Reply-To", mail.reply_to)))
    if mail.list_id is not None:
        headers.append(("List-Id", f"<{_matching('List-Id', _LIST_ID, mail.list_id)}>"))
    if mail.unsubscribe_link is not None:
        headers += unsubscribe_headers(mail.unsubscribe_link)
    if mail.auto_submitted is not None:
        headers.append(("Auto-Submitted", encode_text("Auto-Submitted", mail.auto_submitted)))
    headers += [_extra(name, value) for name, value in mail.extra.items()]
    return headers


def unsubscribe_headers(link: str) -> list[Header]:
    """Headers for one-click unsubscribe: ``link`` takes a POST without a log-in.

    A GET only shows a page, since mail software prefetches. Source: RFC 8058, 1 and 3.1. Raises UnsendableError.
    """
    target = _matching("List-Unsubscribe", _LINK, link)
    if len(target) > _LONGEST_LINE - len("List-Unsubscribe: <>"):
        raise UnsendableError("the unsubscribe link is too long for a header")
    return [("List-Unsubscribe", f"<{target}>"), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")]


def _extra(name: str, value: str) -> Header:
    if not _NAME.fullmatch(name) or name.lower() in _OURS:
        raise UnsendableError(f"{name!r} cannot be added as a header")
    return name, encode_text(name, value)


def _matching(name: str, pattern: re.Pattern[str], value: str) -> str:
    if not pattern.fullmatch(value) or len(value) > _LONGEST_LINE - len(name) - 4:
        raise UnsendableError(f"{value[:100]!r} cannot stand in {name}")
    return value


@lru_cache(maxsize=1024)
def _mailbox(header: str, mailbox: Mailbox) -> str:
    """``Name <address>``: the name plain, quoted or encoded, whichever is the least that serves."""
    try:
        address = wire_address(mailbox.address)
    except AddressError as error:
        raise UnsendableError(f"{header}: {error}") from error
    name = " ".join(_safe(header, mailbox.name).split(" ")).strip(" ")
    if not name:
        return address
    shown = _phrase(header, name)
    last_line = shown.rpartition("\r\n")[2] if "\r\n" in shown else f"{header}: {shown}"
    gap = " " if len(last_line) + len(address) + 3 <= _WIDTH else "\r\n "
    return f"{shown}{gap}<{address}>"


def _phrase(header: str, name: str) -> str:
    if len(header) + 2 + len(name) * 2 + 2 <= _WIDTH and name.isascii() and "=?" not in name:
        if _ATOMS.fullmatch(name):
            return name
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return encoded_words(name, len(header) + 2)


@lru_cache(maxsize=1024)
def encode_text(name: str, value: str) -> str:
    """An unstructured header's value: as it is, folded at spaces, or in encoded words (RFC 2047). Raises UnsendableError."""
    _safe(name, value)
    plain = value.isascii() and "=?" not in value and value == value.strip(" ")
    if plain and len(name) + 2 + len(value) <= _WIDTH:
        return value
    if plain and (folded := _fold(value, len(name) + 2)) is not None:
        return folded
    return encoded_words(value, len(name) + 2)


def _fold(value: str, used: int) -> str | None:
    """Lines broken before single spaces; None when a word or a run of spaces forbids it."""
    lines, line = [], ""
    for word in value.split(" "):
        if not word or len(word) + 1 > _WIDTH - used:
            return None
        if line and used + len(line) + 1 + len(word) > _WIDTH:
            lines.append(line)
            line, used = word, 1
        else:
            line = f"{line} {word}" if line else word
    return "\r\n ".join([*lines, line])


def encoded_words(text: str, used: int) -> str:
    """``text`` in encoded words of whole characters, each on a line of its own; ``used`` is what stands before the first."""
    words: list[str] = []
    chunk, room = b"", _bytes_in(min(_ENCODED_WORD, _WIDTH - used))
    for character in text:
        encoded = character.encode()
        if chunk and len(chunk) + len(encoded) > room:
            words.append(_encoded_word(chunk))
            chunk, room = b"", _bytes_in(_ENCODED_WORD)
        chunk += encoded
    return "\r\n ".join([*words, _encoded_word(chunk)])


def _bytes_in(width: int) -> int:
    return (width - _WORD_FRAME) // 4 * 3


def _encoded_word(chunk: bytes) -> str:
    return f"=?utf-8?b?{b64encode(chunk).decode()}?="


def _safe(name: str, value: str) -> str:
    """The value, if no line end or other control character is in it and all of it is text."""
    if _UNSAFE.search(value):
        raise UnsendableError(f"{name} holds a line end or another control character")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise UnsendableError(f"{name} holds half a character")
    return value


def _content(mail: Mail) -> tuple[list[Header], bytes]:
    """What describes the body, and the body: plain text alone, or text and HTML, text first."""
    encoding, text = _encoded_part("text", mail.text)
    if mail.html is None:
        return [("MIME-Version", "1.0"), _type("plain"), ("Content-Transfer-Encoding", encoding)], text
    html_encoding, html = _encoded_part("html", mail.html)
    boundary = _boundary(mail.message_id)
    body = (
        f"--{boundary}\r\n{_part_head('plain', encoding)}\r\n".encode()
        + text
        + f"\r\n--{boundary}\r\n{_part_head('html', html_encoding)}\r\n".encode()
        + html
        + f"\r\n--{boundary}--\r\n".encode()
    )
    kind = f'multipart/alternative;\r\n boundary="{boundary}"'
    return [("MIME-Version", "1.0"), ("Content-Type", kind)], body


def _boundary(message_id: str) -> str:
    """The same for the same message; ``=_`` can stand in neither quoted-printable nor base64."""
    return f"=_{sha256(message_id.encode()).hexdigest()[:32]}"


def _type(subtype: str) -> Header:
    return "Content-Type", f"text/{subtype}; charset=utf-8"


def _part_head(subtype: str, encoding: str) -> str:
    return f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n"


def _encoded_part(name: str, text: str) -> tuple[str, bytes]:
    """The encoding and the part's bytes, which end with CRLF: mostly ASCII stays readable, the rest is base64."""
    try:
        raw = text.replace("\r\n", "\n").replace("\r", "\n").encode()
    except UnicodeEncodeError as error:
        raise UnsendableError(f"the {name} holds half a character") from error
    foreign = 0 if text.isascii() else len(raw) - len(raw.translate(None, _BEYOND_ASCII))
    if foreign * 6 <= len(raw):
        quoted = b2a_qp(raw, istext=True).replace(b"\n", b"\r\n")
        return "quoted-printable", quoted if quoted.endswith(b"\r\n") else quoted + b"=\r\n"
    lined = raw.replace(b"\n", b"\r\n")
    lines = [b2a_base64(lined[at : at + 57], newline=False) for at in range(0, len(lined), 57)]
    return "base64", b"\r\n".join([*lines, b""])


_BEYOND_ASCII = bytes(range(128, 256))
