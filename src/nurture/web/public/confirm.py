"""`/confirm/TOKEN`: the yes of somebody whose address was typed into a form.

A GET shows what it is about and a button, so that a scanner's visit confirms nothing; the POST does it, once.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, make_response, render_template, request

from nurture.model.errors import NotFoundError
from nurture.rendering.links import ExpiredLinkError, Kind, LinkError, Payload
from nurture.services.forms import requests
from nurture.services.forms.requests import Confirmation
from nurture.services.runtime import Runtime
from nurture.web.guard import limiter
from nurture.web.public.offer import LONGEST_PROOF, one_line

PER_PLACE = "30/minute"


def pages(runtime: Runtime) -> Blueprint:
    routes = Blueprint("confirm", __name__)

    def read(token: str) -> tuple[Payload, bool]:
        """What the link is for, and whether its time is over. Raises LinkError."""
        try:
            return runtime.links.read(token, Kind.CONFIRM, runtime.now()), False
        except ExpiredLinkError as error:
            return error.payload, True

    @routes.get("/confirm/<token>")
    def show(token: str) -> Response:
        link, expired = read(token)
        asked = look(link)
        if expired and not asked.done:
            return over(asked)
        return answer(asked)

    @routes.post("/confirm/<token>")
    @limiter.limit(PER_PLACE)
    def act(token: str) -> Response:
        link, expired = read(token)
        asked = look(link)
        if expired and not asked.done:
            return over(asked)
        proof = {
            "ip": request.remote_addr or "",
            "user_agent": one_line(request.user_agent.string, LONGEST_PROOF),
        }
        return answer(requests.confirm(runtime, link, proof))

    def look(link: Payload) -> Confirmation:
        try:
            return requests.look(runtime, link)
        except NotFoundError:
            raise LinkError from None

    return routes


def answer(asked: Confirmation) -> Response:
    return make_response(render_template("confirm.html", asked=asked))


def over(asked: Confirmation) -> Response:
    """410: the link was good once."""
    return make_response(render_template("confirm_over.html", asked=asked), HTTPStatus.GONE)
