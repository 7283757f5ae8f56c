"""`/admin/templates`: every message and call script, and one as somebody would get it, before anybody does.

An address says what is shown and to whom, so that a colleague can be asked to look. A message is a stranger here: it may
show itself and its pictures, and do nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from nurture.model.accounts import EVERYBODY, MARKETERS
from nurture.model.errors import NotFoundError, NurtureError
from nurture.services.files import drafts, template_pages
from nurture.services.files.template_pages import Asked, Look
from nurture.services.rehearsing.rehearsal import Ground
from nurture.services.sending import once_more
from nurture.web.admin.contact_forms import Form
from nurture.web.asked import word_asked
from nurture.web.guard import allow, me
from nurture.wiring import Nurture

DRAFT = "folder"
"""Instead of what is live: the files in the project folder."""
SHOWS_ITSELF = (
    "sandbox; default-src 'none'; img-src https: data:; style-src 'unsafe-inline'; frame-ancestors 'self'"
)
"""For the document of a message: no script, no form, no style or frame from elsewhere."""
WIDTHS = {"desk": "Wide", "phone": "Phone"}
SCHEMES = {"light": "Light", "dark": "Dark"}
SAID = ("as", "to", "locale", "step", "of", "width", "scheme")
"""What an address may say."""
_ASKS_FOR_SCHEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)", re.IGNORECASE)
_TELLS_SCHEMES = re.compile(r"""(<meta\s+name="color-scheme"\s+content=")([^"]*)(")""", re.IGNORECASE)


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("templates", __name__, url_prefix="/admin/templates")
    runtime = nurture.runtime
    project, base_url = nurture.settings.project, nurture.settings.base_url
    desk = drafts.desk(project)

    def ground() -> Ground:
        return template_pages.ground_of(runtime, project, draft=is_draft())

    def found(kind: str, name: str) -> Look:
        return template_pages.look(runtime, ground(), asked_for(kind, name), base_url)

    @routes.get("")
    @allow(EVERYBODY)
    def show() -> str:
        return render_template(
            "admin/templates.html", lines=template_pages.listing(runtime, base_url), draft=desk.look(runtime)
        )

    @routes.get("/<kind>/<name>")
    @allow(EVERYBODY)
    def one(kind: str, name: str) -> str | tuple[str, int]:
        asked = asked_for(kind, name)
        look, problem = None, None
        try:
            look = found(kind, name)
        except NotFoundError as error:
            if not (asked.to or asked.persona):
                raise
            problem = error.sentence
        except NurtureError as error:
            problem = error.sentence
        page = render_template(
            "admin/template.html",
            kind=kind,
            name=name,
            asked=look.asked if look else asked,
            look=look,
            problem=problem,
            draft=desk.look(runtime),
            of_draft=is_draft(),
            width=one_of(WIDTHS, "width"),
            scheme=one_of(SCHEMES, "scheme"),
            widths=WIDTHS,
            schemes=SCHEMES,
            to=address(kind, name),
            form=Form(formdata=None),
            failed=once_more.failed_over(runtime, name) if kind == "email" else 0,
        )
        return page if look else (page, HTTPStatus.UNPROCESSABLE_ENTITY)

    @routes.get("/<kind>/<name>/body")
    @allow(EVERYBODY)
    def body(kind: str, name: str) -> Response:
        shown = found(kind, name).shown
        if shown is None or shown.html is None:
            abort(HTTPStatus.NOT_FOUND)
        answer = make_response(in_scheme(shown.html, one_of(SCHEMES, "scheme")))
        answer.headers["Content-Security-Policy"] = SHOWS_ITSELF
        answer.headers["X-Frame-Options"] = "SAMEORIGIN"
        return answer

    @routes.post("/<kind>/<name>/send-me")
    @allow(MARKETERS)
    def send_me(kind: str, name: str) -> AnyResponse:
        asked, form = asked_for(kind, name), Form()
        if not form.validate_on_submit():
            abort(HTTPStatus.BAD_REQUEST)
        once = form.once.data or ""
        try:
            flash(template_pages.send_me(runtime, ground(), asked, me(), once))
        except NurtureError as error:
            flash(error.sentence, "problem")
        return redirect(address(kind, name)(), HTTPStatus.SEE_OTHER)

    @routes.post("/<kind>/<name>/again")
    @allow(MARKETERS)
    def try_again(kind: str, name: str) -> AnyResponse:
        count = once_more.try_template(runtime, name, me().email) if kind == "email" else 0
        if count:
            what = "message is" if count == 1 else "messages are"
            flash(f"{count} {what} tried once more, as the template is now.")
        else:
            flash("There is nothing to try again: it went meanwhile, or nobody waits for it now.", "problem")
        return redirect(address(kind, name)(), HTTPStatus.SEE_OTHER)

    return routes


# --- what an address says -------------------------------------------------------------------------------------------


def asked_for(kind: str, name: str) -> Asked:
    """The template, and as whom. Aborts with 404 for a kind that there is not."""
    if kind not in ("email", "call"):
        abort(HTTPStatus.NOT_FOUND)
    return Asked(
        template=f"{kind}/{name}",
        persona=word_asked("as") or None,
        to=word_asked("to") or None,
        locale=word_asked("locale") or None,
        use=word_asked("step") or None,
    )


def is_draft() -> bool:
    return request.args.get("of") == DRAFT


def one_of(known: dict[str, str], name: str) -> str:
    """What the address asks for, if it is one of these; else the first."""
    asked = request.args.get(name, "")
    return asked if asked in known else next(iter(known))


def address(kind: str, name: str) -> Callable[..., str]:
    """Where the same is shown with something else about it: ``to(width="phone")``; ``to("body")`` is its HTML alone."""
    said: dict[str, Any] = {key: text for key in SAID if (text := word_asked(key))}

    def to(page: str = "one", **over: str | None) -> str:
        return url_for(f"templates.{page}", **{"kind": kind, "name": name, **said, **over})

    return to


# --- light and dark -------------------------------------------------------------------------------------------------


def in_scheme(html: str, scheme: str) -> str:
    """The document as it looks in this scheme, whatever the reader's own is."""

    def asked(found: re.Match[str]) -> str:
        return "(min-width: 0)" if found[1].lower() == scheme else "(max-width: 0)"

    def told(found: re.Match[str]) -> str:
        return f"{found[1]}{scheme}{found[3]}" if scheme in found[2].lower() else found[0]

    return _TELLS_SCHEMES.sub(told, _ASKS_FOR_SCHEME.sub(asked, html))
