"""`nurture why`: the story of one contact, with the reason for everything."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import click

from nurture.cli._opened import local, opened
from nurture.cli.common import Context, project_options

if TYPE_CHECKING:
    from nurture.services.story.why import Line, Why


@click.command("why", epilog="Example: nurture why ana@example.org retirement-readiness/guide-reminder")
@project_options
@click.argument("email")
@click.argument("where", required=False, metavar="[WORKFLOW[/STEP]]")
def why(context: Context, email: str, where: str | None) -> None:
    """Tell every turn of a contact with its reason and its place in the file, and what is next and when.

    With a step, what became of it or will: sent, waiting, shifted, skipped, never, not yet, not reached. Times are in the
    contact's own time zone.
    """
    from nurture.services.story.why import why as ask

    workflow, _, step = (where or "").partition("/")
    with opened(context) as nurture:
        answer = ask(nurture.runtime, email, workflow or None, step or None)
    if context.as_json:
        context.emit_json(
            {
                "email": answer.contact.email,
                "timezone": answer.zone.key,
                "turns": answer.turns,
                "next": answer.next,
            }
        )
    else:
        tell(context, answer)


def tell(context: Context, answer: Why) -> None:
    """Day by day, one sentence a line; its place in the file stands behind it."""
    zone = answer.zone
    context.say(f"{answer.contact.email}, times in {zone.key}")
    for (day, workflow), lines in groupby(
        answer.turns, key=lambda line: (local(line.at, zone)[:-6], line.workflow)
    ):
        context.say(f"\n{day}  {workflow}")
        for line in lines:
            context.say(f"  {local(line.at, zone)[-5:]}  {line.said}{place(line)}")
    if not answer.turns:
        context.say("Nothing happened yet.")
    if answer.next:
        context.say("\nNext")
    for one in answer.next:
        place_ = f"{one.workflow}/{one.step}" if one.step else one.workflow
        context.say(f"  {place_}: {one.state.value}. {one.said}")


def place(line: Line) -> str:
    return f"  [{line.file}:{line.line}]" if line.file else ""
