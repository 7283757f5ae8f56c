"""`/o/OFFER`: the form of a lead offer, ours or embedded in somebody else's page, and the thanks after it.

The answer never tells whom we know, and no page here sets a cookie. Robots that fill in everything, post at once, or
post without end get the same friendly words, and nothing happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from secrets import token_urlsafe
from urllib.parse import urlsplit, urlunsplit

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for
from flask_limiter import RequestLimit
from werkzeug.wrappers import Response as AnyResponse

from nurture.model.addresses import AddressError, same_key
from nurture.model.errors import NotFoundError
from nurture.rendering.links import LinkError
from nurture.services.consent.question import Wish
from nurture.services.forms import offer_forms, requests
from nurture.services.forms.offer_forms import Form
from nurture.services.runtime import Runtime
from nurture.web.guard import hidden, limiter

PER_PLACE = "10/minute;40/hour"
PER_ADDRESS = "5/hour;10/day"
TRAP, STAMP, REFERRER = "web-site", "form-stamp", "form-referrer"
"""Names that no field of a contact can have."""
FASTEST = timedelta(seconds=1)
SLOWEST = timedelta(days=1)
UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
LONGEST_ORIGIN = 200
LONGEST_PROOF = 300


def pages(runtime: Runtime) -> Blueprint:
    routes = Blueprint("offer", __name__)

    @routes.get("/o/<name>")
    def show(name: str) -> Response:
        return page(runtime, form_of(name), {})

    @routes.post("/o/<name>")
    @limiter.limit(PER_PLACE, on_breach=too_often)
    @limiter.limit(PER_ADDRESS, key_func=address, deduct_when=was_taken, on_breach=thank)
    def ask(name: str) -> AnyResponse:
        form = form_of(name)
        if request.form.get(TRAP):
            return thanks(name)
        answers = offer_forms.read(runtime, name, request.form)
        if answers.problems:
            return page(runtime, form, answers.problems)
        stamp = request.form.get(STAMP)
        nonce = read_stamp(runtime, stamp) if stamp is not None else None
        if stamp is not None and nonce is None:
            return page(runtime, form, {}, again=True)
        wish = Wish(
            offer=name,
            email=answers.email,
            values=answers.values,
            consent=answers.consent,
            origin=origin(runtime),
            proof=proof(runtime, "the hosted form" if stamp is not None else "an embedded form"),
            nonce=nonce,
        )
        requests.ask(runtime, wish)
        return thanks(name)

    @routes.get("/o/<name>/thanks")
    def thanked(name: str) -> str:
        return render_template("offer_thanks.html", form=form_of(name))

    def form_of(name: str) -> Form:
        try:
            return offer_forms.form(runtime, name)
        except NotFoundError:
            abort(HTTPStatus.NOT_FOUND)

    return routes


def page(runtime: Runtime, form: Form, problems: Mapping[str, str], *, again: bool = False) -> Response:
    """The form, filled in as it was; 422 when it was posted and not taken."""
    html = render_template(
        "offer.html",
        form=form,
        typed=request.form,
        problems=problems,
        again=again,
        stamp=runtime.links.stamp(token_urlsafe(9), runtime.clock.operational()),
        referrer=referrer(runtime),
    )
    code = HTTPStatus.UNPROCESSABLE_ENTITY if problems or again else HTTPStatus.OK
    return make_response(html, code)


def thanks(name: str) -> AnyResponse:
    """The same for everybody. The address is relative to where we stand, whatever the request calls us."""
    return redirect(url_for(".thanked", name=name), HTTPStatus.SEE_OTHER)


# --- robots and floods ------------------------------------------------------------------------------------------


def read_stamp(runtime: Runtime, stamp: str) -> str | None:
    """The page's nonce; None when it was shown a moment ago, too long ago, or never by us."""
    try:
        nonce, shown = runtime.links.read_stamp(stamp)
    except LinkError:
        return None
    return nonce if FASTEST <= _age(runtime.clock.operational(), shown) <= SLOWEST else None


def _age(now: datetime, shown: datetime) -> timedelta:
    return now - shown


def address() -> str:
    """Whose mailbox was typed, as a key that does not show it.

    Only here plus tags count as one: most providers put them all into one mailbox, which could be flooded.
    """
    typed = request.form.get("email", "")
    try:
        local, _, domain = same_key(typed).rpartition("@")
        return hidden(f"{local.partition('+')[0]}@{domain}")
    except AddressError:
        return hidden(typed)


def was_taken(response: Response) -> bool:
    return response.status_code == HTTPStatus.SEE_OTHER


def too_often(limit: RequestLimit) -> Response:
    said = "Many forms were sent from your connection. Please wait a few minutes, go back, and press the button again."
    page = render_template("message.html", title="One moment, please", said=said)
    return make_response(page, HTTPStatus.TOO_MANY_REQUESTS)


def thank(limit: RequestLimit) -> Response:
    """Somebody asks for the same address again and again: nothing is done, and nothing is told."""
    return make_response(thanks(str((request.view_args or {})["name"])))


# --- where they came from, and what shows it --------------------------------------------------------------------


def origin(runtime: Runtime) -> dict[str, str]:
    """What a marketer wants to know of the way here: the five UTM words and the page before, cut to a decent length."""
    given = {name: request.form.get(name) or request.args.get(name, "") for name in UTM}
    given["referrer"] = referrer(runtime)
    return {name: text for name, value in given.items() if (text := one_line(value, LONGEST_ORIGIN))}


def referrer(runtime: Runtime) -> str:
    """The page before ours, without its query: what stands there is nobody's business and may hold an address."""
    try:
        given = urlsplit(request.form.get(REFERRER) or request.referrer or "")
    except ValueError:  # such as half an IPv6 address
        return ""
    ours = urlsplit(runtime.links.base_url).netloc
    if (
        given.scheme not in ("http", "https")
        or given.netloc in ("", ours)
        or "@" in given.netloc + given.path
    ):
        return ""
    return one_line(urlunsplit((given.scheme, given.netloc, given.path, "", "")), LONGEST_ORIGIN)


def proof(runtime: Runtime, shown: str) -> dict[str, str]:
    """What shows that somebody ticked the box: from where, with what, on which page."""
    page = referrer(runtime) if shown == "an embedded form" else ""
    return {
        "ip": request.remote_addr or "",
        "user_agent": one_line(request.user_agent.string, LONGEST_PROOF),
        "page": page or f"{runtime.links.offer(str((request.view_args or {}).get('name', '')))}",
        "shown": shown,
    }


def one_line(text: str, longest: int) -> str:
    """``text`` cut to a length; nothing when it holds what no line can show and no database keeps."""
    return text[:longest] if text.isprintable() else ""
