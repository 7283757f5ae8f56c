"""Somebody asks for a lead offer: the contact, the permission and the request are stored in one transaction, or they wait.

They wait for a yes by mail where the offer wants that, and a permission that was withdrawn before always does: anybody
may type an address. Whoever asks learns nothing about whom we know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_urlsafe

from sqlalchemy import Connection

from nurture.db import consents, contact_import, contacts, requests, state, suppressions
from nurture.db.addresses import email_hash
from nurture.db.contact_import import NewContact
from nurture.db.contacts import OWN_COLUMNS, Change
from nurture.db.notices import NoticeKind
from nurture.db.requests import Request
from nurture.model.addresses import same_key
from nurture.model.errors import NotFoundError
from nurture.model.words import NOTHING, Channel, Contact, Scalar, SuppressionReason
from nurture.model.workspace import Workspace
from nurture.rendering.links import Payload
from nurture.services import notices
from nurture.services.ingest import Happening, take_in
from nurture.services.notices import Notice
from nurture.services.offer_forms import offer_of
from nurture.services.runtime import Runtime
from nurture.workflow.documents import ConsentWording

CONFIRM_WITHIN = timedelta(days=7)
ASKED_AGAIN_AFTER = timedelta(hours=24)
"""An address that has not answered is not asked a second time before."""
FORGOTTEN_AFTER = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A form as it was filled in and judged.

    ``origin`` is where the person came from, ``proof`` what shows who ticked what where; ``nonce`` names the page, so
    that its button pressed twice asks once.
    """

    offer: str
    email: str
    values: Mapping[str, Scalar] = field(default_factory=dict)
    consent: ConsentWording | None = None
    origin: Mapping[str, str]
    proof: Mapping[str, str]
    nonce: str | None = None


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the page of a confirming link shows. ``only_permission``: what was asked for went out already."""

    sender: str
    postal_address: str
    offer: str
    title: str
    wording: str | None
    only_permission: bool
    still_offered: bool
    done: bool


def ask(runtime: Runtime, wish: Wish) -> None:
    """Store what was asked for, or a request to confirm it. Raises NotFoundError for an offer that is gone."""
    now = runtime.now()

    def store(tx: Connection) -> None:
        offer, workspace = offer_of(runtime, tx, wish.offer)
        if offer.double_opt_in:
            _ask_to_confirm(tx, runtime, wish, workspace, now, only_permission=False)
            return
        contact_id, changed = _contact(tx, wish.email, wish.values, now)
        held = wish.consent is not None and _took_it_back(tx, contact_id, wish.consent.purpose)
        granted = [] if held else _granted(contact_id, wish)
        take_in(tx, runtime.shelf, [*changed, *granted, _requested(contact_id, wish)], now)
        if held:
            _ask_to_confirm(tx, runtime, wish, workspace, now, only_permission=True)

    runtime.database.retrying(store)


def look(runtime: Runtime, link: Payload) -> Confirmation:
    """What this link confirms. Changes nothing. Raises NotFoundError when it is forgotten."""
    with runtime.database.read() as tx:
        return _confirmation(runtime, tx, _request(tx, link))


def confirm(runtime: Runtime, link: Payload, proof: Mapping[str, str]) -> Confirmation:
    """Do what was asked for, with the permission that was ticked; once, however often it is confirmed.

    The address is proven now, so that somebody who had left is written to again. Raises NotFoundError.
    """
    now = runtime.now()

    def store(tx: Connection) -> Confirmation:
        request = _request(tx, link)
        if requests.confirm(tx, request.key, now):
            wish = _wish(request, proof)
            contact_id, changed = _contact(tx, wish.email, wish.values, now)
            if wish.consent:
                _reopen(tx, wish.email)
            asked = [_requested(contact_id, wish)] if request.answers else []
            take_in(tx, runtime.shelf, [*changed, *_granted(contact_id, wish), *asked], now)
        return _confirmation(runtime, tx, _request(tx, link))

    return runtime.database.retrying(store)


# --- the contact ------------------------------------------------------------------------------------------------


def _contact(
    tx: Connection, email: str, values: Mapping[str, Scalar], now: datetime
) -> tuple[int, list[Happening]]:
    """Who has this address, made if need be. What a stranger typed completes what we know and never overwrites it."""
    made = contact_import.upsert(tx, [NewContact(email=email)], now)
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


def _took_it_back(tx: Connection, contact_id: int, purpose: str) -> bool:
    """Did this person withdraw the permission, or close the address? Then a tick alone gives nothing back."""
    withdrawn = consents.withdrawn(tx, [contact_id]).get(contact_id, frozenset())
    closed = suppressions.of(tx, [contact_id]).get(contact_id, {})
    return purpose in withdrawn or Channel.EMAIL in closed


def _reopen(tx: Connection, email: str) -> None:
    """A yes by mail ends an unsubscribing; a dead address, a complaint or our own hand stays."""
    address = email_hash(state.hash_key(tx), same_key(email))
    suppressions.revive(tx, address, Channel.EMAIL, [SuppressionReason.UNSUBSCRIBED])


def _granted(contact_id: int, wish: Wish) -> list[Happening]:
    if wish.consent is None:
        return []
    data = {
        "purpose": wish.consent.purpose,
        "source": f"form {wish.offer}",
        "wording": wish.consent.wording,
        "version": wish.consent.version,
    }
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


def _ask_to_confirm(
    tx: Connection,
    runtime: Runtime,
    wish: Wish,
    workspace: Workspace,
    now: datetime,
    *,
    only_permission: bool,
) -> None:
    """Keep the request and mail the question, unless the address is closed, or asked today and has not answered."""
    email_key = same_key(wish.email)
    recent = requests.since(tx, email_key, now - ASKED_AGAIN_AFTER)
    if notices.closed_addresses(tx, [wish.email]) or any(not one.confirmed_at for one in recent):
        return
    consent = wish.consent
    request = Request(
        key=token_urlsafe(16),
        email=wish.email,
        email_key=email_key,
        offer=wish.offer,
        at=now,
        answers={} if only_permission else {"values": dict(wish.values), "origin": dict(wish.origin)},
        consent=(
            {"purpose": consent.purpose, "wording": consent.wording, "version": consent.version}
            if consent
            else {}
        ),
        proof={**wish.proof, "asked_at": now.isoformat(timespec="seconds")},
    )
    title = runtime.shelf.published(tx).offers[wish.offer].title
    link = runtime.links.confirm(request.key, (now + CONFIRM_WITHIN).replace(microsecond=0))
    address = email_hash(state.hash_key(tx), email_key)
    notice = Notice(
        # Two who ask in the same moment follow the same request, and so have the same key: one mail.
        key=f"confirm:{address}:{now.date().isoformat()}:{recent[-1].key if recent else ''}",
        kind=NoticeKind.CONFIRM,
        to=wish.email,
        subject=f"Please confirm: {title}",
        text=_question(title, consent, workspace, link, only_permission=only_permission),
    )
    if notices.plan(tx, runtime, [notice]):
        requests.add(tx, request)


def _question(
    title: str, consent: ConsentWording | None, workspace: Workspace, link: str, *, only_permission: bool
) -> str:
    """The mail, in words of ours and the workspace's only: nothing that was typed into the form can travel in it."""
    agreed = f"With it goes this: “{consent.wording}”\n\n" if consent else ""
    aim = (
        "You had told us to stop before, so a tick on a page is not enough. If you want to hear from us again,"
        if only_permission
        else "If that was you,"
    )
    return (
        f"Somebody asked {workspace.name} for “{title}” with this address.\n\n"
        f"{agreed}"
        f"{aim} open this page and press the button:\n\n"
        f"{link}\n\n"
        f"The link works for {CONFIRM_WITHIN.days} days. If it was not you, do nothing: without the button nothing happens.\n\n"
        f"{workspace.name}\n{workspace.postal_address}\n"
    )


def _request(tx: Connection, link: Payload) -> Request:
    request = requests.by_key(tx, link.key)
    if request is None:
        raise NotFoundError("there is nothing to confirm")
    return request


def _wish(request: Request, proof: Mapping[str, str]) -> Wish:
    """What was asked for then, with what shows the yes of now."""
    given = request.consent
    return Wish(
        offer=request.offer,
        email=request.email,
        values=request.answers.get("values", NOTHING),
        origin=request.answers.get("origin", NOTHING),
        consent=(
            ConsentWording(given["purpose"], (Channel.EMAIL,), given["wording"], given["version"])
            if given
            else None
        ),
        proof={**request.proof, **{f"confirmed_{name}": value for name, value in proof.items()}},
        nonce=request.key,
    )


def _confirmation(runtime: Runtime, tx: Connection, request: Request) -> Confirmation:
    published = runtime.shelf.published(tx)
    offer = published.offers.get(request.offer)
    return Confirmation(
        sender=published.workspace.name,
        postal_address=published.workspace.postal_address,
        offer=request.offer,
        title=offer.title if offer else request.offer,
        wording=request.consent.get("wording"),
        only_permission=not request.answers,
        still_offered=offer is not None,
        done=request.confirmed_at is not None,
    )
