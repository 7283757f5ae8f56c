"""A walked journey as one page that can be shown, printed and sent round: every message as the contact would see it.

Holds no script and loads nothing; messages stand in frames that may do nothing either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape

PAGES = Path(__file__).parent / "pages"
_LINK = re.compile(r"https?://[^\s>)]+")
LETTER_WIDTH = 66
"""Characters in a line of a mail as wide as most are."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a page of an offer says: where it stands, the promise, what it asks, the permission it asks for, its button."""

    label: str
    address: str
    title: str
    promise: str
    asks: tuple[str, ...] = ()
    consent: str | None = None
    button: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One touchpoint. ``kind`` and ``status`` are words for code, the rest for people; ``iso`` is the time for machines."""

    iso: str
    when: str
    clock: str
    day: int
    kind: str
    status: str
    label: str
    title: str
    why: tuple[str, ...] = ()
    reason: str | None = None
    sender: str | None = None
    to: str | None = None
    preheader: str = ""
    html: str | None = None
    text: str | None = None
    script: str | None = None
    fault: str | None = None
    """Why it could not be rendered."""
    page: Page | None = None
    """The page of ours that the contact had before them."""

    @property
    def height(self) -> int:
        """Pixels in which the whole message should show on a wide screen, judged by its words: a frame cannot ask."""
        lines = [_LINK.sub("", line) for line in (self.text or "").splitlines()]
        words = sum(28 * -(-len(line) // LETTER_WIDTH) if line.strip() else 18 for line in lines)
        return max(240, min(1600, 60 + words))


@dataclass(frozen=True, slots=True)
class Chapter:
    """What happened in one stage, in one visit."""

    stage: str
    workflow: str | None
    """Named when it is another one than the page is about."""
    need: str
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Leg:
    """A stage of the path: how far the contact came. ``state``: validated, skipped, lost, here, ahead."""

    stage: str
    need: str
    bucket: str | None
    state: str
    note: str


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Another way the journey may go: its title, the path and counts in a line, the end, and every touchpoint in a line."""

    anchor: str
    title: str
    path: tuple[str, ...]
    summary: str
    ending: str
    happy: bool
    lines: tuple[tuple[str, str, str], ...]
    """When, what kind, what."""
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Everything the page shows."""

    company: str
    title: str
    workflow: str
    name: str
    persona: str | None
    about: tuple[tuple[str, tuple[str, ...]], ...]
    """Goals, needs, pains; only those that are written down."""
    zone: str
    starts: str
    counts: tuple[tuple[int, str], ...]
    legs: tuple[Leg, ...]
    chapters: tuple[Chapter, ...]
    ending: tuple[str, ...]
    happy: bool
    movers: tuple[tuple[str, str, str], ...]
    """Stage, event, and how to try it."""
    what_ifs: tuple[WhatIf, ...] = ()


def storyboard(story: Story) -> str:
    """The whole page."""
    return _page().render(story=story)


@lru_cache(maxsize=1)
def _page() -> Template:
    pages = Environment(
        loader=FileSystemLoader(PAGES),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return pages.get_template("storyboard.html")
