"""`/u/TOKEN`: why am I getting this, and how do I stop it?

A GET changes nothing, whoever prefetches it. A POST leaves: from the page's button, or from a mail program's own
(RFC 8058), without cookie or log-in.
"""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template, request

from nurture.rendering.links import Kind
from nurture.services import leaving
from nurture.services.runtime import Runtime


def pages(runtime: Runtime) -> Blueprint:
    routes = Blueprint("leave", __name__)

    def key_of(token: str) -> str:
        """The message the link stood in. Raises LinkError."""
        return runtime.links.read(token, Kind.LEAVE, runtime.now()).key

    @routes.get("/u/<token>")
    def show(token: str) -> str:
        return render_template("leave.html", why=leaving.belonging(runtime, key_of(token)))

    @routes.post("/u/<token>")
    def act(token: str) -> Response:
        one_click = request.form.get("List-Unsubscribe") == "One-Click"
        left = leaving.leave(runtime, key_of(token), "one-click" if one_click else "page")
        if one_click:
            return Response("You have left this list.\n", mimetype="text/plain")
        return make_response(render_template("left.html", why=left))

    return routes
