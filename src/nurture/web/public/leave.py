"""`/u/TOKEN`: the page that everybody gets: why we write, what comes, fewer, a rest, and the way out.

A GET changes nothing, whoever prefetches it. A POST acts: by one of the page's buttons, or by a mail program's own
(RFC 8058). Neither wants a cookie or a log-in, and neither is counted: a provider presses for thousands from one place.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from flask import Blueprint, Response, abort, make_response, render_template, request
from flask_limiter import RateLimitExceeded

from nurture.model.errors import NurtureError
from nurture.model.preferences import AS_THEY_COME, HOW_OFTEN, WEEKS
from nurture.rendering.links import Kind
from nurture.services.consent import choosing, coming_back, leaving, their_page
from nurture.services.consent.recipient import Stand
from nurture.services.consent.their_page import TheirPage
from nurture.services.runtime import Runtime
from nurture.web.guard import limiter
from nurture.web.public.offer import LONGEST_PROOF, one_line

ONE_CLICK = ("List-Unsubscribe", "One-Click")
FORETELLING = "60/minute"
"""How often the messages to come are played for one place; the page comes without them beyond that."""


def pages(runtime: Runtime) -> Blueprint:
    routes = Blueprint("leave", __name__)

    def key_of(token: str) -> str:
        """The message the link stood in. Raises LinkError."""
        return runtime.links.read(token, Kind.LEAVE, runtime.now()).key

    @routes.get("/u/<token>")
    def show(token: str) -> str:
        return page(key_of(token))

    @routes.post("/u/<token>")
    def act(token: str) -> Response:
        key, (name, value) = key_of(token), ONE_CLICK
        if request.form.get(name, "").strip() == value:  # some programs end the body with a line end
            leaving.leave(runtime, key, "one-click", who())
            return Response("You have left this list.\n", mimetype="text/plain")
        deed = deeds.get(request.form.get("do", ""))
        return make_response(deed(key) if deed else page(key))

    # --- what the page's buttons do -------------------------------------------------------------------------

    def leave(key: str) -> str:
        leaving.leave(runtime, key, "page", who())
        return page(key, just="left")

    def leave_all(key: str) -> str:
        leaving.leave_all(runtime, key, who())
        return page(key, just="left")

    def fewer(key: str) -> str:
        days = number("days")
        taken(lambda: choosing.choose_how_often(runtime, key, days or None))
        return page(key, just="Saved. This is how often we write to you from now on.")

    def rest(key: str) -> str:
        taken(lambda: choosing.rest(runtime, key, number("weeks")))
        return page(key, just="Saved. We are quiet until then.")

    def go_on(key: str) -> str:
        choosing.go_on(runtime, key)
        return page(key, just="The pause is over. We go on where we stopped.")

    def come_back(key: str) -> str:
        coming_back.come_back(runtime, key, who())
        return page(key, just="asked")

    deeds: dict[str, Callable[[str], str]] = {
        "leave": leave,
        "leave-all": leave_all,
        "fewer": fewer,
        "pause": rest,
        "go-on": go_on,
        "come-back": come_back,
    }

    # --- the page -------------------------------------------------------------------------------------------

    def page(key: str, just: str = "") -> str:
        """The page as things stand now; ``just`` is what was done a moment ago."""
        return drawn(look(key, foresees=request.method != "HEAD" and just not in ("left", "asked")), just)

    def look(key: str, *, foresees: bool) -> TheirPage:
        try:
            if foresees:
                with limiter.limit(FORETELLING):
                    return their_page.look(runtime, key)
        except RateLimitExceeded:
            pass  # a scanner follows the link of every message: it may wait for what comes, nobody for the way out
        return their_page.look(runtime, key, foresee=False)

    return routes


def drawn(found: TheirPage, just: str) -> str:
    """Each stand has its page, for it says other things; they are one address."""
    if found.stand is Stand.UNKNOWN:
        return render_template("leave_unknown.html", page=found)
    if just == "asked" and found.may_come_back:
        return render_template("leave_asked.html", page=found)
    if found.stand is not Stand.WRITTEN_TO:
        return render_template("left.html", page=found, just=just == "left", Stand=Stand)
    return render_template(
        "leave.html", page=found, saved=just, how_often=HOW_OFTEN, as_they_come=AS_THEY_COME, weeks=WEEKS
    )


def who() -> dict[str, str]:
    """Who pressed, as the ledger keeps it."""
    return {
        "ip": request.remote_addr or "",
        "user_agent": one_line(request.user_agent.string, LONGEST_PROOF),
    }


def number(name: str) -> int:
    """The number that was picked; 400 for what is none."""
    text = request.form.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 4):
        abort(HTTPStatus.BAD_REQUEST)
    return int(text)


def taken(choose: Callable[[], None]) -> None:
    """Do it; 400 for what no button of ours says."""
    try:
        choose()
    except NurtureError:
        abort(HTTPStatus.BAD_REQUEST)
