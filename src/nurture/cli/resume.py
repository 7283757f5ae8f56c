"""`nurture resume`: let a workflow, a contact, or everything go on."""

from __future__ import annotations

import click

from nurture.cli._opened import opened
from nurture.cli.common import Context, project_options
from nurture.cli.pause import name_of, scope_of


@click.command("resume", epilog="Example: nurture resume --everything --reason 'the letter is mended'")
@project_options
@click.argument("whom", required=False, metavar="[WORKFLOW|EMAIL]")
@click.option("--everything", is_flag=True, help="End the pause of everything.")
@click.option("--reason", default="", metavar="TEXT", help="Why; kept in the audit log.")
def resume(context: Context, whom: str | None, everything: bool, reason: str) -> None:
    """Let a paused WORKFLOW, the contact with this EMAIL, or everything go on.

    Nobody is bombarded: what fell due meanwhile follows each step's if_late, and caps and quiet hours hold.
    """
    from nurture.db import counts
    from nurture.services import pausing

    scope = scope_of(whom, everything)
    with opened(context) as nurture:
        ended = pausing.resume(nurture.runtime, scope, reason)
        with nurture.database.read() as tx:
            going_on = counts.contacts_under_way(tx, *pausing.target_of(nurture.runtime, tx, scope))
            others = pausing.still_holding(nurture.runtime, tx, scope)
    if context.as_json:
        document = {
            "scope": str(scope),
            "paused": False,
            "changed": ended,
            "contacts": going_on,
            "still_held_by": others,
        }
        context.emit_json(document)
        return
    if not ended:
        context.say(f"{name_of(scope)} was not paused.")
    else:
        contacts = "1 contact goes on" if going_on == 1 else f"{going_on:,} contacts go on"
        context.say(f"{name_of(scope)} is resumed: {contacts}.")
    if others:
        context.say(f"Still paused: {', '.join(others)}.")
