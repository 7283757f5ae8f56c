"""`nurture clock`: the business clock, told and, in a demo or a test, moved."""

from __future__ import annotations

from datetime import timedelta

import click

from nurture.cli._opened import local, opened, span
from nurture.cli.common import Context, project_options


@click.command("clock", epilog="Example: nurture clock --advance 2d")
@project_options
@click.option("--advance", metavar="SPAN", help="Move it forward by 2d, 3h, 1w …; it never goes back.")
def clock(context: Context, advance: str | None) -> None:
    """Tell the business clock, by which everything falls due; --advance moves it, in a demo or a test only.

    It moves only where the published nurture.toml says clock = "movable". Running workers then do what is due.
    """
    from nurture.services.running import clock as service

    seconds = span(advance) if advance is not None else None
    with opened(context) as nurture:
        if seconds is None:
            reading = service.read_clock(nurture.runtime)
        else:
            reading = service.advance(nurture.runtime, timedelta(seconds=seconds))
        zone = nurture.runtime.published().workspace.zone
    if context.as_json:
        context.emit_json(reading)
        return
    context.say(
        f"It is {local(reading.now, zone)} ({zone.key})."
        + (f" The clock is {reading.ahead} ahead." if reading.ahead else "")
    )
    if reading.due_turns or reading.due_messages:
        context.say(f"Due now: {reading.due_turns:,} turns, {reading.due_messages:,} messages.")
        if reading.workers:
            context.say(f"{reading.workers} workers are doing it.")
        else:
            context.say("No worker runs, so nothing is done: start `nurture up`.")
    elif reading.next_at:
        context.say(f"Nothing is due; the next thing falls due {local(reading.next_at, zone)}.")
