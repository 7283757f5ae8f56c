"""One contact by hand: added with what somebody told us, or put right later; everything that is wrong is said at once.

An address that we know already changes nothing. A permission needs the words by which it was given; where the address
is closed it is not written down.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from nurture.db import consents, contact_import, contacts, suppressions
from nurture.db.contact_import import NewContact
from nurture.db.contacts import OWN_COLUMNS, Change
from nurture.model.addresses import AddressError, same_key
from nurture.model.errors import NurtureError, did_you_mean
from nurture.model.words import NOTHING, Channel, Contact, EnteredBy, Reason, Scalar
from nurture.model.workspace import Field, Workspace
from nurture.services.advancing.enroll import Request, enter_all
from nurture.services.contacts.import_contacts import ERASED
from nurture.services.contacts.importing import values as readers
from nurture.services.contacts.importing.cells import CellError, clean
from nurture.services.contacts.people import contact_of
from nurture.services.events.ingest import Happening, note_changes, take_in
from nurture.services.published import Published
from nurture.services.runtime import Runtime

TEXTS = ("first_name", "last_name", "phone", "timezone", "locale", "owner")
LONGEST_TEXT = 2_000
LONGEST_WORDING = 1_000


class EntryError(NurtureError):
    """What was typed cannot be stored; ``problems`` says of each input what is wrong with it."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name} {said}" for name, said in problems.items()))
        self.problems = problems


class KnownAddressError(NurtureError):
    """We know this address already: ``contact`` has it."""

    def __init__(self, contact: Contact) -> None:
        super().__init__("a contact has this address already", hint="nothing was changed")
        self.contact = contact


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What was typed, as it was typed. ``texts`` holds the fields of a contact, also ``email`` and ``tags``."""

    texts: Mapping[str, str]
    purpose: str = ""
    """What they agreed to; empty: they were not asked."""
    wording: str = ""
    """How they said yes, in words that can be shown to them."""
    source: str = ""
    workflow: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Added:
    """A new contact. ``closed`` when the address is on the suppression list; ``refused``: why they did not enter."""

    contact: Contact
    consented: bool
    closed: bool
    entered: bool
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be chosen when adding somebody."""

    fields: Mapping[str, Field]
    purposes: tuple[str, ...]
    workflows: Mapping[str, str]
    owners: tuple[str, ...]
    timezone: str


def choices(runtime: Runtime) -> Choices:
    """From what is published."""
    published = runtime.published()
    return Choices(
        fields=published.workspace.fields,
        purposes=published.purposes,
        workflows={one.name: one.title or one.name for one in published.workflows.values()},
        owners=tuple(sorted(_members(published.workspace))),
        timezone=published.workspace.timezone,
    )


def add(runtime: Runtime, entry: Entry, actor: str) -> Added:
    """Store a new contact with consent and enrollment, all or nothing.

    Raises EntryError for everything that is wrong, KnownAddressError when the address is somebody's already.
    """
    now = runtime.now()
    published = runtime.published()
    new = _read(entry, published)

    def store(tx: Connection) -> Added:
        if known := contacts.by_email(tx, [new.email]):
            raise KnownAddressError(next(iter(known.values())))
        made = contact_import.upsert(tx, [new], now)
        if made.erased:
            raise EntryError({"email": ERASED})
        number = made.created[0]
        closed = Channel.EMAIL in suppressions.of(tx, [number]).get(number, {})
        if entry.purpose and not closed:
            take_in(tx, runtime.shelf, [_granted(number, entry)], now)
        refused = _enroll(tx, runtime, number, entry, now, actor) if entry.workflow else None
        detail = {"consent": entry.purpose or None, "workflow": entry.workflow or None}
        runtime.audit(tx, actor, "add", f"contact:{number}", detail)
        return Added(
            contact=contacts.load(tx, [number])[number],
            consented=bool(consents.grants(tx, [number], now)),
            closed=closed,
            entered=bool(entry.workflow) and refused is None,
            refused=refused,
        )

    return runtime.database.retrying(store)


def edit(runtime: Runtime, contact_id: int, texts: Mapping[str, str], actor: str) -> bool:
    """Set these fields as they were typed; an empty one is cleared, and tags are exactly those given.

    The address stays. Returns whether anything is different now; that counts as ``contact.changed``. Raises
    NotFoundError, and EntryError for everything that is wrong.
    """
    now = runtime.now()
    with runtime.database.read() as tx:
        workspace = runtime.shelf.published(tx).workspace
        # An owner who has left the teams may stay: nobody is to choose another only to mend a name.
        values = _values(texts, workspace, {*_members(workspace), contact_of(tx, contact_id).owner or ""})
    tags = values.pop("tags", frozenset())

    def store(tx: Connection) -> bool:
        contacts.lock(tx, [contact_id])
        before = contact_of(tx, contact_id)
        wanted = tags if isinstance(tags, frozenset) else frozenset()
        change = Change(
            values={name: _scalar(value) for name, value in values.items()},
            add_tags=wanted,
            remove_tags=before.tags - wanted if "tags" in texts else frozenset(),
        )
        changed = contacts.apply_changes(tx, {contact_id: change}, now)
        if changed:
            note_changes(tx, runtime.shelf, changed, now)
            detail = {"fields": sorted(_differences(before, contact_of(tx, contact_id)))}
            runtime.audit(tx, actor, "edit", f"contact:{contact_id}", detail)
        return bool(changed)

    return runtime.database.retrying(store)


def contact(runtime: Runtime, contact_id: int) -> Contact:
    """Who this is. Raises NotFoundError."""
    with runtime.database.read() as tx:
        return contact_of(tx, contact_id)


# --- reading what was typed -------------------------------------------------------------------------------------

Value = readers.Value | None


def _read(entry: Entry, published: Published) -> NewContact:
    problems: dict[str, str] = {}
    email = ""
    try:
        email = readers.email_address(entry.texts.get("email", ""))
        same_key(email)
    except (CellError, AddressError) as error:
        problems["email"] = str(error)
    values: Mapping[str, Value] = NOTHING
    try:
        values = _values(
            {name: text for name, text in entry.texts.items() if name != "email"},
            published.workspace,
            _members(published.workspace),
        )
    except EntryError as error:
        problems |= error.problems
    problems |= _about_consent(entry, published) | _about_entry(entry, published)
    if problems:
        raise EntryError(problems)
    tags = values.get("tags")
    return NewContact(
        email=email,
        **{name: value for name in TEXTS if isinstance(value := values.get(name), str)},  # type: ignore[arg-type]
        tags=tags if isinstance(tags, frozenset) else frozenset(),
        fields={
            name: _scalar(value)
            for name, value in values.items()
            if name not in OWN_COLUMNS and name != "tags" and value is not None
        },
    )


def _values(texts: Mapping[str, str], workspace: Workspace, owners: Collection[str]) -> dict[str, Value]:
    """Every text as a value, None for an empty one. Raises EntryError."""
    read = readers.cell_readers(workspace, delimiter=",")
    values: dict[str, Value] = {}
    problems: dict[str, str] = {}
    for name, text in texts.items():
        if name not in read or name == "email":
            raise NurtureError(f"contacts have no field '{name}' that can be set here")
        if len(text) > LONGEST_TEXT:
            problems[name] = f"is longer than {LONGEST_TEXT:,} characters"
            continue
        try:
            values[name] = read[name](text) if text.strip() else None
        except CellError as error:
            problems[name] = str(error)
    owner = values.get("owner")
    if owners and isinstance(owner, str) and owner not in owners:
        problems["owner"] = "is nobody of our teams; choose one of the list"
    if problems:
        raise EntryError(problems)
    return values


def _about_consent(entry: Entry, published: Published) -> dict[str, str]:
    problems = {}
    if not entry.purpose:
        if entry.wording.strip() or entry.source.strip():
            problems["purpose"] = "is missing; say what they agreed to"
        return problems
    if entry.purpose not in published.purposes:
        problems["purpose"] = "is nothing that a workflow or an offer asks for"
    for name, text in (("wording", entry.wording), ("source", entry.source)):
        try:
            if not clean(text, keep="\n\r\t"):
                problems[name] = "is missing; a permission that cannot be shown is none"
            elif len(text) > LONGEST_WORDING:
                problems[name] = f"is longer than {LONGEST_WORDING:,} characters"
        except CellError as error:
            problems[name] = str(error)
    return problems


def _about_entry(entry: Entry, published: Published) -> dict[str, str]:
    problems: dict[str, str] = {}
    if entry.workflow and entry.workflow not in published.workflows:
        near = did_you_mean(entry.workflow, list(published.workflows))
        problems["workflow"] = f"is not published; {near}" if near else "is not published"
    if entry.workflow and not entry.reason.strip():
        problems["reason"] = "is missing; it is kept as the evidence"
    if len(entry.reason) > LONGEST_WORDING or "\0" in entry.reason:
        problems["reason"] = "is too long, or holds control characters"
    return problems


# --- what is stored ---------------------------------------------------------------------------------------------


def _granted(contact_id: int, entry: Entry) -> Happening:
    said = {
        "purpose": entry.purpose,
        "wording": clean(entry.wording, keep="\n\r\t"),
        "source": clean(entry.source),
    }
    return Happening(contact_id=contact_id, name="consent.granted", data=said, source="by hand")


def _enroll(
    tx: Connection, runtime: Runtime, contact_id: int, entry: Entry, now: datetime, actor: str
) -> str | None:
    """Why the contact did not enter; None when they did, or had just entered by their consent."""
    wish = Request(contact_id, entry.workflow, EnteredBy.HAND, entry.reason.strip())
    refused = enter_all(tx, runtime.shelf, [wish], now, actor)[0].refused
    return None if refused == Reason.ALREADY_ENROLLED else refused


def _members(workspace: Workspace) -> set[str]:
    return {member for team in workspace.teams.values() for member in team.members}


def _scalar(value: Value) -> Scalar:
    return None if isinstance(value, frozenset) else value


def _differences(before: Contact, after: Contact) -> set[str]:
    """The names of what is different: the audit log keeps no values of people."""
    own = {name for name in (*TEXTS, "tags") if getattr(before, name) != getattr(after, name)}
    names = before.fields.keys() | after.fields.keys()
    return own | {name for name in names if before.fields.get(name) != after.fields.get(name)}
