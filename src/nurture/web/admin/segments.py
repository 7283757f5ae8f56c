"""`/admin/segments`: who is in each segment now, and writing a new one with its count at hand.

A condition is judged and counted by its service; this page only shows what it says, at the column where it says it.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from nurture.model.accounts import EVERYBODY, MARKETERS
from nurture.model.errors import NurtureError
from nurture.model.expression_tree import CONTACT_FIELDS
from nurture.services.events import segment_list
from nurture.services.events.segment_list import LONGEST_NAME, LONGEST_TITLE, ConditionError, Judged
from nurture.web.asked import number_asked, word_asked
from nurture.web.guard import allow, me
from nurture.wiring import Nurture

LONGEST_CONDITION = 1_000


class SegmentForm(FlaskForm):
    name = StringField("Name", [InputRequired("Please name it."), Length(max=LONGEST_NAME)])
    title = StringField("In words", [Length(max=LONGEST_TITLE, message="Please keep it shorter.")])
    where = TextAreaField(
        "Condition",
        [InputRequired("Please write who belongs to it."), Length(max=LONGEST_CONDITION)],
        render_kw={
            "rows": 3,
            "spellcheck": "false",
            "autocapitalize": "off",
            "maxlength": LONGEST_CONDITION,
            "aria-describedby": "counted",
        },
    )


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("segments", __name__, url_prefix="/admin/segments")
    runtime = nurture.runtime

    def written(form: SegmentForm, judged: Judged | None, name: str | None = None) -> str:
        text = form.where.data or ""
        return render_template(
            "admin/segment_form.html",
            form=form,
            judged=judged,
            text=text,
            name=name,
            everybodys=CONTACT_FIELDS,
        )

    def saved(form: SegmentForm, name: str | None) -> Response | tuple[str, int]:
        """Save what the form holds, as the segment ``name`` or as a new one."""
        if not form.validate_on_submit():
            return written(form, None, name), HTTPStatus.UNPROCESSABLE_ENTITY
        wanted, title, where = name or form.name.data or "", form.title.data or "", form.where.data or ""
        try:
            segment_list.save(runtime, wanted, title, where, me().email, new=name is None)
        except ConditionError as error:
            return written(form, Judged(None, error.problems), name), HTTPStatus.UNPROCESSABLE_ENTITY
        except NurtureError as error:
            form.name.errors = [error.sentence]
            return written(form, segment_list.judge(runtime, where), name), HTTPStatus.UNPROCESSABLE_ENTITY
        flash("Saved.")
        return redirect(url_for(".one", name=wanted), HTTPStatus.SEE_OTHER)

    @routes.get("")
    @allow(EVERYBODY)
    def show() -> str:
        return render_template("admin/segments.html", lines=segment_list.listing(runtime))

    # The + keeps them apart from segments: none is called so.
    @routes.get("/+new")
    @allow(MARKETERS)
    def new() -> str:
        form = SegmentForm(request.args, meta={"csrf": False})
        text = word_asked("where", LONGEST_CONDITION)
        return written(form, segment_list.judge(runtime, text) if text else None)

    @routes.post("/+new")
    @allow(MARKETERS)
    def add() -> Response | tuple[str, int]:
        return saved(SegmentForm(), None)

    @routes.get("/<name>")
    @allow(EVERYBODY)
    def one(name: str) -> str:
        shown = segment_list.show(runtime, name, after=number_asked("after") or 0)
        older = url_for(".one", name=name, after=shown.older) if shown.older else None
        return render_template("admin/segment.html", shown=shown, older=older)

    @routes.get("/<name>/edit")
    @allow(MARKETERS)
    def edit(name: str) -> str:
        known = segment_list.saved(runtime, name)
        form = SegmentForm(
            formdata=None,
            name=name,
            title=known.title,
            where=word_asked("where", LONGEST_CONDITION) or known.where,
        )
        return written(form, segment_list.judge(runtime, form.where.data or ""), name)

    @routes.post("/<name>/edit")
    @allow(MARKETERS)
    def change(name: str) -> Response | tuple[str, int]:
        segment_list.saved(runtime, name)
        return saved(SegmentForm(), name)

    @routes.post("/<name>/delete")
    @allow(MARKETERS)
    def delete(name: str) -> Response:
        segment_list.forget(runtime, name, me().email)
        flash(f"{name} is deleted. Its contacts stay.")
        return redirect(url_for(".show"), HTTPStatus.SEE_OTHER)

    return routes
