"""`/admin/offers`: every published lead offer, the ladder they make, how each does, and the form to put into a page."""

from __future__ import annotations

from flask import Blueprint, render_template

from nurture.model.accounts import EVERYBODY
from nurture.services.forms import offer_board
from nurture.web.guard import allow
from nurture.wiring import Nurture

KINDS = {
    "download": "Download",
    "event": "Event",
    "trial": "Trial",
    "contest": "Contest",
    "paid-low": "Small sale",
}


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("offers", __name__, url_prefix="/admin/offers")

    @routes.get("")
    @allow(EVERYBODY)
    def show() -> str:
        return render_template("admin/offers.html", board=offer_board.board(nurture.runtime), kinds=KINDS)

    return routes
