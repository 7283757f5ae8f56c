"""`nurture track`: something happened to or by a contact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nurture.cli._opened import opened, pairs
from nurture.cli.common import Context, moment, project_options

if TYPE_CHECKING:
    from nurture.services.events.tracking import Tracked


@click.command(
    "track",
    epilog="Example: nurture track ana@example.org sale.closed amount=290 kind=first-plan --id order-1042",
)
@project_options
@click.argument("email")
@click.argument("event")
@click.argument("data", nargs=-1, metavar="[NAME=VALUE]…")
@click.option("--id", "id_", metavar="ID", help="The event's own id: the same id again changes nothing.")
@click.option("--at", metavar="TIME", help="When it happened, such as 2026-03-02T09:00; now by default.")
def track(
    context: Context, email: str, event: str, data: tuple[str, ...], id_: str | None, at: str | None
) -> None:
    """Store an EVENT of the contact with this address; its workflows read it at their next turn.

    Numbers, yes and no are read as such, everything else is text. The event must be one that nurture knows or that
    nurture.toml declares under [events]. TIME without an offset is in the workspace's time zone.
    """
    from nurture.services.events.tracking import track_from_outside

    values = pairs(data)
    with opened(context) as nurture:
        when = None
        if at is not None:
            zone = nurture.runtime.published().workspace.zone
            when = moment("--at", at, zone)
        tracked = track_from_outside(nurture.runtime, email, event, values, id=id_, at=when)
    if context.as_json:
        context.emit_json(as_document(tracked))
    else:
        tell(context, event, tracked)


def as_document(tracked: Tracked) -> dict[str, object]:
    event = tracked.event
    return {
        "accepted": True,
        "duplicate": tracked.duplicate,
        "event": event.id if event else None,
        "at": event.at if event else None,
        "data": event.data if event else {},
        "enrolled": [one.request.workflow for one in tracked.answers if one.enrollment],
        "refused": [
            {"workflow": one.request.workflow, "reason": one.refused}
            for one in tracked.answers
            if one.refused
        ],
    }


def tell(context: Context, name: str, tracked: Tracked) -> None:
    from nurture.engine.explain import in_words

    if tracked.event is None:
        context.say("Stored before under this id: nothing changes.")
        return
    context.say(f"Stored {name} as event {tracked.event.id}.")
    for answer in tracked.answers:
        workflow = answer.request.workflow
        if answer.refused:
            context.say(f"  does not enter {workflow}: {in_words(answer.refused)}")
        else:
            context.say(f"  enters {workflow}")
