"""`/admin/me`: one's own name, time zone and password. A new password ends every other log-in."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, flash, redirect, render_template, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as AnyResponse
from wtforms import PasswordField, StringField
from wtforms.validators import EqualTo, InputRequired, Length

from nurture.model.accounts import EVERYBODY
from nurture.model.calendars import zone_names
from nurture.model.errors import NurtureError
from nurture.services.staff import accounts
from nurture.services.staff.accounts import LONGEST_PASSWORD, SHORTEST_PASSWORD
from nurture.web.guard import allow, begin_session, hidden, limiter, me
from nurture.wiring import Nurture

PER_PERSON = "10/hour"
"""Wrong tries of one's present password."""


class ProfileForm(FlaskForm):
    name = StringField("Name", [Length(max=100, message="Please keep it below 100 characters.")])
    timezone = StringField("Time zone", [Length(max=64, message="No zone has so long a name.")])


class PasswordForm(FlaskForm):
    present = PasswordField("Present password", [InputRequired("Please type the password you have now.")])
    new = PasswordField(
        "New password",
        [
            Length(
                SHORTEST_PASSWORD,
                LONGEST_PASSWORD,
                message=f"Please use {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters.",
            )
        ],
    )
    again = PasswordField("New password, once more", [EqualTo("new", "The two are not the same.")])


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("me", __name__, url_prefix="/admin")
    runtime = nurture.runtime

    def page(profile: ProfileForm | None = None, password: PasswordForm | None = None) -> str:
        # One form's words are not the other's: each reads only its own post.
        mine = profile or ProfileForm(formdata=None, name=me().name, timezone=me().timezone or "")
        return render_template(
            "admin/me.html",
            profile=mine,
            password=password or PasswordForm(formdata=None),
            zones=sorted(zone_names()),
            shortest=SHORTEST_PASSWORD,
        )

    @routes.get("/me")
    @allow(EVERYBODY)
    def show() -> str:
        return page()

    @routes.post("/me")
    @allow(EVERYBODY)
    def save() -> AnyResponse | tuple[str, int]:
        form = ProfileForm()
        if form.validate_on_submit():
            try:
                accounts.set_profile(runtime, me(), form.name.data or "", (form.timezone.data or "").strip())
            except NurtureError as error:
                form.timezone.errors = [error.sentence]
            else:
                flash("Saved.")
                return redirect(url_for(".show"), HTTPStatus.SEE_OTHER)
        return page(profile=form), HTTPStatus.UNPROCESSABLE_ENTITY

    @routes.post("/me/password")
    @allow(EVERYBODY)
    @limiter.limit(PER_PERSON, key_func=person, deduct_when=was_wrong)
    def password() -> AnyResponse | tuple[str, int]:
        form = PasswordForm()
        if form.validate_on_submit():
            if accounts.authenticate(runtime, me().email, form.present.data):
                accounts.set_password(runtime, me(), form.new.data, actor=me().email)
                begin_session(accounts.log_in(runtime, me()))  # this browser, too, shows something new
                flash("Your password is changed. Every other log-in of yours has ended.")
                return redirect(url_for(".show"), HTTPStatus.SEE_OTHER)
            form.present.errors = ["This is not your present password."]
        return page(password=form), HTTPStatus.UNPROCESSABLE_ENTITY

    return routes


def person() -> str:
    return hidden("password", str(me().id))


def was_wrong(response: Response) -> bool:
    return response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
