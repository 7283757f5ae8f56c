"""`nurture publish`: the folder's files become live; `--rollback` brings back what was live before."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from nurture.cli._opened import faults_as_document, opened
from nurture.cli._planned import as_document, counting, tell, wishes
from nurture.cli.common import Context, project_options

if TYPE_CHECKING:
    from nurture.services.releases.plan_values import Plan


@click.command("publish", epilog="Example: nurture publish --yes")
@project_options
@click.option("--yes", is_flag=True, help="Do not ask: not for a withdrawn workflow, nor beyond [limits].")
@click.option(
    "--migrate",
    multiple=True,
    metavar="MAP",
    help="Take contacts under way along: WORKFLOW, WORKFLOW:old=new,…, or a YAML file. May be given again.",
)
@click.option(
    "--rollback",
    is_flag=False,
    flag_value="previous",
    metavar="[RELEASE]",
    help="Make the release before live again, or the one with this number.",
)
def publish(context: Context, yes: bool, migrate: tuple[str, ...], rollback: str | None) -> None:
    """Check the project's files and make them live, all of them or none.

    Contacts who are under way go on in the version they entered, unless --migrate takes them along. At a terminal it
    asks before it changes or withdraws a workflow that has contacts under way, and before it exceeds [limits]; without
    one it refuses to withdraw or exceed unless told --yes.
    """
    from nurture.services.releases import plan_words, planning
    from nurture.services.releases.publish import make_live

    if rollback not in (None, planning.PREVIOUS) and not str(rollback).isdecimal():
        raise click.UsageError(f"{rollback!r} is no release: give its number, or nothing for the one before.")
    with opened(context) as nurture, faults_as_document(context), counting(context) as progress:
        wish = wishes(context, migrate)
        plan = (
            planning.plan(nurture.runtime, context.project, wish, progress=progress)
            if rollback is None
            else planning.plan_rollback(nurture.runtime, rollback, wish, progress=progress)
        )
        if plan.changes_anything and not yes:
            agree(context, plan)
        made = make_live(nurture.runtime, plan)
    if context.as_json:
        context.emit_json(as_document(plan) | {"release": made.release, "changed": made.release is not None})
        return
    if made.release is not None:
        tell(context, plan)
    context.say(plan_words.done(plan, made))


def agree(context: Context, plan: Plan) -> None:
    """Ask the person at the terminal; without one, refuse what must not go live unasked. Raises NurtureError."""
    from nurture.model.errors import NurtureError
    from nurture.services.releases import plan_words

    if not context.as_json and sys.stdin.isatty():
        for said in plan_words.confirmations(plan):
            click.confirm(f"{said}. Publish?", default=True, abort=True)
    elif plan.needs_a_yes:
        raise NurtureError("; ".join(plan_words.questions(plan)), hint="say --yes to publish it all the same")
