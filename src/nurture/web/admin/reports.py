"""`/admin/mail/reports`: what came back about our messages, what each report was known by, and what followed."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from nurture.model.accounts import EVERYBODY
from nurture.services.inbound import report_list
from nurture.services.inbound.report_list import Wanted
from nurture.web.asked import number_asked, onward
from nurture.web.guard import allow
from nurture.wiring import Nurture


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("reports", __name__, url_prefix="/admin/mail/reports")

    @routes.get("")
    @allow(EVERYBODY)
    def show() -> str:
        kind = request.args.get("kind", "")
        wanted = Wanted(kind) if kind in set(Wanted) else None
        listing = report_list.look_through(nurture.runtime, wanted, number_asked("before"))
        return render_template(
            "admin/mail_reports.html",
            listing=listing,
            wanted=wanted,
            kinds=Wanted,
            listens=[name for name, keys in nurture.settings.provider_keys.items() if keys],
            older=onward(".show", before=listing.older),
        )

    return routes
