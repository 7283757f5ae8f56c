"""The links that stand in a template word for word: where each leads, and how a message may lead there over us.

An address that is made for one person, in whole or in part, is none of them, and neither is mailto or tel: what a
template does not say literally is never touched. Which messages are tracked is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from html import escape, unescape
from urllib.parse import urlsplit

from jinja2 import nodes
from markupsafe import Markup

NAME = "_ways"
"""What the compiled text looks up: no template can, since names begin with a letter."""
LONGEST = 2_000

# Parsers have written the HTML anew: attributes stand in double quotes.
_IN_HTML = re.compile(
    r"""(?P<before><a(?:rea)?\s(?:[^<>"]|"[^"]*")*?\bhref=")(?P<link>https?://[^"]+)"(?P<after>(?:[^<>"]|"[^"]*")*>)""",
    re.IGNORECASE,
)
_ADDRESS_SHOWN = re.compile(r"\s*(?:https?://|www\.)", re.IGNORECASE)
_IN_TEXT = re.compile(r'https?://[^\s<>"]+', re.IGNORECASE)
_STOPS = ".,;:!?'"


@dataclass(frozen=True, slots=True)
class Way:
    """One literal link: as it is ``written`` in the part, and the ``url`` it stands for."""

    written: str
    url: str


@lru_cache(maxsize=4096)
def key_of(url: str) -> str:
    """The name of a target in links: the same for ever for the same address, and no secret (80 bits)."""
    return blake2b(url.encode(), digest_size=10, person=b"target").hexdigest()


def leads_somewhere(url: str) -> bool:
    """Whether a browser may be sent there: a whole http or https address on one line."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(host)
        and len(url) <= LONGEST
        and url.isprintable()
        and " " not in url
    )


def cut_in(tree: nodes.Template, *, html: bool, only: frozenset[str] | None = None) -> tuple[Way, ...]:
    """Put a lookup in the place of every literal link of a parsed part, and return the links in their order.

    In HTML those of ``<a>``, unless the words that are shown are an address themselves: mail programs warn of words that
    name another place than the link. In plain text every one, or those of ``only``.
    """
    ways: list[Way] = []
    end = tree.body[-1].nodes[-1] if tree.body and isinstance(tree.body[-1], nodes.Output) else None
    for output in list(tree.find_all(nodes.Output)):
        parts: list[nodes.Expr] = []
        for node in output.nodes:
            if isinstance(node, nodes.TemplateData):
                found = (
                    _html_links(node.data) if html else _text_links(node.data, ends=node is end, only=only)
                )
                parts += _pieces(node, found, ways)
            else:
                parts.append(node)
        output.nodes = parts
    if tree.environment is not None:
        tree.set_environment(tree.environment)
    return tuple(ways)


def written(ways: tuple[Way, ...], over_us: Mapping[str, str], *, html: bool) -> tuple[str, ...]:
    """What the lookups of a part find: the way over us where ``over_us`` has one, else what was written."""
    if html:
        return tuple(
            Markup(escape(over_us[way.url]) if way.url in over_us else way.written)  # noqa: S704 - as it was written
            for way in ways
        )
    return tuple(over_us.get(way.url, way.written) for way in ways)


Found = tuple[int, int, Way]


def _html_links(data: str) -> Iterator[Found]:
    for found in _IN_HTML.finditer(data):
        url = unescape(found["link"])
        if leads_somewhere(url) and not _ADDRESS_SHOWN.match(data, found.end()):
            yield found.start("link"), found.end("link"), Way(found["link"], url)


def _text_links(data: str, *, ends: bool, only: frozenset[str] | None) -> Iterator[Found]:
    """``ends``: nothing follows this piece of text by which its last address could go on."""
    for found in _IN_TEXT.finditer(data):
        link = _trimmed(found[0])
        goes_on = found.end() == len(data) and not ends and len(link) == len(found[0].rstrip(_STOPS))
        if not goes_on and leads_somewhere(link) and (only is None or link in only):
            yield found.start(), found.start() + len(link), Way(link, link)


def _trimmed(link: str) -> str:
    """Without what ends the sentence or the bracket that it stands in, as mail programs read it."""
    while link:
        shorter = link.rstrip(_STOPS)
        if shorter.endswith(")") and shorter.count(")") > shorter.count("("):
            shorter = shorter[:-1]
        if shorter == link:
            break
        link = shorter
    return link


def _pieces(node: nodes.TemplateData, found: Iterator[Found], ways: list[Way]) -> Iterator[nodes.Expr]:
    at = 0
    for start, end, way in found:
        yield nodes.TemplateData(node.data[at:start], lineno=node.lineno)
        index = nodes.Const(len(ways), lineno=node.lineno)
        name = nodes.Name(NAME, "load", lineno=node.lineno)
        yield nodes.Getitem(name, index, "load", lineno=node.lineno)
        ways.append(way)
        at = end
    yield nodes.TemplateData(node.data[at:], lineno=node.lineno)
