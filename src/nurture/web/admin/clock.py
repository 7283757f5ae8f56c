"""`/admin/clock`: in a demo, let hours or days pass. In a workspace that is in earnest there is no such page."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

from flask import Blueprint, abort, flash, g, redirect, request, url_for
from werkzeug.wrappers import Response

from nurture.model.accounts import MARKETERS
from nurture.model.errors import NurtureError
from nurture.services.running import clock
from nurture.services.running.clock import Passed, Reading
from nurture.services.runtime import Runtime
from nurture.web.guard import allow, me, own_path
from nurture.wiring import Nurture

SPANS = {
    "1h": ("+1 hour", timedelta(hours=1)),
    "6h": ("+6 hours", timedelta(hours=6)),
    "1d": ("+1 day", timedelta(days=1)),
    "3d": ("+3 days", timedelta(days=3)),
    "1w": ("+1 week", timedelta(weeks=1)),
}
"""What the buttons say and do."""


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("clock", __name__, url_prefix="/admin/clock")
    runtime = nurture.runtime

    @routes.post("")
    @allow(MARKETERS)
    def move() -> Response:
        if not clock.is_movable(runtime):
            abort(HTTPStatus.NOT_FOUND)
        _, by = SPANS.get(request.form.get("by", ""), (None, None))
        if by is None:
            abort(HTTPStatus.BAD_REQUEST)
        try:
            flash(in_words(clock.advance_smoothly(runtime, by, work, me().email)))
        except NurtureError as error:
            flash(error.sentence, "problem")
        nurture.look_at_the_clock()
        back = own_path(request.form.get("back"), url_for("contacts.show"))
        return redirect(back, HTTPStatus.SEE_OTHER)

    def work(moved: Runtime) -> None:
        at_work = Nurture(nurture.settings, moved)
        try:
            at_work.run_until_idle()
        finally:
            at_work.deliver.close()

    @routes.app_context_processor
    def control() -> dict[str, object]:
        return {"clock_state": lambda: reading(runtime), "clock_spans": SPANS}

    return routes


def reading(runtime: Runtime) -> Reading | None:
    """What the clock says, read once for each page; None when it does not move, or nothing was published yet."""
    if "clock_reading" not in g:
        try:
            g.clock_reading = clock.read_clock(runtime) if clock.is_movable(runtime) else None
        except NurtureError:
            g.clock_reading = None
    found: Reading | None = g.clock_reading
    return found


def in_words(passed: Passed) -> str:
    """``3 mails went out and 2 calls appeared.``"""
    done = passed.done
    went = [
        f"{number} {noun if number == 1 else noun + 's'} {verb}"
        for number, noun, verb in ((done.messages, "mail", "went out"), (done.calls, "call", "appeared"))
        if number
    ]
    said = " and ".join(went) or "Nothing went out and no call appeared"
    rest = "" if passed.all_done else " The rest fell due at once, and the workers are on it."
    return f"Time went by: {said[:1].lower()}{said[1:]}.{rest}"
