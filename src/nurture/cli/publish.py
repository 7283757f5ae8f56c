"""`nurture publish`: the folder's files become live."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from nurture.cli._opened import faults_as_document, opened
from nurture.cli.common import Context, project_options

if TYPE_CHECKING:
    from nurture.services.publish import WorkflowPlan


@click.command("publish", epilog="Example: nurture publish --yes")
@project_options
@click.option("--yes", is_flag=True, help="Do not ask, also when contacts are under way.")
def publish(context: Context, yes: bool) -> None:
    """Check the project's files and make them live, all of them or none.

    Contacts who are under way go on in the version they entered. At a terminal it asks before it changes or withdraws
    a workflow that has contacts under way.
    """
    from nurture.services import publish as service

    with opened(context) as nurture, faults_as_document(context):
        if not yes and not context.as_json and sys.stdin.isatty():
            ask(service.plan(nurture.runtime, context.project))
        planned = service.publish(nurture.runtime, context.project)
    if context.as_json:
        context.emit_json({"workflows": [as_document(one) for one in planned], "problems": []})
        return
    tell(context, planned)
    context.say("Published.")


def ask(planned: Sequence[WorkflowPlan]) -> None:
    """Leave it when the person at the terminal says no."""
    for one in planned:
        if one.changes and one.staying:
            what = "gets a new version" if one.after else "takes nobody new"
            people = f"{one.staying:,} contacts go on in the version they entered"
            click.confirm(f"{one.name} {what}; {people}. Publish?", default=True, abort=True)


def as_document(plan: WorkflowPlan) -> dict[str, object]:
    """One workflow as programs read it. Contacts stay pinned, so that nobody is mapped to another version."""
    return {
        "name": plan.name,
        "from": plan.before,
        "to": plan.after,
        "staying": plan.staying,
        "mapped": 0,
        "unmappable": 0,
    }


def tell(context: Context, planned: Sequence[WorkflowPlan]) -> None:
    rows = [(one.name, one.before or "—", one.after or "—", what(one), one.staying) for one in planned]
    context.table(("workflow", "live now", "then", "", "under way, staying"), rows)


def what(plan: WorkflowPlan) -> str:
    """What happens to it, in one word or two."""
    if not plan.changes:
        return "unchanged"
    if plan.before is None:
        return "new"
    return "new version" if plan.after else "withdrawn"
