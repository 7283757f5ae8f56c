"""Somebody asks for a lead offer: the contact, the permission and the request are stored in one transaction, or they wait.

They wait for a yes by mail where the offer wants that, and a permission that was withdrawn before always does: anybody
may type an address. To one on the suppression list nothing goes but that question, once in thirty days and never after a
complaint; the yes alone ends it. Whoever asks learns nothing about whom we know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from nurture.db.suppressions import Change as Step
from nurture.db.suppressions import ListChange
from nurture.model.addresses import same_key
from nurture.model.errors import NotFoundError
from nurture.model.permission import ASKABLE
from nurture.model.time_rules import parse_duration
from nurture.model.timing import add
from nurture.model.words import NOTHING, Channel, Contact, Scalar, SuppressionReason
from nurture.model.workspace import Workspace
from nurture.rendering.links import Payload
from nurture.services import notices
from nurture.services.ingest import Happening, take_in
from nurture.services.notices import Notice
from nurture.services.offer_forms import offer_of
from nurture.services.runtime import Runtime
from nurture.services.suppressing import revivable
from nurture.workflow.documents import ConsentWording

CONFIRM_WITHIN = timedelta(days=7)
ASKED_AGAIN_AFTER = timedelta(hours=24)
"""An address that has not answered is not asked a second time before."""
FORGOTTEN_AFTER = timedelta(days=30)
SUPPRESSED_ASKED_AFTER = timedelta(days=30)
"""Nor is one on the suppression list, answered or not."""
CONFIRMED_BY = "the link in our mail"
NO_OFFER = ""
"""What somebody asks for who only wants to hear from us again."""
_WISH, _AGAIN = "values", "again"
"""What a request keeps beside the way here: what was typed, and whether we had stopped writing to the address."""


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
    """What the page of a confirming link shows.

    ``only_permission``: what was asked for went out already. ``again``: we had stopped writing to this address.
    """

    sender: str
    postal_address: str
    offer: str
    title: str
    wording: str | None
    only_permission: bool
    again: bool
    still_offered: bool
    done: bool


def ask(runtime: Runtime, wish: Wish) -> None:
    """Store what was asked for, or a request to confirm it. Raises NotFoundError for an offer that is gone."""
    now = runtime.now()

    def store(tx: Connection) -> None:
        offer, workspace = offer_of(runtime, tx, wish.offer)
        question = _Question(tx, runtime, wish, workspace, now)
        if question.suppressed or offer.double_opt_in:
            question.ask()
            return
        contact_id, changed = _contact(tx, wish.email, wish.values, now)
        held = wish.consent is not None and _took_it_back(tx, contact_id, wish.consent.purpose)
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
    _Question(tx, runtime, wish, workspace, runtime.now()).ask(only_permission=True)


def look(runtime: Runtime, link: Payload) -> Confirmation:
    """What this link confirms. Changes nothing. Raises NotFoundError when it is forgotten."""
    with runtime.database.read() as tx:
        return _confirmation(runtime, tx, _request(tx, link))


def confirm(runtime: Runtime, link: Payload, proof: Mapping[str, str]) -> Confirmation:
    """Do what was asked for, with the permission that was ticked; once, however often it is confirmed.

    The address is proven now, so that somebody who had left, or whose mail came back, is written to again. Raises
    NotFoundError.
    """
    now = runtime.now()

    def store(tx: Connection) -> Confirmation:
        request = _request(tx, link)
        if requests.confirm(tx, request.key, now, _left_of(request)):
            wish = _wish(request, proof, now)
            _revive(tx, request, now)  # first: who was erased is let in again by nothing else
            contact_id, changed = _contact(tx, wish.email, wish.values, now)
            asked = [_requested(contact_id, wish)] if request.answers else []
            granted = _granted(contact_id, wish, now, runtime.shelf.published(tx).workspace)
            take_in(tx, runtime.shelf, [*changed, *granted, *asked], now)
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


def _took_it_back(tx: Connection, contact_id: int, purpose: str) -> bool:
    """Did this person withdraw the permission? Then a tick alone gives nothing back."""
    return purpose in consents.withdrawn(tx, [contact_id]).get(contact_id, frozenset())


def _revive(tx: Connection, request: Request, now: datetime) -> None:
    """A yes by mail takes the address off the list; a complaint stays, and leaving stays unless they opted in again."""
    address = email_hash(state.hash_key(tx), request.email_key)
    listed = suppressions.of_hashes(tx, [address], Channel.EMAIL).get(address, frozenset())
    suppressions.end(
        tx,
        address,
        Channel.EMAIL,
        revivable(listed, opted_in=bool(request.consent)),
        at=now,
        source=f"confirmed by mail, {_source(request.offer)}",
        request=request.key,
    )


def _granted(contact_id: int, wish: Wish, now: datetime, workspace: Workspace) -> list[Happening]:
    if wish.consent is None:
        return []
    data = {
        "purpose": wish.consent.purpose,
        "source": _source(wish.offer),
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


def _source(offer: str) -> str:
    return f"form {offer}" if offer else "page"


def _once(wish: Wish, what: str) -> str | None:
    """The same for a button pressed twice; another for a page that went back and got another address."""
    if wish.nonce is None:
        return None
    return (
        f"form:{what}:{wish.offer}:{wish.nonce}:{email_hash(wish.nonce.encode(), same_key(wish.email))[:16]}"
    )


# --- the yes by mail --------------------------------------------------------------------------------------------


@dataclass
class _Question:
    """The mail that asks the owner of an address whether it was them."""

    tx: Connection
    runtime: Runtime
    wish: Wish
    workspace: Workspace
    now: datetime

    def __post_init__(self) -> None:
        self.email_key = same_key(self.wish.email)
        self.address = email_hash(state.hash_key(self.tx), self.email_key)
        listed = suppressions.of_hashes(self.tx, [self.address], Channel.EMAIL)
        self.suppressed = listed.get(self.address, frozenset())

    def ask(self, *, only_permission: bool = False) -> None:
        """Keep the request and mail the question, unless the address was asked lately, or complained."""
        recent = requests.since(self.tx, self.email_key, self.now - ASKED_AGAIN_AFTER)
        if self._was_asked(recent) or SuppressionReason.COMPLAINT in self.suppressed:
            return
        request = self._request(only_permission)
        title, story = self._told()
        link = self.runtime.links.confirm(request.key, (self.now + CONFIRM_WITHIN).replace(microsecond=0))
        notice = Notice(
            # Two who ask in the same moment follow the same request, and so have the same key: one mail.
            key=f"confirm:{self.address}:{self.now.date().isoformat()}:{recent[-1].key if recent else ''}",
            kind=NoticeKind.CONFIRM,
            to=self.wish.email,
            subject=f"Please confirm: {title}",
            text=_text(story, self.wish.consent, self.workspace, link, self._aim(only_permission)),
        )
        if notices.plan(self.tx, self.runtime, [notice]):
            requests.add(self.tx, request)
            if self.suppressed:
                self._note(request)

    def _told(self) -> tuple[str, str]:
        """What it is about, and what happened."""
        us = self.workspace.name
        if self.wish.offer == NO_OFFER:
            return (
                f"mail from {us}",
                f"Somebody pressed “Write to me again” on the page of {us}’s mails to you.",
            )
        title = self.runtime.shelf.published(self.tx).offers[self.wish.offer].title
        return title, f"Somebody asked {us} for “{title}” with this address."

    def _was_asked(self, recent: Sequence[Request]) -> bool:
        if not self.suppressed:
            return any(not one.confirmed_at for one in recent)
        month = self.now - SUPPRESSED_ASKED_AFTER
        unanswered = any(not one.confirmed_at for one in requests.since(self.tx, self.email_key, month))
        return unanswered or suppressions.asked_since(self.tx, self.address, Channel.EMAIL, month)

    def _request(self, only_permission: bool) -> Request:
        wish, consent = self.wish, self.wish.consent
        held = {_WISH: dict(wish.values), "origin": dict(wish.origin), _AGAIN: bool(self.suppressed)}
        return Request(
            key=token_urlsafe(16),
            email=wish.email,
            email_key=self.email_key,
            offer=wish.offer,
            at=self.now,
            answers={} if only_permission else held,
            consent=_kept(consent) if consent else {},
            proof={**wish.proof, "asked_at": self.now.isoformat(timespec="seconds")},
        )

    def _note(self, request: Request) -> None:
        asked = ListChange(
            address_hash=self.address,
            channel=Channel.EMAIL,
            change=Step.ASKED,
            at=self.now,
            source=_source(self.wish.offer),
            request=request.key,
        )
        suppressions.note(self.tx, [asked])

    def _aim(self, only_permission: bool) -> str:
        if only_permission or SuppressionReason.UNSUBSCRIBED in self.suppressed:
            said = "You had told us to stop before, so a tick on a page is not enough."
            return f"{said} If you want to hear from us again,"
        if self.suppressed:
            return "We had stopped writing to this address, so we ask first. If that was you,"
        return "If that was you,"


def _kept(consent: ConsentWording) -> dict[str, str]:
    """The permission that was ticked, as the request keeps it."""
    kept = {"purpose": consent.purpose, "wording": consent.wording, "version": consent.version}
    kept["channels"] = ",".join(consent.channels)
    return kept | ({"expires": str(consent.expires)} if consent.expires else {})


def _text(story: str, consent: ConsentWording | None, workspace: Workspace, link: str, aim: str) -> str:
    """The mail, in words of ours and the workspace's only: nothing that was typed into the form can travel in it."""
    agreed = f"With it goes this: “{consent.wording}”\n\n" if consent else ""
    return (
        f"{story}\n\n"
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


def _wish(request: Request, proof: Mapping[str, str], now: datetime) -> Wish:
    """What was asked for then, with what shows the yes of now."""
    given = request.consent
    shown = {**proof, "at": now.isoformat(timespec="seconds"), "by": CONFIRMED_BY}
    return Wish(
        offer=request.offer,
        email=request.email,
        values=request.answers.get(_WISH, NOTHING),
        origin=request.answers.get("origin", NOTHING),
        consent=(
            ConsentWording(
                given["purpose"],
                tuple(Channel(one) for one in given.get("channels", Channel.EMAIL).split(",")),
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


def _left_of(request: Request) -> Mapping[str, object]:
    """What the page of a link that was used still has to know: nothing that was typed."""
    return {_AGAIN: request.answers.get(_AGAIN, False)} if request.answers else {}


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
        again=not request.answers or request.answers.get(_AGAIN, False),
        still_offered=offer is not None,
        done=request.confirmed_at is not None,
    )
