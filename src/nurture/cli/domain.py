"""`nurture domain`: the mail domains that receive our mail, which of them rest, and letting one go on."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from nurture.cli._opened import local, opened, workspace_zone
from nurture.cli.common import Context, project_options

if TYPE_CHECKING:
    from nurture.services.sending.domains import Standing

ACTOR = "command line"


@click.group("domain", epilog="Example: nurture domain list")
def domain() -> None:
    """Look after the mail domains that our mail goes to."""


@domain.command("list", epilog="Example: nurture domain list")
@project_options
def list_(context: Context) -> None:
    """List the domains that most mail went to in the last seven days, and those that rest, with their complaints."""
    from nurture.services.sending import domains

    with opened(context) as nurture:
        found = domains.all_standings(nurture.runtime)
        zone = workspace_zone(nurture)
    if context.as_json:
        context.emit_json({"domains": found})
    elif not found:
        context.say("No mail left in the last seven days.")
    else:
        context.table(
            ("domain", "state", "sent", "bounced", "called spam", "%"),
            [
                (
                    one.domain,
                    _state(one, zone),
                    one.sent,
                    one.bounced,
                    one.complained,
                    f"{one.complaint_rate * 100:.2f}",
                )
                for one in found
            ],
        )


def _state(one: Standing, zone: ZoneInfo) -> str:
    said = []
    if one.resting:
        said.append(f"marketing waits since {local(one.resting.since, zone)}: {one.resting.said}")
    if one.refusing:
        said.append(f"rests until {local(one.refusing.until, zone)}: {one.refusing.said}")
    return "; ".join(said) or "works"


@domain.command("resume", epilog="Example: nurture domain resume example.org --reason 'the old list is out'")
@project_options
@click.argument("name", metavar="DOMAIN")
@click.option("--reason", default="", metavar="TEXT", help="Why; kept in the audit log.")
def resume(context: Context, name: str, reason: str) -> None:
    """Let mail to DOMAIN go on after complaints, or try it again now. The complaints so far count no more.

    Exits 1 when it does not rest.
    """
    from nurture.services.sending import domains

    with opened(context) as nurture:
        waiting = domains.resume(nurture.runtime, name, ACTOR, reason)
    if context.as_json:
        context.emit_json({"domain": name, "resumed": True, "waiting": waiting})
    else:
        context.say(f"Mail to {name} goes on; {waiting} message{'s' if waiting != 1 else ''} waited.")
