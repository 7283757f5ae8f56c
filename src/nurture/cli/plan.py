"""`nurture plan`: what `nurture publish` would do."""

from __future__ import annotations

import click

from nurture.cli._opened import faults_as_document, opened
from nurture.cli._planned import as_document, counting, tell, wishes
from nurture.cli.common import Context, project_options


@click.command("plan", epilog="Example: nurture plan --json")
@project_options
@click.option(
    "--migrate",
    multiple=True,
    metavar="MAP",
    help="Take contacts along, as publishing would: WORKFLOW, WORKFLOW:old=new,…, or a YAML file.",
)
def plan(context: Context, migrate: tuple[str, ...]) -> None:
    """Show what publishing would change: steps, waits and proofs, who stays and who could come along, what then leaves.

    Everybody under way is played on for fourteen days through the real gates, as it is now and as planned. Changes nothing.
    """
    from nurture.services.releases import plan_words, planning

    with opened(context) as nurture, faults_as_document(context), counting(context) as progress:
        made = planning.plan(nurture.runtime, context.project, wishes(context, migrate), progress=progress)
    if context.as_json:
        context.emit_json(as_document(made))
        return
    tell(context, made)
    if not made.changes_anything:
        context.say(plan_words.NOTHING_CHANGED)
        return
    for said in plan_words.questions(made):
        context.say(f"{said}: `nurture publish` will want a yes.")
    context.say("`nurture publish` makes it live.")
