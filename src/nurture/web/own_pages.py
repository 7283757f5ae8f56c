"""Puts the company's own frame, where one is published, around our public pages; `base.html` asks for it.

Pages behind the log-in and answers of the API are never framed. When a frame fails, or the database is away, ours is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from flask import Flask, Response, g, request
from jinja2 import pass_context
from jinja2.runtime import Context, TemplateReference
from markupsafe import Markup
from sqlalchemy.exc import SQLAlchemyError

from nurture.db.session import CommitUnknownError, UnreachableError
from nurture.model.errors import NurtureError
from nurture.services.files import own_pages
from nurture.services.runtime import Runtime

log = structlog.get_logger()

NOT_PUBLIC = ("/admin", "/api/", "/static/")
ABOUT_AN_OFFER = ("form", "offer", "asked")
"""What our pages call the thing with a title and a promise that they are about."""


def offer_frames(app: Flask, runtime: Runtime) -> None:
    """Give the templates of ``app`` the word with which they ask for a frame."""

    @pass_context
    def own_page(context: Context, blocks: TemplateReference) -> Markup | None:
        """The whole page in the company's frame; None when ours is to be shown."""
        if request.path.startswith(NOT_PUBLIC) or g.get("unframed"):
            return None
        try:
            published = runtime.published()
        except NurtureError:  # nothing is published yet
            return None
        except (UnreachableError, CommitUnknownError, SQLAlchemyError) as error:
            log.warning("no frame can be looked for", error=type(error).__name__)
            return None
        page = (context.name or "").removesuffix(".html")
        if own_pages.frame_of(published, page) is None:
            return None
        parts = {
            "title": _said(blocks, "title"),
            "styles": _said(blocks, "sheets"),
            "body": _said(blocks, "main"),
            "footer": _said(blocks, "footer"),
        }
        found = own_pages.framed(published, page, parts, _offer(context))
        if found is not None:
            g.frame = found
        return found.html if found else None

    app.jinja_env.globals["own_page"] = own_page


def let_through(response: Response, strict: str) -> None:
    """Let the styles and pictures of the frame around this page through, and nothing else: by hash, by site."""
    framed = g.pop("frame", None)
    if framed is not None and response.mimetype == "text/html":
        styles = "".join(f" 'sha256-{one}'" for one in framed.style_hashes)
        images = "".join(f" {site}" for site in framed.image_sites)
        policy = f"{strict}; style-src 'self'{styles}; img-src 'self' data:{images}"
        response.headers["Content-Security-Policy"] = policy


def _said(blocks: TemplateReference, name: str) -> Markup:
    said: Any = blocks[name]
    return Markup(said())  # noqa: S704 - our own block, escaped by its template


def _offer(context: Context) -> Mapping[str, str] | None:
    """What the page is about, if it is an offer."""
    for name in ABOUT_AN_OFFER:
        thing = context.get(name)
        title = getattr(thing, "title", None)
        if isinstance(title, str) and title:
            return {"title": title, "promise": getattr(thing, "promise", None) or ""}
    return None
