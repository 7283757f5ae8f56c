"""Events from outside: their names must be ones we know, their contacts must be there; then each is taken in once.

What we do ourselves (a mail sent, a stage entered) is refused: it proves nothing about a contact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite

from pydantic import Field
from sqlalchemy import Connection

from nurture.db import consents, contacts, events
from nurture.model.addresses import AddressError, same_key
from nurture.model.errors import NurtureError, did_you_mean
from nurture.model.matching import CONCLUDED, PREFERENCE_CHANGED, RESERVED_EVENTS, is_own_action
from nurture.model.words import NOTHING, Contact, Event, Scalar
from nurture.model.workspace import Workspace
from nurture.services.advancing.enroll import Answer
from nurture.services.consent.permission import CONSENT, GRANTED, WITHDRAWN, read_consent, refuse_older_yes
from nurture.services.contacts.people import find_contact
from nurture.services.events.batches import Address, Moment, Reading, Strict, Values, Word, read_batch
from nurture.services.events.ingest import Happening, take_in
from nurture.services.runtime import Runtime

OURS = CONCLUDED | {PREFERENCE_CHANGED}
"""What only this program tells: it knows it, or it was chosen on a page of ours."""
KNOWN = frozenset(name for name in RESERVED_EVENTS if not is_own_action(name)) - OURS
SALES = frozenset(("sale.closed", "sale.refunded"))
BY_CONTACTS_ONLY = "consent.granted"
"""What no list of events may hold: permission comes with its source, and never again to who took it back."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """What became of an event; ``event`` is None when it had been stored before under the same id."""

    event: Event | None
    answers: tuple[Answer, ...]

    @property
    def duplicate(self) -> bool:
        return self.event is None


@dataclass(frozen=True, slots=True)
class TrackedBatch:
    """How many events of a list were stored, and how many had been before under their id."""

    accepted: int
    duplicates: int


class EventForm(Strict):
    """Something that happened to or by a contact whom we know."""

    email: Address
    event: Word = Field(examples=["sale.closed"])
    data: Values = Field(default_factory=dict, examples=[{"amount": 290}])
    id: Word | None = Field(
        default=None, description="The event's own id: the same id again changes nothing."
    )
    at: Moment | None = Field(default=None, description="When it happened; now by default.")


def track_from_outside(
    runtime: Runtime,
    email: str,
    name: str,
    data: Mapping[str, Scalar] = NOTHING,
    *,
    id: str | None = None,  # noqa: A002 - what users call it
    at: datetime | None = None,
    source: str = "command line",
) -> Tracked:
    """Take in one event of the contact with this address.

    ``at`` is business time, now by default. Raises NotFoundError for an unknown contact, NurtureError for an event
    that nobody declared, that is our own action, or that lies in the future, an amount that is no money, or an id
    under which something else was stored.
    """
    now = runtime.now()
    with runtime.database.read() as tx:
        published = runtime.shelf.published(tx)
        refuse_unknown(name, published.workspace)
        contact = find_contact(tx, email)
        # Told again it is the same, whatever has become of it: its permission may be over, its purpose gone.
        if id is not None and _was_told(tx, contact, name, id):
            return Tracked(None, ())
        refuse_future(at, now)
        if name in CONSENT:
            spoken = consents.spoken_of(tx, [contact.id]).get(contact.id, frozenset())
            data = read_consent(name, data, published, spoken, now, at)
    refuse_odd_money(name, data)
    proof = {"given_at": at.isoformat()} if name == GRANTED and at else {}
    happening = Happening(
        contact_id=contact.id, name=name, data=data, at=at, id=id, source=source, proof=proof
    )

    def work(tx: Connection) -> Tracked:
        taken = take_in(tx, runtime.shelf, [happening], now)
        if _taken_by_others(tx, [happening], taken.events):
            raise NurtureError(TAKEN.message, hint=TAKEN.hint)
        if name == GRANTED and taken.events[0]:  # told again under its id it changes nothing, also after a no
            refuse_older_yes(data, at, consents.history(tx, contact.id), published.workspace.zone)
        return Tracked(taken.events[0], taken.answers)

    return runtime.database.retrying(work)


def track_batch(runtime: Runtime, given: object, *, source: str) -> TrackedBatch:
    """Take in one event or a list of them (``EventForm``), in their order, in one transaction.

    Raises BatchRefused with everything that is wrong; nothing is stored then.
    """
    now = runtime.now()
    reading = read_batch(EventForm, given)

    def work(tx: Connection) -> TrackedBatch:
        asked = reading.copy()
        happenings = _happenings(tx, runtime, asked, source, now)
        taken = take_in(tx, runtime.shelf, happenings, now).events
        for index in _taken_by_others(tx, happenings, taken):
            asked.refuse(index, "id", TAKEN)
        asked.require_sound()
        return TrackedBatch(
            accepted=sum(one is not None for one in taken), duplicates=sum(one is None for one in taken)
        )

    return runtime.database.retrying(work)


def refuse_unknown(name: str, workspace: Workspace) -> None:
    """Raise NurtureError unless events of this name may come from outside."""
    known = KNOWN | workspace.events
    if name in known:
        return
    if is_own_action(name) or name in OURS:
        raise NurtureError(
            f"'{name}' is our own action: nobody outside can report it",
            hint="name what the contact did, such as email.clicked, offer.downloaded or sale.closed",
        )
    declare = "declare it under [events] in nurture.toml and publish"
    near = did_you_mean(name, known)
    raise NurtureError(f"there is no event '{name}'", hint=f"{near} Or {declare}" if near else declare)


def refuse_future(at: datetime | None, now: datetime) -> None:
    """Raise NurtureError for a time that is still to come."""
    if at is not None and at > now:
        hint = f"it is {now.isoformat(timespec='minutes')} now"
        raise NurtureError(
            f"an event cannot have happened at {at.isoformat()}, which is still to come", hint=hint
        )


def refuse_odd_money(name: str, data: Mapping[str, Scalar]) -> None:
    """Raise NurtureError for an ``amount`` that is no money: reports add it up, and workflows compare it."""
    amount = data.get("amount")
    if amount is None:
        return
    if isinstance(amount, bool | str) or not isfinite(amount):
        raise NurtureError(
            "an amount is a number",
            hint="write 1234.50: no quotes, no currency, and no sign between the thousands",
        )
    if amount < 0 and name in SALES:
        raise NurtureError("a sale has no negative amount", hint="money that went back is sale.refunded")


TAKEN = NurtureError(
    "something else was stored under this id",
    hint="an id belongs to one event of one contact; put the name of your system in front of your numbers",
)


def _was_told(tx: Connection, contact: Contact, name: str, id_: str) -> bool:
    """Is this event stored under its id? Raises NurtureError when something else is."""
    known = events.told_as(tx, {id_}).get(id_)
    if known is None:
        return False
    if (known.name, known.contact_id) != (name, contact.id):
        raise NurtureError(TAKEN.message, hint=TAKEN.hint)
    return True


def _taken_by_others(
    tx: Connection, happenings: Sequence[Happening], taken: Sequence[Event | None]
) -> list[int]:
    """Which of these were not stored because their id belongs to another event: not the same thing told twice."""
    again = {
        index: happening
        for index, (happening, event) in enumerate(zip(happenings, taken, strict=True))
        if event is None
    }
    known = events.told_as(tx, {one.id for one in again.values() if one.id})
    return [
        index
        for index, one in again.items()
        if one.id in known and (known[one.id].name, known[one.id].contact_id) != (one.name, one.contact_id)
    ]


def _happenings(
    tx: Connection, runtime: Runtime, reading: Reading[EventForm], source: str, now: datetime
) -> list[Happening]:
    """The events of a list, each with its contact. Raises BatchRefused."""
    published = runtime.shelf.published(tx)
    keys = _keys(reading)
    people = contacts.by_email(tx, set(keys.values()))
    spoken = consents.spoken_of(tx, {one.id for one in people.values()} if _speak(reading) else ())
    happenings = []
    for index, item in reading.items.items():
        reading.check(index, "event", refuse_unknown_to_lists, item.event, published.workspace)
        reading.check(index, "at", refuse_future, item.at, now)
        reading.check(index, "data.amount", refuse_odd_money, item.event, item.data)
        contact = people.get(keys.get(index, ""))
        if contact:
            if item.event == WITHDRAWN:
                known = spoken.get(contact.id, frozenset())
                reading.check(index, "data", read_consent, item.event, item.data, published, known, now)
            happenings.append(_happening(contact, item, source))
        elif index in keys:
            reading.refuse(index, "email", _NO_CONTACT)
    reading.require_sound()
    return happenings


def _speak(reading: Reading[EventForm]) -> bool:
    return any(item.event == WITHDRAWN for item in reading.items.values())


_NO_CONTACT = NurtureError("is no contact of ours", hint="store it first: PUT /api/v1/contacts")


def refuse_unknown_to_lists(name: str, workspace: Workspace) -> None:
    """The same as ``refuse_unknown``, and no permission without its source."""
    if name == BY_CONTACTS_ONLY:
        raise NurtureError(
            f"'{name}' is not taken as an event", hint="give `consent` with its source: PUT /api/v1/contacts"
        )
    refuse_unknown(name, workspace)


def _keys(reading: Reading[EventForm]) -> dict[int, str]:
    """The address of each item as it compares."""
    keys = {}
    for index, item in reading.items.items():
        try:
            keys[index] = same_key(item.email)
        except AddressError as error:
            reading.refuse(index, "email", error)
    return keys


def _happening(contact: Contact, item: EventForm, source: str) -> Happening:
    return Happening(
        contact_id=contact.id, name=item.event, data=item.data, at=item.at, id=item.id, source=source
    )
