"""`/admin/mail/domains`: how mail to each receiving domain does, which domains rest, and the button that lets one go on.

What makes a domain rest is none of its business.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from nurture.model.accounts import EVERYBODY, MARKETERS
from nurture.model.errors import NotFoundError
from nurture.services.sending import domains
from nurture.web.guard import allow, me
from nurture.wiring import Nurture


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("domains", __name__, url_prefix="/admin/mail/domains")
    runtime = nurture.runtime

    @routes.get("")
    @allow(EVERYBODY)
    def show() -> str:
        return render_template("admin/domains.html", standings=domains.all_standings(runtime))

    @routes.post("/resume")
    @allow(MARKETERS)
    def resume() -> AnyResponse:
        domain = request.form.get("domain", "")[:255]
        try:
            waiting = domains.resume(runtime, domain, me().email)
        except NotFoundError:
            flash("Mail to this domain is not paused any more.", "problem")
        else:
            flash(f"Mail to {domain} goes on; {waiting:,} message{'s' if waiting != 1 else ''} waited.")
        return redirect(url_for(".show"), HTTPStatus.SEE_OTHER)

    return routes
