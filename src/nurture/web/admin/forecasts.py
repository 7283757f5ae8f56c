"""`/admin/workflows/…/forecast`: what so many contacts would mean, as `nurture simulate` says it, and what that rests on."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, render_template, request

from nurture.model.accounts import EVERYBODY
from nurture.model.errors import NotFoundError, NurtureError, ProblemsFound
from nurture.services.files import drafts
from nurture.services.rehearsing import simulate_page, simulate_words
from nurture.services.rehearsing.simulate import Simulated
from nurture.services.rehearsing.simulate_page import MOST_CONTACTS, MOST_DAYS, Asked
from nurture.web.admin.walks import DRAFT, is_draft
from nurture.web.asked import number_asked, word_asked
from nurture.web.guard import allow
from nurture.wiring import Nurture


def pages(nurture: Nurture) -> Blueprint:
    routes = Blueprint("forecasts", __name__, url_prefix="/admin/workflows")
    runtime, folder = nurture.runtime, nurture.settings.project
    desk = drafts.desk(folder)

    @routes.get("/<name>/forecast")
    @allow(EVERYBODY)
    def show(name: str) -> str | tuple[str, int]:
        asked, draft = asked_for(name), is_draft()

        def page(simulated: Simulated | None, problem: str = "") -> str:
            return render_template(
                "admin/forecast.html",
                name=name,
                asked=asked,
                found=simulated,
                tables=tables(simulated) if simulated else (),
                COUNTED=COUNTED,
                words=simulate_words,
                problem=problem,
                draft=draft,
                DRAFT=DRAFT,
                folder=desk.look(runtime),
                most=(MOST_CONTACTS, MOST_DAYS),
            )

        try:
            if draft:
                return page(simulate_page.of_draft(runtime, folder, asked))
            return page(simulate_page.of_published(runtime, asked))
        except NotFoundError:
            raise
        except ProblemsFound:
            said = "The folder cannot be played while its files hold errors: the plan names them."
            return page(None, said), HTTPStatus.UNPROCESSABLE_ENTITY
        except NurtureError as error:
            return page(None, error.sentence), HTTPStatus.UNPROCESSABLE_ENTITY

    return routes


def asked_for(name: str) -> Asked:
    """What the address asks; whatever it leaves open is as usual."""
    usual = Asked(name)
    at_once = "arrive" in request.args and not word_asked("arrive")
    return Asked(
        workflow=name,
        contacts=number("contacts") or usual.contacts,
        days=number("days") or usual.days,
        per_day=None if at_once else number("arrive") or usual.per_day,
    )


def number(name: str) -> int | None:
    """The number in a field of the form; None where it was left empty."""
    return number_asked(name) if word_asked(name) else None


COUNTED = frozenset(
    (
        "Entered",
        "Entered, 90 %",
        "Validated",
        "Validated, 90 %",
        "Lost",
        "Under way",
        "Contacts",
        "Messages",
        "Fullest day",
        "Calls due",
        "Share",
        "Days",
    )
)
"""The heads of columns that hold numbers."""


def tables(simulated: Simulated) -> tuple[tuple[str, tuple[str, ...], list[tuple[object, ...]]], ...]:
    """Title, heads and rows of each table, as the command prints them."""
    words, answer = simulate_words, simulated.answer
    found = (
        (
            "By stage",
            ("Stage", "Entered", "Entered, 90 %", "Validated", "Validated, 90 %", "Lost", "Under way"),
            list(words.stage_rows(answer)),
        ),
        ("Lost", ("Lost in", "For", "Contacts", "Because"), list(words.loss_rows(answer))),
        (
            "By week",
            ("Week of", "Messages", "Fullest day", "Calls due", "Fullest day"),
            list(words.week_rows(simulated)),
        ),
        (
            "What this rests on",
            ("Taken as", "Where", "Share", "Days", "From"),
            list(words.assumption_rows(simulated)),
        ),
    )
    return tuple(one for one in found if one[2])
