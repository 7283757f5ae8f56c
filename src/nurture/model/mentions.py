"""Where an address stands in what somebody wrote: in a sentence, in quotes, in a link.

It does not take another's address for it: ``notmarie@…`` and ``anne-marie@…`` are not ``marie@…``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from nurture.model.addresses import LONGEST_LOCAL_PART, AddressError, same_key

_AT = re.compile(r"@")
_WORD = re.compile(r"\S+")
# Written as in a link, perhaps once more for a link in a link: %40, %2540.
_CODED = re.compile(r"%(?:25)*([0-9A-Fa-f]{2})")
_RUN = re.compile(rf"(?:{_CODED.pattern})+")
_LONGEST_SIGN = 4
"""Bytes of one sign in UTF-8."""
_FURTHEST = 3 * LONGEST_LOCAL_PART
"""A letter may be written as two signs or three, which are one in the address."""
_NO_LOCAL_PART = frozenset(' \t\r\n\v\f@<>()[]{}",;:\\|')
_DOMAIN = re.compile(r"[\w.\-\u0300-\u036f\u3002\uff0e\uff61]{1,255}")
_GLUE = frozenset("._+-")
"""Between letters these are part of an address; before the first one they belong to the sentence, as in ``_marie@…_``."""


def without(text: str, keys: Collection[str], instead: str) -> str:
    """``text`` with every address of ``keys`` (``same_key``) replaced, however it is written. Time grows with the text."""
    locals_ = {key.rpartition("@")[0] for key in keys}
    read = _read(text)
    parts: list[str] = []
    done = 0
    for at in _AT.finditer(read.plain):
        if at.start() < done or not (domain := _DOMAIN.match(read.plain, at.end())):
            continue
        written = domain[0].rstrip("._-")
        for begin, local in _local_parts(read.plain, done, at.start()):
            if local in locals_ and _key(local, written) in keys:
                parts += (text[read.place(done) : read.place(begin)], instead)
                done = at.end() + len(written)
                break
    return "".join([*parts, text[read.place(done) :]]) if parts else text


def names_somebody(text: str) -> bool:
    """Does something in ``text`` look like an address?"""
    return "@" in _read(text).plain


def masked(text: str) -> str:
    """``text`` with a mark instead of each word that looks like an address; otherwise as it is."""
    return _WORD.sub(lambda word: "…" if names_somebody(word[0]) else word[0], text)


@dataclass(frozen=True, slots=True)
class _Read:
    """A text with its codes read: ``plain``, and for codes ``places``, where each sign of it is written, and the end."""

    plain: str
    places: tuple[int, ...] = ()

    def place(self, index: int) -> int:
        return self.places[index] if self.places else index


def _read(text: str) -> _Read:
    """``m%61rie%40…`` as it is meant; what is coded and is no UTF-8 stands for itself, byte by byte."""
    if "%" not in text:
        return _Read(text)
    signs: list[str] = []
    places: list[int] = []
    done = 0
    for run in _RUN.finditer(text):
        signs += text[done : run.start()]
        places += range(done, run.start())
        codes = list(_CODED.finditer(text, run.start(), run.end()))
        coded = bytes(int(one[1], 16) for one in codes)
        for index, sign in _signs_of(coded):
            signs.append(sign)
            places.append(codes[index].start())
        done = run.end()
    return _Read("".join([*signs, text[done:]]), (*places, *range(done, len(text) + 1)))


def _signs_of(coded: bytes) -> Iterator[tuple[int, str]]:
    """Each sign, with the index of its first byte."""
    index = 0
    while index < len(coded):
        for length in range(1, _LONGEST_SIGN + 1):
            try:
                sign = coded[index : index + length].decode()
            except UnicodeDecodeError:
                continue
            break
        else:
            length, sign = 1, chr(coded[index])
        yield index, sign
        index += length


def _local_parts(text: str, least: int, at: int) -> Iterator[tuple[int, str]]:
    """What may be the part before the ``@``, with where it begins, the longest first."""
    first = at
    while first > max(least, at - _FURTHEST) and text[first - 1] not in _NO_LOCAL_PART:
        first -= 1
    may_begin = True
    for begin in range(first, at):
        if may_begin:
            yield begin, unicodedata.normalize("NFC", text[begin:at]).lower()
        if text[begin] not in _GLUE:
            may_begin = not (text[begin].isalnum() or unicodedata.combining(text[begin]))


def _key(local: str, domain: str) -> str | None:
    try:
        return same_key(f"{local}@{domain}")
    except AddressError:
        return None
