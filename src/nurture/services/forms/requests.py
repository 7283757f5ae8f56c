"""Somebody asks for a lead offer: the contact, the permission and the request are stored in one transaction, or they wait.

They wait for a yes by mail where the offer wants that, and a permission that was withdrawn before always does: anybody
may type an address. To one on the suppression list nothing goes but that question, once in thirty days and never after a
complaint; the yes alone ends it. Whoever asks learns nothing about whom we know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from nurture.db import consents, contact_import, contacts, requests, state, suppressions
from nurture.db.addresses import email_hash
from nurture.db.contact_import import NewContact
from nurture.db.contacts import OWN_COLUMNS, Change
from nurture.db.requests import Request
from nurture.model.addresses import same_key
from nurture.model.errors import NotFoundError
from nurture.model.permission import ASKABLE
from nurture.model.time_rules import parse_duration
from nurture.model.timing import add
from nurture.model.words import NOTHING, Channel, Contact, Scalar, SuppressionReason
from nurture.model.workspace import Workspace
from nurture.rendering.links import Payload
from nurture.services.consent.question import (
    AGAIN,
    LATE,
    NO_OFFER,
    SUPPRESSED_ASKED_AFTER,
    WISH,
    Question,
    Wish,
    came_too_late,
    channels_asked,
    source_of,
)
from nurture.services.consent.suppressing import revivable
from nurture.services.events.ingest import Happening, take_in
from nurture.services.forms.offer_forms import offer_of
from nurture.services.runtime import Runtime
from nurture.workflow.documents import ConsentWording

FORGOTTEN_AFTER = timedelta(days=30)
CONFIRMED_BY = "the link in our mail"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the page of a confirming link shows.

    ``only_permission``: what was asked for went out already. ``again``: we had stopped writing to this address, and the
    yes changes that; once it is said, that we write again now. ``left``: it was they who stopped it. ``too_late``: they
    said no, or their address was closed, after this was asked, so that it permits nothing. ``reachable``: what was asked
    for may be mailed to them; ``may_return``: whoever asks anew is mailed a new question, as nobody is after a complaint
    or twice in thirty days.
    """

    sender: str
    postal_address: str
    offer: str
    title: str
    wording: str | None
    only_permission: bool
    again: bool
    left: bool
    too_late: bool
    reachable: bool
    may_return: bool
    still_offered: bool
    done: bool

    @property
    def over(self) -> bool:
        """There is nothing left that its button would do."""
        return self.too_late and not self.done and (self.only_permission or not self.reachable)


def ask(runtime: Runtime, wish: Wish) -> None:
    """Store what was asked for, or a request to confirm it. Raises NotFoundError for an offer that is gone."""
    now = runtime.now()

    def store(tx: Connection) -> None:
        offer, workspace = offer_of(runtime, tx, wish.offer)
        question = Question(tx, runtime, wish, workspace, now)
        if question.suppressed or offer.double_opt_in:
            question.ask()
            return
        contact_id, changed = _contact(tx, wish.email, wish.values, now)
        held = wish.consent is not None and _took_it_back(tx, contact_id, wish.consent)
        granted = [] if held else _granted(contact_id, wish, now, workspace)
        take_in(tx, runtime.shelf, [*changed, *granted, _requested(contact_id, wish)], now)
        if held:
            question.ask(only_permission=True)

    runtime.database.retrying(store)


def ask_back(
    tx: Connection, runtime: Runtime, email: str, consent: ConsentWording, proof: Mapping[str, str]
) -> None:
    """Mail somebody who left whether we may write again, with the words they are to agree to.

    They asked on the page that everybody gets; the same limits hold as for a form.
    """
    wish = Wish(offer=NO_OFFER, email=email, consent=consent, origin={}, proof=proof)
    workspace = runtime.shelf.published(tx).workspace
    Question(tx, runtime, wish, workspace, runtime.now()).ask(only_permission=True)


def look(runtime: Runtime, link: Payload) -> Confirmation:
    """What this link confirms. Changes nothing. Raises NotFoundError when it is forgotten."""
    with runtime.database.read() as tx:
        return _confirmation(runtime, tx, _request(tx, link))


def confirm(runtime: Runtime, link: Payload, proof: Mapping[str, str]) -> Confirmation:
    """Do what was asked for, with the permission that was ticked; once, however often it is confirmed.

    The address is proven now, so that somebody who had left, or whose mail came back, is written to again, unless that
    happened after the question. Raises NotFoundError.
    """
    now = runtime.now()

    def store(tx: Connection) -> Confirmation:
        request = _request(tx, link)
        _hold_still(tx, request)
        asked = _confirmation(runtime, tx, request)
        if not asked.over and requests.confirm(tx, request.key, now, _left_of(request, asked)):
            wish = _wish(request, proof, now)
            if asked.too_late:
                wish = replace(wish, consent=None)
            else:
                _revive(tx, request, now)  # first: who was erased is let in again by nothing else
            contact_id, changed = _contact(tx, wish.email, wish.values, now)
            wanted = [_requested(contact_id, wish)] if request.answers else []
            granted = _granted(contact_id, wish, now, runtime.shelf.published(tx).workspace)
            take_in(tx, runtime.shelf, [*changed, *granted, *wanted], now)
        return _confirmation(runtime, tx, _request(tx, link))

    return runtime.database.retrying(store)


# --- the contact ------------------------------------------------------------------------------------------------


def _contact(
    tx: Connection, email: str, values: Mapping[str, Scalar], now: datetime
) -> tuple[int, list[Happening]]:
    """Who has this address, made if need be. What a stranger typed completes what we know and never overwrites it.

    Raises NotFoundError for somebody whose data was erased, and who may not come back.
    """
    made = contact_import.upsert(tx, [NewContact(email=email)], now)
    if made.erased:
        raise NotFoundError("there is nothing to confirm")
    contact_id = made.ids[same_key(email)]
    known = contacts.load(tx, [contact_id])[contact_id]
    news = {name: value for name, value in values.items() if _unknown(known, name)}
    changed = contacts.apply_changes(tx, {contact_id: Change(news)}, now)
    if changed and not made.created:
        return contact_id, [Happening(contact_id=contact_id, name="contact.changed")]
    return contact_id, []


def _unknown(contact: Contact, name: str) -> bool:
    known = getattr(contact, name) if name in OWN_COLUMNS else contact.fields.get(name)
    return known in (None, "")


def _took_it_back(tx: Connection, contact_id: int, asked: ConsentWording) -> bool:
    """Did this person withdraw any of this permission? Then a tick alone gives nothing back."""
    noes = consents.taken_back(tx, [contact_id]).get(contact_id, frozenset())
    return any((asked.purpose, channel) in noes for channel in asked.channels)


def _revive(tx: Connection, request: Request, now: datetime) -> None:
    """A yes by mail takes the address off the list; a complaint stays, and leaving stays unless they opted in again."""
    suppressions.end(
        tx,
        email_hash(state.hash_key(tx), request.email_key),
        Channel.EMAIL,
        revivable(_listed(tx, request), opted_in=bool(request.consent)),
        at=now,
        source=f"confirmed by mail, {source_of(request.offer)}",
        request=request.key,
    )


def _listed(tx: Connection, request: Request) -> frozenset[SuppressionReason]:
    """Why the address stands on the suppression list."""
    address = email_hash(state.hash_key(tx), request.email_key)
    return suppressions.of_hashes(tx, [address], Channel.EMAIL).get(address, frozenset())


def _granted(contact_id: int, wish: Wish, now: datetime, workspace: Workspace) -> list[Happening]:
    if wish.consent is None:
        return []
    data = {
        "purpose": wish.consent.purpose,
        "source": source_of(wish.offer),
        "wording": wish.consent.wording,
        "version": wish.consent.version,
    }
    if channels := [one.value for one in wish.consent.channels if one in ASKABLE and one != Channel.EMAIL]:
        data["channel"] = ", ".join((Channel.EMAIL.value, *channels))
    if wish.consent.expires:
        data["expires"] = add(now, wish.consent.expires, workspace.zone).isoformat()
    return [
        Happening(
            contact_id=contact_id,
            name="consent.granted",
            data=data,
            id=_once(wish, "consent"),
            source="form",
            proof=wish.proof,
        )
    ]


def _requested(contact_id: int, wish: Wish) -> Happening:
    return Happening(
        contact_id=contact_id,
        name="offer.requested",
        data={"offer": wish.offer, **wish.origin},
        id=_once(wish, "offer"),
        source="form",
    )


def _once(wish: Wish, what: str) -> str | None:
    """The same for a button pressed twice; another for a page that went back and got another address."""
    if wish.nonce is None:
        return None
    return (
        f"form:{what}:{wish.offer}:{wish.nonce}:{email_hash(wish.nonce.encode(), same_key(wish.email))[:16]}"
    )


# --- the yes by mail --------------------------------------------------------------------------------------------


def _request(tx: Connection, link: Payload) -> Request:
    request = requests.by_key(tx, link.key)
    if request is None:
        raise NotFoundError("there is nothing to confirm")
    return request


def _wish(request: Request, proof: Mapping[str, str], now: datetime) -> Wish:
    """What was asked for then, with what shows the yes of now."""
    given = request.consent
    shown = {**proof, "at": now.isoformat(timespec="seconds"), "by": CONFIRMED_BY}
    return Wish(
        offer=request.offer,
        email=request.email,
        values=request.answers.get(WISH, NOTHING),
        origin=request.answers.get("origin", NOTHING),
        consent=(
            ConsentWording(
                given["purpose"],
                channels_asked(request),
                given["wording"],
                given["version"],
                parse_duration(given["expires"]) if "expires" in given else None,
            )
            if given
            else None
        ),
        proof={**request.proof, **{f"confirmed_{name}": value for name, value in shown.items()}},
        nonce=request.key,
    )


def _hold_still(tx: Connection, request: Request) -> None:
    """Whoever has this address says neither yes nor no elsewhere until this transaction ends."""
    contacts.lock(tx, {one.id for one in contacts.by_email(tx, [request.email_key]).values()})


def _left_of(request: Request, asked: Confirmation) -> Mapping[str, object]:
    """What the page of a link that was used still has to know: nothing that was typed."""
    return {AGAIN: asked.again, LATE: asked.too_late} if request.answers else {}


def _confirmation(runtime: Runtime, tx: Connection, request: Request) -> Confirmation:
    published = runtime.shelf.published(tx)
    offer = published.offers.get(request.offer)
    done = request.confirmed_at is not None
    too_late = request.answers.get(LATE, False) if done else came_too_late(tx, request)
    listed = _listed(tx, request)
    again = not too_late and (not request.answers or request.answers.get(AGAIN, False))
    return Confirmation(
        sender=published.workspace.name,
        postal_address=published.workspace.postal_address,
        offer=request.offer,
        title=offer.title if offer else request.offer,
        wording=None if too_late else request.consent.get("wording"),
        only_permission=not request.answers,
        again=again and (not done or _is_open(tx, request, runtime.now())),
        left=not listed or SuppressionReason.UNSUBSCRIBED in listed,
        too_late=too_late,
        reachable=listed <= {SuppressionReason.UNSUBSCRIBED},
        may_return=_may_return(tx, request, listed, runtime.now()),
        still_offered=offer is not None,
        done=done,
    )


def _may_return(
    tx: Connection, request: Request, listed: frozenset[SuppressionReason], now: datetime
) -> bool:
    """Is whoever asks anew now mailed a question? An address that was on the list when it was asked waits its thirty days."""
    if not listed:
        return True
    address, month = email_hash(state.hash_key(tx), request.email_key), now - SUPPRESSED_ASKED_AFTER
    asked_lately = suppressions.asked_since(tx, address, Channel.EMAIL, month)
    return SuppressionReason.COMPLAINT not in listed and not asked_lately


def _is_open(tx: Connection, request: Request, now: datetime) -> bool:
    """Whether what was agreed to holds now: they may have left again since."""
    person = contacts.by_email(tx, [request.email_key]).get(request.email_key)
    if person is None or Channel.EMAIL in suppressions.of(tx, [person.id]).get(person.id, {}):
        return False
    purpose = request.consent.get("purpose")
    live = consents.grants(tx, [person.id], now).get(person.id, ())
    return purpose is None or any(one.purpose == purpose for one in live)
