"""Where an address stands in what somebody wrote: in a sentence, in quotes, in a link.

It does not take another's address for it: ``notmarie@…`` and ``anne-marie@…`` are not ``marie@…``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator

from nurture.model.addresses import LONGEST_LOCAL_PART, AddressError, same_key

# Written as in a link, perhaps once more for a link in a link: %40, %2540.
_AT = re.compile(r"@|%(?:25)*40")
_WORD = re.compile(r"\S+")
_CODED = re.compile(r"%(?:25)*([0-9A-Fa-f]{2})\Z")
_LONGEST_CODE = 7
_FURTHEST = 3 * LONGEST_LOCAL_PART
_NO_LOCAL_PART = frozenset(' \t\r\n\v\f@<>()[]{}",;:\\|')
_DOMAIN = re.compile(r"[\w.\-\u0300-\u036f\u3002\uff0e\uff61]{1,255}")
_GLUE = frozenset("._+-")
"""Between letters these are part of an address; before the first one they belong to the sentence, as in ``_marie@…_``."""


def without(text: str, keys: Collection[str], instead: str) -> str:
    """``text`` with every address of ``keys`` (``same_key``) replaced, however it is written. Time grows with the text."""
    locals_ = {key.rpartition("@")[0] for key in keys}
    parts: list[str] = []
    done = 0
    for at in _AT.finditer(text):
        if at.start() < done or not (domain := _DOMAIN.match(text, at.end())):
            continue
        written = domain[0].rstrip("._-")
        for begin, local in _local_parts(text, done, at.start()):
            if local in locals_ and _key(local, written) in keys:
                parts += (text[done:begin], instead)
                done = at.end() + len(written)
                break
    return "".join([*parts, text[done:]]) if parts else text


def names_somebody(text: str) -> bool:
    """Does something in ``text`` look like an address?"""
    return _AT.search(text) is not None


def masked(text: str) -> str:
    """``text`` with a mark instead of each word that looks like an address; otherwise as it is."""
    if not names_somebody(text):
        return text
    return _WORD.sub(lambda word: "…" if names_somebody(word[0]) else word[0], text)


def _local_parts(text: str, least: int, at: int) -> Iterator[tuple[int, str]]:
    """What may be the part before the ``@``, with where it begins, the longest first."""
    signs = list(_signs_before(text, least, at))
    signs.reverse()
    letters = "".join(sign for _, sign in signs)
    may_begin = True
    for index, (begin, sign) in enumerate(signs):
        if may_begin:
            yield begin, unicodedata.normalize("NFC", letters[index:]).lower()
        if sign not in _GLUE:
            may_begin = not (sign.isalnum() or unicodedata.combining(sign))


def _signs_before(text: str, least: int, at: int) -> Iterator[tuple[int, str]]:
    """The signs before ``at``, the last first, up to one that no address holds: where each is written, and what it is."""
    here = at
    while here > max(least, at - _FURTHEST):
        coded = _CODED.search(text, max(least, here - _LONGEST_CODE), here)
        here, sign = (coded.start(), chr(int(coded[1], 16))) if coded else (here - 1, text[here - 1])
        if sign in _NO_LOCAL_PART:
            return
        yield here, sign


def _key(local: str, domain: str) -> str | None:
    try:
        return same_key(f"{local}@{domain}")
    except AddressError:
        return None
