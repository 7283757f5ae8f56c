"""`/admin/`: the funnel and where it leaks, what needs a person, the day ahead, and the switch that stops all sending."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlencode

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

from nurture.model.accounts import EVERYBODY, MARKETERS
from nurture.reports import funnel, losses
from nurture.services.demo.tour import tour
from nurture.services.files import drafts
from nurture.services.releases import workflows
from nurture.services.running import brakes, overview, pausing
from nurture.services.running.needs import Need, Where, needs_of
from nurture.services.running.pausing import Scope
from nurture.web.admin.brake_forms import GoOnForm, StopForm
from nurture.web.guard import allow, me
from nurture.wiring import Nurture

LOSSES_SHOWN = 8


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("home", __name__, url_prefix="/admin")
    runtime = nurture.runtime
    desk = drafts.desk(nurture.settings.project)

    def shown(form: FlaskForm) -> str:
        live = workflows.published(runtime)
        if not live:
            return render_template("admin/nothing.html", draft=desk.look(runtime))
        with runtime.database.read() as tx:
            funnels = funnel.read(tx, live)
        return render_template(
            "admin/home.html",
            funnels=funnels,
            live=live,
            losses=losses.rank(funnels),
            losses_shown=LOSSES_SHOWN,
            needs=needs_of(runtime, desk.look(runtime)),
            where_to=where_to,
            day=overview.day_ahead(runtime, me().email),
            brake=brakes.look(runtime),
            ahead=runtime.now() - runtime.clock.operational(),
            form=form,
            tour=tour(runtime),
        )

    @routes.get("/")
    @allow(EVERYBODY)
    def show() -> str:
        return shown(FlaskForm())

    @routes.post("/sending/stop")
    @allow(MARKETERS)
    def stop() -> Response | tuple[str, int]:
        form = StopForm()
        if not form.validate_on_submit():
            return shown(form), HTTPStatus.UNPROCESSABLE_ENTITY
        begun = pausing.pause(runtime, Scope(), form.reason.data, me().email)
        flash("All sending is stopped." if begun else "All sending was stopped already.")
        return redirect(url_for(".show"), HTTPStatus.SEE_OTHER)

    @routes.post("/sending/go-on")
    @allow(MARKETERS)
    def go_on() -> Response | tuple[str, int]:
        form = GoOnForm()
        if not form.validate_on_submit():
            return shown(form), HTTPStatus.UNPROCESSABLE_ENTITY
        ended = pausing.resume(runtime, Scope(), form.reason.data or "", me().email)
        flash("Sending goes on." if ended else "Sending was not stopped.")
        return redirect(url_for(".show"), HTTPStatus.SEE_OTHER)

    return routes


def where_to(need: Need) -> str | None:
    """The page on which a person sees to it; None when it is on none."""
    if need.where not in PAGES:
        return None
    endpoint, words, anchor = PAGES[need.where]
    if need.where is Where.WORKFLOW:
        return url_for(endpoint, name=need.subject, _anchor=anchor)
    return url_for(endpoint, _anchor=anchor) + (f"?{urlencode(words)}" if words else "")


PAGES: Mapping[Where, tuple[str, Mapping[str, str], str | None]] = {
    Where.SENDING: ("home.show", {}, "sending"),
    Where.WORKFLOW: ("workflows.one", {}, "brake"),
    Where.WORKFLOWS: ("workflows.show", {}, "folder"),
    Where.PLAN: ("plan.show", {}, None),
    Where.CALLS: ("calls.show", {"whose": "everyone"}, None),
    Where.AMBIGUOUS: ("mail.show", {"state": "ambiguous"}, None),
    Where.FAILED: ("mail.show", {"state": "failed"}, None),
    Where.DOMAINS: ("domains.show", {}, None),
    Where.WEBHOOKS: ("webhooks.show", {}, None),
    Where.BOUNCED: ("contacts.show", {"reach": "suppressed"}, None),
}
