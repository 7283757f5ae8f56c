"""Puts the web together: the routes, headers that let nothing foreign in, and errors as a friendly page.

A view reads or posts and calls one service; nothing here knows marketing.
"""

from __future__ import annotations

from http import HTTPStatus

import structlog
from flask import Flask, Response, g, render_template, request
from flask_openapi3.openapi import OpenAPI
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException
from werkzeug.routing import IntegerConverter

from nurture.db.session import CommitUnknownError, UnreachableError
from nurture.model.errors import NotFoundError, NurtureError, as_sentence
from nurture.rendering.links import LinkError
from nurture.settings import Settings
from nurture.web import admin, api, dressing, guard, health, own_pages
from nurture.web.api import answers
from nurture.web.api.answers import API, INFO, SECURITY, ProblemsFound, http_failure, misread
from nurture.web.asked import NUMBER
from nurture.web.mounted import mount
from nurture.web.public import confirm, download, hooks, leave, offer, visit
from nurture.wiring import Nurture, build

log = structlog.get_logger()

LARGEST_FORM = 64 * 1024
"""Bytes of a posted form; ours hold a word or two."""

IN_WORDS = {
    400: (
        "That did not work",
        "The page may have been open too long. Please go back, load it anew and try again.",
    ),
    403: ("This is not for your role", "Ask whoever manages the people who log in here."),
    404: ("There is no such page", "Please check the address."),
    405: ("This page takes no such request", "Please go back and try again."),
    413: ("That is too much at once", "Please go back and send less."),
    429: ("That was too often", "Please wait a few minutes, then try again."),
}

STRICT = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}


class Number(IntegerConverter):
    """An id in an address: no larger than a database can hold, so that a made-up one is just a page that is not there."""

    regex = NUMBER


def create_app(settings: Settings, nurture: Nurture | None = None) -> Flask:
    """The WSGI application. Raises NurtureError when the database cannot be used."""
    app = OpenAPI(
        "nurture.web",
        info=INFO,
        security_schemes=SECURITY,
        validation_error_model=ProblemsFound,
        validation_error_callback=misread,
        doc_ui=False,
        static_folder="static",
        template_folder="pages",
    )
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_FORM
    app.url_map.converters["int"] = Number
    # Redirects of the router would repeat what the visitor called us; ours name no host.
    app.url_map.strict_slashes = app.url_map.merge_slashes = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    runs = nurture or build(settings)
    guard.secure(app, settings, runs.runtime)
    dressing.dress(app, runs.runtime)
    own_pages.offer_frames(app, runs.runtime)
    with app.app_context():  # limits belong to this app
        public = [part.pages(runs.runtime) for part in (offer, confirm, download, leave, visit, hooks)]
        for routes in (*public, health.pages(runs, settings)):
            app.register_blueprint(routes)
            guard.exempt_from_tokens(app, routes.name)
        admin.register(app, runs)
        api.register(app, runs)
    app.add_url_rule("/", "root", root)
    guard.refuse_unguarded(app)
    mount(app, settings)
    app.after_request(strict_headers)
    app.register_error_handler(LinkError, dead_link)
    app.register_error_handler(NurtureError, refused)
    app.register_error_handler(HTTPException, as_page)
    app.register_error_handler(UnreachableError, unavailable)
    app.register_error_handler(CommitUnknownError, in_doubt)
    app.register_error_handler(SQLAlchemyError, unavailable)
    return app


def root() -> str:
    return render_template(
        "message.html", title="Nothing to see here", said="This address answers the links in our messages."
    )


def strict_headers(response: Response) -> Response:
    """Nothing foreign may load, frame, sniff or remember; only what is drawn with may be kept, and is asked for anew."""
    own_pages.let_through(response, STRICT["Content-Security-Policy"])
    for name, value in STRICT.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static" or response.status_code >= 400:
        response.headers["Cache-Control"] = "no-store"
    return response


def dead_link(error: LinkError) -> tuple[str, int]:
    """Forged, cut, or too old: always the same words, so that nobody learns which."""
    said = "It may have been cut in two by a mail program: try to copy the whole of it."
    return render_template("message.html", title="This link does not work", said=said), 404


def as_page(error: HTTPException) -> tuple[str, int] | Response | HTTPException:
    code = error.code or 500
    if code < 400 or error.response is not None:
        return error  # a redirect, or an answer that a limit of its own gives
    if request.path.startswith(API):
        return http_failure(error)
    title, said = IN_WORDS.get(code, ("That did not work", "Please go back and try again."))
    return render_template("message.html", title=title, said=said), code


def refused(error: NurtureError) -> tuple[str, int]:
    """A service said no, in words for people; the remedy is for those who work here."""
    code = HTTPStatus.NOT_FOUND if isinstance(error, NotFoundError) else HTTPStatus.UNPROCESSABLE_ENTITY
    said = error.sentence if request.path.startswith(guard.ADMIN) else as_sentence(error.message)
    title = IN_WORDS[404][0] if code == HTTPStatus.NOT_FOUND else "That cannot be done"
    return render_template("message.html", title=title, said=said), code


Away = tuple[str, int, dict[str, str]] | Response


def unavailable(error: Exception) -> Away:
    """The database is away: a mail program that posts will try again later."""
    return away(error, "Please try again in a minute. Nothing was changed.")


def in_doubt(error: CommitUnknownError) -> Away:
    """The database went away while it was writing."""
    return away(error, "It may be done or not: please look in a minute, before you try again.")


def away(error: Exception, said: str) -> Away:
    """The error itself names the database, and stays here."""
    log.error("page cannot be answered", path=request.endpoint, error=type(error).__name__)
    if request.path.startswith(API):
        return answers.unavailable()
    g.unframed = True  # whoever asks for a frame asks the database
    page = render_template("message.html", title="We cannot answer just now", said=said)
    return page, 503, {"Retry-After": "60"}
