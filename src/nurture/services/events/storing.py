"""Contacts from another system: whom it knows is stored, completed, and may have agreed to be written to.

It never takes anything away: null clears nothing, a suppressed address stays suppressed, and who took a permission back
is not asked again by a machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field
from sqlalchemy import Connection

from nurture.db import consents, suppressions
from nurture.db.contact_import import NewContact, UpsertResult, upsert
from nurture.model.addresses import same_key
from nurture.model.contact_values import DECLARE, as_text, read_value
from nurture.model.errors import NurtureError, TextError, did_you_mean
from nurture.model.permission import channels_of, end_of
from nurture.model.words import Channel, Grant, Scalar
from nurture.model.workspace import Workspace
from nurture.services.consent.permission import GRANTED, read_consent
from nurture.services.contacts import import_contacts
from nurture.services.contacts.import_contacts import tell_workflows
from nurture.services.contacts.importing import values as readers
from nurture.services.contacts.importing.cells import CellError
from nurture.services.events.batches import Address, Reading, Strict, Text, Values, Word, read_batch
from nurture.services.events.ingest import Happening, take_in
from nurture.services.published import Published
from nurture.services.runtime import Runtime


class ConsentForm(Strict):
    """What a contact agreed to, and where that can be proven."""

    purpose: Word = Field(examples=["nurture"])
    source: Word = Field(examples=["Checkout of the web shop, 2 March 2026"])
    wording: Text | None = Field(default=None, description="The words they agreed to.")
    version: Word | None = Field(default=None, description="Which version of the words.")
    channel: Word | None = Field(default=None, examples=["email, phone"], description="By mail, if left out.")
    expires: Word | None = Field(
        default=None, examples=["2028-03-02", "24 months"], description="It holds nothing from then on."
    )
    implied: bool = Field(
        default=False,
        strict=True,
        description="They did not say it, but bought or asked something; then it expires.",
    )


class ContactForm(Strict):
    """One person. What is left out or null stays as it is; tags are added."""

    email: Address
    first_name: Text | None = None
    last_name: Text | None = None
    phone: Text | None = Field(default=None, examples=["+1 416 555 0100"])
    timezone: Text | None = Field(default=None, examples=["America/Toronto"])
    locale: Text | None = Field(default=None, examples=["fr-CA"])
    owner: Text | None = Field(default=None, description="The address of the person who takes their calls.")
    fields: Values = Field(default_factory=dict, description="Fields that nurture.toml declares.")
    add_tags: Annotated[list[Word], Field(max_length=readers.MOST_TAGS)] = Field(default_factory=list)
    consent: ConsentForm | None = None


class Refused(StrEnum):
    """Why a permission was not written down."""

    WITHDRAWN = "withdrawn"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class RefusedConsent:
    """The item whose contact was stored, but not its consent."""

    index: int
    reason: Refused


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """What became of a list: contacts by what changed, and the permissions that were written or refused."""

    created: int
    updated: int
    unchanged: int
    consented: int
    consent_refused: tuple[RefusedConsent, ...]
    erased: tuple[int, ...] = ()
    """The items whose people were erased: they are not stored."""


def store_batch(runtime: Runtime, given: object, *, source: str) -> StoredBatch:
    """Store one contact or a list of them (``ContactForm``) in one transaction; an address twice is one contact.

    Raises BatchRefused with everything that is wrong; nothing is stored then.
    """
    now = runtime.now()
    reading = read_batch(ContactForm, given)
    published = runtime.published()
    said = _consents(reading, published, now)
    wanted = _contacts(reading, published.workspace)

    def work(tx: Connection) -> StoredBatch:
        result = upsert(tx, list(wanted.values()), now)
        erased = tuple(index for index, one in wanted.items() if same_key(one.email) in result.erased)
        owners = {index: result.ids[same_key(wanted[index].email)] for index in said if index not in erased}
        willing, refused = _settle(tx, said, owners, now)
        tell_workflows(runtime.shelf, now)(tx, sorted({*result.updated}))
        take_in(tx, runtime.shelf, [_granted(*one, source) for one in willing], now)
        return _told(result, len(willing), refused, erased)

    return runtime.database.retrying(work)


def _told(
    result: UpsertResult, consented: int, refused: list[RefusedConsent], erased: tuple[int, ...]
) -> StoredBatch:
    return StoredBatch(
        created=len(result.created),
        updated=len(result.updated),
        unchanged=len(result.unchanged),
        consented=consented,
        consent_refused=tuple(refused),
        erased=erased,
    )


# --- permission ---------------------------------------------------------------------------------------------------

Said = Mapping[str, Scalar]
"""A consent as its event says it."""
Permission = tuple[int, Said]
"""Who allows what, by the contact's id."""


def _settle(
    tx: Connection, said: Mapping[int, Said], owners: Mapping[int, int], now: datetime
) -> tuple[list[Permission], list[RefusedConsent]]:
    """The permissions to write down, and those that are not taken. Who has one that lasts as long is in neither."""
    people = set(owners.values())
    taken_back = consents.taken_back(tx, people)
    closed = {one for one, channels in suppressions.of(tx, people).items() if Channel.EMAIL in channels}
    live = consents.grants(tx, people, now)
    willing: list[Permission] = []
    refused = []
    for index, contact in owners.items():
        consent = said[index]
        purpose = str(consent["purpose"])
        if contact in closed:
            refused.append(RefusedConsent(index, Refused.SUPPRESSED))
        elif taken_back.get(contact, frozenset()) & {(purpose, one) for one in _ways(consent)}:
            refused.append(RefusedConsent(index, Refused.WITHDRAWN))
        elif not _is_given(consent, live.get(contact, ())) and (contact, consent) not in willing:
            willing.append((contact, consent))
    return willing, refused


def _is_given(consent: Said, live: Sequence[Grant]) -> bool:
    """Does the contact allow all of this already, and for at least as long?"""
    end = end_of(consent)
    held = {one.channel for one in live if one.purpose == consent["purpose"] and one.lasts_until(end)}
    return held.issuperset(_ways(consent))


def _ways(consent: Said) -> tuple[Channel, ...]:
    return channels_of(consent) or (Channel.EMAIL,)


def _granted(contact: int, consent: Said, source: str) -> Happening:
    return Happening(contact_id=contact, name=GRANTED, data=consent, source=source)


# --- reading ------------------------------------------------------------------------------------------------------


def _consents(reading: Reading[ContactForm], published: Published, now: datetime) -> dict[int, Said]:
    """The consents of a list, by its index; what is wrong with one is noted in ``reading``."""
    found: dict[int, Said] = {}

    def judge(index: int, form: ConsentForm) -> None:
        import_contacts.Consent(form.purpose, form.source)
        given: dict[str, Scalar] = form.model_dump(exclude_defaults=True)
        found[index] = read_consent(GRANTED, given, published, (), now)

    for index, item in reading.items.items():
        if item.consent:
            reading.check(index, "consent", judge, index, item.consent)
    return found


def _contacts(reading: Reading[ContactForm], workspace: Workspace) -> dict[int, NewContact]:
    """The contacts of a list, by its index. Raises BatchRefused."""
    region = readers.phone_region(workspace)
    built_in: dict[str, Callable[[str], str]] = {
        "email": readers.email_address,
        "first_name": readers.name,
        "last_name": readers.name,
        "phone": lambda text: readers.phone(text, region),
        "timezone": readers.timezone,
        "locale": readers.locale,
        "owner": readers.name,
    }
    found = {}
    for index, item in reading.items.items():
        texts = dict(_texts(reading, index, item, built_in))
        if "email" in texts:
            fields = dict(_fields(reading, index, item, workspace))
            found[index] = NewContact(**texts, tags=frozenset(item.add_tags), fields=fields)  # type: ignore[arg-type]
    reading.require_sound()
    return found


def _texts(
    reading: Reading[ContactForm], index: int, item: ContactForm, read: Mapping[str, Callable[[str], str]]
) -> Iterator[tuple[str, str]]:
    for name, reader in read.items():
        text: str | None = getattr(item, name)
        if not text and name != "email":
            continue
        try:
            yield name, reader(text or "")
        except (CellError, NurtureError) as error:
            reading.refuse(index, name, NurtureError(str(error)))


def _fields(
    reading: Reading[ContactForm], index: int, item: ContactForm, workspace: Workspace
) -> Iterator[tuple[str, Scalar]]:
    for name, value in item.fields.items():
        field = workspace.fields.get(name)
        if field is None:
            hint = did_you_mean(name, set(workspace.fields)) or DECLARE
            reading.refuse(index, f"fields.{name}", NurtureError("contacts have no such field", hint=hint))
        elif value is not None:
            try:
                yield name, read_value(field, as_text(value))
            except TextError as error:
                reading.refuse(index, f"fields.{name}", error)
