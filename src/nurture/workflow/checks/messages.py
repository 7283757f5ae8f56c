"""May every message be sent, and can it be rendered for everyone: permission, sender, address, no empty greeting?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nurture.model.errors import Place, Problem, did_you_mean
from nurture.model.expression_tree import CONTACT_FIELDS, WORKSPACE_FIELDS
from nurture.model.workspace import TRANSACTIONAL, Workspace
from nurture.steps.base import Step
from nurture.steps.call_task import CallTaskFields
from nurture.steps.email import EmailFields
from nurture.steps.notify import NotifyFields
from nurture.workflow.checks.codes import problem
from nurture.workflow.checks.lines import place_of, step_place
from nurture.workflow.project import Project
from nurture.workflow.reader import Draft
from nurture.workflow.workspace import FILE
from nurture.workflow.yaml_text import MapNode

ALWAYS_SET = ("email", "tags", "score", "created_at")
"""What no contact lacks; everything else may be unset."""


@dataclass(frozen=True, slots=True)
class Printed:
    """A name that a template prints or asks for. ``bare`` when it is printed as it is, with no word for its absence."""

    path: str
    place: Place
    bare: bool = False


@dataclass(frozen=True, slots=True)
class TemplateFacts:
    """What the checks need to know of one template; ``names`` includes those of its layout and subject."""

    name: str
    file: str
    names: tuple[Printed, ...] = ()
    sender: str | None = None
    sender_place: Place | None = None
    is_script: bool = False
    body: str = ""
    """What the template's own file says below its front matter, which begins in ``body_line``."""
    body_line: int = 1


def unsendable_messages(project: Project, templates: tuple[TemplateFacts, ...] = ()) -> Iterator[Problem]:
    """Messages without permission or sender, and templates that cannot be rendered for everyone."""
    mails = [
        (draft, step)
        for draft in project.drafts
        for step in draft.workflow.steps.values()
        if step.kind == "email"
    ]
    for draft, step in mails:
        yield from _without_purpose(draft, step)
    yield from _purposes(project)
    marketing = [(draft, step) for draft, step in mails if is_marketing(draft, step)]
    if project.workspace:
        yield from _sender_is_known(
            project.workspace, project.toml, sends=bool(mails), markets=bool(marketing)
        )
        for template in templates:
            yield from _template(project, project.workspace, template)
    yield from _unlinked_offers(
        project, mails, {template.name: template for template in templates if not template.is_script}
    )
    for template in templates:
        yield from _said(template)


def is_marketing(draft: Draft, step: Step) -> bool:
    """Whether the message relies on a permission rather than on the contact's own request."""
    fields = step.fields
    return isinstance(fields, EmailFields) and (fields.purpose or draft.workflow.purpose) != TRANSACTIONAL


def _without_purpose(draft: Draft, step: Step) -> Iterator[Problem]:
    if isinstance(step.fields, EmailFields) and not (
        step.fields.purpose or draft.workflow.purpose or draft.top.get("purpose")
    ):
        yield problem(
            "message-without-purpose",
            step_place(draft, step),
            f"'{step.id}' does not say on which permission it relies",
            "add 'purpose:' to the workflow, or 'purpose: transactional' to a message they asked for",
        )


def _purposes(project: Project) -> Iterator[Problem]:
    if any(kind == "offer" for kind, _ in project.unread):
        return  # the offer that asks for it may be the one that cannot be read
    asked = {offer.consent.purpose for offer in project.offers.values() if offer.consent}
    for draft in project.drafts:
        used = {draft.workflow.purpose: place_of(draft.top, "purpose")}
        for step in draft.workflow.steps.values():
            if isinstance(step.fields, EmailFields) and step.fields.purpose:
                used.setdefault(step.fields.purpose, step_place(draft, step, "purpose"))
        for purpose, place in used.items():
            if purpose and purpose != TRANSACTIONAL and purpose not in asked:
                hint = (
                    did_you_mean(purpose, asked | {TRANSACTIONAL})
                    or "ask for it in an offer's 'consent:', or import with --consent"
                )
                yield problem(
                    "purpose-without-consent", place, f"no offer asks for the purpose '{purpose}'", hint
                )


def _sender_is_known(
    workspace: Workspace, top: MapNode | None, *, sends: bool, markets: bool
) -> Iterator[Problem]:
    if markets and workspace.name and not workspace.postal_address.strip():
        yield problem(
            "no-postal-address",
            place_of(top, "workspace", default=Place(FILE)),
            "marketing mail must carry a postal address, and [workspace] has none",
            'add postal_address = "…" to [workspace]',
        )
    if sends and "default" not in workspace.senders:
        yield problem(
            "no-sender",
            Place(FILE),
            "mail is sent, but there is no [senders.default]",
            'add it, with from = "…"',
        )


# --- templates ----------------------------------------------------------------------------------------------------


def _template(project: Project, workspace: Workspace, template: TemplateFacts) -> Iterator[Problem]:
    if template.sender not in (None, "owner", "default", *workspace.senders) and template.sender_place:
        hint = (
            did_you_mean(str(template.sender), frozenset(workspace.senders))
            or "'default', 'owner', or add it"
        )
        yield problem(
            "unknown-sender", template.sender_place, f"there is no sender '{template.sender}'", hint
        )
    for printed in template.names:
        yield from _printed(workspace, template, printed)


_KNOWN: Mapping[str, tuple[str, ...]] = {
    "workspace": WORKSPACE_FIELDS,
    "stage": ("name", "need", "bucket"),
    "offer": ("name", "title", "promise", "link"),
    "owner": ("name", "email"),
    "links": ("unsubscribe", "preferences"),
}
"""What stands behind the first word of a name; a contact has its fields, an event whatever it brought."""


def _printed(workspace: Workspace, template: TemplateFacts, printed: Printed) -> Iterator[Problem]:
    root, _, name = printed.path.partition(".")
    known = {**_KNOWN, "contact": (*CONTACT_FIELDS, *workspace.fields)}
    asked = any(other.path == root for other in template.names)
    if root in known and name and name not in known[root]:
        hint = did_you_mean(name, known[root]) or f"known: {', '.join(known[root])}"
        yield problem("unknown-variable", printed.place, f"there is no '{printed.path}'", hint)
    elif root == "answers" and not template.is_script:
        yield problem("unknown-variable", printed.place, "'answers' are known in call scripts only")
    elif printed.bare and root == "contact" and name not in ALWAYS_SET:
        yield problem("empty-greeting", printed.place, f"'{printed.path}' may be unset", _guard(name))
    elif printed.bare and root == "owner" and not asked:
        yield problem(
            "empty-greeting", printed.place, "a contact may have no owner", "put it into {% if owner %}"
        )
    elif printed.bare and root == "workspace" and name and not _is_told(workspace, name):
        yield problem(
            "empty-greeting", printed.place, f"[workspace] has no {name}", f"add {name} to nurture.toml"
        )
    elif printed.bare and root == "event" and not asked:
        hint = "put it into {% if event %}"
        yield problem(
            "unguarded-event",
            printed.place,
            f"'{printed.path}' is missing for who was enrolled by hand",
            hint,
        )


def _is_told(workspace: Workspace, name: str) -> bool:
    """A postal address that is missing has been told, once for all templates."""
    return name == "postal_address" or not workspace.name or bool(getattr(workspace, name))


def _guard(name: str) -> str:
    word = "Hello" if name == "first_name" else "…"
    return f"write {{{{ contact.{name} or '{word}' }}}}, or put it into {{% if contact.{name} %}}"


def _unlinked_offers(
    project: Project, mails: list[tuple[Draft, Step]], templates: Mapping[str, TemplateFacts]
) -> Iterator[Problem]:
    needs = {
        name
        for name, facts in templates.items()
        if any(p.path.startswith("offer") and p.bare for p in facts.names)
    }
    for draft, step in mails:
        fields = step.fields
        if isinstance(fields, EmailFields) and fields.email in needs and fields.link_offer is None:
            yield problem(
                "offer-not-linked",
                step_place(draft, step),
                f"the template '{fields.email}' prints an offer, and this step names none",
                "add 'link_offer:' with the offer's name",
            )
    for draft in project.drafts:
        for step in draft.workflow.steps.values():
            if isinstance(step.fields, NotifyFields) and step.fields.notify in needs:
                message = f"the template '{step.fields.notify}' prints an offer, and a notice has none"
                yield problem("offer-not-linked", step_place(draft, step), message)


_FOREIGN = re.compile(
    r"\*\|[A-Z_:]{2,40}\|\*|%[A-Z_]{3,40}%|%%\w{2,40}%%|(?<![{%$#])\{[a-zA-Z][\w.]{1,40}\}(?!\})|\[\[?(?:[Ff]irst|[Ll]ast|FIRST|LAST)[ _]?(?:[Nn]ame|NAME)\]"
)
"""``*|FNAME|*``, ``%FIRSTNAME%``, ``%%first_name%%``, ``{first_name}``, ``[First Name]``."""
_STYLED = re.compile(r"<style.*?</style>", re.DOTALL | re.IGNORECASE)


def _said(template: TemplateFacts) -> Iterator[Problem]:
    """A message that says nothing, or speaks another program's language."""
    if not template.body.strip():
        yield problem(
            "empty-mail", Place(template.file), "this message says nothing", "write it below the second ---"
        )
    text = _STYLED.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), template.body)
    for found in _FOREIGN.finditer(text):
        line = template.body_line + text.count("\n", 0, found.start())
        place = Place(template.file, line, found.start() - text.rfind("\n", 0, found.start()))
        hint = "write {{ contact.first_name or 'Hello' }}"
        yield problem("foreign-placeholder", place, f"'{found[0]}' would be shown as it stands", hint)


def unused_templates(project: Project, templates: tuple[TemplateFacts, ...]) -> Iterator[Problem]:
    """Templates that nobody sends. Worth asking once all else is sound: a misspelt name leaves the right one unused."""
    mails: set[str | None] = {offer.mail for offer in project.offers.values()}
    scripts: set[str | None] = set()
    for draft in project.drafts:
        for step in draft.workflow.steps.values():
            match step.fields:
                case EmailFields(email=name) | NotifyFields(notify=name):
                    mails.add(name)
                case CallTaskFields(call_task=name):
                    scripts.add(name)
    for template in templates:
        if template.name not in (scripts if template.is_script else mails):
            what = "call script" if template.is_script else "template"
            hint = "name it in a step, or remove the file"
            yield problem("unused-template", Place(template.file), f"no step or offer uses this {what}", hint)
