"""Does everything that a file names exist: templates, scripts, offers, personas, calendars, teams, workflows, stages?"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from nurture.model.errors import Place, Problem, did_you_mean
from nurture.model.expression_tree import CONTACT_FIELDS
from nurture.steps.base import Step
from nurture.steps.call_task import OUTCOMES, CallTaskFields
from nurture.steps.email import EmailFields
from nurture.steps.enroll import EnrollFields
from nurture.steps.jump import JumpFields
from nurture.steps.notify import NotifyFields
from nurture.steps.offer import OfferFields
from nurture.steps.wait_until import WaitUntilFields
from nurture.steps.webhook import WebhookFields
from nurture.workflow.checks.codes import problem
from nurture.workflow.checks.lines import place_of, step_place
from nurture.workflow.documents import Offer, Read
from nurture.workflow.model import TriggerKind
from nurture.workflow.project import Project
from nurture.workflow.reader import Draft
from nurture.workflow.yaml_text import ListNode, MapNode


def unknown_names(project: Project) -> Iterator[Problem]:
    """Every name that leads nowhere, with the nearest one that exists."""
    for draft in project.drafts:
        yield from _of_top(project, draft)
        yield from _of_stages(project, draft)
        for step in draft.workflow.steps.values():
            yield from _of_step(project, draft, step)
    for read in project.documents:
        if isinstance(read.document, Offer):
            yield from _of_offer(project, read, read.document)


def _missing(kind: str, name: str | None, known: Collection[str], place: Place) -> Iterator[Problem]:
    if name is not None and name not in known:
        hint = did_you_mean(name, frozenset(known)) or (
            f"known: {', '.join(sorted(known)[:8])}" if known else None
        )
        yield problem(f"unknown-{kind}", place, f"there is no {kind} '{name}'", hint)


def _email(project: Project, name: str | None, place: Place) -> Iterator[Problem]:
    if name is None or name in project.emails:
        return
    hint = did_you_mean(name, project.emails)
    near_script = hint is None and did_you_mean(name, project.scripts)
    if near_script:
        hint = f"{near_script} (that one is in templates/call)"
    yield problem(
        "unknown-template",
        place,
        f"there is no templates/email/{name}.md, .html or .txt",
        hint or "write the template",
    )


def _script(project: Project, name: str, place: Place) -> Iterator[Problem]:
    if name in project.scripts:
        return
    hint = did_you_mean(name, project.scripts)
    near_email = hint is None and did_you_mean(name, project.emails)
    if near_email:
        hint = f"{near_email} (that one is in templates/email)"
    yield problem(
        "unknown-script", place, f"there is no templates/call/{name}.txt", hint or "write the script"
    )


def _of_top(project: Project, draft: Draft) -> Iterator[Problem]:
    workflow, top = draft.workflow, draft.top
    yield from _missing("persona", workflow.persona, project.names("persona"), place_of(top, "persona"))
    if project.workspace:
        yield from _missing(
            "calendar", workflow.calendar, project.workspace.calendars, place_of(top, "calendar")
        )


def _workflow_names(project: Project) -> frozenset[str]:
    return project.names("workflow")


def _of_stages(project: Project, draft: Draft) -> Iterator[Problem]:
    names = _workflow_names(project)
    for stage, node in zip(draft.workflow.stages, draft.stage_nodes, strict=True):
        trigger = stage.trigger
        if trigger and trigger.kind is TriggerKind.SEGMENT:
            yield from _missing("segment", trigger.name, project.names("segment"), trigger.place)
        if trigger and trigger.kind is TriggerKind.LOST and trigger.name:
            yield from _lost_stage(project, trigger.name, place_of(node, "trigger"))
        for loss in stage.losses:
            place = place_of(draft.loss_nodes[loss.place], "enroll")
            yield from _missing("workflow", loss.enroll, names, place)


def _lost_stage(project: Project, name: str, place: Place) -> Iterator[Problem]:
    workflow, _, stage = name.partition("/")
    found = next((draft.workflow for draft in project.drafts if draft.workflow.name == workflow), None)
    if found is None:
        yield from _missing("workflow", workflow, _workflow_names(project), place)
    else:
        yield from _missing("stage", stage, [one.name for one in found.stages], place)


def _of_step(project: Project, draft: Draft, step: Step) -> Iterator[Problem]:
    place = step_place(draft, step)
    match step.fields:
        case EmailFields() as fields:
            yield from _email(project, fields.email, place)
            yield from _missing(
                "offer", fields.link_offer, project.names("offer"), step_place(draft, step, "link_offer")
            )
        case NotifyFields() as fields:
            yield from _email(project, fields.notify, place)
            if fields.endpoint is None:
                yield from _assignee(project, fields.to, step_place(draft, step, "to"))
            else:
                yield from _endpoint(project, fields.endpoint, step_place(draft, step, "to"))
        case WebhookFields() as fields:
            yield from _endpoint(
                project, fields.endpoint, step_place(draft, step, "to" if fields.to else step.kind)
            )
            yield from _told(project, draft, step, fields)
        case CallTaskFields() as fields:
            yield from _script(project, fields.call_task, place)
            yield from _assignee(project, fields.assign, step_place(draft, step, "assign"))
            yield from _outcomes(project, draft, step)
        case OfferFields() as fields:
            yield from _missing("offer", fields.offer, project.names("offer"), place)
        case EnrollFields() as fields:
            yield from _missing("workflow", fields.enroll, _workflow_names(project), place)
        case JumpFields() as fields:
            yield from _missing("stage", fields.jump, [stage.name for stage in draft.workflow.stages], place)
        case WaitUntilFields() as fields:
            yield from _since(draft, step, fields.since)


def _since(draft: Draft, step: Step, since: str | None) -> Iterator[Problem]:
    """A wait looks back to a message or call that ran before it in its stage."""
    stage = [other for other in draft.workflow.steps.values() if other.stage == step.stage]
    before = [other.id for other in stage[: stage.index(step)] if other.kind in _TOUCHES]
    place = step_place(draft, step, "since")
    if since is not None and since not in before and any(other.id == since for other in stage):
        hint = (
            f"before it come {', '.join(before)}"
            if before
            else "leave 'since:' out: it then looks back to the stage's entry"
        )
        yield problem("unknown-id", place, f"no message or call '{since}' comes before this wait", hint)
        return
    yield from _missing("id", since, before, place)


_TOUCHES = ("email", "call_task")


def _assignee(project: Project, who: str, place: Place) -> Iterator[Problem]:
    """``owner``, ``round-robin TEAM``, a team, or the address of a person."""
    if who == "owner" or "@" in who or project.workspace is None:
        return
    team = who.removeprefix("round-robin").strip()
    if (
        team not in project.workspace.teams
        and team == who
        and (near := did_you_mean(who, ("owner", *project.workspace.teams)))
    ):
        yield problem("unknown-team", place, f"there is no team '{who}'", near)
        return
    named = who.rpartition(" ")[2]
    if team not in project.workspace.teams and team == who and named in project.workspace.teams:
        hint = f"write 'round-robin {named}', or '{named}'"
        yield problem("unknown-team", place, f"there is no team '{who}'", hint)
        return
    yield from _missing("team", team, project.workspace.teams, place)


def _endpoint(project: Project, name: str, place: Place) -> Iterator[Problem]:
    """Another system, as ``nurture.toml`` names it."""
    known = project.workspace.webhooks if project.workspace else None
    if known is not None and name not in known:
        hint = did_you_mean(name, frozenset(known)) or 'add it to nurture.toml, with url = "https://…"'
        yield problem("unknown-endpoint", place, f"nurture.toml has no [webhooks.{name}]", hint)


def _told(project: Project, draft: Draft, step: Step, fields: WebhookFields) -> Iterator[Problem]:
    """What of the contact a webhook tells."""
    if project.workspace is None:
        return
    known = ("id", *CONTACT_FIELDS, *project.workspace.fields)
    node = draft.step_nodes[step.id].get("contact")
    for number, name in enumerate(fields.contact):
        if name not in known:
            place = node.items[number].place if isinstance(node, ListNode) else step.place
            hint = did_you_mean(name, frozenset(known)) or "declare it under [fields] in nurture.toml"
            yield problem("unknown-field", place, f"contacts have no field '{name}'", hint)


def _outcomes(project: Project, draft: Draft, step: Step) -> Iterator[Problem]:
    own = project.workspace.outcomes if project.workspace else frozenset()
    node = draft.step_nodes[step.id].get("outcomes")
    for name in step.branches:
        key = node.key(name) if isinstance(node, MapNode) else None
        place = key.place if key else step.place
        if project.workspace:
            yield from _missing("outcome", name, OUTCOMES | own, place)
        if name == "call-back":
            yield problem(
                "dead-outcome", place, "'call-back' only gives the task a new date", "remove this branch"
            )


def _of_offer(project: Project, read: Read, offer: Offer) -> Iterator[Problem]:
    top = read.top
    yield from _missing("persona", offer.persona, project.names("persona"), place_of(top, "persona"))
    yield from _missing("offer", offer.next, project.names("offer"), place_of(top, "next"))
    yield from _email(project, offer.mail, place_of(top, "mail"))
    yield from _asset(project, offer.asset, place_of(top, "asset"))


def _asset(project: Project, name: str | None, place: Place) -> Iterator[Problem]:
    if name is None:
        return
    file = project.folder / "assets" / name
    if not set(name).isdisjoint("/\\") or name in (".", ".."):
        message = f"'{name}' is no file's name alone"
        yield problem(
            "unsafe-asset", place, message, "put the file into assets/ and write its name without a folder"
        )
    elif name in project.assets and not file.resolve().is_relative_to((project.folder / "assets").resolve()):
        message = f"assets/{name} is a link that leads out of assets/"
        yield problem("unsafe-asset", place, message, "put the file itself into assets/")
    else:
        yield from _missing("asset", name, project.assets, place)
