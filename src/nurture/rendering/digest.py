"""A caller's list for the day as a mail: plain text and HTML that say the same. It holds names, no numbers and no addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import css_inline
from jinja2 import Environment, FileSystemLoader, StrictUndefined

PAGES = Path(__file__).parent / "pages"
_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class DigestCall:
    """One line: ``when`` on the reader's clock, ``there`` on the contact's where that shows something else."""

    when: str
    there: str
    name: str
    why: str
    need: str
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """The whole mail; ``more`` counts the calls that are not listed."""

    title: str
    reader: str
    day: str
    calls: tuple[DigestCall, ...]
    more: int
    link: str
    zone: str
    company: str


def as_text(digest: Digest) -> str:
    return _BLANK_LINES.sub("\n\n", _templates(escaped=False).get_template("digest.txt").render(list=digest))


def as_html(digest: Digest) -> str:
    return css_inline.inline(_templates(escaped=True).get_template("digest.html").render(list=digest))


@lru_cache(maxsize=2)
def _templates(*, escaped: bool) -> Environment:
    return Environment(
        loader=FileSystemLoader(PAGES),
        autoescape=escaped,  # noqa: S701 - off for plain text only
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
