"""What people tell us about a contact: a meeting, a sale, a note, a yes or a no. Each is stored once, with who said it.

It moves nobody: an event told by hand is read by the workflows like any other, and a note is read by none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from nurture.db import suppressions
from nurture.model.errors import NurtureError
from nurture.model.matching import is_own_action
from nurture.model.words import NOTHING, Channel, Contact, Scalar, SuppressionReason
from nurture.model.workspace import Workspace
from nurture.services.contacts.people import contact_of
from nurture.services.events.ingest import Happening, take_in
from nurture.services.events.tracking import refuse_unknown
from nurture.services.runtime import Runtime
from nurture.services.story.marks import in_money, in_plain

LONGEST_NOTE = 2_000
LONGEST_WORDING = 1_000
MOST_MONEY = 1e12
SALES = ("sale.closed", "sale.refunded")
SOURCE = "by hand"


@dataclass(frozen=True, slots=True)
class Telling:
    """An event that people may tell by hand: its name, what the button says, and whether money belongs to it."""

    event: str
    label: str
    money: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """An event as somebody tells it. ``once`` is the form's own id: the same form counts once, however often it comes."""

    event: str
    once: str
    amount: float | None = None
    kind: str | None = None
    at: datetime | None = None
    more: Mapping[str, Scalar] = field(default_factory=lambda: NOTHING)


def tellings(workspace: Workspace) -> tuple[Telling, ...]:
    """What may happen outside and be told here: sales, and every event that the workspace declares."""
    declared = sorted(name for name in workspace.events if not is_own_action(name) and name not in SALES)
    ranked = sorted(declared, key=lambda name: ("meeting" not in name, name))
    return (
        *(Telling(name, in_plain(name)) for name in ranked),
        Telling("sale.closed", "Sale closed", money=True),
        Telling("sale.refunded", "Sale refunded", money=True),
    )


def happened(runtime: Runtime, contact_id: int, told: Told, actor: str) -> str:
    """Store what happened outside; returns what was done, in words. A form that comes twice is one event.

    Raises NotFoundError for an unknown contact, NurtureError for an event nobody declared, an amount that is no money,
    or a time to come.
    """
    now = runtime.now()

    def write(tx: Connection) -> str:
        workspace = runtime.shelf.published(tx).workspace
        refuse_unknown(told.event, workspace)
        person = contact_of(tx, contact_id)
        if told.at is not None and told.at > now:
            raise NurtureError(
                "that lies in the future", hint="leave the time empty when it has just happened"
            )
        happening = Happening(
            contact_id=contact_id,
            name=told.event,
            data=_data(told, workspace, actor),
            at=told.at,
            id=f"hand:{told.once}",
            source=SOURCE,
        )
        taken = take_in(tx, runtime.shelf, [happening], now)
        what = in_plain(told.event)
        if told.amount is not None:
            what += f", {in_money(told.amount, workspace.currency)},"
        if taken.events[0] is None:
            return f"{what} was noted already, once."
        runtime.audit(
            tx, actor, "tell", f"contact:{contact_id}", {"event": told.event, "amount": told.amount}
        )
        entered = [one.request.workflow for one in taken.answers if one.enrollment]
        onward = f" They enter {', '.join(entered)}." if entered else ""
        return f"{what} is noted for {called(person)}.{onward}"

    return runtime.database.retrying(write)


def note(runtime: Runtime, contact_id: int, text: str, once: str, actor: str) -> str:
    """Write a note into the contact's story. It wakes nobody and proves nothing. Raises NotFoundError, NurtureError."""
    said = " ".join(text.split("\0")).strip()
    if not said:
        raise NurtureError("the note is empty", hint="write what you want to be remembered")
    if len(said) > LONGEST_NOTE:
        raise NurtureError(f"the note is longer than {LONGEST_NOTE:,} characters")
    now = runtime.now()

    def write(tx: Connection) -> str:
        person = contact_of(tx, contact_id)
        happening = Happening(
            contact_id=contact_id,
            name="note.added",
            data={"text": said, "by": actor},
            id=f"hand:{once}",
            source=SOURCE,
            human=False,  # so that it holds no message back and wakes no enrollment
        )
        taken = take_in(tx, runtime.shelf, [happening], now)
        if taken.events[0] is not None:
            runtime.audit(tx, actor, "note", f"contact:{contact_id}")
        return f"Your note about {called(person)} is kept."

    return runtime.database.retrying(write)


# --- permission -----------------------------------------------------------------------------------------------------


def withdraw(
    runtime: Runtime, contact_id: int, purpose: str | None, reason: str, once: str, actor: str
) -> str:
    """They asked us to stop: permission for ``purpose``, or for everything, ends at once. Raises NotFoundError."""
    source = f"{SOURCE}: {_required(reason, 'how they told you')}"
    data = {"purpose": purpose, "source": source} if purpose else {"source": source}
    person = _tell_consent(runtime, contact_id, "consent.withdrawn", {**data, "by": actor}, once, actor)
    what = f"for '{purpose}'" if purpose else "for everything"
    return (
        f"{called(person)} gets no more marketing mail {what}, and the workflows that rest on it have ended."
    )


def grant(
    runtime: Runtime, contact_id: int, purpose: str, wording: str, source: str, once: str, actor: str
) -> str:
    """They said yes to somebody of ours: ``wording`` is what they agreed to, ``source`` where. Raises NotFoundError.

    An address that is on the list stays there: a yes to one of us opens no mailbox, a yes by mail ends an unsubscribing.
    """
    data = {
        "purpose": _required(purpose, "what for"),
        "source": f"{SOURCE}: {_required(source, 'where they said so')}",
        "wording": _required(wording, "what they agreed to"),
    }
    person = _tell_consent(runtime, contact_id, "consent.granted", {**data, "by": actor}, once, actor)
    with runtime.database.read() as tx:
        closed = suppressions.of(tx, [contact_id]).get(contact_id, {}).get(Channel.EMAIL, frozenset())
    said = f"The permission of {called(person)} for '{purpose}' is in the ledger."
    return f"{said} {_still_closed(closed)}" if closed else said


def do_not_call(runtime: Runtime, contact_id: int, reason: str, once: str, actor: str) -> str:
    """They do not want to be called: the number is closed at once, for every workflow.

    An open call ends with that outcome. Raises NotFoundError, NurtureError where there is no number.
    """
    told = _required(reason, "how they told you")
    now = runtime.now()

    def write(tx: Connection) -> str:
        person = contact_of(tx, contact_id)
        if not person.phone:
            raise NurtureError(f"we have no phone number of {called(person)}")
        happening = Happening(
            contact_id=contact_id,
            name="call.outcome",
            data={"outcome": "do-not-call", "note": told, "by": actor},
            id=f"hand:{once}",
            source=SOURCE,
        )
        if take_in(tx, runtime.shelf, [happening], now).events[0] is not None:
            runtime.audit(tx, actor, "do-not-call", f"contact:{contact_id}", {"reason": told})
        return f"{called(person)} is not called any more; the number is closed."

    return runtime.database.retrying(write)


def _tell_consent(
    runtime: Runtime, contact_id: int, name: str, data: Mapping[str, Scalar], once: str, actor: str
) -> Contact:
    now = runtime.now()

    def write(tx: Connection) -> Contact:
        person = contact_of(tx, contact_id)
        happening = Happening(
            contact_id=contact_id,
            name=name,
            data=data,
            id=f"hand:{once}",
            source=SOURCE,
            proof={"noted_by": actor} if name == "consent.granted" else NOTHING,
        )
        if take_in(tx, runtime.shelf, [happening], now).events[0] is not None:
            runtime.audit(tx, actor, name, f"contact:{contact_id}", {"purpose": data.get("purpose")})
        return person

    return runtime.database.retrying(write)


# --- shared ---------------------------------------------------------------------------------------------------------


def called(person: Contact) -> str:
    """How we speak of a contact."""
    return person.first_name or person.last_name or person.email


def _data(told: Told, workspace: Workspace, actor: str) -> Mapping[str, Scalar]:
    data: dict[str, Scalar] = {**told.more, "by": actor}
    if told.event in SALES:
        if told.amount is None or not 0 <= told.amount < MOST_MONEY:
            raise NurtureError("a sale has an amount", hint=f"write it in {workspace.currency}, such as 1200")
        data |= {"amount": round(told.amount, 2), "currency": workspace.currency}
    if told.kind and told.kind.strip():
        data["kind"] = told.kind.strip()
    return data


def _required(text: str, what: str) -> str:
    said = " ".join(text.split())
    if not said or len(said) > LONGEST_WORDING:
        raise NurtureError(f"write {what}, in at most {LONGEST_WORDING:,} characters")
    return said


def _still_closed(reasons: frozenset[SuppressionReason]) -> str:
    return f"But the address stays closed: {', '.join(sorted(reasons))}."
