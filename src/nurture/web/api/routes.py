"""`/api/v1/events`, `/api/v1/contacts` and what there is to know of them: who asks, may they; then one service does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, TypeVar

from flask import Response, abort, current_app, g, request
from flask_openapi3.blueprint import APIBlueprint
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from nurture.db.session import CommitUnknownError, UnreachableError
from nurture.db.tokens import Token
from nurture.model.accounts import Scope
from nurture.model.addresses import LONGEST, AddressError
from nurture.model.errors import NotFoundError, NurtureError
from nurture.services.consent import suppressing_list
from nurture.services.consent.suppressing_list import SuppressionForm
from nurture.services.contacts import people
from nurture.services.events import storing, tracking
from nurture.services.events.batches import MOST_ITEMS, BatchRefused
from nurture.services.events.storing import ContactForm
from nurture.services.events.tracking import EventForm
from nurture.services.runtime import Runtime
from nurture.services.staff import tokens
from nurture.services.story.why import why
from nurture.web.api.answers import (
    FAILURES,
    PREFIX,
    TOKEN,
    ContactsStored,
    EventsTaken,
    Failed,
    PermissionTold,
    SuppressionsKept,
    WhyTold,
    conflict,
    permission_told,
    refused,
    unavailable,
    unknown,
)
from nurture.web.guard import hidden, limiter

NAME = "api"
LARGEST_BODY = 1024 * 1024
PER_TOKEN = "600/minute"  # noqa: S105 - how often one may ask
PER_PLACE = "60/minute"
"""Requests without a good token, from one address."""

View = TypeVar("View", bound=Callable[..., object])


def as_it_is(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    """The service looks at each item, so that everything that is wrong is told at once."""
    return value


class EventBody(
    RootModel[
        Annotated[
            EventForm | Annotated[list[EventForm], Field(max_length=MOST_ITEMS)], WrapValidator(as_it_is)
        ]
    ]
):
    """One event, or a list of them."""


class ContactBody(
    RootModel[
        Annotated[
            ContactForm | Annotated[list[ContactForm], Field(max_length=MOST_ITEMS)], WrapValidator(as_it_is)
        ]
    ]
):
    """One contact, or a list of them."""


class SuppressionBody(
    RootModel[
        Annotated[
            SuppressionForm | Annotated[list[SuppressionForm], Field(max_length=MOST_ITEMS)],
            WrapValidator(as_it_is),
        ]
    ]
):
    """One address or number to leave alone, or a list of them."""


class WhoAsked(BaseModel):
    """About whom."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(max_length=LONGEST)


class WhyAsked(WhoAsked):
    """About whom, and about which workflow and step."""

    workflow: str | None = Field(default=None, max_length=LONGEST)
    step: str | None = Field(default=None, max_length=LONGEST, description="Needs the workflow.")

    @model_validator(mode="after")
    def _step_of_a_workflow(self) -> WhyAsked:
        if self.step and not self.workflow:
            raise ValueError("a step is asked about with its workflow")
        return self


def needs(scope: Scope) -> Callable[[View], View]:
    """What a token must be allowed to call this view; stands below its route."""

    def mark(view: View) -> View:
        view.needed_scope = scope  # type: ignore[attr-defined]
        return view

    return mark


def pages(runtime: Runtime) -> APIBlueprint:
    api = APIBlueprint(NAME, __name__, url_prefix=PREFIX)

    @api.before_request
    @limiter.limit(PER_PLACE, deduct_when=was_nobody)
    @limiter.limit(PER_TOKEN, key_func=who)
    def admit() -> None:
        request.max_content_length = LARGEST_BODY
        token = tokens.authorize(runtime, shown())
        if token is None:
            raise Unauthorized(www_authenticate=WWWAuthenticate("bearer", {"realm": "nurture"}))
        view = current_app.view_functions[request.endpoint or ""]
        if not token.may(view.needed_scope):  # type: ignore[union-attr]
            abort(HTTPStatus.FORBIDDEN)
        if request.method != "GET":
            require_json()
        g.token = token

    @api.post(
        "/events",
        responses={HTTPStatus.OK: EventsTaken, **FAILURES},
        security=[{TOKEN: [Scope.EVENTS_WRITE]}],
        operation_id="report-events",
    )
    @needs(Scope.EVENTS_WRITE)
    def post_events(body: EventBody) -> dict[str, object]:
        """Report what happened to or by contacts.

        All of a list is stored in one transaction, or nothing. The same id again changes nothing.
        """
        taken = tracking.track_batch(runtime, body.root, source=source())
        return EventsTaken(**asdict(taken)).model_dump(mode="json")

    @api.put(
        "/contacts",
        responses={HTTPStatus.OK: ContactsStored, **FAILURES},
        security=[{TOKEN: [Scope.CONTACTS_WRITE]}],
        operation_id="store-contacts",
    )
    @needs(Scope.CONTACTS_WRITE)
    def put_contacts(body: ContactBody) -> dict[str, object]:
        """Store contacts by their address, and what they agreed to.

        All of a list is stored in one transaction, or nothing. What is left out or null stays as it is.
        """
        stored = storing.store_batch(runtime, body.root, source=source())
        return ContactsStored(**asdict(stored)).model_dump(mode="json")

    @api.get(
        "/contacts/why",
        responses={HTTPStatus.OK: WhyTold, HTTPStatus.NOT_FOUND: Failed, **FAILURES},
        security=[{TOKEN: [Scope.CONTACTS_READ]}],
        operation_id="why",
    )
    @needs(Scope.CONTACTS_READ)
    def get_why(query: WhyAsked) -> dict[str, object]:
        """Tell what a contact got and did not get, each with its reason, and what is next and when.

        With a workflow only of that one; with a step too, what became of it or will.
        """
        found = why(runtime, query.email, query.workflow, query.step)
        told = {"email": found.contact.email, "timezone": found.zone.key}
        turns, following = [asdict(one) for one in found.turns], [asdict(one) for one in found.next]
        return WhyTold(**told, turns=turns, next=following).model_dump(mode="json")

    @api.get(
        "/contacts/permission",
        responses={HTTPStatus.OK: PermissionTold, HTTPStatus.NOT_FOUND: Failed, **FAILURES},
        security=[{TOKEN: [Scope.CONTACTS_READ]}],
        operation_id="permission",
    )
    @needs(Scope.CONTACTS_READ)
    def get_permission(query: WhoAsked) -> dict[str, object]:
        """Tell what a contact allowed and took back, what shows it, and where they must not be reached."""
        return permission_told(people.permission(runtime, query.email)).model_dump(mode="json")

    @api.put(
        "/suppressions",
        responses={HTTPStatus.OK: SuppressionsKept, **FAILURES},
        security=[{TOKEN: [Scope.CONTACTS_WRITE]}],
        operation_id="suppress",
    )
    @needs(Scope.CONTACTS_WRITE)
    def put_suppressions(body: SuppressionBody) -> dict[str, object]:
        """Leave addresses and numbers alone from now on, contacts or not.

        All of a list is stored in one transaction, or nothing. No request takes anything off the list.
        """
        kept = suppressing_list.keep_batch(runtime, body.root, actor=source())
        return SuppressionsKept(added=kept.added, known=kept.known).model_dump(mode="json")

    for nobody in (NotFoundError, AddressError):
        api.register_error_handler(nobody, unknown)
    api.register_error_handler(BatchRefused, refused)
    api.register_error_handler(NurtureError, told)
    return api


def shown() -> str:
    """The token that somebody shows, empty for none."""
    kind, _, word = request.headers.get("Authorization", "").partition(" ")
    return word.strip() if kind.lower() == "bearer" else ""


def who() -> str:
    """Whose requests are counted together."""
    return hidden(shown())


def was_nobody(response: Response) -> bool:
    return response.status_code == HTTPStatus.UNAUTHORIZED


def source() -> str:
    """Where an event came from, as people read it."""
    token: Token = g.token
    return f"api: {token.name}"


def require_json() -> None:
    """Refuse a body that is no JSON object or list: 400, 413 or 415."""
    try:
        body = request.get_json()
    except RecursionError:
        abort(HTTPStatus.BAD_REQUEST)
    if not isinstance(body, dict | list):
        abort(HTTPStatus.BAD_REQUEST)


def told(error: NurtureError) -> Response:
    away = isinstance(error, UnreachableError | CommitUnknownError)
    return unavailable() if away else conflict(error)
