"""`/admin/mail`: what became of every message, what was caught instead of sent, and what a crash left in doubt.

A caught mail is a stranger here: its document may show itself and open its links, and do nothing else. Its links act
for the contact, so that only who works with contacts may open it.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from nurture.model.accounts import CALLERS, EVERYBODY, MARKETERS
from nurture.model.errors import NotFoundError
from nurture.model.words import DeliveryState
from nurture.services.sending import caught, delivery_list, doubt, once_more
from nurture.services.sending.delivery_list import Wanted
from nurture.settings import CATCH
from nurture.web.asked import NUMBER, number_asked, onward, word_asked
from nurture.web.guard import allow, me, own_path
from nurture.wiring import Nurture

SHOWS_ITSELF = (
    "sandbox allow-popups allow-popups-to-escape-sandbox;"
    " default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'self'"
)
"""For the document of a caught mail: no script, nothing from elsewhere, so that not even looking at it is counted."""
STATES = ("sent", "skipped", "failed", "ambiguous", "pending")
VERDICTS = {
    doubt.Verdict.SENT: "counts as sent",
    doubt.Verdict.FAILED: "counts as failed",
    doubt.Verdict.AGAIN: "is sent again, with the same Message-ID",
}
_HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)
_DOCTYPE = re.compile(r"\s*<!doctype[^>]*>", re.IGNORECASE)


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("mail", __name__, url_prefix="/admin/mail")
    runtime = nurture.runtime
    folder = nurture.settings.var / "mail"
    catches = nurture.settings.smtp_url == CATCH

    @routes.get("")
    @allow(EVERYBODY)
    def show() -> str:
        wanted = asked()
        listing = delivery_list.look_through(
            runtime, wanted, before=number_asked("before"), folder=folder if me().role in CALLERS else None
        )
        return render_template(
            "admin/mail.html",
            listing=listing,
            wanted=wanted,
            narrowed=wanted != Wanted(),
            states=STATES,
            verdicts=VERDICTS,
            catches=catches,
            server=urlsplit(nurture.settings.smtp_url).hostname,
            older=onward(".show", before=listing.older),
        )

    @routes.post("/doubt")
    @allow(MARKETERS)
    def settle() -> AnyResponse:
        verdict = request.form.get("verdict", "")
        message_id = request.form.get("message_id", "")
        if verdict not in VERDICTS or not message_id:
            abort(HTTPStatus.BAD_REQUEST)
        try:
            doubt.resolve(runtime, [message_id], doubt.Verdict(verdict), me().email)
        except NotFoundError:
            flash("This message is in doubt no longer: somebody has settled it.", "problem")
        else:
            flash(f"Settled: it {VERDICTS[doubt.Verdict(verdict)]}.")
        return redirect(own_path(request.form.get("back"), url_for(".show")), HTTPStatus.SEE_OTHER)

    @routes.post("/again")
    @allow(MARKETERS)
    def try_again() -> AnyResponse:
        number = request.form.get("delivery", "")
        if not re.fullmatch(NUMBER, number):
            abort(HTTPStatus.BAD_REQUEST)
        try:
            once_more.try_message(runtime, int(number), me().email)
        except NotFoundError as error:
            flash(error.sentence, "problem")
        else:
            flash("It is tried once more, with its template as it is now.")
        return redirect(own_path(request.form.get("back"), url_for(".show")), HTTPStatus.SEE_OTHER)

    @routes.get("/notices")
    @allow(EVERYBODY)
    def notices() -> str:
        listing = delivery_list.notices_before(
            runtime, number_asked("before"), folder=folder if me().role in CALLERS else None
        )
        return render_template(
            "admin/mail_notices.html",
            listing=listing,
            catches=catches,
            older=onward(".notices", before=listing.older),
        )

    @routes.get("/caught")
    @allow(CALLERS)
    def pile() -> str:
        words = asked().to
        pile = caught.look_through(folder, words, after=request.args.get("after", ""))
        return render_template(
            "admin/mail_caught.html",
            pile=pile,
            words=words,
            catches=catches,
            server=urlsplit(nurture.settings.smtp_url).hostname,
            older=onward(".pile", after=pile.older),
        )

    @routes.get("/caught/<name>")
    @allow(CALLERS)
    def letter(name: str) -> str:
        opened = caught.open_letter(folder, name)
        return render_template(
            "admin/mail_letter.html", letter=opened, delivery=delivery_list.of_key(runtime, opened.slip.key)
        )

    @routes.get("/caught/<name>/document")
    @allow(CALLERS)
    def document(name: str) -> Response:
        opened = caught.open_letter(folder, name)
        if opened.html is None:
            abort(HTTPStatus.NOT_FOUND)
        answer = Response(opening_elsewhere(opened.html), mimetype="text/html")
        answer.headers["Content-Security-Policy"] = SHOWS_ITSELF
        answer.headers["X-Frame-Options"] = "SAMEORIGIN"
        return answer

    @routes.get("/caught/<name>/file")
    @allow(CALLERS)
    def file(name: str) -> Response:
        opened = caught.open_letter(folder, name)
        answer = Response(opened.data, mimetype="message/rfc822")
        answer.headers.set("Content-Disposition", "attachment", filename=opened.slip.name)
        return answer

    return routes


def asked() -> Wanted:
    """What the address asks for."""
    state = request.args.get("state", "")
    return Wanted(
        state=DeliveryState(state) if state in STATES else None,
        template=word_asked("template"),
        workflow=word_asked("workflow"),
        reason=word_asked("reason"),
        to=word_asked("to"),
    )


def opening_elsewhere(html: str) -> str:
    """The same document, its links opening in a page of their own: none of ours may stand in a frame."""
    base = '<base target="_blank">'
    if head := _HEAD.search(html):
        return html[: head.end()] + base + html[head.end() :]
    doctype = _DOCTYPE.match(html)
    at = doctype.end() if doctype else 0
    return html[:at] + base + html[at:]
