"""Puts the web together: the routes, headers that let nothing foreign in, and errors as a friendly page.

A view reads or posts and calls one service; nothing here knows marketing.
"""

from __future__ import annotations

import structlog
from flask import Flask, Response, render_template, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from nurture.db.session import UnreachableError
from nurture.rendering.links import LinkError
from nurture.settings import Settings
from nurture.web import health
from nurture.web.public import download, leave
from nurture.wiring import Nurture, build

log = structlog.get_logger()

LARGEST_FORM = 64 * 1024
"""Bytes of a posted form; ours hold a word or two."""

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


def create_app(settings: Settings, nurture: Nurture | None = None) -> Flask:
    """The WSGI application. Raises NurtureError when the database cannot be used."""
    app = Flask("nurture.web", static_folder="static", template_folder="pages")
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_FORM
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    runs = nurture or build(settings)
    app.register_blueprint(leave.pages(runs.runtime))
    app.register_blueprint(download.pages(runs.runtime))
    app.register_blueprint(health.pages(runs, settings))
    app.add_url_rule("/", "home", home)
    app.after_request(strict_headers)
    app.register_error_handler(LinkError, dead_link)
    app.register_error_handler(HTTPException, as_page)
    app.register_error_handler(UnreachableError, unavailable)
    app.register_error_handler(SQLAlchemyError, unavailable)
    return app


def home() -> str:
    return render_template(
        "message.html", title="Nothing to see here", said="This address answers the links in our messages."
    )


def strict_headers(response: Response) -> Response:
    """Nothing foreign may load, frame, sniff or remember; our stylesheet alone may be kept."""
    for name, value in STRICT.items():
        response.headers.setdefault(name, value)
    response.headers["Cache-Control"] = (
        "public, max-age=3600" if request.endpoint == "static" and response.status_code == 200 else "no-store"
    )
    return response


def dead_link(error: LinkError) -> tuple[str, int]:
    """Forged, cut, or too old: always the same words, so that nobody learns which."""
    said = "It may have been cut in two by a mail program: try to copy the whole of it."
    return render_template("message.html", title="This link does not work", said=said), 404


def as_page(error: HTTPException) -> tuple[str, int] | HTTPException:
    code = error.code or 500
    if code < 400:
        return error  # a redirect
    title = {404: "There is no such page", 405: "This page takes no such request"}.get(
        code, "That did not work"
    )
    said = "Please check the address." if code == 404 else "Please go back and try again."
    return render_template("message.html", title=title, said=said), code


def unavailable(error: Exception) -> tuple[str, int, dict[str, str]]:
    """The database is away: a mail program that posts will try again later."""
    log.error("page cannot be answered", path=request.endpoint, error=type(error).__name__)
    said = "Please try again in a minute. Nothing was changed."
    page = render_template("message.html", title="We cannot answer just now", said=said)
    return page, 503, {"Retry-After": "60"}
