"""`nurture suppress`: the addresses and numbers that we leave alone, seen and kept by hand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from nurture.cli._opened import local, opened, workspace_zone
from nurture.cli.common import Context, project_options

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from nurture.db.suppressions import Listed
    from nurture.services.consent.suppressing import Standing

ACTOR = "command line"
REASONS = ("manual", "unsubscribed", "complaint", "hard-bounce", "do-not-call", "wrong-number")
"""What a person may give; ``services.consent.suppressing`` says which goes with an address and which with a number."""
SHOWN = 20
"""Rows with errors that people see; --json lists all."""
ENTRY = click.IntRange(1, 2**62)
"""The number of an entry of the list."""


@click.group("suppress", epilog="Example: nurture suppress add ana@example.org --why 'asked us by phone'")
def suppress() -> None:
    """Keep the list of addresses and numbers that we leave alone.

    The list knows addresses by a keyed hash only, and outlives the contact: neither a list nor a form nor an erasure
    takes anything off it.
    """


@suppress.command(
    "add", epilog="Example: nurture suppress add '+1 416 555 0100' --reason do-not-call --why 'told Kim'"
)
@project_options
@click.argument("target", metavar="EMAIL|NUMBER")
@click.option("--reason", type=click.Choice(REASONS), default=REASONS[0], show_default=True)
@click.option(
    "--why", required=True, metavar="TEXT", help="How we know; kept as the evidence, without an address."
)
def add(context: Context, target: str, reason: str, why: str) -> None:
    """Leave this address or number alone from now on.

    With `unsubscribed` or `complaint` a contact whom we know also loses every permission.
    """
    from nurture.model.words import SuppressionReason
    from nurture.services.consent import suppressing

    with opened(context) as nurture:
        standing, new = suppressing.add(
            nurture.runtime, target, reason=SuppressionReason(reason), source=why, actor=ACTOR
        )
        zone = workspace_zone(nurture)
    if context.as_json:
        context.emit_json(as_document(standing) | {"added": new})
        return
    context.say("It is on the list now." if new else "It was on the list for this reason: nothing changes.")
    tell(context, standing, zone)


@suppress.command("remove", epilog="Example: nurture suppress remove ana@example.org --why 'the wrong Ana'")
@project_options
@click.argument("target", metavar="EMAIL|NUMBER")
@click.option("--why", required=True, metavar="TEXT", help="Why; kept as the evidence, without an address.")
def remove(context: Context, target: str, why: str) -> None:
    """Take off what a hand may: `manual`, and what closed a number.

    What they asked for, or what their mailbox said, ends by their own yes by mail only; a complaint never does.
    """
    from nurture.services.consent import suppressing

    with opened(context) as nurture:
        standing, ended = suppressing.remove(nurture.runtime, target, why=why, actor=ACTOR)
        zone = workspace_zone(nurture)
    if context.as_json:
        context.emit_json(as_document(standing) | {"ended": ended})
        return
    context.say(f"Taken off: {', '.join(sorted(ended))}.")
    tell(context, standing, zone)


@suppress.command("show", epilog="Example: nurture suppress show ana@example.org")
@project_options
@click.argument("target", metavar="EMAIL|NUMBER")
def show(context: Context, target: str) -> None:
    """Say whether we leave this address or number alone, since when, and why. Exits 1 when it is not on the list."""
    from nurture.services.consent import suppressing

    with opened(context) as nurture:
        standing = suppressing.look_up(nurture.runtime, target)
        zone = workspace_zone(nurture)
    if context.as_json:
        context.emit_json(as_document(standing))
    else:
        tell(context, standing, zone)
    if not standing.entries:
        click.get_current_context().exit(1)


@suppress.command("list", epilog="Example: nurture suppress list --reason complaint")
@project_options
@click.option("--reason", metavar="WORD", help="Only what is there for this reason.")
@click.option("--before", type=ENTRY, metavar="N", help="The next page: what is older than entry N.")
def list_(context: Context, reason: str | None, before: int | None) -> None:
    """Count the list by reason and show its newest entries. It holds no address, but names contacts whom we know."""
    from nurture.services.consent import suppressing

    with opened(context) as nurture:
        wanted = suppressing.read_reason(reason) if reason else None
        page = suppressing.listing(nurture.runtime, wanted, before=before)
        zone = workspace_zone(nurture)
    if context.as_json:
        document = {"total": page.total, "counts": page.counts, "older": page.older}
        context.emit_json(document | {"entries": [_entry(one) for one in page.rows]})
        return
    counts = ", ".join(f"{number:,} {word}" for word, number in sorted(page.counts.items()))
    context.say(f"{page.total:,} on the list{f': {counts}' if counts else ''}.")
    if page.rows:
        rows = [
            (
                local(one.entry.at, zone),
                one.entry.channel,
                one.entry.reason,
                one.email or "-",
                one.entry.source,
            )
            for one in page.rows
        ]
        context.table(("since", "by", "reason", "contact", "how we know"), rows)
    if page.older:
        context.say(f"Older ones: nurture suppress list --before {page.older}")


@suppress.command(
    "import",
    epilog="Example: nurture suppress import unsubscribed.csv --reason unsubscribed --source 'the old tool'",
)
@project_options
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option(
    "--reason", type=click.Choice(REASONS[:4]), required=True, help="Why all of them are left alone."
)
@click.option(
    "--source", required=True, metavar="TEXT", help="Where the list comes from; kept as the evidence."
)
@click.option(
    "--map", "mapping", multiple=True, metavar="COLUMN=email", help="Which column holds the addresses."
)
def import_(context: Context, file: Path, reason: str, source: str, mapping: tuple[str, ...]) -> None:
    """Leave every address of a CSV file alone, such as the suppression list of another tool; `-` reads standard input.

    Do it before you import its contacts. Exits 1 if a row holds no address.
    """
    from nurture.model.words import SuppressionReason
    from nurture.services.consent import suppressing_list

    with opened(context) as nurture, _stream_of(file) as stream:
        report = suppressing_list.import_list(
            nurture.runtime,
            stream,
            reason=SuppressionReason(reason),
            source=source,
            actor=ACTOR,
            mapping=mapping,
            on_progress=lambda rows: context.note(f"{rows:,} rows …"),
        )
    if context.as_json:
        context.emit_json(report)
    else:
        for one in report.errors[:SHOWN]:
            context.say(f"  row {one.row}: {one.message}")
        context.say(
            f"{report.rows:,} rows: {report.added:,} new on the list, {report.known:,} there already,"
            f" {report.rejected:,} without an address. Contacts of ours among them: {report.contacts:,}."
        )
    if report.rejected:
        click.get_current_context().exit(1)


def as_document(standing: Standing) -> dict[str, object]:
    """How an address or a number stands, as programs read it."""
    return {
        "target": standing.target.text,
        "channel": standing.target.channel,
        "suppressed": bool(standing.entries),
        "reasons": [
            {
                "reason": one.reason,
                "at": one.at,
                "source": one.source,
                "removable": one.reason in standing.removable,
            }
            for one in standing.entries
        ],
        "story": [
            {
                "change": one.change,
                "reason": one.reason,
                "at": one.at,
                "source": one.source,
                "actor": one.actor,
                "request": one.request,
            }
            for one in standing.story
        ],
        "contacts": [one.email for one in standing.holders],
    }


def tell(context: Context, standing: Standing, zone: ZoneInfo) -> None:
    """The same for people."""
    from nurture.services.consent.suppressing import told

    if not standing.entries:
        context.say(f"{standing.target.text} is not on the suppression list.")
    for entry in standing.entries:
        context.say(f"{standing.target.text}: {entry.reason} since {local(entry.at, zone)} ({entry.source})")
    for line in standing.story:
        context.say(f"  {local(line.at, zone)}: {told(line)}")


def _entry(one: Listed) -> dict[str, object]:
    entry = one.entry
    told = {
        "id": one.id,
        "channel": entry.channel,
        "reason": entry.reason,
        "at": entry.at,
        "source": entry.source,
    }
    return told | {"contact": one.email}


@contextmanager
def _stream_of(file: Path) -> Iterator[BinaryIO]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    with file.open("rb") as stream:
        yield stream
