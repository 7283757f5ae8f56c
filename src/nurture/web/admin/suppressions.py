"""`/admin/suppressions`: the addresses and numbers that we leave alone. Looked up exactly, added, taken off with a reason.

An address is posted, never part of a page's own address; who may take what off is decided by the service.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, abort, flash, render_template, request
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from nurture.model.accounts import ADMINS, CALLERS, EVERYBODY, MARKETERS
from nurture.model.addresses import LONGEST
from nurture.model.errors import NurtureError
from nurture.model.words import SuppressionReason
from nurture.services.consent import suppressing
from nurture.services.consent.suppressing import LONGEST_WHY, Standing
from nurture.services.story.picture import HOLDS
from nurture.web.asked import number_asked, onward, word_asked
from nurture.web.guard import allow, me
from nurture.wiring import Nurture

TARGET = [InputRequired("Please type an address or a number."), Length(max=LONGEST)]
WHY = [InputRequired("Please say why: it is kept as the evidence."), Length(max=LONGEST_WHY)]
GIVEN = {
    SuppressionReason.MANUAL: "our own decision",
    SuppressionReason.UNSUBSCRIBED: "they asked for no more marketing",
    SuppressionReason.COMPLAINT: "they reported us as spam",
    SuppressionReason.HARD_BOUNCE: "the mailbox does not exist",
    SuppressionReason.DO_NOT_CALL: "they do not want calls (a number)",
    SuppressionReason.WRONG_NUMBER: "it is not their number",
}
MAY = [SelectChoice(reason.value, said) for reason, said in GIVEN.items()]
Answer = str | tuple[str, int]


class LookForm(FlaskForm):
    target = StringField("E-mail address or phone number", TARGET, render_kw={"autocomplete": "off"})


class AddForm(FlaskForm):
    target = StringField("E-mail address or phone number", TARGET, render_kw={"autocomplete": "off"})
    reason = SelectField("Why", choices=MAY)
    why = StringField("How we know", WHY)


class RemoveForm(FlaskForm):
    target = StringField("E-mail address or phone number", TARGET)
    why = StringField("Why it may be reached again", WHY)


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("suppressions", __name__, url_prefix="/admin/suppressions")
    runtime = nurture.runtime

    def page(
        standing: Standing | None = None,
        *,
        look: LookForm | None = None,
        adding: AddForm | None = None,
        removing: RemoveForm | None = None,
    ) -> str:
        reason = asked_reason()
        listing = suppressing.listing(runtime, reason, before=number_asked("before"))
        return render_template(
            "admin/suppressions.html",
            listing=listing,
            reason=reason,
            older=onward(".show", before=listing.older),
            standing=standing,
            story=[(one.at, suppressing.told(one)) for one in standing.story] if standing else [],
            look=look or LookForm(formdata=None),
            adding=adding or AddForm(formdata=None),
            removing=removing or RemoveForm(formdata=None),
            holds=HOLDS,
        )

    @routes.get("")
    @allow(EVERYBODY)
    def show() -> str:
        return page()

    @routes.post("/look-up")
    @allow(CALLERS)
    def look_up() -> Answer:
        form = LookForm()
        if not form.validate_on_submit():
            return page(look=form), HTTPStatus.UNPROCESSABLE_ENTITY
        try:
            return page(suppressing.look_up(runtime, form.target.data or ""), look=form)
        except NurtureError as error:
            form.target.errors = [error.sentence]
            return page(look=form), HTTPStatus.UNPROCESSABLE_ENTITY

    @routes.post("/add")
    @allow(MARKETERS)
    def add() -> Answer:
        form = AddForm()
        if not form.validate_on_submit():
            return page(adding=form), HTTPStatus.UNPROCESSABLE_ENTITY
        try:
            standing, new = suppressing.add(
                runtime,
                form.target.data or "",
                reason=SuppressionReason(form.reason.data),
                source=form.why.data or "",
                actor=me().email,
            )
        except NurtureError as error:
            form.why.errors = [error.sentence]
            return page(adding=form), HTTPStatus.UNPROCESSABLE_ENTITY
        flash("It is on the list now." if new else "It was on the list for this reason.")
        return page(standing)

    @routes.post("/remove")
    @allow(ADMINS)
    def remove() -> Answer:
        form = RemoveForm()
        if not form.validate_on_submit():
            return page(removing=form), HTTPStatus.UNPROCESSABLE_ENTITY
        try:
            standing, ended = suppressing.remove(
                runtime, form.target.data or "", why=form.why.data or "", actor=me().email
            )
        except NurtureError as error:
            flash(error.sentence, "problem")
            return page(removing=form), HTTPStatus.UNPROCESSABLE_ENTITY
        flash(f"Taken off: {', '.join(sorted(ended))}.")
        return page(standing)

    return routes


def asked_reason() -> SuppressionReason | None:
    """The reason that the list is narrowed to; 404 for a word that is none."""
    word = word_asked("reason")
    if not word or request.method != "GET":
        return None
    try:
        return suppressing.read_reason(word)
    except NurtureError:
        abort(HTTPStatus.NOT_FOUND)
