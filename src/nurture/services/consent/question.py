"""The mail that asks the owner of an address whether it was them: built in our own words, and not sent too often.

It decides nothing about what was asked for; that is ``services.forms.requests``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_urlsafe

from sqlalchemy import Connection

from nurture.db import consents, contacts, requests, state, suppressions
from nurture.db.addresses import email_hash
from nurture.db.consents import ConsentAction
from nurture.db.notices import NoticeKind
from nurture.db.requests import Request
from nurture.db.suppressions import Change, ListChange
from nurture.model.addresses import same_key
from nurture.model.words import Channel, Scalar, SuppressionReason
from nurture.model.workspace import Workspace
from nurture.services.consent.suppressing import revivable
from nurture.services.runtime import Runtime
from nurture.services.sending import notices
from nurture.services.sending.notices import Notice
from nurture.workflow.documents import ConsentWording

CONFIRM_WITHIN = timedelta(days=7)
ASKED_AGAIN_AFTER = timedelta(hours=24)
"""An address that has not answered is not asked a second time before."""
SUPPRESSED_ASKED_AFTER = timedelta(days=30)
"""Nor is one on the suppression list, answered or not."""
NO_OFFER = ""
"""What somebody asks for who only wants to hear from us again."""
WISH, AGAIN, LATE = "values", "again", "late"
"""What a request keeps beside the way here: what was typed, whether its yes opens an address that was closed, and whether
it came too late for that."""


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


def came_too_late(tx: Connection, request: Request) -> bool:
    """Did they say no, or was their address closed, after this was asked? Then its yes gives back nothing of that."""
    address = email_hash(state.hash_key(tx), request.email_key)
    if any(
        one.change is Change.ADDED and one.at > request.at
        for one in suppressions.story(tx, address, Channel.EMAIL)
    ):
        return True
    person = contacts.by_email(tx, [request.email_key]).get(request.email_key)
    return person is not None and any(
        one.action is ConsentAction.WITHDRAWN
        and one.at > request.at
        and one.purpose == request.consent.get("purpose")
        and one.channel in channels_asked(request)
        for one in consents.history(tx, person.id)
    )


def channels_asked(request: Request) -> tuple[Channel, ...]:
    """By which ways the permission of this request was asked for."""
    return tuple(Channel(one) for one in request.consent.get("channels", Channel.EMAIL).split(","))


@dataclass
class Question:
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
            return self._is_open(recent)
        month = self.now - SUPPRESSED_ASKED_AFTER
        return self._is_open(requests.since(self.tx, self.email_key, month)) or suppressions.asked_since(
            self.tx, self.address, Channel.EMAIL, month
        )

    def _is_open(self, asked: Sequence[Request]) -> bool:
        """Can one of these still be answered with all that it asks?"""
        return any(not one.confirmed_at and not came_too_late(self.tx, one) for one in asked)

    def _request(self, only_permission: bool) -> Request:
        wish, consent = self.wish, self.wish.consent
        again = (
            bool(self.suppressed) and revivable(self.suppressed, opted_in=bool(consent)) == self.suppressed
        )
        held = {WISH: dict(wish.values), "origin": dict(wish.origin), AGAIN: again}
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
            change=Change.ASKED,
            at=self.now,
            source=source_of(self.wish.offer),
            request=request.key,
        )
        suppressions.note(self.tx, [asked])

    def _aim(self, only_permission: bool) -> str:
        left = SuppressionReason.UNSUBSCRIBED in self.suppressed
        if (only_permission and not self.suppressed) or (left and self.wish.consent):
            said = "You had told us to stop before, so a tick on a page is not enough."
            return f"{said} If you want to hear from us again,"
        if left:
            return "You had told us to stop, so we ask first, and this changes nothing about that. If that was you,"
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


def source_of(offer: str) -> str:
    """Where a yes was given, as the ledger says it."""
    return f"form {offer}" if offer else "page"
