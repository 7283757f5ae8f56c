"""`nurture pause`: hold a workflow, a contact, or everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nurture.cli._opened import opened
from nurture.cli.common import Context, project_options

if TYPE_CHECKING:
    from nurture.services.running.brakes import Brake
    from nurture.services.running.pausing import Scope


@click.command("pause", epilog="Example: nurture pause --everything --reason 'the offer letter is wrong'")
@project_options
@click.argument("whom", required=False, metavar="[WORKFLOW|EMAIL]")
@click.option("--everything", is_flag=True, help="The red button: nothing is sent, no call is opened.")
@click.option("--reason", default="", metavar="TEXT", help="Why; kept in the audit log.")
@click.option("--dry-run", is_flag=True, help="Tell what it would hold, and hold nothing.")
def pause(context: Context, whom: str | None, everything: bool, reason: str, dry_run: bool) -> None:
    """Hold timers, messages and calls of a WORKFLOW, of the contact with this EMAIL, or of everything.

    Events are still read, and who leaves or buys meanwhile does so. A message already in its dialogue ends there.
    """
    from nurture.services.running import brakes, pausing

    scope = scope_of(whom, everything)
    with opened(context) as nurture:
        brake = brakes.look_at(nurture.runtime, scope)
        begun = False if dry_run else pausing.pause(nurture.runtime, scope, reason)
    if context.as_json:
        context.emit_json(
            {
                "scope": str(scope),
                "paused": not dry_run or brake.held is not None,
                "changed": begun,
                "contacts": brake.contacts,
                "enrollments": brake.enrollments,
                "messages": brake.messages,
                "calls": brake.calls,
            }
        )
        return
    if dry_run:
        context.say(f"{name_of(scope)} would be paused: {people(brake.contacts)} held{waiting(brake)}.")
        return
    already = "" if begun else " was paused already"
    context.say(f"{name_of(scope)}{already or ' is paused'}: {people(brake.contacts)} held{waiting(brake)}.")
    context.say(f"`nurture resume {whom or '--everything'}` lets it go on.")


def scope_of(whom: str | None, everything: bool) -> Scope:
    """What the words of the command mean: an address has an @."""
    from nurture.services.running.pausing import Scope

    if (whom is None) is not everything:
        raise click.UsageError("Name a workflow or an address, or say --everything.")
    if whom is None:
        return Scope()
    return Scope(email=whom) if "@" in whom else Scope(workflow=whom)


def name_of(scope: Scope) -> str:
    return "Everything" if not (scope.workflow or scope.email) else str(scope)


def people(number: int) -> str:
    return "1 contact under way is" if number == 1 else f"{number:,} contacts under way are"


def waiting(brake: Brake) -> str:
    """What else waits, where anything does."""
    messages = "1 message waits" if brake.messages == 1 else f"{brake.messages:,} messages wait"
    calls = "1 call is open" if brake.calls == 1 else f"{brake.calls:,} calls are open"
    told = [words for words, number in ((messages, brake.messages), (calls, brake.calls)) if number]
    return f"; {', '.join(told)}" if told else ""
