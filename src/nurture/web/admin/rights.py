"""`/admin/contacts/N/rights`: what is held about one person, to hand out; and the button that forgets them.

For admins alone. Looking changes nothing; an erasure wants the address typed, and cannot be undone.
"""

from __future__ import annotations

import json
from http import HTTPStatus

from flask import Blueprint, Response, flash, redirect, render_template, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as AnyResponse
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from nurture.model.accounts import ADMINS
from nurture.model.addresses import AddressError, same_key
from nurture.services.contacts import add_contact, hands
from nurture.services.contacts.steering import LONGEST_REASON
from nurture.services.privacy import erasing, rights
from nurture.web.guard import allow, me
from nurture.wiring import Nurture


class EraseForm(FlaskForm):
    """What makes sure that it is meant, and who it is."""

    address = StringField(
        "Their address, typed once more",
        [InputRequired("Please type the address.")],
        render_kw={"autocomplete": "off"},
    )
    reason = StringField("Why", [Length(max=LONGEST_REASON)])


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("rights", __name__, url_prefix="/admin/contacts")
    runtime, folder = nurture.runtime, nurture.settings.var / "mail"

    def page(contact_id: int, form: EraseForm) -> str:
        contact = add_contact.contact(runtime, contact_id)
        held = erasing.preview(runtime, contact.email, folder)
        return render_template(
            "admin/rights.html",
            contact=contact,
            name=hands.called(contact),
            held=held,
            tables=rights.tables(held.rows),
            form=form,
        )

    @routes.get("/<int:contact_id>/rights")
    @allow(ADMINS)
    def show(contact_id: int) -> str:
        return page(contact_id, EraseForm(formdata=None))

    @routes.post("/<int:contact_id>/export")
    @allow(ADMINS)
    def export(contact_id: int) -> Response:
        contact = add_contact.contact(runtime, contact_id)
        found = rights.everything(runtime, contact.email, folder, me().email)
        document = json.dumps(rights.as_document(found), ensure_ascii=False, indent=2)
        answer = Response(document, mimetype="application/json")
        answer.headers["Content-Disposition"] = f'attachment; filename="contact-{contact_id}.json"'
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @routes.post("/<int:contact_id>/erase")
    @allow(ADMINS)
    def erase(contact_id: int) -> AnyResponse | tuple[str, int]:
        form = EraseForm()
        contact = add_contact.contact(runtime, contact_id)
        if form.validate_on_submit():
            if is_same(form.address.data or "", contact.email):
                gone = erasing.erase(runtime, contact.email, folder, me().email, form.reason.data or "")
                flash(
                    f"Erased: {gone.total:,} rows and {gone.mails:,} caught mails. Nothing tells who it was."
                )
                return redirect(url_for("contacts.show"), HTTPStatus.SEE_OTHER)
            form.address.errors = ["That is not the address of this contact."]
        return page(contact_id, form), HTTPStatus.UNPROCESSABLE_ENTITY

    return routes


def is_same(typed: str, email: str) -> bool:
    """Is it the same address, however it is written?"""
    try:
        return same_key(typed) == same_key(email)
    except AddressError:
        return False
