"""`/c/TOKEN` and `/p/TOKEN.gif`: the way from a message to a page, and the picture that tells that it was shown.

A visit is noted and changes nothing else, whoever comes. A link leads only where a template said, whatever is asked;
no page here sets a cookie, and nobody is kept waiting for our notes.
"""

from __future__ import annotations

from base64 import b64decode
from http import HTTPStatus
from ipaddress import ip_address, ip_network

import structlog
from flask import Blueprint, Response, make_response, render_template, request
from flask_limiter import RateLimitExceeded
from sqlalchemy.exc import SQLAlchemyError

from nurture.db.session import CommitUnknownError, UnreachableError
from nurture.model.visits import Sign
from nurture.services.events.visits import LONGEST_AGENT, Door, Link, Visitor
from nurture.services.runtime import Runtime
from nurture.web.guard import limiter, place
from nurture.web.public.offer import one_line

log = structlog.get_logger()

PER_PLACE = "300/minute"
"""Visits from one place that are noted. The others are led on all the same: a company's whole staff has one address."""
DOT = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
"""A transparent GIF of one dot, 43 bytes."""
PURPOSES = ("Purpose", "Sec-Purpose", "X-Purpose", "X-Moz")
FILTERS = tuple(
    ip_network(network)
    for network in (
        *("40.107.0.0/16", "52.100.0.0/14", "104.47.0.0/17"),  # Exchange Online Protection
        *("64.235.144.0/20", "209.222.80.0/21"),  # Barracuda
        "67.231.144.0/20",  # Proofpoint
    )
)
"""Networks of mail filters, in which nobody reads mail. A sign, never the proof: most scanners come from elsewhere."""


def pages(runtime: Runtime) -> Blueprint:
    routes = Blueprint("visit", __name__)
    door = Door(runtime)

    @routes.get("/c/<token>")
    def click(token: str) -> Response:
        link = door.link(token)
        note(link)
        if link.url is None:
            said = "This link is invisible to people. It tells us which visits come from machines."
            return make_response(render_template("message.html", title="Nothing to see here", said=said))
        return Response("", HTTPStatus.FOUND, {"Location": link.url}, mimetype="text/plain")

    @routes.get("/p/<token>.gif")
    def shown(token: str) -> Response:
        note(door.picture(token))
        return Response(DOT, mimetype="image/gif")

    def note(link: Link) -> None:
        """Note the visit, if we can: the way is open in any case."""
        try:
            with limiter.limit(PER_PLACE):
                door.note(link, visitor())
        except RateLimitExceeded:
            log.debug("visits from one place are not noted for a while", limit=PER_PLACE)
        except (UnreachableError, CommitUnknownError, SQLAlchemyError) as error:
            log.error("a visit could not be noted", error=type(error).__name__)

    return routes


def visitor() -> Visitor:
    """Who comes, as far as the request shows."""
    signs = (
        *((Sign.PREFETCH,) if is_prefetch() else ()),
        *((Sign.FILTER_NETWORK,) if is_filter(request.remote_addr or "") else ()),
    )
    return Visitor(place(), one_line(request.user_agent.string, LONGEST_AGENT), request.method, signs)


def is_prefetch() -> bool:
    """Does the browser say that nobody clicked yet? Each maker has another header for it."""
    said = " ".join(request.headers.get(name, "") for name in PURPOSES).lower()
    return any(word in said for word in ("prefetch", "prerender", "preview"))


def is_filter(address: str) -> bool:
    """Does the request come from the network of a mail filter?"""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return any(found in network for network in FILTERS)
