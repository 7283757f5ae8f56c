"""`nurture plan`: what `nurture publish` would do."""

from __future__ import annotations

import click

from nurture.cli._opened import faults_as_document, opened
from nurture.cli.common import Context, project_options
from nurture.cli.publish import as_document, tell


@click.command("plan", epilog="Example: nurture plan --json")
@project_options
def plan(context: Context) -> None:
    """Show what publishing would change, workflow by workflow, and who is under way. Changes nothing."""
    from nurture.services.publish import plan as ask

    with opened(context) as nurture, faults_as_document(context):
        planned = ask(nurture.runtime, context.project)
    if context.as_json:
        context.emit_json({"workflows": [as_document(one) for one in planned], "problems": []})
        return
    tell(context, planned)
    if any(one.changes for one in planned):
        context.say("`nurture publish` makes it live. Templates, offers and settings go live with it.")
    else:
        context.say("No workflow changes; `nurture publish` would renew templates, offers and settings.")
