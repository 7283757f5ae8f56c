"""The page that everybody gets: why somebody is written to, by which yes, and what comes next, in words of theirs.

It tells nothing internal: no score, no stage, no step, no call, no name of a file, and no address but a masked one. It
changes nothing, whoever looks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from nurture.db import events, turns
from nurture.db.consents import Consent
from nurture.model.decisions import Send
from nurture.model.words import Channel
from nurture.services.consent.chosen import NOTHING_CHOSEN, Chosen, chosen
from nurture.services.consent.coming_back import words_of
from nurture.services.consent.recipient import Recipient, Stand, find
from nurture.services.contacts.hands import SOURCE as BY_HAND
from nurture.services.published import Published
from nurture.services.runtime import Runtime
from nurture.services.story.ahead import ON_ITS_WAY, goes_at
from nurture.services.story.known import Known, know
from nurture.services.story.marking import Marker
from nurture.services.story.marks import in_plain

MOST_SHOWN = 6
"""Messages to come that the page lists."""
ASKED = ("offer.requested", "offer.downloaded")


@dataclass(frozen=True, slots=True)
class Yes:
    """A permission in the words that were agreed to; times in the reader's zone, ``where`` as people say it.

    An ``implied`` one was agreed to in no words: it follows from what they bought or asked, ``until`` it ends.
    """

    wording: str | None
    at: datetime
    where: str | None
    implied: bool = False
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What they asked for, by which it began; ``at`` in their zone."""

    title: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Coming:
    """A message that is to come if nothing else happens: its subject, and when in their zone."""

    subject: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TheirPage:
    """All that the page shows; of a message that is gone only who we are."""

    sender: str
    postal_address: str
    privacy_url: str | None
    stand: Stand
    address: str = ""
    title: str | None = None
    asked: Asked | None = None
    yes: Yes | None = None
    others: tuple[Yes, ...] = ()
    """What else they allowed, and still get."""
    chosen: Chosen = NOTHING_CHOSEN
    coming: tuple[Coming, ...] = ()
    more: bool = False
    """More comes than is listed."""
    told: bool = True
    """False where what comes cannot be told now."""
    may_come_back: bool = False


def look(runtime: Runtime, key: str, *, foresee: bool = True) -> TheirPage:
    """The page for whoever holds a link of the message with this key; without ``foresee`` it tells nothing to come."""
    with runtime.database.read() as tx:
        one = find(runtime, tx, key, runtime.now())
        if one is None:
            return _unknown(runtime.shelf.published(tx))
        return _page(tx, runtime, one, foresee=foresee)


def _unknown(published: Published) -> TheirPage:
    us = published.workspace
    return TheirPage(
        sender=us.name, postal_address=us.postal_address, privacy_url=us.privacy_url, stand=Stand.UNKNOWN
    )


def _page(tx: Connection, runtime: Runtime, one: Recipient, *, foresee: bool) -> TheirPage:
    us = one.published.workspace
    is_written_to = one.stand is Stand.WRITTEN_TO
    choice = _in_zone(chosen(tx, one.contact.id), one)
    coming: tuple[Coming, ...] | None = ()
    if is_written_to:
        coming = _coming(runtime, know(tx, runtime, one.contact)) if foresee else None
    return TheirPage(
        sender=us.name,
        postal_address=us.postal_address,
        privacy_url=us.privacy_url,
        stand=one.stand,
        address=masked(one.contact.email),
        title=_title(one),
        asked=_asked(tx, one),
        yes=_told(one.yes, one) if one.yes else None,
        others=tuple(_told(other, one) for other in one.others),
        chosen=choice,
        coming=(coming or ())[:MOST_SHOWN],
        more=len(coming or ()) > MOST_SHOWN,
        told=coming is not None,
        may_come_back=words_of(one) is not None,
    )


def masked(address: str) -> str:
    """``ana@example.org`` → ``a•••@example.org``: enough to tell one's own mailboxes apart."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1] if len(local) > 1 else ''}•••@{domain}"


# --- why ------------------------------------------------------------------------------------------------------------


def _title(one: Recipient) -> str | None:
    """What the messages belong to."""
    offer = one.published.offers.get(one.delivery.offer or "")
    return one.workflow.title if one.workflow else offer.title if offer else None


def _asked(tx: Connection, one: Recipient) -> Asked | None:
    """The offer by which it began: what they asked for when they entered, else what the message answered."""
    began = [
        each.event_id
        for each in turns.transitions_of(tx, one.contact.id)
        if each.enrollment_id == one.delivery.enrollment_id
    ]
    ids = [number for number in (*began[:1], one.delivery.event_id) if number]
    found = events.by_ids(tx, ids)
    for event in (found[number] for number in ids if number in found):
        offer = one.published.offers.get(str(event.data.get("offer", "")))
        if event.name in ASKED and offer:
            return Asked(offer.title, event.at.astimezone(one.zone))
    return None


def _told(consent: Consent, one: Recipient) -> Yes:
    where = _where(consent.source, one.published)
    until = consent.expires_at.astimezone(one.zone) if consent.expires_at else None
    return Yes(consent.wording, consent.at.astimezone(one.zone), where, consent.implied, until)


def _where(source: str, published: Published) -> str | None:
    """Where a yes was given, as people say it; None for what only we understand."""
    kind, _, name = source.partition(" ")
    if kind == "form":
        offer = published.offers.get(name)
        return f"on our page “{offer.title}”" if offer else "on a page of ours"
    if source.startswith(f"{BY_HAND}: "):
        return f"you told one of us: {source.removeprefix(f'{BY_HAND}: ')}"
    if source == "page":
        return "on this page, by the button in our mail"
    return None if source in ("event", "api", "") else source


# --- what comes -----------------------------------------------------------------------------------------------------


def _coming(runtime: Runtime, known: Known) -> tuple[Coming, ...] | None:
    """The messages to come, as the engine itself would play them; None when that cannot be told."""
    if known.seen.trouble:
        return None
    marker = Marker(
        contact=known.contact,
        published=known.published,
        versions=known.versions,
        now=known.now,
        zone=known.zone,
        events={},
        sources={},
        decisions={},
    )
    waiting = [
        Coming(_subject(marker.subject(mail), mail.template), at)
        for mail in known.mails
        if mail.state in ON_ITS_WAY
        and mail.channel is Channel.EMAIL
        and (at := goes_at(runtime, mail, known.now, known.pauses_of(mail)))
    ]
    foreseen = [
        Coming(_subject(mark.title, each.decision.template), mark.at)
        for each in known.seen.coming
        if isinstance(each.decision, Send)
        and each.decision.channel is Channel.EMAIL
        and (mark := marker.of_foreseen(each))
    ]
    return tuple(sorted(_decent([*waiting, *foreseen], known), key=lambda each: each.at))


def _subject(title: str, template: str) -> str:
    """The subject as they will read it; one that cannot be told yet must not be told by the name of its file."""
    return "A message" if title == in_plain(template) else title


def _decent(found: Iterable[Coming], known: Known) -> Iterable[Coming]:
    """With the times of where they are, and no address in a subject: a message may have been forwarded."""
    email = known.contact.email
    for each in found:
        yield Coming(each.subject.replace(email, masked(email)), each.at.astimezone(known.zone))


def _in_zone(choice: Chosen, one: Recipient) -> Chosen:
    def there(at: datetime | None) -> datetime | None:
        return at.astimezone(one.zone) if at else None

    return Chosen(choice.days, there(choice.days_since), there(choice.rests_since), there(choice.rests_until))
