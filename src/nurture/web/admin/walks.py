"""`/admin/workflows/…/walk`: take the journey yourself, and ask what if, before a customer does.

An address says the whole walk, so that it can be shown to somebody else. Nothing is stored, and nothing leaves.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from nurture.model.accounts import EVERYBODY
from nurture.model.errors import NotFoundError, NurtureError, ProblemsFound
from nurture.services.files import drafts
from nurture.services.rehearsing import walk_words
from nurture.services.rehearsing.walk_page import Asked, WalkPage
from nurture.services.rehearsing.walk_recent import Recent
from nurture.web.admin.contact import SANDBOX
from nurture.web.asked import word_asked
from nurture.web.guard import allow
from nurture.wiring import Nurture

DRAFT = "folder"
"""Instead of what is live: the files in the project folder."""
LONGEST_DOING = 300
MOST_DOINGS = 30
DAYS, CLOCK = re.compile(r"[0-9]{1,4}"), re.compile(r"[0-9]{2}:[0-9]{2}")


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("walks", __name__, url_prefix="/admin/workflows")
    runtime = nurture.runtime
    desk = drafts.desk(nurture.settings.project)
    recent = Recent(nurture.settings.project, nurture.settings.base_url)

    @routes.get("/<name>/walk")
    @allow(EVERYBODY)
    def show(name: str) -> Response | str | tuple[str, int]:
        asked, draft = asked_for(name), is_draft()
        if request.args.get("event"):
            return redirect(address(with_new(asked), draft=draft), HTTPStatus.SEE_OTHER)
        folder = desk.look(runtime)

        def page(found: WalkPage | None, problem: NurtureError | None = None) -> str:
            return render_template(
                "admin/walk.html",
                name=name,
                found=found,
                asked=found.asked if found else asked,
                draft=draft,
                folder=folder,
                problem=problem,
                words=walk_words,
                to=lambda **over: address(found.asked if found else asked, draft=draft, **over),
            )

        try:
            return page(recent.page(runtime, asked, draft=draft))
        except (NotFoundError, ProblemsFound):
            if draft and folder.errors:
                return page(None), HTTPStatus.UNPROCESSABLE_ENTITY
            raise
        except NurtureError as error:
            return page(None, error), HTTPStatus.UNPROCESSABLE_ENTITY

    @routes.get("/<name>/walk/<int:number>/body")
    @allow(EVERYBODY)
    def body(name: str, number: int) -> Response:
        frames = recent.page(runtime, asked_for(name), draft=is_draft()).frames
        html = frames[number].html if number < len(frames) else None
        if html is None:
            abort(HTTPStatus.NOT_FOUND)
        answer = make_response(html)
        answer.headers["Content-Security-Policy"] = SANDBOX
        answer.headers["X-Frame-Options"] = "SAMEORIGIN"
        return answer

    return routes


# --- what an address says -------------------------------------------------------------------------------------------


def asked_for(name: str) -> Asked:
    """The walk that the address tells."""
    pairs = (text.partition("=") for text in request.args.getlist("variant"))
    return Asked(
        workflow=name,
        persona=word_asked("as") or None,
        do=tuple(one[:LONGEST_DOING] for one in request.args.getlist("do") if one.strip())[:MOST_DOINGS],
        variants=tuple((split, variant) for split, _, variant in pairs if split and variant),
        start=word_asked("start") or None,
        what_if=word_asked("what_if") or None,
    )


def is_draft() -> bool:
    return request.args.get("of") == DRAFT


def with_new(asked: Asked) -> Asked:
    """The walk with what the form adds to it: an event, so many days after the start, and at what hour."""
    days, clock = word_asked("days") or "0", word_asked("at")
    if not DAYS.fullmatch(days) or (clock and not CLOCK.fullmatch(clock)):
        abort(HTTPStatus.BAD_REQUEST)
    when = f"+{int(days)} day{'' if int(days) == 1 else 's'}" + (f" at {clock}" if clock else "")
    return Asked(
        workflow=asked.workflow,
        persona=asked.persona,
        do=(*asked.do, f"{word_asked('event')}@{when}"),
        variants=asked.variants,
        start=asked.start,
    )


def address(
    asked: Asked,
    *,
    draft: bool,
    what_if: str | None = None,
    also: str | None = None,
    number: int | None = None,
) -> str:
    """Where this walk is shown; or an alternative of it, or with something more done, or the body of one message."""
    said: dict[str, Any] = {
        "of": DRAFT if draft else None,
        "as": asked.persona,
        "start": asked.start,
        "do": (*asked.do, also) if also else asked.do,
        "variant": tuple(f"{split}={variant}" for split, variant in asked.variants),
        "what_if": what_if if number is None else asked.what_if,
    }
    if number is None:
        return url_for("walks.show", name=asked.workflow, **said)
    return url_for("walks.body", name=asked.workflow, number=number, **said)
