"""The schema of one project's workflow files: an editor completes the names of its own templates, offers, events and fields.

What lies in files of its own (templates, offers, …) is suggested, since the next one may just be being written; what
nurture.toml declares (calendars, teams, outcomes, fields) is required. Whether all of it makes sense is for the checks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from nurture.model.matching import RESERVED_EVENTS, is_own_action
from nurture.model.workspace import FieldType, Workspace
from nurture.steps.call_task import OUTCOMES
from nurture.workflow.checks.questions import SETTABLE
from nurture.workflow.project import Project
from nurture.workflow.schema import NAME_PATTERN, Schema, workflow_schema

_EVENT = r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+"
_EVENT_LINE = rf"^{_EVENT}( where .+)?$"
_JOINED_EVENTS = rf"^{_EVENT}(, *{_EVENT})+$"
"""What a wait takes beside one line."""


def project_schema(project: Project) -> Schema:
    """The schema of workflow files, with what this project holds."""
    schema = workflow_schema()
    parts: Mapping[str, Schema] = {"workflow": schema, **schema["$defs"]}
    for path, names in _suggested(project).items():
        _change(parts, path, _suggest(names))
    required = _required(project.workspace) if project.workspace else {}
    for path, wanted in required.items():
        _change(parts, path, wanted)
    return schema


def _suggested(project: Project) -> dict[str, list[str]]:
    offers, workflows = sorted(project.offers), sorted(project.workflows)
    return {
        "workflow.purpose": sorted(
            {offer.consent.purpose for offer in project.offers.values() if offer.consent}
        ),
        "workflow.persona": sorted(project.personas),
        "email.email": sorted(project.emails),
        "email.link_offer": offers,
        "notify.notify": sorted(project.emails),
        "call_task.call_task": sorted(project.scripts),
        "offer.offer": offers,
        "enroll.enroll": workflows,
        "loss.enroll": workflows,
        "jump.jump": sorted({stage.name for draft in project.drafts for stage in draft.workflow.stages}),
        "wait_until.since": sorted(
            {
                step.id
                for draft in project.drafts
                for step in draft.workflow.steps.values()
                if step.kind in ("email", "call_task")
            }
        ),
        "lose.lose": sorted(
            {
                loss.reason
                for draft in project.drafts
                for stage in draft.workflow.stages
                for loss in stage.losses
            }
        ),
    }


def _suggest(names: Collection[str]) -> Schema:
    """Any word in slug form; the editor offers these."""
    word: Schema = {"type": "string", "pattern": NAME_PATTERN}
    return {"anyOf": [{"enum": list(names)}, word]} if names else {"anyOf": [word]}


def _required(workspace: Workspace) -> dict[str, Schema]:
    events = sorted(workspace.events | {name for name in RESERVED_EVENTS if not is_own_action(name)})
    event: Schema = {"anyOf": [{"enum": events}, {"type": "string", "pattern": _EVENT_LINE}]}
    joined: Schema = {"type": "string", "pattern": _JOINED_EVENTS}
    fields = [f"contact.{name}" for name in workspace.fields]
    dates = [
        f"contact.{name} - 3 days" for name, field in workspace.fields.items() if field.type is FieldType.DATE
    ]
    settable = {"propertyNames": {"enum": sorted({*SETTABLE, *workspace.fields})}}
    found: dict[str, Schema] = {
        "workflow.calendar": {"enum": sorted(workspace.calendars)},
        "call_task.assign": _who(workspace),
        "notify.to": _who(workspace),
        "call_task.outcomes": {"propertyNames": {"enum": sorted(OUTCOMES | workspace.outcomes)}},
        "set.set": settable,
        "stage.validate": event,
        "stage.trigger": {"anyOf": [{"enum": ["manual", *events]}, {"type": "string"}]},
        "loss.on": event,
        "split.measure": event,
        "wait_until.wait_until": {
            "anyOf": [*event["anyOf"], joined, {"type": "array", "items": event, "minItems": 1}]
        },
        "when.when": {"examples": [*fields, "contact.score >= 40"]},
        "workflow.exit_when": {"examples": fields},
        "wait.until": {"examples": dates},
    }
    return {path: wanted for path, wanted in found.items() if wanted != {"enum": []}}


def _who(workspace: Workspace) -> Schema:
    teams = sorted(workspace.teams)
    names = ["owner", *teams, *(f"round-robin {team}" for team in teams)]
    return {"anyOf": [{"enum": names}, {"type": "string", "pattern": "@|^round-robin |^webhook "}]}


def _change(parts: Mapping[str, Schema], path: str, wanted: Schema) -> None:
    """Add to what a key's schema says; where a value is one of several, these take the place of the general form."""
    part, _, key = path.partition(".")
    properties = parts[part]["properties"]
    before: Schema = properties[key]
    if {"enum", "anyOf"} & wanted.keys():
        kept = {name: before[name] for name in ("description", "default") if name in before}
        properties[key] = kept | wanted
    else:
        properties[key] = before | wanted
