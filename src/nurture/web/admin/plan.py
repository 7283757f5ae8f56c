"""`/admin/plan`: what publishing the project folder would do, and the button that does it.

Says what `nurture plan` says, in the same words. What is published is what was shown: when a file changed meanwhile, it
shows the new plan instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import BooleanField, HiddenField

from nurture.model.accounts import EVERYBODY, MARKETERS
from nurture.model.errors import NurtureError, TextError
from nurture.rendering.day_bars import draw
from nurture.services.files import drafts
from nurture.services.releases import plan_words, planning
from nurture.services.releases.plan_recent import RecentPlans
from nurture.services.releases.plan_values import Plan
from nurture.services.releases.publish import make_live
from nurture.services.releases.wishes import Wish, as_words, read_words
from nurture.web.guard import allow, me
from nurture.wiring import Nurture

PLAYED = 1_000
"""Contacts whose next days are played while somebody waits for a page: a second or two."""
TAKEN_ALONG = 1_000
"""Contacts taken along before the page answers; workers see to the others."""
LONGEST_WORD = 200
MOST_WORDS = 60


class PublishForm(FlaskForm):
    seal = HiddenField()
    yes = BooleanField("I read this, and it shall go live")


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("plan", __name__, url_prefix="/admin/plan")
    runtime, folder = nurture.runtime, nurture.settings.project
    desk, recent = drafts.desk(folder), RecentPlans(folder)

    @routes.get("")
    @allow(EVERYBODY)
    def show() -> str:
        draft = desk.look(runtime)
        plan = None
        if draft.there and not draft.errors:
            plan = recent.plan(runtime, wish_in(request.args.getlist("along")), most=PLAYED)
        return render_template("admin/plan.html", draft=draft, form=PublishForm(), **shown(plan))

    @routes.post("")
    @allow(MARKETERS)
    def publish() -> Response | tuple[str, int]:
        plan = planning.plan(runtime, folder, wish_in(request.form.getlist("along")), most=PLAYED)
        form, done = publishing(nurture, plan)
        if done:
            return done
        draft = desk.look(runtime)
        page = render_template("admin/plan.html", draft=draft, form=form, **shown(plan))
        return page, HTTPStatus.UNPROCESSABLE_ENTITY

    return routes


def publishing(nurture: Nurture, plan: Plan) -> tuple[PublishForm, Response | None]:
    """Make live what was agreed to; without an answer, the form says why not."""
    form = PublishForm()
    if form.seal.data != plan.seal:
        form.yes.data = False
        form.seal.errors = ["Something changed since you looked. This is the plan as it is now."]
    elif plan.needs_a_yes and not form.yes.data:
        form.yes.errors = ["Please tick this first."]
    else:
        made = make_live(nurture.runtime, plan, me().email, most=TAKEN_ALONG)
        flash(plan_words.done(plan, made))
        return form, redirect(url_for("releases.show"), HTTPStatus.SEE_OTHER)
    return form, None


def wish_in(words: Iterable[str]) -> Wish:
    """Who is taken along, by the words of a form. Raises NurtureError."""
    said = [word.strip() for word in words if word.strip()][:MOST_WORDS]
    taken = {word for word in said if ":" not in word}
    try:
        return read_words(
            word[:LONGEST_WORD] for word in said if word.partition(":")[0] in taken or ":" not in word
        )
    except TextError as error:
        raise NurtureError(error.message, hint=error.hint) from None


def shown(plan: Plan | None) -> dict[str, object]:
    """What the template of a plan needs beside it."""
    if plan is None:
        return {"plan": None}
    days = plan.forecast.days
    charts = {
        "messages": draw([(one.day, one.messages_now, one.messages) for one in days], "messages"),
        "calls": draw([(one.day, one.calls_now, one.calls) for one in days], "calls"),
    }
    return {
        "plan": plan,
        "words": plan_words,
        "zone": plan_words.zone_of(plan),
        "charts": {what: bars for what, bars in charts.items() if bars.most},
        "along": as_words(plan.wish),
        "questions": tuple(plan_words.questions(plan)),
        "confirmations": tuple(plan_words.confirmations(plan)),
    }
