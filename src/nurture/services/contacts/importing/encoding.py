"""Which letters do the bytes of this file mean, and is it a text file at all?

Looks at the whole file once and decides nothing about rows or columns. A guess is only a guess: it is always
reported, and whoever knows better names the encoding.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import BinaryIO

from nurture.model.errors import NurtureError

MAX_FILE = 200_000_000
"""Bytes; a list of a million people is about half of it."""
HEAD = 65_536
"""Bytes from the beginning that are kept for a closer look."""
_SAMPLE = 32_768
_BLOCK = 1 << 20

_NOT_TEXT: tuple[tuple[bytes, str], ...] = (
    (b"\xd0\xcf\x11\xe0", "this is an old Excel workbook (.xls): save it as CSV"),
    (b"\x1f\x8b", "this is a gzip archive: unpack it first"),
    (b"%PDF", "this is a PDF document: a CSV file is needed"),
    (b"SQLite format 3", "this is a database: export the table as CSV"),
)
_BOMS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with the same two bytes
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NOT_FOR_FILES = frozenset({"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "utf-7"})
_LABELS = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16 LE",
    "utf-16-be": "UTF-16 BE",
    "utf-32": "UTF-32",
    "cp1252": "Windows-1252",
    "cp1250": "Windows-1250",
    "cp850": "DOS 850",
    "mac_roman": "Mac Roman",
    "mac-roman": "Mac Roman",
    "iso8859-1": "Latin-1",
    "cp1251": "Windows-1251",
    "cp1253": "Windows-1253",
    "cp932": "Shift JIS",
    "gb18030": "GB 18030",
}
_WESTERN = ("cp1252", "mac_roman", "cp850", "cp1250")
"""In the order of trust when two read equally well. Windows-1252 holds all of Latin-1 that is printable."""
_ELSEWHERE = (
    "cp1251",
    "koi8_r",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp932",
    "gb18030",
    "big5",
    "euc_kr",
)
_COMMON = frozenset("éèêëàâçîïôûùüöäßñáíóúãõåæøœÉÈÀÇÖÜÄÅØÆ")
_INSIDE_WORDS = frozenset("’‘·´–")
_HIGH_BYTES = bytes(range(128, 256))
_NEVER_IN_TEXT = bytes({*range(32)} - {*b"\t\n\v\f\r\x1a\x1b"})
_SOME = 16
"""Fewer bytes that stand in no text are damaged cells."""
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")

MARK_DAMAGE = "nurture-mark-damage"
"""The error handler for reading: each byte that means nothing becomes a letter that DAMAGE finds."""
DAMAGE = re.compile("[\udc00-\udcff]")


def _mark_damage(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    # Unlike `surrogateescape` also for bytes of ASCII, which two-byte encodings may find at fault.
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(MARK_DAMAGE, _mark_damage)


@dataclass(frozen=True, slots=True)
class Survey:
    """What one pass over the bytes found. ``lines`` is an upper bound of the rows."""

    head: bytes
    size: int
    lines: int
    utf8_letters: int
    """Letters beyond ASCII that are good UTF-8."""
    not_utf8: int
    """Bytes that cannot be UTF-8."""
    foreign: bytes
    """Lines with bytes beyond ASCII, from all over the file."""


def survey(stream: BinaryIO, copy_to: BinaryIO | None = None) -> Survey:
    """Read the stream to its end, in blocks; ``copy_to`` receives the bytes of one that cannot be read twice.

    Raises NurtureError for a file over MAX_FILE bytes, and for what is plainly no text.
    """
    head, size, feeds, returns, letters, bad, carry = b"", 0, 0, 0, 0, 0, b""
    foreign = bytearray()
    while block := stream.read(_BLOCK):
        size += len(block)
        if size > MAX_FILE:
            raise NurtureError(
                f"the file is larger than {MAX_FILE // 1_000_000} MB", hint="split it and import the parts"
            )
        if len(head) < HEAD:
            head += block[: HEAD - len(head)]
            _refuse_other_files(head)
        if copy_to is not None:
            copy_to.write(block)
        feeds, returns = feeds + block.count(b"\n"), returns + block.count(b"\r")
        block = carry + block
        carry = block[len(block.rstrip(_HIGH_BYTES)) :]  # a letter may go on in the next block
        whole = block[: len(block) - len(carry)]
        letters, bad = _count(whole, letters, bad)
        _collect(whole, foreign)
    letters, bad = _count(carry, letters, bad)
    _collect(carry, foreign)
    return Survey(head, size, max(feeds, returns) + 1, letters, bad, bytes(foreign))


def encoding_of(found: Survey) -> str:
    """The codec to read the file with: its mark, else UTF-16 by its zeros, else UTF-8 if it is, else a good guess.

    Raises NurtureError for a file of some other program, which no codec makes text of.
    """
    for mark, codec in _BOMS:
        if found.head.startswith(mark):
            return codec
    if wide := _utf16(found.head):
        return wide
    controls = len(found.head) - len(found.head.translate(None, _NEVER_IN_TEXT))
    if min(controls, found.not_utf8) >= _SOME and controls * 50 > len(found.head):
        raise NurtureError("this is no text file", hint="open it in its own program and save the list as CSV")
    # A few damaged bytes do not make a UTF-8 file anything else: they are errors of their rows.
    return "utf-8" if found.utf8_letters >= 4 * found.not_utf8 else _one_byte(found.foreign)


def label(codec: str) -> str:
    """The encoding's name for people."""
    return _LABELS.get(codec, codec)


def named_encoding(name: str) -> str:
    """The codec that a person names: ``mac roman``, ``Windows-1250``, ``latin1``. NurtureError for an unknown one."""
    for spelling in (name, name.replace(" ", "-"), name.replace(" ", "")):
        try:
            "a".encode(spelling)
        except (LookupError, ValueError):  # unknown, or known and no text encoding
            continue
        codec = codecs.lookup(spelling).name
        if codec in _NOT_FOR_FILES:
            break
        return "utf-8-sig" if codec == "utf-8" else codec
    raise NurtureError(
        f"'{name}' is no encoding nurture knows", hint="for example utf-8, windows-1252, mac-roman or utf-16"
    )


def _refuse_other_files(head: bytes) -> None:
    if head.startswith(b"PK\x03\x04"):
        if b"opendocument" in head:
            raise NurtureError("this is an OpenDocument spreadsheet (.ods): save it as CSV")
        if b"[Content_Types].xml" in head or b"xl/" in head:
            raise NurtureError("this is an Excel workbook (.xlsx): save it as CSV")
        raise NurtureError("this is a zip archive: unpack it, or save the sheet as CSV")
    for magic, message in _NOT_TEXT:
        if head.startswith(magic):
            raise NurtureError(message)
    if re.match(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|\?xml|table)", head[:200], re.IGNORECASE):
        raise NurtureError("this is a web page or XML, not CSV: open it in a spreadsheet and save it as CSV")


def _count(block: bytes, letters: int, bad: int) -> tuple[int, int]:
    if block.isascii():
        return letters, bad
    readable = block.decode("utf-8", "ignore")
    wrong = len(block.decode("utf-8", "surrogateescape")) - len(readable)
    return letters + len(readable) - len(readable.encode("ascii", "ignore")), bad + wrong


def _collect(block: bytes, foreign: bytearray) -> None:
    """Add the lines around bytes beyond ASCII, until there are enough for a guess."""
    position = 0
    while len(foreign) < _SAMPLE and (run := _HIGH_RUN.search(block, position)):
        begin = max(block.rfind(b"\n", max(0, run.start() - 200), run.start()) + 1, position)
        begin = max(begin, run.start() - 200)
        end = block.find(b"\n", run.end(), run.end() + 200)
        position = run.end() + 200 if end < 0 else end + 1
        foreign += block[begin:position] + b"\n"


def _utf16(head: bytes) -> str | None:
    """UTF-16 without a mark: its delimiters and addresses leave zeros, all on one side of the pairs."""
    zeros = head.count(0)
    if zeros * 8 < len(head) or not zeros:
        return None
    odd = head[1::2].count(0)
    if odd * 10 >= zeros * 9:
        return "utf-16-le"
    return "utf-16-be" if odd * 10 <= zeros else None


def _one_byte(sample: bytes) -> str:
    """One of the encodings with one byte per letter (or, further away, two), by how well the words read."""
    scores = {codec: _readability(sample.decode(codec, "replace")) for codec in _WESTERN}
    best = max(scores, key=scores.__getitem__)
    if scores[best] >= 0:
        return best
    from charset_normalizer import from_bytes  # 40 ms: only for files that need it

    match = from_bytes(sample, cp_isolation=list(_ELSEWHERE), enable_fallback=False).best()
    return match.encoding if match is not None else best


def _readability(text: str) -> float:
    """How natural letters beyond ASCII stand in their words, per letter: about 1 for the right encoding.

    In Western names an accented letter stands beside plain ones and keeps their case, as in Zoë or MÜLLER;
    a wrong encoding puts signs or capitals into the middle of words: ZoÎ, M‹LLER.
    """
    total = count = 0.0
    for before, letter, after in zip(" " + text, text, text[1:] + " ", strict=False):
        if letter.isascii():
            continue
        count += 1
        total += _fits(before, letter, after)
    return total / count if count else 0.0


def _fits(before: str, letter: str, after: str) -> float:
    if letter == "\ufffd" or "\x80" <= letter <= "\x9f":
        return -5
    if not letter.isalpha():
        inside = before.isalpha() and after.isalpha()
        return -2 if inside and letter not in _INSIDE_WORDS else 0
    if letter.isupper() and before.islower():
        return -2
    if not before.isalpha() and not after.isalpha():
        return 0.5 if letter in _COMMON and letter.islower() else -0.5  # a word of one letter, such as à
    plain = (before.isascii() and before.isalpha()) or (after.isascii() and after.isalpha())
    return (1.5 if letter in _COMMON else 1) if plain else -0.5
