"""A company's own frame for the public pages: its head, its colours and words, around what our page says and asks.

What a page does stays ours: its form stands in ``{{ body }}``, which is printed once. A frame that hides it, doubles it or
brings anything that acts (a script, a form, another base) is refused, here or when it is compiled.

What it may look up: ``title``; ``body``, ``footer`` and ``styles``, ready-made; ``page``, its name; ``workspace``
(``name``, ``postal_address``, ``privacy_url``); and ``offer`` (``title``, ``promise``), None where the page is about none.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from html.parser import HTMLParser

from markupsafe import Markup

from nurture.model.errors import NurtureError
from nurture.rendering.bodies import VOID, MarkupError
from nurture.rendering.render import Part

PAGES = "pages/"
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "offer": ("offer", "offer_thanks"),
    "confirm": ("confirm", "confirm_over"),
    "download": ("download", "over"),
    "leave": ("leave", "leave_asked", "leave_unknown", "left"),
    "message": ("message",),
}
"""The frames there may be, beside ``base`` for all pages, and the pages of ours that each stands around."""
KNOWN = ("base", *FAMILIES)
_ACTS = frozenset(
    {"base", "button", "embed", "form", "frame", "iframe", "input", "object", "script", "select", "textarea"}
)
_UNSEEN = frozenset(
    {"head", "title", "style", "template", "noscript", "noembed", "noframes", "xmp", "plaintext"}
    | {"dialog", "datalist", "canvas", "audio", "video", "svg", "math"}
)
"""Elements in which no browser shows a page's form, or not as a form."""
_UNUSABLE = ("hidden", "inert", "popover")
"""Attributes that keep people from seeing or pressing what stands inside."""
_BODY = "ours-stands-here"
_PLACE = Markup(f"<!--{_BODY}-->")  # noqa: S704 - a constant
_STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL | re.IGNORECASE)
_FETCHED = re.compile(
    r"""(?:<img\b[^>]*?\ssrc\s*=\s*["']?|url\(\s*["']?)(https://[A-Za-z0-9.-]+(?::\d+)?)""", re.IGNORECASE
)


class PageError(NurtureError):
    """This frame cannot be put around a page."""


@dataclass(frozen=True, slots=True)
class Framed:
    """A whole page, and what its own styles and pictures need to be let through: hashes and sites."""

    html: Markup
    style_hashes: tuple[str, ...]
    image_sites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PageTemplate:
    """A frame ready to be put around pages; safe to share between threads."""

    name: str
    part: Part

    def around(self, body: Markup, facts: Mapping[str, object]) -> Framed:
        """The page with ``body`` in its place. Raises RenderError, PageError."""
        html = self.part.render({**facts, "body": _PLACE})
        finder = _Finder()
        finder.feed(html)
        finder.close()
        if finder.shown != 1 or html.count(_BODY) != 1:
            raise PageError("it does not show {{ body }} once, where people see it")
        hashes = (b64encode(sha256(css.encode()).digest()).decode() for css in _STYLE.findall(html))
        sites = dict.fromkeys(_FETCHED.findall(html))
        whole = html.replace(str(_PLACE), str(body))
        return Framed(Markup(whole), tuple(hashes), tuple(sites))  # noqa: S704 - escaped by the sandbox


def check_harmless(html: str) -> None:
    """Raise MarkupError at the first element or attribute of a frame that acts, or that browsers will not let through."""
    checker = _Harmless()
    checker.feed(html)
    checker.close()


class _Harmless(HTMLParser):
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        line = self.getpos()[0]
        if tag in _ACTS:
            raise MarkupError(f"a page holds no <{tag}>: what it asks stands in {{{{ body }}}}", line=line)
        if any(name.startswith("on") for name in given):
            raise MarkupError("a page holds no scripts", line=line)
        if "style" in given:
            raise MarkupError("styles of a page stand in its <style>, not in elements", line=line)
        if tag == "link" and "stylesheet" in (given.get("rel") or "").lower():
            raise MarkupError("a page fetches no stylesheet: write its styles into <style>", line=line)
        if tag == "meta" and "http-equiv" in given:
            raise MarkupError("a page holds no <meta http-equiv>", line=line)
        if "referrerpolicy" in given or (
            tag == "meta" and (given.get("name") or "").strip().lower() == "referrer"
        ):
            raise MarkupError(
                "a page tells no other site its address, which is somebody's own link", line=line
            )


class _Finder(HTMLParser):
    """Counts where our body stands and can be seen, as far as a frame's markup says; what its styles hide is not known."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.shown = 0
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            return
        given = dict(attrs)
        hidden = tag in _UNSEEN or any(name in given for name in _UNUSABLE)
        hidden = hidden or (tag == "fieldset" and "disabled" in given)
        self._open.append((tag, hidden or bool(self._open and self._open[-1][1])))

    def handle_endtag(self, tag: str) -> None:
        while self._open and any(name == tag for name, _ in self._open):
            if self._open.pop()[0] == tag:
                break

    def handle_comment(self, data: str) -> None:
        if data == _BODY and not (self._open and self._open[-1][1]):
            self.shown += 1
