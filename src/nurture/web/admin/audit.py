"""`/admin/audit`: what people did, newest first. It can be read, and nothing else."""

from __future__ import annotations

from flask import Blueprint, render_template, url_for

from nurture.model.accounts import ADMINS
from nurture.services.staff import crew
from nurture.web.asked import number_asked
from nurture.web.guard import allow
from nurture.wiring import Nurture


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("audit", __name__, url_prefix="/admin")

    @routes.get("/audit")
    @allow(ADMINS)
    def show() -> str:
        before = number_asked("before")
        found = crew.deeds(nurture.runtime, before)
        older = url_for(".show", before=found.older) if found.older else None
        return render_template("admin/audit.html", deeds=found.deeds, older_page=older, before=before)

    return routes
