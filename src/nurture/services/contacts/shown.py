"""A contact's message to look at: as it went, as it will go, or mailed to a colleague as a test.

Its links lead nowhere: they name no message, so that nobody leaves, downloads or answers in the contact's place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from nurture.db import deliveries, events
from nurture.db.deliveries import Delivery
from nurture.db.notices import NoticeKind
from nurture.model.accounts import Account
from nurture.model.errors import NotFoundError, NurtureError
from nurture.model.words import Channel, Contact
from nurture.model.workspace import TRANSACTIONAL
from nurture.rendering.links import Links, delivery_key
from nurture.rendering.mime import preview_headers
from nurture.services.advancing.stages import older_versions, stage_of
from nurture.services.consent.permission import relied_on
from nurture.services.contacts.people import contact_of
from nurture.services.files.preview import as_read
from nurture.services.published import Published, Shelf
from nurture.services.runtime import Runtime
from nurture.services.sending import notices
from nurture.services.sending.compose import Composed, Letter, compose, full_name, team_address
from nurture.services.sending.notices import Notice
from nurture.services.story.visit_words import VisitLine, visits_to
from nurture.steps.base import Step
from nurture.steps.email import EmailFields
from nurture.workflow.model import Workflow

LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Shown:
    """A message in words. ``unchanged``: its template still is the one it was sent with; True before it was sent."""

    contact: Contact
    delivery: Delivery
    subject: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    text: str = ""
    html: str | None = None
    unchanged: bool = True
    fault: str | None = None
    """Why it cannot be rendered for this contact."""
    rests_on: str | None = None
    """The permission it relies on, in words."""
    visits: tuple[VisitLine, ...] = ()
    """Who opened it and followed its links, as far as anybody can tell."""


def show(runtime: Runtime, contact_id: int, delivery_id: int) -> Shown:
    """The message of one delivery to this contact, with today's fields of the contact. Raises NotFoundError."""
    with runtime.database.read() as tx:
        person, delivery = _found(tx, contact_id, delivery_id)
        published = runtime.shelf.published(tx)
        letter = _of_delivery(tx, runtime.shelf, published, person, delivery)
        visits = visits_to(tx, delivery.id, delivery.planned_at)
        zone = published.workspace.zone_of(person.timezone)
        rests_on = relied_on(tx, [delivery], zone).get(delivery.id)
    try:
        composed = _composed(published, letter, runtime.links, delivery.ended_at or runtime.now())
    except (NurtureError, ValueError) as error:
        return Shown(person, delivery, fault=str(error), rests_on=rests_on, visits=visits)
    mail = replace(composed.mail, message_id=delivery.message_id or composed.mail.message_id)
    return Shown(
        contact=person,
        delivery=delivery,
        subject=composed.rendered.subject,
        headers=tuple((name, as_read(value)) for name, value in preview_headers(mail)),
        text=composed.rendered.text,
        html=composed.rendered.html,
        unchanged=delivery.template_hash in (None, composed.template_hash),
        rests_on=rests_on,
        visits=visits,
    )


def send_me(
    runtime: Runtime,
    contact_id: int,
    account: Account,
    once: str,
    *,
    template: str | None = None,
    delivery_id: int | None = None,
) -> str:
    """Mail this contact's message to whoever is logged in: that of a delivery, or of a template as a step would send it.

    The contact gets nothing. Raises NotFoundError, and NurtureError where it cannot be rendered for this contact.
    """

    def write(tx: Connection) -> str:
        published = runtime.shelf.published(tx)
        if delivery_id is not None:
            person, delivery = _found(tx, contact_id, delivery_id)
            letter = _of_delivery(tx, runtime.shelf, published, person, delivery)
        else:
            letter = _of_template(published, contact_of(tx, contact_id), template or "")
        letter = replace(letter, key=key_of_test(once))
        composed = _composed(published, letter, runtime.links, runtime.now())
        return mail_test(tx, runtime, letter, composed, account, once, f"contact:{contact_id}")

    return runtime.database.retrying(write)


def key_of_test(once: str) -> str:
    """A key of its own, the same for the same form: its links know no message."""
    return delivery_key(0, f"test:{once}", 1, "test")


def mail_test(
    tx: Connection,
    runtime: Runtime,
    letter: Letter,
    composed: Composed,
    account: Account,
    once: str,
    about: str | None,
) -> str:
    """Plan the mail that shows a letter to whoever is logged in, once for each ``once``; returns what to tell them.

    ``about`` is the contact whom it tells of, as in ``contact:7``; None for somebody made up.
    """
    name = _in_a_header(full_name(letter.contact) or letter.contact.email)
    notice = Notice(
        key=f"test:{once}",
        kind=NoticeKind.TEST,
        to=account.email,
        subject=f"[Test for {name}] {composed.rendered.subject}",
        text=composed.rendered.text,
        html=composed.rendered.html,
        about=about,
    )
    if notices.plan(tx, runtime, [notice]):
        detail = {"template": letter.template}
        runtime.audit(tx, account.email, "send-me", about or f"template:{letter.template}", detail)
    return f"'{composed.rendered.subject}' is on its way to {account.email}, as a test. {name} gets nothing."


def templates_of(published: Published) -> tuple[str, ...]:
    """The mails that may be asked for as a test: those that a step of a live workflow sends."""
    return tuple(
        sorted(
            {step.fields.email for _, step in _mail_steps(published) if isinstance(step.fields, EmailFields)}
        )
    )


# --- letters --------------------------------------------------------------------------------------------------------


def _of_delivery(
    tx: Connection, shelf: Shelf, published: Published, person: Contact, delivery: Delivery
) -> Letter:
    older = older_versions(tx, shelf, published, [delivery])
    evidence = events.by_ids(tx, [delivery.event_id]) if delivery.event_id else {}
    to_team = delivery.channel is Channel.TEAM
    return Letter(
        key=delivery_key(0, f"shown:{delivery.id}", 1, "shown"),
        template=delivery.template,
        contact=person,
        marketing=delivery.marketing,
        purpose=delivery.purpose,
        stage=stage_of(published, delivery, older),
        offer=published.offers.get(delivery.offer or ""),
        event=evidence.get(delivery.event_id or 0),
        to=team_address(delivery.team, person, published.workspace) if to_team else None,
    )


def _of_template(published: Published, person: Contact, template: str) -> Letter:
    """As the first step that sends it would: with its purpose, stage and offer."""
    for workflow, step in _mail_steps(published):
        if isinstance(step.fields, EmailFields) and step.fields.email == template:
            purpose = step.fields.purpose or workflow.purpose
            return Letter(
                key="test",
                template=template,
                contact=person,
                marketing=purpose != TRANSACTIONAL,
                purpose=purpose,
                stage=workflow.stage(step.stage),
                offer=published.offers.get(step.fields.link_offer or ""),
            )
    raise NotFoundError(f"no workflow sends a mail '{template}'")


def _mail_steps(published: Published) -> list[tuple[Workflow, Step]]:
    return [(one, step) for one in published.workflows.values() for step in one.steps.values()]


def _composed(published: Published, letter: Letter, links: Links, at: datetime) -> Composed:
    return compose(letter, published.workspace, published.templates, links, at)


def _found(tx: Connection, contact_id: int, delivery_id: int) -> tuple[Contact, Delivery]:
    delivery = deliveries.by_ids(tx, [delivery_id]).get(delivery_id)
    is_mail = delivery is not None and delivery.channel is not Channel.WEBHOOK and bool(delivery.template)
    if delivery is None or delivery.contact_id != contact_id or not is_mail:
        raise NotFoundError("there is no such message to this contact")
    return contact_of(tx, contact_id), delivery


def _in_a_header(name: str) -> str:
    """On one line, without what no header may hold, and not too long."""
    plain = "".join(letter if letter.isprintable() else " " for letter in name)
    line = " ".join(plain.split())
    return line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 1]}…"
