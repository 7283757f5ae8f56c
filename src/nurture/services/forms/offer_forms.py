"""The form of a lead offer: what it asks, in which words it asks for permission, and what a person typed into it.

It reads and judges only; nothing is stored here. A value that cannot be kept is refused at its question, never mended.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from nurture.db import content
from nurture.model.errors import NotFoundError
from nurture.model.words import Scalar
from nurture.model.workspace import FieldType, Workspace
from nurture.services.contacts.importing.cells import CellError
from nurture.services.contacts.importing.values import cell_readers
from nurture.services.runtime import Runtime
from nurture.workflow.documents import ConsentWording, Offer, OfferKind

LONGEST_ANSWER = 300
"""Characters of one answer."""
CONSENT = "consent"
"""The tick box; its value is the version of the wording that was shown."""
TICKED = frozenset({"on", "yes", "true", "1"})
NAMES = frozenset({"first_name", "last_name"})
"""What a mail greets with: words for us to say in our own name, so that no stranger may slip an address in."""
LONGEST_NAME = 100
NEVER_ASKED = frozenset({"owner"})
"""Who answers for a contact is no question for the contact."""


@dataclass(frozen=True, slots=True)
class Wording:
    """How a form of this kind of offer speaks."""

    button: str
    thanks: str
    coming: str


WORDINGS = {
    OfferKind.DOWNLOAD: Wording(
        "Send it to me", "It is on its way", "Look into your mail: the link comes within a few minutes."
    ),
    OfferKind.EVENT: Wording(
        "Save my seat",
        "Your seat is saved",
        "Look into your mail: when and where comes within a few minutes.",
    ),
    OfferKind.TRIAL: Wording(
        "Start now", "You can start", "Look into your mail: how to begin comes within a few minutes."
    ),
    OfferKind.CONTEST: Wording(
        "Enter", "You have entered", "Look into your mail: a note that we have it comes within a few minutes."
    ),
    OfferKind.PAID_LOW: Wording(
        "Book it",
        "We have your booking",
        "Look into your mail: what comes next is there within a few minutes.",
    ),
}


@dataclass(frozen=True, slots=True)
class Question:
    """One question. ``input`` is the type of its control in HTML, ``select`` for one with ``choices``."""

    name: str
    label: str
    input: str
    required: bool
    autocomplete: str | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """What the page of an offer shows. ``confirms``: nothing happens before the asker's yes by mail.

    ``price`` is with its currency, None where nothing is to be paid.
    """

    name: str
    title: str
    promise: str
    price: str | None
    words: Wording
    questions: tuple[Question, ...]
    consent: ConsentWording | None
    confirms: bool
    sender: str
    postal_address: str
    privacy_url: str | None


@dataclass(frozen=True, slots=True)
class Answers:
    """What was typed, read; ``problems`` says by question what cannot be taken, and then nothing is done."""

    email: str = ""
    values: Mapping[str, Scalar] = field(default_factory=dict)
    consent: ConsentWording | None = None
    problems: Mapping[str, str] = field(default_factory=dict)


def form(runtime: Runtime, name: str) -> Form:
    """The form of a published offer. Raises NotFoundError."""
    with runtime.database.read() as tx:
        offer, workspace = offer_of(runtime, tx, name)
    return form_of(offer, workspace)


def read(runtime: Runtime, name: str, posted: Mapping[str, str]) -> Answers:
    """What somebody posted to this offer's form. Raises NotFoundError."""
    with runtime.database.read() as tx:
        offer, workspace = offer_of(runtime, tx, name)
    return answers(form_of(offer, workspace), workspace, posted)


def offer_of(runtime: Runtime, tx: Connection, name: str) -> tuple[Offer, Workspace]:
    """A published offer and its workspace. Raises NotFoundError, also when nothing was published yet."""
    published = runtime.shelf.published(tx) if content.publications(tx) else None
    if published is None or name not in published.offers:
        raise NotFoundError("there is no such offer")
    return published.offers[name], published.workspace


def form_of(offer: Offer, workspace: Workspace) -> Form:
    asked = (one for one in offer.fields if one.name not in NEVER_ASKED)
    return Form(
        name=offer.name,
        title=offer.title,
        promise=offer.promise,
        price=f"{workspace.currency} {offer.price:,.2f}" if offer.price else None,
        words=WORDINGS[offer.kind],
        questions=tuple(_question(one.name, one.required or one.name == "email", workspace) for one in asked),
        consent=offer.consent,
        confirms=offer.double_opt_in,
        sender=workspace.name,
        postal_address=workspace.postal_address,
        privacy_url=workspace.privacy_url,
    )


def answers(form: Form, workspace: Workspace, posted: Mapping[str, str]) -> Answers:
    """Everything that was typed, judged as an import would; all that is wrong at once."""
    readers = cell_readers(workspace, delimiter=",")
    values: dict[str, Scalar] = {}
    problems: dict[str, str] = {}
    for question in form.questions:
        typed = posted.get(question.name, "")
        try:
            if _is_blank(typed):
                if question.required:
                    problems[question.name] = _missing(question)
                continue
            _refuse_odd(typed)
            if question.name in NAMES:
                _refuse_advertising(typed)
            value = readers[question.name](typed)
        except CellError as error:
            problems[question.name] = _said(question, str(error))
        else:
            # Tags come in sets, and no form asks for tags.
            values[question.name] = None if isinstance(value, frozenset) else value
    consent = None
    if form.consent and (ticked := posted.get(CONSENT)):
        if ticked == form.consent.version or ticked.lower() in TICKED:
            consent = form.consent
        else:
            problems[CONSENT] = (
                "We ask in other words now. Please read them, and tick the box again if you agree."
            )
    email = str(values.pop("email", ""))
    return Answers(email, values, consent, problems)


LABELS = {
    "email": ("E-mail address", "email", "email"),
    "first_name": ("First name", "text", "given-name"),
    "last_name": ("Last name", "text", "family-name"),
    "phone": ("Phone number", "tel", "tel"),
    "timezone": ("Time zone", "text", None),
    "locale": ("Language", "text", None),
}
INPUTS = {
    FieldType.TEXT: "text",
    FieldType.NUMBER: "number",
    FieldType.BOOL: "checkbox",
    FieldType.DATE: "date",
    FieldType.CHOICE: "select",
}
AUTOCOMPLETE = {"company": "organization", "city": "address-level2", "country": "country-name"}


def _question(name: str, required: bool, workspace: Workspace) -> Question:
    declared = workspace.fields.get(name)
    if declared is None:
        label, kind, autocomplete = LABELS[name]
        return Question(name, label, kind, required, autocomplete)
    label = name.replace("_", " ").capitalize()
    return Question(name, label, INPUTS[declared.type], required, AUTOCOMPLETE.get(name), declared.choices)


def _is_blank(typed: str) -> bool:
    return not typed.strip()


def _missing(question: Question) -> str:
    if question.input == "checkbox":
        return f"{question.label}: please tick the box."
    return f"{question.label}: please {'choose one' if question.input == 'select' else 'fill this in'}."


def _said(question: Question, wrong: str) -> str:
    """A reader's complaint as a sentence: it begins with what was typed, or wants to know of which question."""
    return f"{wrong}." if wrong.startswith("'") else f"{question.label} {wrong}."


def _refuse_odd(typed: str) -> None:
    """Raises CellError for what no person types into one line of a form."""
    if len(typed) > LONGEST_ANSWER:
        raise CellError(f"is longer than {LONGEST_ANSWER} characters")
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in typed):
        raise CellError("holds a line break or another control character")


_LINK = re.compile(r"://|\bwww\.|[\w-]{2,}\.[^\W\d_]{2,}")
"""What mail programs make a link of."""


def _refuse_advertising(name: str) -> None:
    """Raises CellError for a name that is a message to whoever owns the address that was typed with it."""
    if len(name) > LONGEST_NAME:
        raise CellError(f"is longer than {LONGEST_NAME} characters")
    if _LINK.search(name):
        raise CellError("looks like a web address: please write the name alone, with a space after each dot")
