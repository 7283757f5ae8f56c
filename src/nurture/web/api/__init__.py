"""What other systems use: `/api/v1`, JSON in and out, with a token that may do only what it was made for.

No cookie counts here and none is set. A 2xx is given after the database has kept what was sent, never before.
"""

from __future__ import annotations

from typing import cast

from flask import Blueprint, current_app
from flask_openapi3.openapi import OpenAPI

from nurture.web import guard
from nurture.web.api import routes
from nurture.web.api.answers import PREFIX
from nurture.wiring import Nurture


def register(app: OpenAPI, nurture: Nurture) -> None:
    """The routes of the API and their description, which anybody may read."""
    app.register_api(routes.pages(nurture.runtime))
    guard.exempt_from_tokens(app, routes.NAME)
    document = Blueprint("api-document", __name__, url_prefix=PREFIX)
    document.add_url_rule("/openapi.json", "show", show)
    app.register_blueprint(document)


def show() -> dict[str, object]:
    """The description of the API in the words of OpenAPI 3.1."""
    return cast("OpenAPI", current_app).api_doc
