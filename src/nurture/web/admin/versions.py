"""`/admin/workflows/…/versions/…`: what changed from one version of a workflow to another, or to the folder's."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, render_template

from nurture.model.accounts import EVERYBODY
from nurture.model.errors import ProblemsFound
from nurture.services.files import drafts
from nurture.services.releases import plan_words
from nurture.services.releases.compare import FOLDER, compare
from nurture.web.guard import allow
from nurture.wiring import Nurture


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("versions", __name__, url_prefix="/admin/workflows")
    runtime, folder = nurture.runtime, nurture.settings.project
    desk = drafts.desk(folder)

    @routes.get("/<name>/versions/<older>/<newer>")
    @allow(EVERYBODY)
    def show(name: str, older: str, newer: str) -> str | tuple[str, int]:
        try:
            found = compare(runtime, folder, name, older, newer)
        except ProblemsFound:
            draft = desk.look(runtime)
            page = render_template("admin/versions.html", name=name, found=None, draft=draft, FOLDER=FOLDER)
            return page, HTTPStatus.UNPROCESSABLE_ENTITY
        return render_template("admin/versions.html", name=name, found=found, words=plan_words, FOLDER=FOLDER)

    return routes
