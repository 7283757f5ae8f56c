"""The plain-text part of a message, made from its HTML once: headings, lists, links with their targets in brackets.

It works on templates: tags are words (see ``tags.py``) and keep their place. It never wraps lines, since nobody knows
yet how long a name will be.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from nurture.rendering.bodies import VOID
from nurture.rendering.tags import CLOSING, OPENING, Cloakroom

_BLOCKS = frozenset(
    {
        *(
            "address",
            "article",
            "aside",
            "blockquote",
            "body",
            "center",
            "dd",
            "div",
            "dl",
            "dt",
            "figcaption",
            "figure",
        ),
        *(
            "footer",
            "form",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "header",
            "html",
            "li",
            "main",
            "nav",
            "ol",
            "p",
        ),
        *("pre", "section", "table", "tbody", "tfoot", "thead", "tr", "ul"),
    }
)
_PARAGRAPHS = frozenset(
    {"address", "blockquote", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "table", "ul"}
)
_UNSEEN = frozenset({"head", "script", "style", "template", "title"})
_HIDDEN = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all", re.IGNORECASE)
_NOT_DIGITS = re.compile(r"[^0-9]+")
_SPACES = re.compile(r"[ \t\r\n\f]+")


_LISTS = ("ul", "ol", "table", "blockquote", "pre", "hr")
"""What begins on a line of its own in a list's item, too."""


def html_to_text(html: str, cloakroom: Cloakroom) -> str:
    """The text a person would read in ``html``, with blank lines between paragraphs."""
    writer = _Writer(cloakroom)
    writer.feed(cloakroom.without_signs(html))
    writer.close()
    return "".join(writer.out).strip("\n")


class _Writer(HTMLParser):
    def __init__(self, cloakroom: Cloakroom) -> None:
        super().__init__(convert_charrefs=True)
        self.cloakroom = cloakroom
        self.out: list[str] = []
        self.breaks = 0
        """Line ends owed before the next word."""
        self.paid = 0
        """Line ends that stand before a statement already, whatever its branches hold."""
        self.branches: list[tuple[int, list[int]]] = []
        """Of each open statement what was paid before it, and at the end of its branches; the first: if none is taken."""
        self.started = False
        self.space = False
        self.hidden: list[str] = []
        self.lists: list[int | None] = []
        self.links: list[tuple[str, int]] = []
        self.tables: list[bool] = []
        """Whether each open table holds data; others only lay out."""
        self.first_cell = True
        self.quotes = 0
        self.literal = 0
        self.fresh_item = False
        """Only the mark of a list's item was written: what it holds goes beside it."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if (
            self.hidden
            or tag in _UNSEEN
            or "hidden" in attributes
            or _HIDDEN.search(attributes.get("style") or "")
        ):
            if tag not in VOID:
                self.hidden.append(tag)
            return
        if tag in _LISTS:
            self.fresh_item = False
        if tag in _BLOCKS:
            self._owe(2 if tag in _PARAGRAPHS and not self.lists else 1)
        if tag == "br":
            self._owe(self.breaks + 1)
        elif tag == "hr":
            self._owe(2)
            self._write("-" * 20)
            self._owe(2)
        elif tag == "img":
            self.handle_data(attributes.get("alt") or "")
        elif tag in ("ul", "ol"):
            self.lists.append(_first_number(attributes) if tag == "ol" else None)
        elif tag == "li":
            self._begin_item()
        elif tag == "a":
            self.links.append((attributes.get("href") or "", len(self.out)))
        elif tag == "table":
            self.tables.append(attributes.get("role") != "presentation")
        elif tag == "tr":
            self.first_cell = True
        elif tag in ("td", "th"):
            self._begin_cell()
        self.quotes += tag == "blockquote"
        self.literal += tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        if self.hidden:
            if self.hidden[-1] == tag:
                self.hidden.pop()
            return
        if tag == "a" and self.links:
            self._end_link(*self.links.pop())
        if tag in ("ul", "ol") and self.lists:
            self.lists.pop()
        if tag == "table" and self.tables:
            self.tables.pop()
        self.quotes -= tag == "blockquote"
        self.literal -= tag == "pre"
        if tag in _BLOCKS:
            self._owe(2 if tag in _PARAGRAPHS and not self.lists else 1)

    def handle_data(self, data: str) -> None:
        if self.hidden:
            return
        if self.literal:
            for number, line in enumerate(data.split("\n")):
                self._owe(self.breaks + 1 if number else self.breaks)
                if line:
                    self._write(line)
            return
        words = _SPACES.sub(" ", data)
        if words.startswith(" "):
            self.space = True
        if stripped := words.strip(" "):
            self._write(stripped)
            self.space = words.endswith(" ")

    def handle_comment(self, data: str) -> None:
        """A statement: the line ends owed so far belong before it, those of its branch inside it."""
        found = self.cloakroom.words.fullmatch(f"<!--{data}-->")
        if self.hidden or found is None:
            return
        if self.breaks:
            self.paid = self.breaks
            self._pay()
        elif self.space and self.out and not self.paid:
            self.out.append(" ")
        self.space = False
        self.out.append(f"<!--{data}-->")
        self._turn_to(self.cloakroom.tag_of(found).word)

    def _turn_to(self, word: str) -> None:
        """Each branch begins with what stood before the first; after all of them stands what the least leaves behind."""
        if word in OPENING:
            self.branches.append((self.paid, [self.paid]))
            return
        before, ends = self.branches[-1]
        if word == "else":
            ends[0] = self.paid  # one of the branches is taken
        else:
            ends.append(self.paid)
        self.paid = before
        if word in CLOSING:
            self.paid = min(ends)
            self.branches.pop()

    def _begin_item(self) -> None:
        number = self.lists[-1] if self.lists else None
        self._write("- " if number is None else f"{number}. ", indent="  " * (len(self.lists) - 1))
        if number is not None:
            self.lists[-1] = number + 1
        self.breaks = 0
        self.fresh_item = True

    def _end_link(self, target: str, start: int) -> None:
        label = "".join(self.out[start:]).strip()
        if not label:
            self._write(target)
        elif target and not target.startswith("#") and not _says(label, target):
            self.out.append(f" ({target})")

    def _begin_cell(self) -> None:
        """Cells of a data table share a line; those of a layout are blocks."""
        if self.tables and self.tables[-1]:
            if not self.first_cell:
                self.space = False
                self._write(" |")
                self.space = True
            self.first_cell = False
        else:
            self._owe(1)

    def _owe(self, breaks: int) -> None:
        self.space = False
        if not self.fresh_item:
            self.breaks = max(self.breaks, breaks - self.paid)

    def _pay(self) -> None:
        if self.started:
            self.out.append("\n" * self.breaks)
        self.breaks = 0

    def _write(self, words: str, indent: str | None = None) -> None:
        """``indent`` stands before words that begin a line; without it, as deep as the list they stand in."""
        self.fresh_item = False
        if self.breaks:
            self._pay()
            self.out.append("  " * len(self.lists) if indent is None else indent)
            self.out.append("> " * self.quotes)
        elif self.space and self.out and not self.paid:
            self.out.append(" ")
        self.space = False
        self.started = True
        self.paid = 0
        self.out.append(words)


def _first_number(attributes: dict[str, str | None]) -> int:
    start = attributes.get("start") or "1"
    return int(start) if start.isdecimal() and len(start) < 9 else 1


def _says(label: str, target: str) -> bool:
    """Whether the words of a link are its target already: an address, or a number however it is grouped."""
    scheme, _, there = target.partition(":")
    if scheme == "tel":
        number = _NOT_DIGITS.sub("", label)
        return bool(number) and _NOT_DIGITS.sub("", there).endswith(number)
    return label in (target, there if scheme == "mailto" else target)
