"""`nurture releases`: what was live, when, and who made it so."""

from __future__ import annotations

import click

from nurture.cli._opened import local, opened, workspace_zone
from nurture.cli.common import Context, project_options


@click.command("releases", epilog="Example: nurture releases")
@project_options
@click.option(
    "--last", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many, newest first."
)
def releases(context: Context, last: int) -> None:
    """List what was published; `nurture publish --rollback NUMBER` makes any of it live again."""
    from nurture.services.releases.release_list import listing

    with opened(context) as nurture:
        found = listing(nurture.runtime, last)
        zone = workspace_zone(nurture)
    if context.as_json:
        context.emit_json({"releases": found})
        return
    if not found:
        context.say("Nothing has been published yet.")
        return
    rows = [
        (
            one.id,
            local(one.at, zone),
            one.kind.value,
            one.actor,
            ", ".join(one.workflows) or "—",
            one.files,
            "live" if one.live else None,
        )
        for one in found
    ]
    context.table(("release", "at", "", "by", "workflows that changed", "files that changed", ""), rows)
