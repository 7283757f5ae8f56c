"""`/admin/calls`: the queue of whoever makes calls, and the page of one call with its script and its outcomes.

Made for a phone in one hand. What an outcome does is told beside it and decided by the workflow.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as AnyResponse
from wtforms import DateTimeLocalField, FloatField, StringField, TextAreaField
from wtforms.validators import InputRequired, NumberRange, Optional

from nurture.model.accounts import CALLERS, EVERYBODY
from nurture.model.errors import NotFoundError, NurtureError
from nurture.services.phone import calls
from nurture.services.phone.call_card import calendar_file, card
from nurture.services.phone.call_queue import Whose, queue
from nurture.services.phone.calls import LONGEST_CALL, LONGEST_NOTE
from nurture.web.guard import allow, me
from nurture.wiring import Nurture

Answer = AnyResponse | tuple[str, int] | str
YEARS = range(2000, 3000)
"""On the first and last days of all calendars there is no clock in other zones."""
ON_THE_WALL = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


class Minutes(FloatField):
    """A number with a point or a comma."""

    def process_formdata(self, valuelist: list[str]) -> None:
        written = valuelist[0].strip().replace(",", ".") if valuelist else ""
        try:
            self.data = float(written) if written else None
        except ValueError:
            self.data = None
            raise ValueError("Please write the minutes as a number.") from None


class Moment(DateTimeLocalField):
    """A day and a time, as browsers and people write them."""

    data: datetime | None

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata(valuelist)
            if self.data and self.data.year not in YEARS:
                raise ValueError
        except ValueError:
            self.data = None
            raise ValueError("Please choose a day and a time.") from None


class OutcomeForm(FlaskForm):
    outcome = StringField("How did it go?", [InputRequired("Please choose how it went.")])
    note = TextAreaField("Note", [Optional()], render_kw={"maxlength": LONGEST_NOTE, "rows": 3})
    minutes = Minutes(
        "Minutes",
        [Optional(), NumberRange(0, LONGEST_CALL, f"Please give 0 to {LONGEST_CALL} minutes.")],
        render_kw={"inputmode": "decimal", "min": 0, "max": LONGEST_CALL, "step": "any"},
    )
    at = Moment("Call back", [Optional()], format=ON_THE_WALL)


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("calls", __name__, url_prefix="/admin/calls")
    runtime = nurture.runtime

    def page(task_id: int, form: OutcomeForm) -> str:
        return render_template("admin/call.html", card=card(runtime, task_id, me()), form=form)

    @routes.get("")
    @allow(EVERYBODY)
    def show() -> str:
        found = queue(runtime, me(), whose_of(request.args.get("whose")))
        return render_template("admin/calls.html", queue=found, whose=Whose)

    @routes.get("/<int:task_id>")
    @allow(EVERYBODY)
    def one(task_id: int) -> str:
        return page(task_id, OutcomeForm(formdata=None))

    @routes.get("/<int:task_id>.ics")
    @allow(EVERYBODY)
    def entry(task_id: int) -> Response:
        data = calendar_file(runtime, task_id)
        disposition = {"Content-Disposition": f'attachment; filename="call-{task_id}.ics"'}
        return Response(data, mimetype="text/calendar", headers=disposition)

    @routes.post("/<int:task_id>/outcome")
    @allow(CALLERS)
    def report(task_id: int) -> Answer:
        """Note it and go back to the queue, or show the page with what was typed and why not."""
        form = OutcomeForm()
        if form.validate_on_submit():
            try:
                told = calls.report(
                    runtime,
                    task_id,
                    form.outcome.data,
                    me(),
                    at=form.at.data,
                    minutes=form.minutes.data,
                    note=form.note.data,
                )
            except NotFoundError:
                raise
            except NurtureError as error:
                form.outcome.errors = [error.sentence]
            else:
                if told.late:
                    flash("This call was over already: the outcome is kept and shown, and moves nothing.")
                return redirect(
                    url_for(".show", whose=whose_of(request.form.get("whose"))), HTTPStatus.SEE_OTHER
                )
        return page(task_id, form), HTTPStatus.UNPROCESSABLE_ENTITY

    @routes.post("/outcomes/<int:outcome_id>/undo")
    @allow(CALLERS)
    def undo(outcome_id: int) -> AnyResponse:
        try:
            task = calls.undo(runtime, outcome_id, me())
        except NotFoundError:
            raise
        except NurtureError as error:
            flash(error.sentence, "problem")
            return redirect(url_for(".show"), HTTPStatus.SEE_OTHER)
        flash("Taken back. The call is on the list again.")
        return redirect(url_for(".one", task_id=task.id), HTTPStatus.SEE_OTHER)

    @routes.post("/<int:task_id>/take")
    @allow(CALLERS)
    def take(task_id: int) -> AnyResponse:
        return hand_over(task_id, lambda: calls.take(runtime, task_id, me()), "This call is yours now.")

    @routes.post("/<int:task_id>/assign")
    @allow(CALLERS)
    def assign(task_id: int) -> AnyResponse:
        person = request.form.get("person", "")
        return hand_over(
            task_id,
            lambda: calls.assign_to(runtime, task_id, person, me()),
            "This call is on somebody else's list now.",
        )

    return routes


def whose_of(text: str | None) -> Whose:
    """Whose calls are asked for; one's own where the word is none of ours."""
    return Whose(text) if text in list(Whose) else Whose.MINE


def hand_over(task_id: int, deed: Callable[[], object], done: str) -> AnyResponse:
    """Do it, say so or say why not, and show the call."""
    try:
        deed()
    except NurtureError as error:
        flash(error.sentence, "problem")
    else:
        flash(done)
    return redirect(url_for(".one", task_id=task_id), HTTPStatus.SEE_OTHER)
