"""What stands in a finished message: its links with their words, its images with theirs, and what a reader sees.

Takes HTML apart and judges nothing. What styles hide is not seen; it works on styles in the elements, as mail has them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

from nurture.rendering.bodies import VOID

_UNSEEN = frozenset({"head", "script", "style", "template", "title"})
_HIDDEN = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all|visibility\s*:\s*hidden", re.IGNORECASE)
_IN_WORDS = frozenset(
    {"a", "abbr", "b", "bdi", "code", "em", "font", "i", "q", "small", "span", "strong", "u"}
)


@dataclass(frozen=True, slots=True)
class Link:
    """Where it leads, and the words (or those of its image) that a reader sees; without any it cannot be clicked."""

    target: str
    words: str


@dataclass(frozen=True, slots=True)
class Image:
    """``alt`` are its words; None where it says that it only decorates."""

    source: str
    alt: str | None


@dataclass(frozen=True, slots=True)
class Anatomy:
    """One message taken apart. ``words`` are all that can be seen, with single spaces; ``places`` what ``#…`` may lead to."""

    links: tuple[Link, ...]
    images: tuple[Image, ...]
    words: str
    places: frozenset[str]


def taken_apart(html: str) -> Anatomy:
    """The links, images and words that a reader of ``html`` sees."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return Anatomy(
        tuple(Link(target, _spaced(words)) for target, words in reader.links),
        tuple(reader.images),
        _spaced(reader.words),
        frozenset(reader.places),
    )


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[tuple[str, list[str]]] = []
        self.images: list[Image] = []
        self.words: list[str] = []
        self.places: set[str] = set()
        self._open: list[tuple[str, bool]] = []
        """Each open element, and whether it is hidden by itself or from around."""
        self._link: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        hidden = (
            self._hidden()
            or tag in _UNSEEN
            or "hidden" in given
            or bool(_HIDDEN.search(given.get("style", "")))
        )
        if tag not in VOID:
            self._open.append((tag, hidden))
        if tag not in _IN_WORDS:
            self._say(" ")
        if hidden:
            return
        if tag == "a" and "href" in given:
            self._link = []
            self.links.append((given["href"], self._link))
        elif tag == "img":
            decorates = given.get("role") in ("presentation", "none") or given.get("aria-hidden") == "true"
            self.images.append(
                Image(given.get("src", ""), None if decorates else given.get("alt", "").strip())
            )
            self._say(given.get("alt", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._link = None
        while self._open and any(name == tag for name, _ in self._open):
            if self._open.pop()[0] == tag:
                break
        if tag not in _IN_WORDS:
            self._say(" ")

    def handle_data(self, data: str) -> None:
        if not self._hidden():
            self._say(data)

    def _hidden(self) -> bool:
        return bool(self._open) and self._open[-1][1]

    def _say(self, words: str) -> None:
        self.words.append(words)
        if self._link is not None:
            self._link.append(words)


def _spaced(words: list[str]) -> str:
    return " ".join("".join(words).split())
