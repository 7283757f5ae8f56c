"""`/hooks/PROVIDER`: what the company that sends for us reports of bounces and complaints.

The bytes are checked as they came, before anything is read. Answers are for programs: a line of text and a status. 2xx comes
after the commit, also for what was told before; 4xx says that nothing was believed, and why.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from nurture.channels.providers import AwayError, ForgedError, Posted, ShutError, UnreadableError
from nurture.model.errors import NotFoundError, NurtureError
from nurture.services.inbound import provider_hooks
from nurture.services.runtime import Runtime

LARGEST = 1_000_000
"""Bytes of a request."""


def pages(runtime: Runtime) -> Blueprint:
    routes = Blueprint("hooks", __name__)

    @routes.post("/hooks/<source>")
    def hear(source: str) -> Response:
        request.max_content_length = LARGEST
        try:
            heard = provider_hooks.hear(runtime, source, posted())
        except RequestEntityTooLarge:
            return answer(f"At most {LARGEST:,} bytes are read.", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        except NotFoundError as error:
            return refusal(error, HTTPStatus.NOT_FOUND)
        except ShutError as error:
            return refusal(error, HTTPStatus.FORBIDDEN)
        except ForgedError as error:
            return refusal(error, HTTPStatus.UNAUTHORIZED)
        except AwayError as error:
            return refusal(error, HTTPStatus.SERVICE_UNAVAILABLE)
        except UnreadableError as error:
            return refusal(error, HTTPStatus.BAD_REQUEST)
        return answer(f"Taken: {heard.taken} new, {heard.known} known before.", HTTPStatus.OK)

    return routes


def posted() -> Posted:
    """The request as it came. Raises RequestEntityTooLarge."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    given = request.authorization
    return Posted(headers, request.get_data(cache=False), given.password if given else None)


def refusal(error: NurtureError, status: HTTPStatus) -> Response:
    return answer(f"Refused: {error.message}. Nothing was changed.", status)


def answer(text: str, status: HTTPStatus) -> Response:
    return Response(f"{text}\n", status, mimetype="text/plain")
