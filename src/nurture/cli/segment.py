"""`nurture segment`: the named conditions over contacts, and who is in each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nurture.cli._opened import opened
from nurture.cli.common import Context, project_options

if TYPE_CHECKING:
    from nurture.services.events.segment_list import Named

MOST = 1_000


@click.group("segment", epilog="Example: nurture segment list")
def segment() -> None:
    """Count segments, and list who is in one."""


@segment.command("list", epilog="Example: nurture segment list")
@project_options
def list_(context: Context) -> None:
    """List every segment, of files and saved in the admin, with how many contacts fit it now."""
    from nurture.services.events import segment_list

    with opened(context) as nurture:
        lines = segment_list.listing(nurture.runtime)
    if context.as_json:
        context.emit_json(
            {
                "segments": [
                    as_document(one.segment) | {"count": one.count, "trouble": one.trouble} for one in lines
                ]
            }
        )
    elif not lines:
        context.say("There are no segments: write one as segments/NAME.yaml and publish.")
    else:
        context.table(
            ("segment", "contacts", "kept in", "who"),
            [
                (
                    one.segment.name,
                    f"{one.count:,}" if one.count is not None else one.trouble,
                    "saved" if one.segment.saved else "file",
                    one.segment.where,
                )
                for one in lines
            ],
        )


@segment.command("show", epilog="Example: nurture segment show warm --json")
@project_options
@click.argument("name")
@click.option(
    "--after", type=click.IntRange(min=0), default=0, metavar="ID", help="Begin behind this contact's id."
)
@click.option(
    "--limit", type=click.IntRange(1, MOST), default=MOST, show_default=True, help="List at most so many."
)
def show(context: Context, name: str, after: int, limit: int) -> None:
    """Show who is in the segment NAME now, by id; `next` in the JSON is where the list goes on."""
    from nurture.services.events import segment_list

    with opened(context) as nurture:
        found = segment_list.show(nurture.runtime, name, after=after, most=limit)
    if context.as_json:
        members = [{"id": one.id, "email": one.email} for one in found.members]
        document = {"count": found.count, "members": members, "next": found.older}
        context.emit_json(as_document(found.segment) | document)
        return
    context.say(f"{found.count:,} fit {found.segment.where}")
    for one in found.members:
        context.say(f"  {one.email}")
    if found.older:
        context.note(f"There are more: nurture segment show {name} --after {found.older}")


def as_document(segment: Named) -> dict[str, object]:
    """What programs read of a segment."""
    return {
        "segment": segment.name,
        "title": segment.title,
        "where": segment.where,
        "kept_in": "saved" if segment.saved else "file",
        "workflows": list(segment.workflows),
    }
