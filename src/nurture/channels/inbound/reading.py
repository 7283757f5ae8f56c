"""A raw message taken apart, whatever its bytes: headers, parts and texts, within limits that no sender can stretch.

Forgiving on purpose: reports come from programs that break every rule of MIME, and from people who mean harm. Nothing
here raises for what a message holds; what is too long, too deep or too many is left out, what cannot be decoded is
read as well as can be. The standard library's parser is not used, for it recurses as deep as a message nests.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import unescape

LONGEST_MESSAGE = 512 * 1024  # octets that are looked at; a report says what it has to say at its beginning
LONGEST_TEXT = 16 * 1024  # octets of one part that are decoded
LONGEST_FIELD = 4_000
LONGEST_HEAD = 64 * 1024
MOST_FIELDS = 400
MOST_PARTS = 30
DEEPEST = 5

_FIELD = re.compile(r"([!-9;-~]{1,80})[ \t]*:[ \t]*(.*)", re.DOTALL)
_PARAMETER = re.compile(r";\s*([\w*.-]{1,40})\s*=\s*(?:\"([^\"]{0,300})\"?|([^\s;\"]{1,300}))")
_ENCODED = re.compile(r"=\?([\w.:-]{1,40})(?:\*[\w-]{0,20})?\?([bq])\?([^?\s]{0,600})\?=", re.IGNORECASE)
_BETWEEN_ENCODED = re.compile(r"(\?=)\s+(=\?)")
# Only these: Python knows "encodings" that take hours, and some that are none.
_CHARSET = re.compile(
    r"utf[-_]?(?:8|7|16|16[bl]e)|unicode-1-1-utf-7|us-ascii|ascii|iso-?8859-?\d{1,2}|windows-?\d{3,4}|cp-?\d{3,4}|"
    r"koi8-?[ru]|big5(?:-hkscs)?|gb2312|gbk|gb18030|hz-gb-2312|euc-?(?:jp|kr|cn)|shift[-_]?jis|sjis|ks_c_5601-1987|"
    r"iso-2022-(?:jp|jp-[123]|kr)|tis-620|latin-?1|mac-?roman",
    re.IGNORECASE,
)


@dataclass(frozen=True, eq=False)
class Part:
    """One part of a message, or the whole of it. ``whole`` is False when its end was not seen: it may be cut off."""

    fields: tuple[tuple[str, str], ...]
    body: bytes
    whole: bool
    depth: int = 0
    budget: list[int] = field(default_factory=lambda: [MOST_PARTS])
    default: str = "text/plain"

    def all(self, name: str) -> list[str]:
        """Every value of this header, decoded, in order."""
        return [value for key, value in self.fields if key == name]

    def get(self, name: str) -> str:
        """The first value of this header; empty without one."""
        return next(iter(self.all(name)), "")

    @cached_property
    def type(self) -> str:
        """``text/plain`` and the like, in lower case."""
        found = re.match(r"\s*([\w.+-]{1,60}/[\w.+-]{1,60})", self.get("content-type"))
        return found[1].lower() if found else self.default

    @cached_property
    def parameters(self) -> Mapping[str, str]:
        """What stands behind the type: boundary, charset, report-type."""
        found = _PARAMETER.findall(";" + self.get("content-type").partition(";")[2])
        return {name.lower(): quoted or bare for name, quoted, bare in reversed(found)}

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The parts of a multipart, in order."""
        boundary = self.parameters.get("boundary", "")
        if not self.type.startswith("multipart/") or not boundary or self.depth >= DEEPEST:
            return ()
        default = "message/rfc822" if self.type == "multipart/digest" else "text/plain"
        return tuple(
            _part(data, whole, self.depth + 1, self.budget, default)
            for data, whole in _split(self.body, b"--" + boundary.encode("utf-8", "replace"), self.budget)
        )

    @cached_property
    def message(self) -> Part | None:
        """The message inside a message/rfc822 part, or the headers in a part of headers."""
        if self.depth >= DEEPEST or not (
            self.type.startswith("message/") or self.type == "text/rfc822-headers"
        ):
            return None
        body = self.decoded if self.get("content-transfer-encoding") else self.body
        return _part(body.lstrip(b"\n"), self.whole, self.depth + 1, self.budget, "text/plain")

    @cached_property
    def decoded(self) -> bytes:
        """The body without its transfer encoding, no more than is looked at."""
        body = self.body[: LONGEST_TEXT * 2]
        match self.get("content-transfer-encoding").strip().lower():
            case "base64":
                return _base64(body)[:LONGEST_TEXT]
            case "quoted-printable":
                return binascii.a2b_qp(body).replace(b"\r\n", b"\n")[:LONGEST_TEXT]
            case _:
                return body[:LONGEST_TEXT]

    @cached_property
    def text(self) -> str:
        """The body as text for people; HTML without its tags."""
        text = decode(self.decoded, self.parameters.get("charset", ""))
        return _without_tags(text) if self.type == "text/html" else text

    def walk(self) -> Iterator[Part]:
        """This part and those within it, but not those of an enclosed message."""
        yield self
        for part in self.parts:
            yield from part.walk()


def read(raw: bytes) -> Part:
    """``raw`` as a message. A leading mbox line and empty lines are skipped; the end beyond the limit is ignored."""
    data = raw[:LONGEST_MESSAGE].replace(b"\r\n", b"\n").replace(b"\r", b"\n").lstrip()
    if data.startswith((b"From ", b">From ")):
        data = data.partition(b"\n")[2]
    return _part(data, len(raw) <= LONGEST_MESSAGE, 0, [MOST_PARTS], "text/plain")


def fields(text: str) -> tuple[tuple[str, str], ...]:
    """The ``Name: value`` lines of a header block, unfolded and decoded, names in lower case."""
    found: list[list[str]] = []
    for line in text.split("\n", MOST_FIELDS * 4)[: MOST_FIELDS * 4]:
        match = None if line[:1] in " \t" else _FIELD.fullmatch(line[:LONGEST_FIELD])
        if match and len(found) < MOST_FIELDS:
            found.append([match[1].lower(), match[2].strip()])
        elif found and not match and len(found[-1][1]) < LONGEST_FIELD:
            found[-1][1] += " " + line.strip()  # some relays unfold, and forget to join
    return tuple((name, _unencoded(value[:LONGEST_FIELD])) for name, value in found)


def decode(data: bytes, charset: str = "") -> str:
    """Bytes as text: by the named charset if we know it, else UTF-8, else Latin-1. Never fails."""
    charset = charset.strip().lower()
    if charset not in ("", "us-ascii", "ascii") and _CHARSET.fullmatch(charset):
        try:
            return data.decode("utf-7" if charset == "unicode-1-1-utf-7" else charset, "replace")
        except LookupError:
            pass
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _part(data: bytes, whole: bool, depth: int, budget: list[int], default: str) -> Part:
    head, _, body = (b"", b"", data[1:]) if data.startswith(b"\n") else data.partition(b"\n\n")
    lines = fields(decode(head[:LONGEST_HEAD])) if _FIELD.match(decode(head[:200])) else ()
    if not lines:
        head, body = b"", data
    return Part(lines, body, whole, depth, budget, default)


def _split(body: bytes, delimiter: bytes, budget: list[int]) -> Iterator[tuple[bytes, bool]]:
    """What stands between the delimiter lines, and whether the line behind it was seen."""
    start: int | None = None
    for found in re.finditer(rb"^" + re.escape(delimiter) + rb"(--)?[ \t]*$", body, re.MULTILINE):
        if start is not None:
            budget[0] -= 1
            yield body[start : found.start()], True
        if found[1] or budget[0] <= 0:
            return
        start = found.end() + 1
    if start is not None and start < len(body):
        budget[0] -= 1
        yield body[start:], False


def _base64(body: bytes) -> bytes:
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
    if len(letters) % 4 == 1:  # half a letter
        letters = letters[:-1]
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def _unencoded(value: str) -> str:
    """The value with its encoded words (RFC 2047) read; those that are broken stay as they are."""
    if "=?" not in value:
        return value
    return _ENCODED.sub(_word, _BETWEEN_ENCODED.sub(r"\1\2", value))


def _word(match: re.Match[str]) -> str:
    charset, how, data = match[1], match[2].lower(), match[3].encode("utf-8", "replace")
    return decode(_base64(data) if how == "b" else binascii.a2b_qp(data, header=True), charset)


def _without_tags(html: str) -> str:
    """HTML as text: tags become line breaks, styles and scripts nothing. One pass, whatever is left open."""
    pieces: list[str] = []
    at = 0
    while (opening := html.find("<", at)) >= 0:
        pieces.append(html[at:opening])
        name = html[opening + 1 : opening + 8].lower()
        hidden = next((tag for tag in ("style", "script", "!--") if name.startswith(tag)), None)
        ending = {None: ">", "!--": "-->"}.get(hidden, f"</{hidden}")
        closing = html.find(ending, opening)
        if closing < 0:
            closing = html.find(ending.upper(), opening)
        if closing < 0:
            return unescape("".join(pieces))
        inline = name.startswith(("a ", "/a>", "b>", "/b>", "i>", "/i>", "span", "/span", "font", "/font"))
        # What a person quotes is marked as in a text, so that it is not taken for their own words.
        pieces.append("" if inline else "\n>\n" if name == "blockqu" else "\n")
        at = closing + len(ending) if hidden in (None, "!--") else html.find(">", closing) + 1 or len(html)
    pieces.append(html[at:])
    return unescape("".join(pieces)).replace("\xa0", " ")
