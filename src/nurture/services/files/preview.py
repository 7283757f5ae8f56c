"""`nurture preview`: one message or call script as one contact would get it, with its headers.

It is judged as the step that uses it would send it; nothing leaves, and its links lead nowhere.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePosixPath

from nurture.model.errors import NotFoundError, Place, did_you_mean
from nurture.model.expressions import Scope
from nurture.model.words import Contact, Event
from nurture.model.workspace import TRANSACTIONAL
from nurture.rendering.links import Links, delivery_key
from nurture.rendering.mime import preview_headers
from nurture.rendering.templates import is_sent
from nurture.services.rehearsing.made_up import taken_by
from nurture.services.rehearsing.rehearsal import Ground
from nurture.services.sending.compose import Letter, compose, context, team_address
from nurture.steps.base import Step, TouchFields
from nurture.steps.call_task import CallTaskFields
from nurture.steps.email import EmailFields
from nurture.steps.notify import NotifyFields
from nurture.workflow.documents import Offer, OfferKind
from nurture.workflow.model import Stage, Workflow

EMAIL, CALL = "email/", "call/"
SAMPLE_OFFER = Offer(
    name="sample-offer",
    kind=OfferKind.DOWNLOAD,
    title="A sample offer",
    place=Place("offers/sample-offer.yaml"),
    promise="What the offer promises",
)
"""Where no step that uses the template links an offer, and the project has none."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A message in words. A call script has a text only."""

    template: str
    subject: str | None
    text: str
    html: str | None
    headers: dict[str, str]
    step: str | None
    """Where it is used: ``workflow/step``."""
    preheader: str = ""
    locale: str | None = None
    """The language it is written in; None is the main one."""
    layout: str | None = None
    bytes: int = 0
    """Of the HTML: large messages are cut off by the largest web mailer."""


@dataclass(frozen=True, slots=True)
class Use:
    """A step that sends this template."""

    workflow: Workflow
    step: Step

    @property
    def stage(self) -> Stage:
        return self.workflow.stage(self.step.stage)

    @property
    def name(self) -> str:
        """``workflow/step``."""
        return f"{self.workflow.name}/{self.step.id}"

    @property
    def purpose(self) -> str:
        """The consent it relies on; ``transactional`` for what the contact asked for."""
        if isinstance(self.step.fields, NotifyFields):
            return TRANSACTIONAL
        own = self.step.fields.purpose if isinstance(self.step.fields, TouchFields) else None
        return own or self.workflow.purpose


def preview(
    ground: Ground, name: str, contact: Contact, now: datetime, base_url: str, used: Use | None = None
) -> Preview:
    """The message or script ``name``: ``welcome``, ``call/welcome-call``, or the path of its file.

    As ``used``, else as the first step that uses it would send it. Raises NotFoundError, TemplateProblems, RenderError, ValueError for a header that cannot travel.
    """
    template = find(ground, name)
    use = used or next(uses(ground, template), None)
    links = Links(base_url, ("preview",))  # not the project's key: a link of a preview must never act
    letter = letter_of(ground, template, contact, use, now)
    step = use.name if use else None
    locale = ground.templates.language(template, contact.locale)
    if template.startswith(CALL):
        script = ground.templates.script(template, contact.locale)
        text = script.render(context(letter, ground.workspace, links, now))
        return Preview(template, None, text, None, {}, step, locale=locale)
    composed = compose(letter, ground.workspace, ground.templates, links, now)
    rendered = composed.rendered
    headers = {header: as_read(value) for header, value in preview_headers(composed.mail)}
    return Preview(
        template,
        rendered.subject,
        rendered.text,
        rendered.html,
        headers,
        step,
        preheader=rendered.preheader,
        locale=locale,
        layout=rendered.layout,
        bytes=len((rendered.html or "").encode()),
    )


def find(ground: Ground, name: str) -> str:
    """``email/welcome`` or ``call/welcome-call`` for a name or the path of a file; a mail goes before a script.

    Raises NotFoundError.
    """
    known = {template for template in ground.templates.names if is_sent(template)}
    path = PurePosixPath(name)
    bare = path.name.split(".")[0] if path.suffix in (".md", ".html", ".txt") else path.name
    parents = [part for part in path.parts[:-1] if part in ("email", "call")]
    for kind in [f"{parents[-1]}/"] if parents else [EMAIL, CALL]:
        if kind + bare in known:
            return kind + bare
    names = [template.partition("/")[2] for template in known]
    hint = did_you_mean(bare, names) or (f"known are {', '.join(sorted(names))}" if names else None)
    raise NotFoundError(f"there is no template '{name}'", hint=hint)


def uses(ground: Ground, template: str) -> Iterator[Use]:
    """The steps that send it, those that link an offer first."""
    kind, _, bare = template.partition("/")
    found = [
        Use(workflow, step)
        for workflow in ground.workflows.values()
        for step in workflow.steps.values()
        if _template_of(step, kind) == bare
    ]
    yield from sorted(found, key=lambda use: _linked(use) is None)


def _template_of(step: Step, kind: str) -> str | None:
    match step.fields:
        case EmailFields(email=name) | NotifyFields(notify=name) if kind == "email":
            return name
        case CallTaskFields(call_task=name) if kind == "call":
            return name
    return None


def _linked(use: Use) -> str | None:
    return use.step.fields.link_offer if isinstance(use.step.fields, EmailFields) else None


def letter_of(ground: Ground, template: str, contact: Contact, use: Use | None, now: datetime) -> Letter:
    """The letter as ``use`` would send it to this contact, with an offer, and the event that would have moved them there."""
    to_team = use is not None and isinstance(use.step.fields, NotifyFields)
    wanted = use.step.fields.to if use and isinstance(use.step.fields, NotifyFields) else None
    purpose = use.purpose if use else ""
    return Letter(
        key=delivery_key(0, template, 1, "preview"),
        template=template,
        contact=replace(contact, created_at=contact.created_at or now),
        marketing=purpose != TRANSACTIONAL,
        purpose=purpose,
        stage=use.stage if use else None,
        offer=_offer(ground, template, use),
        event=_event(ground, contact, use, now),
        to=team_address(wanted, contact, ground.workspace) if to_team else None,
    )


def _offer(ground: Ground, template: str, use: Use | None) -> Offer:
    """The offer its step links, else the one it delivers, else any, so that `offer.link` can be seen."""
    offers = ground.offers
    linked = offers.get(_linked(use) or "") if use else None
    if linked is not None:
        return linked
    delivered = (offer for offer in offers.values() if offer.mail and f"email/{offer.mail}" == template)
    return next(delivered, next(iter(offers.values()), SAMPLE_OFFER))


def _event(ground: Ground, contact: Contact, use: Use | None, now: datetime) -> Event | None:
    """The evidence that would have brought the contact into the stage; None where none can be made up."""
    if use is None:
        return None
    stage = use.stage
    before = use.workflow.stages[stage.index - 1].validate if stage.index else None
    match = stage.trigger.match if stage.trigger else before
    data = taken_by(match, Scope(contact=contact, workspace=ground.workspace)) if match else None
    if match is None or data is None:
        return None
    return Event(id=1, name=match.name, at=now, arrived_at=now, data=data, contact_id=contact.id)


_ENCODED_WORDS = re.compile(r"=\?utf-8\?b\?([^?]*)\?=(?:\s+(?==\?utf-8\?b\?))?")


def as_read(value: str) -> str:
    """A header as a mail program shows it: on one line, the encoded words of our own builder read."""
    line = value.replace("\r\n ", " ").replace("\r\n", "")
    return _ENCODED_WORDS.sub(lambda found: b64decode(found[1]).decode(), line)
