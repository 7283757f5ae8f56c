"""`/admin/releases`: every state that was live, newest first, and the way back to each of them.

Going back is planned like any other publishing, and asks the same.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from nurture.model.accounts import EVERYBODY, MARKETERS
from nurture.services.releases import planning, release_list
from nurture.services.releases.plan_recent import RecentPlans
from nurture.web.admin.plan import PLAYED, PublishForm, publishing, shown, wish_in
from nurture.web.guard import allow
from nurture.wiring import Nurture

SHOWN = 50


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("releases", __name__, url_prefix="/admin/releases")
    runtime, recent = nurture.runtime, RecentPlans(nurture.settings.project)

    @routes.get("")
    @allow(EVERYBODY)
    def show() -> str:
        return render_template(
            "admin/releases.html", releases=release_list.listing(runtime, SHOWN), most=SHOWN
        )

    @routes.get("/<int:release_id>")
    @allow(EVERYBODY)
    def back(release_id: int) -> str:
        wish = wish_in(request.args.getlist("along"))
        plan = recent.plan_rollback(runtime, release_id, wish, most=PLAYED)
        return render_template("admin/release.html", form=PublishForm(), **shown(plan))

    @routes.post("/<int:release_id>")
    @allow(MARKETERS)
    def go_back(release_id: int) -> Response | tuple[str, int]:
        wish = wish_in(request.form.getlist("along"))
        plan = planning.plan_rollback(runtime, release_id, wish, most=PLAYED)
        form, done = publishing(nurture, plan)
        if done:
            return done
        page = render_template("admin/release.html", form=form, **shown(plan))
        return page, HTTPStatus.UNPROCESSABLE_ENTITY

    return routes
