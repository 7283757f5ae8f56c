"""`nurture resume`: let a workflow, a contact, or everything go on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from nurture.cli._opened import opened
from nurture.cli.common import Context, project_options
from nurture.cli.pause import name_of, scope_of

if TYPE_CHECKING:
    from nurture.services.running.brakes import Brake


@click.command("resume", epilog="Example: nurture resume --everything --reason 'the letter is mended'")
@project_options
@click.argument("whom", required=False, metavar="[WORKFLOW|EMAIL]")
@click.option("--everything", is_flag=True, help="End the pause of everything.")
@click.option("--reason", default="", metavar="TEXT", help="Why; kept in the audit log.")
@click.option("--dry-run", is_flag=True, help="Tell what would happen, and let nothing go.")
def resume(context: Context, whom: str | None, everything: bool, reason: str, dry_run: bool) -> None:
    """Let a paused WORKFLOW, the contact with this EMAIL, or everything go on.

    Nobody is bombarded: what fell due meanwhile follows each step's if_late and takes its turn over some minutes, and
    caps and quiet hours hold.
    """
    from nurture.services.running import brakes, pausing

    scope = scope_of(whom, everything)
    with opened(context) as nurture:
        brake = brakes.look_at(nurture.runtime, scope)
        ended = False if dry_run else pausing.resume(nurture.runtime, scope, reason)
        others = pausing.still_holding(nurture.runtime, scope)
    if context.as_json:
        context.emit_json(
            {
                "scope": str(scope),
                "paused": dry_run and brake.held is not None,
                "changed": ended,
                "contacts": brake.contacts,
                "enrollments": brake.enrollments,
                "due_at_once": brake.due_at_once,
                "minutes": brake.minutes,
                "ready": brake.ready,
                "run": brake.run,
                "skipped": brake.skipped,
                "shifted": brake.shifted,
                "still_held_by": others,
            }
        )
        return
    if brake.held is None:
        context.say(f"{name_of(scope)} was not paused.")
    else:
        would = "would be" if dry_run else "is"
        verb = "goes on" if brake.contacts == 1 else "go on"
        contacts = "1 contact" if brake.contacts == 1 else f"{brake.contacts:,} contacts"
        context.say(f"{name_of(scope)} {would} resumed: {contacts} {verb}.")
        for line in let_go(brake):
            context.say(line)
    if others and not dry_run:
        context.say(f"Still paused: {', '.join(others)}.")


def let_go(brake: Brake) -> Iterator[str]:
    """What becomes of all that fell due meanwhile."""
    if brake.due_at_once:
        minutes = "within a minute" if brake.minutes == 1 else f"over {brake.minutes} minutes"
        if brake.due_at_once == 1:
            yield f"1 contact is due at once, and takes their turn {minutes}."
        else:
            yield f"{brake.due_at_once:,} contacts are due at once, and take their turns {minutes}."
    late = {
        "run": brake.run,
        "are skipped as too late": brake.skipped,
        "wait for a better time": brake.shifted,
    }
    if told := [f"about {number:,} {what}" for what, number in late.items() if number]:
        yield f"Of their messages and calls {', '.join(told)}."
