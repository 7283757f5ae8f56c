"""Every page of a site, found as people find them: by the links of other pages, and of the mails that were sent.

So a new page is looked at by itself, and one to which no link leads is noticed. Following a link changes nothing.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from dataclasses import dataclass, field
from email.message import EmailMessage
from html import unescape
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import APIRequestContext
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, MapAdapter

from nurture.settings import Settings
from nurture.web import create_app
from tests.browser.site import Site
from tests.browser.visitors import GUIDE

NO_PAGES = re.compile(r"^/(static|api|hooks|healthz|readyz|metrics|c|p)(/|$)|/(body|document)$")
"""Answers for programs, links that lead away, and the bodies of mails, which are shown in a frame."""
FIRST = ("/", "/admin/", "/admin/log-in", f"/o/{GUIDE}/thanks", "/nowhere")
START = "the list of first pages"
EACH = 3
"""How many addresses of one page are followed; the first and the last of them are looked at."""
OVER = 410
"""A link in an old mail, which says so and offers a fresh one."""


@dataclass
class Found:
    """What a walk through the links found."""

    pages: dict[str, str] = field(default_factory=dict)
    """Paths that answer with a page, each with its rule."""
    broken: list[str] = field(default_factory=list)
    """Links that lead nowhere, with the page they stand on."""
    seen: Counter[str] = field(default_factory=Counter)
    """How often each rule of the web was visited."""


def walk(site: Site, request: APIRequestContext) -> Found:
    """Follow the links from the first pages and the caught mails, as whoever ``request`` is logged in as."""
    rules = rules_of(site)
    ways = rules.bind("")
    found = Found()
    ahead = deque((path, START) for path in FIRST)
    ahead += (
        (path, f"the mail {mail['Subject']!r}") for mail in site.mails() for path in links_in_mail(site, mail)
    )
    known: set[str] = set()
    while ahead:
        path, source = ahead.popleft()
        if path in known or NO_PAGES.search(path):
            continue
        known.add(path)
        rule = rule_of(ways, path)
        if found.seen[rule] >= EACH:
            continue
        found.seen[rule] += 1
        answer = request.get(path)
        if answer.status >= 400 and answer.status != OVER and source != START:
            found.broken.append(f"{path} answers {answer.status}; its link is in {source}")
        if answer.headers.get("content-type", "").startswith("text/html"):
            drop_the_last_but_first(found, rule)
            found.pages[path] = rule
            ahead += ((link, path) for link in links_in_page(answer.url, answer.text()))
    return found


def drop_the_last_but_first(found: Found, rule: str) -> None:
    """The page that was the last of its rule is so no more."""
    _, *others = [path for path, its in found.pages.items() if its == rule] or [""]
    for path in others:
        del found.pages[path]


def unvisited(site: Site, found: Found) -> list[str]:
    """Rules of the web that show a page and to which no link led."""
    return sorted(
        str(rule.rule)
        for rule in rules_of(site).iter_rules()
        if rule.methods and "GET" in rule.methods
        if not NO_PAGES.search(str(rule.rule)) and str(rule.rule) not in found.seen
    )


def rules_of(site: Site) -> Map:
    """The routes of the web process."""
    return create_app(Settings(project=site.project, base_url=site.url)).url_map


def rule_of(ways: MapAdapter, path: str) -> str:
    """The rule that serves ``path``; the path itself when there is none."""
    try:
        return str(ways.match(urlsplit(path).path, return_rule=True)[0].rule)
    except HTTPException:
        return path


def links_in_page(address: str, html: str) -> list[str]:
    """The paths of this site that the page at ``address`` links to."""
    hrefs = (unescape(href) for href in re.findall(r'<a\b[^>]*?\shref="([^"]+)"', html))
    return [path for href in hrefs if (path := own_path(address, urljoin(address, href)))]


def links_in_mail(site: Site, mail: EmailMessage) -> list[str]:
    body = mail.get_body(("plain",))
    assert body is not None
    addresses = re.findall(rf"{re.escape(site.url)}[^\s<>)\"]*", body.get_content())
    return [path for address in addresses if (path := own_path(site.url, address))]


def own_path(here: str, address: str) -> str | None:
    """Path and query of an address on the same site as ``here``; None for others."""
    parts, ours = urlsplit(address), urlsplit(here)
    if (parts.scheme, parts.netloc) != (ours.scheme, ours.netloc):
        return None
    return f"{parts.path}?{parts.query}" if parts.query else parts.path or "/"
