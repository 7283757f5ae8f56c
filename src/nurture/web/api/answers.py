"""What the API says: counts when all is well, else one shape for everything that can go wrong.

Tells nothing of what happened inside: a mistake of ours has its number and no text.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus

from flask import Response, jsonify
from flask_openapi3.models.info import Info
from flask_openapi3.types import SecuritySchemesDict
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.exceptions import HTTPException

from nurture import __version__
from nurture.db.consents import ConsentAction
from nurture.model.errors import NurtureError
from nurture.model.words import Channel, Status, SuppressionReason
from nurture.services.consent.permission import Standing
from nurture.services.contacts.people import Permission
from nurture.services.events.batches import BatchRefused
from nurture.services.events.storing import Refused
from nurture.services.story.known import StepState

API, PREFIX = "/api/", "/api/v1"
TOKEN = "token"  # noqa: S105 - the name of the scheme
INFO = Info(
    title="nurture",
    version=__version__,
    description="Report events and store contacts. `nurture token add NAME --scope SCOPE` makes a token.",
)
SECURITY: SecuritySchemesDict = {
    TOKEN: {"type": "http", "scheme": "bearer", "description": "Authorization: Bearer nt_…"}
}
RETRY_AFTER = {"Retry-After": "60"}


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EventsTaken(Answer):
    """The events of a list; a duplicate had been stored before under its id, and changed nothing."""

    accepted: int
    duplicates: int


class ConsentRefused(Answer):
    """The contact of this item was stored, but not its consent."""

    index: int
    reason: Refused


class ContactsStored(Answer):
    """The contacts of a list by what became of them, and the permissions that were written down or refused."""

    created: int
    updated: int
    unchanged: int
    consented: int
    consent_refused: list[ConsentRefused]
    erased: list[int] = Field(description="Items whose people had their data erased: they are not stored.")


class TurnTold(Answer):
    """One thing that was decided or that happened, with its reason and its place in the workflow's file."""

    at: datetime
    workflow: str
    stage: str
    step: str | None
    decision: str
    reason: str
    said: str
    file: str | None
    line: int | None


class NextTold(Answer):
    """What an enrollment waits for, or what became of one step; `gate` is what keeps it from happening."""

    workflow: str
    status: Status | None
    stage: str
    step: str | None
    at: datetime | None
    state: StepState
    reason: str
    until: datetime | None
    rule: str
    gate: str | None
    said: str


class WhyTold(Answer):
    """The story of one contact, oldest first, and what is next."""

    email: str
    timezone: str
    turns: list[TurnTold]
    next: list[NextTold]


class WordTold(Answer):
    """One entry of the ledger of permission: what they allowed or took back, what shows it, and what it means today."""

    id: int
    purpose: str
    channel: Channel
    action: ConsentAction
    at: datetime
    source: str
    wording: str | None
    version: str | None
    expires: datetime | None
    implied: bool
    standing: Standing
    said: str
    shown_by: list[str]


class ClosedTold(Answer):
    """Why an address or number of theirs is left alone."""

    channel: Channel
    reason: SuppressionReason
    at: datetime
    source: str


class PermissionTold(Answer):
    """What a contact allowed and took back, oldest first, and where they must not be reached."""

    email: str
    timezone: str
    purposes: list[str] = Field(description="What they may be mailed for now.")
    ledger: list[WordTold]
    suppressions: list[ClosedTold]


class SuppressionsKept(Answer):
    """Addresses and numbers that are left alone from now on; those `known` were so before, for the same reason."""

    added: int
    known: int


class Error(Answer):
    """What went wrong, and what to do."""

    code: str = Field(examples=["unauthorized"])
    message: str
    hint: str | None = None


class Failed(Answer):
    """Nothing was stored."""

    error: Error


class Problem(Answer):
    """One thing to mend; `index` counts from 0 in the list that was sent, null for the list as a whole."""

    index: int | None
    field: str | None
    message: str
    hint: str | None = None


class ProblemsFound(Failed):
    """Nothing was stored; everything that is wrong is listed."""

    problems: list[Problem]


def permission_told(found: Permission) -> PermissionTold:
    """The permission of a contact in the words of the API."""
    return PermissionTold(
        email=found.contact.email,
        timezone=found.zone.key,
        purposes=list(found.purposes),
        ledger=[
            WordTold(
                id=one.entry.id,
                purpose=one.entry.purpose,
                channel=one.entry.channel,
                action=one.entry.action,
                at=one.entry.at,
                source=one.entry.source,
                wording=one.entry.wording,
                version=one.entry.wording_version,
                expires=one.entry.expires_at,
                implied=one.entry.implied,
                standing=one.standing,
                said=one.said,
                shown_by=list(one.shown_by),
            )
            for one in found.ledger
        ],
        suppressions=[
            ClosedTold(channel=one.channel, reason=one.reason, at=one.at, source=one.source)
            for one in found.suppressions
        ],
    )


FAILURES: dict[str | int, type[BaseModel] | dict[str, object] | None] = {
    HTTPStatus.BAD_REQUEST: Failed,
    HTTPStatus.UNAUTHORIZED: Failed,
    HTTPStatus.FORBIDDEN: Failed,
    HTTPStatus.CONFLICT: Failed,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Failed,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: Failed,
    HTTPStatus.UNPROCESSABLE_ENTITY: ProblemsFound,
    HTTPStatus.TOO_MANY_REQUESTS: Failed,
    HTTPStatus.INTERNAL_SERVER_ERROR: Failed,
    HTTPStatus.SERVICE_UNAVAILABLE: Failed,
}
"""Every answer that is no success, for the description."""

_SAID: dict[int, tuple[str, str | None]] = {
    HTTPStatus.BAD_REQUEST: ("the body is no JSON", "send one object or a list of them, in UTF-8"),
    HTTPStatus.UNAUTHORIZED: (
        "this needs a token, and a good one",
        "send `Authorization: Bearer nt_…`; `nurture token add` makes one",
    ),
    HTTPStatus.FORBIDDEN: ("this token may not do that", "make one with the scope that this route names"),
    HTTPStatus.NOT_FOUND: ("there is no such route", f"{PREFIX}/openapi.json lists all of them"),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "this route takes no such method",
        f"{PREFIX}/openapi.json lists all of them",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("the body is larger than 1 MB", "send several requests"),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: ("only JSON is taken", "send `Content-Type: application/json`"),
    HTTPStatus.TOO_MANY_REQUESTS: ("these are too many requests", "wait a minute, and send lists"),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "the database does not answer",
        "send the same again in a minute; with an id it is stored once",
    ),
}
_OTHER = ("this is a mistake in nurture itself", "nothing was stored; send the same again")


def failed(status: int, message: str | None = None, hint: str | None = None) -> Response:
    """An answer that is no success, with its usual words unless it has its own."""
    usual = _SAID.get(status, _OTHER)
    if message is None:
        message, hint = usual
    error = Error(code=HTTPStatus(status).name.lower().replace("_", "-"), message=message, hint=hint)
    response = jsonify(Failed(error=error).model_dump())
    response.status_code = status
    return response


def http_failure(error: HTTPException) -> Response:
    """What werkzeug or a view refused; what it says about methods, tokens and waiting stays in the headers."""
    response = failed(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers.add(name, value)
    return response


def unknown(error: NurtureError) -> Response:
    """A sentence of ours: there is no such contact, workflow or step."""
    return failed(HTTPStatus.NOT_FOUND, error.message, error.hint)


def unavailable() -> Response:
    response = failed(HTTPStatus.SERVICE_UNAVAILABLE)
    response.headers.extend(RETRY_AFTER)
    return response


def refused(error: BatchRefused) -> Response:
    problems = [
        Problem(index=one.index, field=one.field, message=one.message, hint=one.hint)
        for one in error.problems
    ]
    return _problems(problems, error.message, error.hint)


def misread(error: ValidationError) -> Response:
    """A question that was not understood: what of its words is missing, too much or wrong."""
    problems = [
        Problem(index=None, field=".".join(map(str, one["loc"])) or None, message=one["msg"])
        for one in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    return _problems(problems, "the question cannot be read", f"{PREFIX}/openapi.json says what it may hold")


def _problems(problems: list[Problem], message: str, hint: str | None) -> Response:
    said = Error(code="problems", message=message, hint=hint)
    response = jsonify(ProblemsFound(error=said, problems=problems).model_dump())
    response.status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    return response


def conflict(error: NurtureError) -> Response:
    """A sentence of ours, such as that nothing was published yet."""
    return failed(HTTPStatus.CONFLICT, error.message, error.hint)
