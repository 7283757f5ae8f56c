"""`/admin/mail/webhooks`: what other systems were told, what they answered, and whether each of them works.

What was said of a contact is shown to those who work with contacts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from nurture.model.accounts import EVERYBODY, MARKETERS
from nurture.model.errors import NotFoundError, NurtureError
from nurture.services.sending import delivery_list, endpoints
from nurture.web.asked import number_asked, onward, word_asked
from nurture.web.guard import allow, me, own_path
from nurture.wiring import Nurture


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("webhooks", __name__, url_prefix="/admin/mail/webhooks")
    runtime = nurture.runtime

    @routes.get("")
    @allow(EVERYBODY)
    def show() -> str:
        endpoint, key = word_asked("to"), word_asked("key")
        listing = delivery_list.webhooks_before(
            runtime, endpoint=endpoint, key=key, before=number_asked("before")
        )
        return render_template(
            "admin/webhooks.html",
            listing=listing,
            endpoints=endpoints.everything(runtime),
            endpoint=endpoint,
            narrowed=bool(endpoint or key),
            told=told,
            older=onward(".show", before=listing.older),
        )

    @routes.post("/on")
    @allow(MARKETERS)
    def switch_on() -> Response:
        name = request.form.get("endpoint", "")
        try:
            waiting = endpoints.enable(runtime, name, actor=me().email)
        except NurtureError as error:
            flash(f"{error.message}.", "problem")
        else:
            flash(f"{name} is on. Waiting for it: {waiting}.")
        return redirect(url_for(".show"), HTTPStatus.SEE_OTHER)

    @routes.post("/again")
    @allow(MARKETERS)
    def once_more() -> Response:
        name, key = request.form.get("endpoint", ""), request.form.get("key", "")
        try:
            endpoints.redeliver(runtime, name, [key], actor=me().email)
        except NotFoundError as error:
            flash(f"{error.message}.", "problem")
        else:
            flash(f"It goes to {name} once more, under the same id.")
        return redirect(own_path(request.form.get("back"), url_for(".show")), HTTPStatus.SEE_OTHER)

    return routes


def told(payload: Mapping[str, object]) -> str:
    """What a webhook says, as JSON to read."""
    return json.dumps(payload, indent=2, ensure_ascii=False)
