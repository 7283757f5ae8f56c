"""`/d/TOKEN`: the offer somebody asked for.

A GET shows what it is, so that a scanner's visit hands out nothing; the button's POST serves the file, counts it and
stores `offer.downloaded`. A link that is over is exchanged for a fresh one, sent to the address it was sent to.
"""

from __future__ import annotations

from io import BytesIO

from flask import Blueprint, Response, make_response, render_template, send_file

from nurture.model.errors import NotFoundError
from nurture.rendering.links import ExpiredLinkError, Kind, LinkError, Payload
from nurture.services.forms import downloads
from nurture.services.forms.downloads import Shelf
from nurture.services.runtime import Runtime
from nurture.web.guard import limiter

PER_PLACE = "20/hour"
"""Fresh links asked for from one place."""


def pages(runtime: Runtime) -> Blueprint:
    routes = Blueprint("download", __name__)

    def read(token: str) -> tuple[Payload, bool]:
        """What the link is for, and whether its time is over. Raises LinkError."""
        try:
            return runtime.links.read(token, Kind.DOWNLOAD, runtime.now()), False
        except ExpiredLinkError as error:
            return error.payload, True

    @routes.get("/d/<token>")
    def show(token: str) -> Response:
        link, expired = read(token)
        offer = downloads.look(runtime, link)
        if expired or offer.state is not Shelf.READY:
            return over(offer)
        return make_response(render_template("download.html", offer=offer))

    @routes.post("/d/<token>")
    def act(token: str) -> Response:
        link, expired = read(token)
        asset = None if expired else downloads.take(runtime, link)
        if asset is None:
            return over(downloads.look(runtime, link))
        # Always to be saved, never shown: a page or a drawing would speak in our name. Writes the name as RFC 6266 wants.
        return send_file(
            BytesIO(asset.data),
            mimetype=asset.type,
            as_attachment=True,
            download_name=asset.name,
            conditional=False,
        )

    @routes.post("/d/<token>/again")
    @limiter.limit(PER_PLACE)
    def again(token: str) -> str:
        try:
            offer = downloads.renew(runtime, read(token)[0])
        except NotFoundError:
            raise LinkError from None
        said = f"A fresh link to “{offer.title}” is on its way to the address where you got this one."
        return render_template("message.html", title="Look into your mail", said=said, sender=offer.sender)

    return routes


def over(offer: downloads.Handout) -> Response:
    """410: the link was good once."""
    return make_response(render_template("over.html", offer=offer), 410)
