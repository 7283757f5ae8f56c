"""A planned message becomes the bytes that leave: template, contact, sender, links, headers.

Used by workers, previews and walks alike. Decides nothing about whether it may leave.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from html import escape

from nurture.channels.base import Message
from nurture.model.addresses import AddressError, Mailbox, parse_mailbox, same_key
from nurture.model.errors import NurtureError
from nurture.model.timing import add
from nurture.model.words import Contact, Event, Payload
from nurture.model.workspace import UNTRACKED, Tracked, Workspace
from nurture.rendering.links import Kind, Links, message_id
from nurture.rendering.mime import Mail, Sign, build_message
from nurture.rendering.render import Rendered
from nurture.rendering.templates import Library
from nurture.rendering.ways import key_of
from nurture.workflow.documents import Offer
from nurture.workflow.model import Stage

NO_SENDER = Mailbox("nurture@localhost.localdomain", "nurture")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What a message is made of. ``to`` is a member of the team for a notice, else None: the contact."""

    key: str
    template: str
    contact: Contact
    marketing: bool = True
    purpose: str = ""
    stage: Stage | None = None
    offer: Offer | None = None
    event: Event | None = None
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Composed:
    """A message in words, as mail, and ready for a channel. ``targets``: where its tracked links lead, by their keys."""

    rendered: Rendered
    mail: Mail
    template_hash: str
    targets: Mapping[str, str] = field(default_factory=dict)

    def message(self, key: str, return_path: str | None = None, sign: Sign | None = None) -> Message:
        """The message of the delivery ``key``; without a ``return_path`` its bounces go to whom it comes from."""
        return Message(
            sender=return_path or self.mail.from_.address,
            recipient=self.mail.to.address,
            data=build_message(self.mail, sign),
            message_id=self.mail.message_id,
            key=key,
        )


def compose(
    letter: Letter,
    workspace: Workspace,
    templates: Library,
    links: Links,
    now: datetime,
    tracked: Tracked = UNTRACKED,
) -> Composed:
    """Render and address one letter. Raises NurtureError (RenderError, NotFoundError) or ValueError for a bad header.

    Only what really leaves for the contact is ``tracked``: anybody else who looks at it must not answer in their place.
    """
    contact = letter.contact
    template = templates.message(letter.template, contact.locale)
    way_out = links.unsubscribe(letter.key)
    targets = {key_of(url): url for url in foreign(template.links, links)} if tracked.clicks else {}
    over_us = {url: links.click(letter.key, target) for target, url in targets.items()}
    rendered = template.render(context(letter, workspace, links, now), over_us)
    sender, reply_to = _from(rendered.sender, contact, workspace)
    to = parse_mailbox(letter.to) if letter.to else Mailbox(contact.email, full_name(contact))
    mail = Mail(
        from_=sender,
        reply_to=reply_to,
        to=to,
        subject=rendered.subject,
        text=rendered.text,
        html=_watched(rendered.html, letter.key, links, tracked, has_links=bool(targets)),
        message_id=message_id(letter.key, sender.domain),
        date=now,
        unsubscribe_link=way_out if letter.marketing else None,
        list_id=f"{letter.purpose}.{sender.domain}" if letter.marketing and letter.purpose else None,
    )
    return Composed(rendered, mail, template.hash, targets)


OWN_PAGES = (Kind.LEAVE, Kind.DOWNLOAD, Kind.CONFIRM, Kind.CLICK, Kind.OPEN)


def foreign(urls: Iterable[str], links: Links) -> Iterator[str]:
    """The literal links that may be led over us: those that are none of our own signed links, which somebody may have copied into a template."""
    own = tuple(f"{links.base_url.rstrip('/')}/{kind}/" for kind in OWN_PAGES)
    return (url for url in urls if not url.startswith(own))


def _watched(html: str | None, key: str, links: Links, tracked: Tracked, *, has_links: bool) -> str | None:
    """The HTML with what shows who reads it: a link that only machines follow, and the picture that tells of opens."""
    if html is None or not (has_links or tracked.opens):
        return html
    marks = f'<a href="{escape(links.trap(key))}" style="display:none" aria-hidden="true" tabindex="-1" rel="nofollow"></a>'
    if tracked.opens:
        style = "display:block;width:1px;height:1px;border:0"
        marks += f'<img src="{escape(links.open(key))}" width="1" height="1" alt="" style="{style}">'
    before, end, after = html.rpartition("</body>")
    return f"{before}{marks}{end}{after}" if end else f"{html}{marks}"


def chat_words(
    letter: Letter, workspace: Workspace, templates: Library, links: Links, now: datetime
) -> Payload:
    """A letter as the systems take it in which people talk: ``{"text": …}``, its subject as the first line.

    Raises NurtureError (RenderError, NotFoundError).
    """
    template = templates.message(letter.template, letter.contact.locale)
    rendered = template.render(context(letter, workspace, links, now))
    return {"text": f"{rendered.subject}\n\n{rendered.text.strip()}".strip()}


def context(letter: Letter, workspace: Workspace, links: Links, now: datetime) -> dict[str, object]:
    """What a template may look up; plain dicts only."""
    contact = letter.contact
    return {
        "contact": {
            "email": contact.email,
            "first_name": contact.first_name,
            "last_name": contact.last_name,
            "phone": contact.phone,
            "timezone": contact.timezone,
            "locale": contact.locale,
            "owner": contact.owner,
            "tags": sorted(contact.tags),
            "score": contact.score,
            "created_at": contact.created_at.isoformat() if contact.created_at else None,
            **dict.fromkeys(workspace.fields),
            **contact.fields,
        },
        "workspace": {
            "name": workspace.name,
            "postal_address": workspace.postal_address,
            "privacy_url": workspace.privacy_url,
            "currency": workspace.currency,
            "timezone": workspace.timezone,
        },
        "stage": _stage(letter.stage),
        "offer": _offer(letter, workspace, links, now),
        "event": _event(letter.event),
        "links": {"unsubscribe": links.unsubscribe(letter.key), "preferences": links.preferences(letter.key)},
        "owner": _owner(contact, workspace),
        "answers": {},
        "marketing": letter.marketing,
    }


def full_name(contact: Contact) -> str:
    return " ".join(part for part in (contact.first_name, contact.last_name) if part)


def _stage(stage: Stage | None) -> Mapping[str, object]:
    return {
        "name": stage.name if stage else "",
        "need": stage.need if stage else "",
        "bucket": stage.bucket if stage else None,
    }


def _offer(letter: Letter, workspace: Workspace, links: Links, now: datetime) -> Mapping[str, object] | None:
    offer = letter.offer
    if offer is None:
        return None
    ends = add(now, offer.link.valid, workspace.zone_of(letter.contact.timezone))
    return {
        "name": offer.name,
        "title": offer.title,
        "promise": offer.promise,
        "link": links.download(letter.key, offer.name, ends.replace(microsecond=0)),
    }


def _event(event: Event | None) -> Mapping[str, object] | None:
    return {"name": event.name, "at": event.at.isoformat(), **event.data} if event else None


def team_address(wanted: str | None, contact: Contact, workspace: Workspace) -> str:
    """Whom a notice goes to: the owner, a team's first member, or the address it names. Raises NurtureError."""
    teams = workspace.teams
    everyone = [member for team in teams.values() for member in team.members]
    if wanted in (None, "owner"):
        found = contact.owner or next(iter(everyone), None)
    else:
        found = next(iter(teams[wanted].members), None) if wanted in teams else wanted
    if not found:
        raise NurtureError("there is nobody to notify", hint="add [teams] to nurture.toml")
    return found


def _owner(contact: Contact, workspace: Workspace) -> Mapping[str, object] | None:
    if not contact.owner:
        return None
    person = _colleague(contact.owner, workspace)
    if person is None:
        return {"name": contact.owner, "email": None, "phone": None}
    return {"name": person.name or None, "email": person.address, "phone": None}


def _colleague(who: str, workspace: Workspace) -> Mailbox | None:
    """The person with this address, by the name that a team knows them; None when ``who`` is no address."""
    try:
        person = parse_mailbox(who)
    except AddressError:
        return None
    members = (parse_mailbox(member) for team in workspace.teams.values() for member in team.members)
    named = (
        member for member in members if member.name and same_key(member.address) == same_key(person.address)
    )
    return next(named, person)


def _from(name: str, contact: Contact, workspace: Workspace) -> tuple[Mailbox, Mailbox | None]:
    """Who it comes from: a sender of the workspace, or the contact's owner writing for it."""
    sender = workspace.senders.get("default" if name == "owner" else name)
    if sender is None:
        if workspace.senders:
            raise NurtureError(f"there is no sender '{name}'", hint=f"add [senders.{name}] to nurture.toml")
        return NO_SENDER, None
    reply_to = parse_mailbox(sender.reply_to) if sender.reply_to else None
    mailbox = parse_mailbox(sender.address)
    owner = _colleague(contact.owner, workspace) if name == "owner" and contact.owner else None
    if owner is not None:
        return Mailbox(owner.address, owner.name or mailbox.name), None
    return mailbox, reply_to
