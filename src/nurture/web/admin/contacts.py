"""`/admin/contacts`: find anybody by a piece of a name, address or number, and add or mend one by hand.

The list only looks. What the form holds is judged by its service, and comes back with what was typed.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from nurture.engine.explain import in_words as why
from nurture.model.accounts import CALLERS, EVERYBODY
from nurture.model.words import Contact, Status
from nurture.services.contacts import add_contact, directory
from nurture.services.contacts.add_contact import Added, Entry, EntryError, KnownAddressError
from nurture.services.contacts.directory import NOBODY, NOT_ENROLLED, CursorError, Order, Reach, Wanted
from nurture.web.admin.contact_entry import EntryForm, entry_form, texts_of
from nurture.web.asked import onward, word_asked
from nurture.web.guard import allow, me
from nurture.wiring import Nurture

FILTERS = ("workflow", "stage", "step", "status", "tag", "owner", "segment")
STATUSES: Mapping[str, str] = {
    Status.ACTIVE: "on their way",
    Status.COMPLETED: "completed",
    Status.LOST: "lost",
    Status.EXITED: "left by an exit",
    NOT_ENROLLED: "never in a workflow",
}
REACHES: Mapping[str, str] = {
    Reach.SUPPRESSED: "address or phone is closed",
    Reach.UNSUBSCRIBED: "unsubscribed",
    Reach.NO_CONSENT: "no permission to mail",
}


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("contacts", __name__, url_prefix="/admin/contacts")
    runtime = nurture.runtime

    @routes.get("")
    @allow(EVERYBODY)
    def show() -> Response:
        wanted = asked()
        order = Order.NAME if request.args.get("order") == Order.NAME else Order.ACTIVITY
        try:
            listing = directory.look_through(runtime, wanted, order, request.args.get("after"))
        except CursorError:
            abort(HTTPStatus.BAD_REQUEST)
        page = render_template(
            "admin/contacts.html",
            listing=listing,
            wanted=wanted,
            order=order,
            narrowed=wanted != Wanted(),
            filtered=wanted != Wanted(text=wanted.text),
            statuses=STATUSES,
            reaches=REACHES,
            nobody=NOBODY,
            older=onward(".show", after=listing.older),
        )
        answer = make_response(page)
        answer.headers["Vary"] = "HX-Request"
        return answer

    @routes.get("/new")
    @allow(CALLERS)
    def new() -> str:
        form = entry_form(add_contact.choices(runtime))
        return render_template("admin/contact_new.html", form=form)

    @routes.post("/new")
    @allow(CALLERS)
    def add() -> Response | tuple[str, int]:
        form = entry_form(add_contact.choices(runtime))
        known: Contact | None = None
        try:
            added = add_contact.add(runtime, entry_of(form), me().email)
        except EntryError as error:
            form.show(error.problems)
        except KnownAddressError as error:
            known = error.contact
        else:
            flash(in_words(added))
            return redirect(url_for("contact.show", contact_id=added.contact.id), HTTPStatus.SEE_OTHER)
        page = render_template("admin/contact_new.html", form=form, known=known)
        return page, HTTPStatus.UNPROCESSABLE_ENTITY

    @routes.get("/<int:contact_id>/edit")
    @allow(CALLERS)
    def edit(contact_id: int) -> str:
        person = add_contact.contact(runtime, contact_id)
        form = entry_form(add_contact.choices(runtime), person)
        return render_template("admin/contact_edit.html", form=form, contact=person)

    @routes.post("/<int:contact_id>/edit")
    @allow(CALLERS)
    def mend(contact_id: int) -> Response | tuple[str, int]:
        person = add_contact.contact(runtime, contact_id)
        form = entry_form(add_contact.choices(runtime), person)
        try:
            changed = add_contact.edit(runtime, contact_id, texts_of(form), me().email)
        except EntryError as error:
            form.show(error.problems)
            page = render_template("admin/contact_edit.html", form=form, contact=person)
            return page, HTTPStatus.UNPROCESSABLE_ENTITY
        flash("Saved. Workflows look at it now." if changed else "Nothing was different.")
        return redirect(url_for("contact.show", contact_id=contact_id), HTTPStatus.SEE_OTHER)

    return routes


def asked() -> Wanted:
    """What the address asks for."""
    given = {name: word_asked(name) for name in ("q", *FILTERS)}
    if at := word_asked("at"):
        given["workflow"], _, given["stage"] = at.partition("/")
    reach = request.args.get("reach", "")
    if given["status"] not in STATUSES:
        given["status"] = ""
    return Wanted(text=given.pop("q"), reach=Reach(reach) if reach in REACHES else None, **given)


def entry_of(form: EntryForm) -> Entry:
    given = {
        name: str(form[name].data or "") for name in ("purpose", "wording", "source", "workflow", "reason")
    }
    return Entry(texts={"email": str(form["email"].data or ""), **texts_of(form)}, **given)


def in_words(added: Added) -> str:
    """What was done, and what was not."""
    said = ["Added."]
    if added.closed:
        said.append(
            "The address is on the suppression list: nothing is sent to it, and no permission was noted."
        )
    elif added.consented:
        said.append("The permission is noted.")
    if added.entered:
        said.append("They are on their way.")
    elif added.refused:
        said.append(f"They did not enter the workflow: {why(added.refused)}.")
    return " ".join(said)
