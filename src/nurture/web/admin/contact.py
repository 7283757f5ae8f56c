"""`/admin/contacts/N`: one contact's story, what is next, and everything a person may do about it.

Reads one path or does one deed; which deeds make sense is decided by the services, and they say why not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from flask import (
    Blueprint,
    Response,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from nurture.model.accounts import CALLERS, EVERYBODY, MARKETERS
from nurture.model.errors import NurtureError
from nurture.services.contacts import hands, shown, steering
from nurture.services.contacts.hands import Told
from nurture.services.events import scores
from nurture.services.runtime import Runtime
from nurture.services.story.path import path
from nurture.services.story.picture import HOLDS, KEYS, picture
from nurture.web.admin import contact_forms as forms
from nurture.web.admin.contact_forms import Asked
from nurture.web.guard import allow, me
from nurture.wiring import Nurture

SANDBOX = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'"
"""For the document of a mail: it may show itself, and do nothing."""
LINES = 40

Answer = AnyResponse | tuple[str, int]


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("contact", __name__, url_prefix="/admin/contacts")
    page = _Page(nurture.runtime)

    @routes.get("/<int:contact_id>")
    @allow(EVERYBODY)
    def show(contact_id: int) -> str:
        return page.show(contact_id)

    _what_happened_outside(routes, page)
    _the_wheel(routes, page)
    _permission(routes, page)
    _messages(routes, nurture.runtime)
    return routes


@dataclass(frozen=True, slots=True)
class _Page:
    """The page of a contact, and how each of its forms is answered."""

    runtime: Runtime

    def show(self, contact_id: int, asked: Asked | None = None) -> str:
        found = path(self.runtime, contact_id)
        published = self.runtime.published()
        zone = published.workspace.zone_of(me().timezone)
        wanted = request.args.get("workflow", "")
        story = [line for line in found.story if wanted in ("", line.workflow)]
        everything = "all" in request.args
        return render_template(
            "admin/contact.html",
            path=found,
            name=hands.called(found.contact),
            present=[picture(one, zone) for one in found.present],
            earlier=[picture(one, zone) for one in found.earlier],
            forms=forms.all_of(found, published, asked),
            tellings=hands.tellings(published.workspace),
            story=story if everything else story[:LINES],
            hidden_lines=0 if everything else max(0, len(story) - LINES),
            wanted=wanted,
            score=scores.read_score(self.runtime, found.contact),
            keys=KEYS,
            holds=HOLDS,
        )

    def act(self, contact_id: int, name: str, form: forms.Form, deed: Callable[[], str]) -> Answer:
        """Do it and go back to the page, or show the page with what was typed and why not."""
        asked = Asked(name, form)
        forms.choose(form, self.runtime.published())
        if form.validate_on_submit():
            try:
                flash(deed())
            except NurtureError as error:
                asked.refuse(error.sentence)
                flash(error.sentence, "problem")
            else:
                return redirect(url_for(".show", contact_id=contact_id), HTTPStatus.SEE_OTHER)
        return self.show(contact_id, asked), HTTPStatus.UNPROCESSABLE_ENTITY


def _what_happened_outside(routes: Blueprint, page: _Page) -> None:
    """For everybody who talks to contacts."""

    @routes.post("/<int:contact_id>/happened")
    @allow(CALLERS)
    def happened(contact_id: int) -> Answer:
        event = request.form.get("event", "")
        form = forms.SaleForm() if event in hands.SALES else forms.TellForm()

        def deed() -> str:
            amount = float(form.amount.data or 0) if isinstance(form, forms.SaleForm) else None
            kind = form.kind.data if isinstance(form, forms.SaleForm) else None
            told = Told(event, form.once.data, amount=amount, kind=kind)
            return hands.happened(page.runtime, contact_id, told, me().email)

        return page.act(contact_id, f"tell-{event}", form, deed)

    @routes.post("/<int:contact_id>/note")
    @allow(CALLERS)
    def note(contact_id: int) -> Answer:
        form = forms.NoteForm()
        return page.act(
            contact_id,
            "note",
            form,
            lambda: hands.note(page.runtime, contact_id, form.text.data, form.once.data, me().email),
        )

    @routes.post("/<int:contact_id>/send-me")
    @allow(CALLERS)
    def send_me(contact_id: int) -> Answer:
        form = forms.SendForm()
        return page.act(
            contact_id,
            "send",
            form,
            lambda: shown.send_me(
                page.runtime, contact_id, me(), form.once.data, template=form.template.data
            ),
        )


def _the_wheel(routes: Blueprint, page: _Page) -> None:
    """For marketers: where a contact goes."""

    @routes.post("/<int:contact_id>/enrollments/<int:enrollment_id>/move")
    @allow(MARKETERS)
    def move(contact_id: int, enrollment_id: int) -> Answer:
        steering.require_own(page.runtime, contact_id, enrollment_id)
        form = forms.MoveForm()
        form.stage.validate_choice = False  # the service knows the stages of the contact's own version
        return page.act(
            contact_id,
            f"move-{enrollment_id}",
            form,
            lambda: steering.move(page.runtime, enrollment_id, form.stage.data, form.reason.data, me().email),
        )

    @routes.post("/<int:contact_id>/enrollments/<int:enrollment_id>/skip")
    @allow(MARKETERS)
    def skip(contact_id: int, enrollment_id: int) -> Answer:
        steering.require_own(page.runtime, contact_id, enrollment_id)
        form = forms.SkipForm()
        return page.act(
            contact_id,
            f"skip-{enrollment_id}",
            form,
            lambda: steering.skip(page.runtime, enrollment_id, form.step.data, form.reason.data, me().email),
        )

    @routes.post("/<int:contact_id>/enrollments/<int:enrollment_id>/end")
    @allow(MARKETERS)
    def end(contact_id: int, enrollment_id: int) -> Answer:
        steering.require_own(page.runtime, contact_id, enrollment_id)
        form = forms.ReasonForm()
        return page.act(
            contact_id,
            f"end-{enrollment_id}",
            form,
            lambda: steering.end(page.runtime, enrollment_id, form.reason.data, me().email),
        )

    @routes.post("/<int:contact_id>/enroll")
    @allow(MARKETERS)
    def enroll(contact_id: int) -> Answer:
        form = forms.EnrollForm()
        return page.act(
            contact_id,
            "enroll",
            form,
            lambda: steering.enroll(
                page.runtime, contact_id, form.workflow.data, form.reason.data, me().email
            ),
        )

    @routes.post("/<int:contact_id>/pause")
    @allow(MARKETERS)
    def pause(contact_id: int) -> Answer:
        form = forms.ReasonForm()
        return page.act(
            contact_id,
            "hold",
            form,
            lambda: steering.hold(page.runtime, contact_id, form.reason.data, me().email),
        )

    @routes.post("/<int:contact_id>/resume")
    @allow(MARKETERS)
    def resume(contact_id: int) -> Answer:
        form = forms.Form()
        return page.act(
            contact_id, "resume", form, lambda: steering.let_go(page.runtime, contact_id, "", me().email)
        )


def _permission(routes: Blueprint, page: _Page) -> None:
    """For marketers: what somebody told one of us."""

    @routes.post("/<int:contact_id>/withdraw")
    @allow(MARKETERS)
    def withdraw(contact_id: int) -> Answer:
        form = forms.WithdrawForm()
        return page.act(
            contact_id,
            "withdraw",
            form,
            lambda: hands.withdraw(
                page.runtime,
                contact_id,
                form.purpose.data or None,
                form.reason.data,
                form.once.data,
                me().email,
            ),
        )

    @routes.post("/<int:contact_id>/grant")
    @allow(MARKETERS)
    def grant(contact_id: int) -> Answer:
        form = forms.GrantForm()
        return page.act(
            contact_id,
            "grant",
            form,
            lambda: hands.grant(
                page.runtime,
                contact_id,
                form.purpose.data,
                form.wording.data,
                form.source.data,
                form.once.data,
                me().email,
            ),
        )

    @routes.post("/<int:contact_id>/do-not-call")
    @allow(MARKETERS)
    def do_not_call(contact_id: int) -> Answer:
        form = forms.ReasonForm()
        return page.act(
            contact_id,
            "do-not-call",
            form,
            lambda: hands.do_not_call(page.runtime, contact_id, form.reason.data, form.once.data, me().email),
        )


def _messages(routes: Blueprint, runtime: Runtime) -> None:
    """What was sent, as it was sent."""

    @routes.get("/<int:contact_id>/mail/<int:delivery_id>")
    @allow(EVERYBODY)
    def mail(contact_id: int, delivery_id: int) -> str:
        found = shown.show(runtime, contact_id, delivery_id)
        return render_template(
            "admin/contact_mail.html",
            shown=found,
            name=hands.called(found.contact),
            form=forms.Form(formdata=None),
        )

    @routes.post("/<int:contact_id>/mail/<int:delivery_id>/send-me")
    @allow(CALLERS)
    def send_this(contact_id: int, delivery_id: int) -> AnyResponse:
        form = forms.Form()
        shown.show(runtime, contact_id, delivery_id)
        try:
            flash(shown.send_me(runtime, contact_id, me(), form.once.data or "", delivery_id=delivery_id))
        except NurtureError as error:
            flash(error.sentence, "problem")
        return redirect(
            url_for(".mail", contact_id=contact_id, delivery_id=delivery_id), HTTPStatus.SEE_OTHER
        )

    @routes.get("/<int:contact_id>/mail/<int:delivery_id>/body")
    @allow(EVERYBODY)
    def body(contact_id: int, delivery_id: int) -> Response:
        response = make_response(shown.show(runtime, contact_id, delivery_id).html or "")
        response.headers["Content-Security-Policy"] = SANDBOX
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
        return response
