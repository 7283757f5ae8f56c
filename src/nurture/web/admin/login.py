"""`/admin/log-in`: who are you? Says the same, after the same time, whatever was wrong.

Nobody can make an account here: the first one is made with `nurture user add`.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import (
    Blueprint,
    Response,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_limiter import RequestLimit
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as AnyResponse
from wtforms import EmailField, PasswordField
from wtforms.validators import InputRequired

from nurture.model.accounts import EVERYBODY
from nurture.model.addresses import AddressError, same_key
from nurture.services.staff import accounts
from nurture.services.staff.accounts import LONGEST_PASSWORD
from nurture.web.guard import OPEN, allow, begin_session, hidden, limiter, own_path, token
from nurture.wiring import Nurture

PER_PLACE = "20/hour"
PER_ADDRESS = "10/hour"
"""Wrong tries; the right password is not counted."""


class LogInForm(FlaskForm):
    email = EmailField("E-mail address", [InputRequired("Please type your address.")])
    password = PasswordField("Password", [InputRequired("Please type your password.")])


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("login", __name__, url_prefix="/admin")
    runtime = nurture.runtime

    @routes.get("/log-in")
    @allow(OPEN)
    def show() -> str:
        return render_template("admin/login.html", form=LogInForm(), next=request.args.get("next"))

    @routes.post("/log-in")
    @allow(OPEN)
    @limiter.limit(PER_PLACE, deduct_when=was_wrong, on_breach=too_often)
    @limiter.limit(PER_ADDRESS, key_func=address, deduct_when=was_wrong, on_breach=too_often)
    def act() -> AnyResponse | tuple[str, int]:
        form = LogInForm()
        wanted = request.args.get("next")
        account = None
        if form.validate_on_submit():
            account = accounts.authenticate(runtime, form.email.data, form.password.data[:LONGEST_PASSWORD])
            if account is None:
                form.password.errors = ["This address and password do not go together."]
        if account is None:
            return render_template(
                "admin/login.html", form=form, next=wanted
            ), HTTPStatus.UNPROCESSABLE_ENTITY
        begin_session(accounts.log_in(runtime, account))
        return redirect(own_path(wanted, url_for("home.show")), HTTPStatus.SEE_OTHER)

    @routes.post("/log-out")
    @allow(EVERYBODY)
    def leave() -> AnyResponse:
        accounts.log_out(runtime, token())
        session.clear()
        flash("You are logged out.")
        return redirect(url_for(".show"), HTTPStatus.SEE_OTHER)

    return routes


def address() -> str:
    """Whose log-in is tried, however the address is spelled, as a key that does not show it."""
    typed = request.form.get("email", "")
    try:
        return hidden(same_key(typed))
    except AddressError:
        return hidden(typed)


def was_wrong(response: Response) -> bool:
    return response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def too_often(limit: RequestLimit) -> Response:
    """Said without telling whether the address is known."""
    said = "Somebody typed wrong passwords too often from here, or for this address. Please try again in an hour."
    page = render_template("message.html", title="Too many tries", said=said)
    return make_response(page, HTTPStatus.TOO_MANY_REQUESTS)
