"""Do offers, personas and dates hold together: an asset to hand out, a ladder that goes up, values a contact can have?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nurture.model.addresses import AddressError, split_address
from nurture.model.contact_values import TEXT_FIELDS, read_values
from nurture.model.errors import Place, Problem, Severity, did_you_mean
from nurture.model.matching import DateRule
from nurture.model.workspace import FieldType, Workspace
from nurture.steps.wait import WaitFields
from nurture.workflow.checks.codes import problem
from nurture.workflow.checks.lines import place_of, step_place
from nurture.workflow.documents import Offer, OfferKind, Persona, Read
from nurture.workflow.project import Project
from nurture.workflow.yaml_text import MapNode, TextNode


def incoherent_documents(project: Project) -> Iterator[Problem]:
    """Names used twice, offers that cannot be handed out, examples no contact could be, dates counted from no date."""
    yield from _named_twice(project)
    yield from _scenarios_named_twice(project)
    for read in project.documents:
        if isinstance(read.document, Offer):
            yield from _offer(project, read, read.document)
        if isinstance(read.document, Persona) and project.workspace:
            yield from _example(read, read.document, project.workspace)
    if project.workspace:
        yield from _dates(project, project.workspace)


def _named_twice(project: Project) -> Iterator[Problem]:
    files: dict[tuple[str, str], Place] = {}
    for draft in project.drafts:
        name = draft.top.text("workflow")
        if name is not None and files.setdefault(("workflow", name.text), name.place) != name.place:
            first = files["workflow", name.text]
            yield problem(
                "duplicate-workflow",
                name.place,
                f"another workflow is called '{name.text}'",
                f"in {first.file}",
            )
    for read in project.documents:
        kind = type(read.document).__name__.lower()
        place = place_of(read.top, kind)
        if files.setdefault((kind, read.document.name), place) != place:
            first = files[kind, read.document.name]
            yield problem(
                "duplicate-name",
                place,
                f"another {kind} is called '{read.document.name}'",
                f"in {first.file}",
            )


def _scenarios_named_twice(project: Project) -> Iterator[Problem]:
    """A reader of a report mixes them up; they are played all the same."""
    files: dict[str, str] = {}
    for one in project.scenarios:
        if one.top is not None and files.setdefault(one.name, one.file) != one.file:
            place = place_of(one.top, "scenario")
            message = f"another scenario is called '{one.name}'"
            found = problem("duplicate-name", place, message, f"in {files[one.name]}")
            yield replace(found, severity=Severity.WARNING)


def _offer(project: Project, read: Read, offer: Offer) -> Iterator[Problem]:
    if offer.kind is OfferKind.DOWNLOAD and offer.asset is None:
        place = place_of(read.top, "kind")
        yield problem(
            "offer-without-asset", place, "a download needs a file", "add 'asset:' with a file in assets/"
        )
    yield from _promises(read, offer)
    rung, passed = offer.next, {offer.name}
    while rung and rung in project.offers and rung not in passed:
        passed.add(rung)
        rung = project.offers[rung].next
    if rung == offer.name:
        yield problem(
            "ladder-loop",
            place_of(read.top, "next"),
            f"the ladder leads back to '{offer.name}'",
            "let it go up",
        )
    if project.workspace:
        known = (*TEXT_FIELDS, *project.workspace.fields)
        for number, asked in enumerate(offer.fields):
            if asked.name not in known:
                place = _form_field_place(read.top, number)
                hint = did_you_mean(asked.name, known) or "declare it under [fields] in nurture.toml"
                yield problem("unknown-field", place, f"contacts have no field '{asked.name}'", hint)
        if all(asked.name != "email" for asked in offer.fields):
            place = place_of(read.top, "fields")
            yield problem(
                "bad-value", place, "a form asks for an address at least", "add email to the fields"
            )


def _promises(read: Read, offer: Offer) -> Iterator[Problem]:
    """What an offer says it will do, and what it lacks for that."""
    top = read.top
    if offer.double_opt_in and offer.consent is None:
        place = place_of(top, "double_opt_in")
        message = "there is nothing to confirm: this offer asks for no permission"
        yield problem("opt-in-without-consent", place, message, "add 'consent:', or remove this line")
    if not offer.link.valid.amount:
        place = place_of(top, "link", "valid")
        yield problem("bad-value", place, "a link that is never valid cannot be used", "write 30 days, say")
    seen: set[str] = set()
    for number, asked in enumerate(offer.fields):
        if asked.name in seen:
            place = _form_field_place(top, number)
            yield problem("duplicate-name", place, f"the form asks twice for '{asked.name}'", "ask once")
        seen.add(asked.name)


def _form_field_place(top: MapNode, number: int) -> Place:
    node = top.get("fields")
    item = getattr(node, "items", ())[number] if node else top
    return (
        place_of(item, "name")
        if isinstance(item, MapNode)
        else item.place
        if isinstance(item, TextNode)
        else top.place
    )


def _example(read: Read, persona: Persona, workspace: Workspace) -> Iterator[Problem]:
    if persona.example is None:
        return
    values = {
        name: text
        for name, text in persona.example.items()
        if name not in workspace.fields or workspace.fields[name].is_known
    }
    for name, error in read_values(values, workspace.fields)[1].items():
        yield problem("bad-example", place_of(read.top, "example", name), error.message, error.hint)
    place = place_of(read.top, "example", "email")
    if "email" not in persona.example:
        yield problem("bad-example", place, "the example has no email", "add one at example.org")
    elif not _is_address(persona.example["email"]):
        message = f"'{persona.example['email']}' is no mail address"
        yield problem("bad-example", place, message, "write one at example.org")


def _is_address(text: str) -> bool:
    try:
        split_address(text)
    except AddressError:
        return False
    return True


def _dates(project: Project, workspace: Workspace) -> Iterator[Problem]:
    for draft in project.drafts:
        for stage in draft.workflow.stages:
            if stage.trigger and stage.trigger.date:
                yield from _not_a_date(stage.trigger.date, stage.trigger.place, workspace)
        for step in draft.workflow.steps.values():
            if isinstance(step.fields, WaitFields):
                for key, rule in (("until", step.fields.until), ("wait", step.fields.wait)):
                    if isinstance(rule, DateRule):
                        yield from _not_a_date(rule, step_place(draft, step, key), workspace)


def _not_a_date(rule: DateRule, place: Place, workspace: Workspace) -> Iterator[Problem]:
    dates = [field.name for field in workspace.fields.values() if field.type is FieldType.DATE]
    if rule.field not in (*dates, "created_at"):
        hint = did_you_mean(rule.field, tuple(dates)) or f'declare {rule.field} = "date" under [fields]'
        yield problem("not-a-date", place, f"'contact.{rule.field}' holds no date", hint)
