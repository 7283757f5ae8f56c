"""`/admin/experiments`: which variant does better, what a workflow adds, and how sure that is by now."""

from __future__ import annotations

from flask import Blueprint, render_template

from nurture.model.accounts import EVERYBODY
from nurture.reports import experiments
from nurture.services.releases import workflows
from nurture.web.guard import allow
from nurture.wiring import Nurture


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("experiments", __name__, url_prefix="/admin/experiments")
    runtime = nurture.runtime

    @routes.get("")
    @allow(EVERYBODY)
    def show() -> str:
        known = workflows.known(runtime)
        with runtime.database.read() as tx:
            found = experiments.read(tx, known, runtime.shelf.published(tx).workspace)
        return render_template("admin/experiments.html", found=found, rules=experiments)

    return routes
