"""`nurture contacts import`: people come in from a spreadsheet."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from nurture.cli._opened import opened
from nurture.cli.common import Context, project_options
from nurture.model.errors import TextError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from nurture.services.contacts.importing.rejects import RejectedRows
    from nurture.services.contacts.importing.report import ImportReport, RowError

SHOWN = 20
"""Errors that people see; programs get those the report lists."""
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


@click.command(
    "import",
    epilog="Example: nurture contacts import fair.csv --map 'Company mail=email' --consent nurture"
    " --source 'Spring fair 2026, paper form'",
)
@project_options
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option(
    "--map", "mapping", multiple=True, metavar="COLUMN=FIELD", help="Which field a column is; repeat it."
)
@click.option("--consent", "purpose", metavar="PURPOSE", help="They agreed to messages for this purpose.")
@click.option("--source", metavar="TEXT", help="Where and when they agreed; needed with --consent.")
@click.option(
    "--expires",
    metavar="DATE|DURATION",
    help="When that ends, such as 2028-03-02 or '24 months'; else never.",
)
@click.option(
    "--implied", is_flag=True, help="They did not say it, but bought or asked something; it expires."
)
@click.option("--encoding", metavar="NAME", help="The file's encoding, if it is not recognised.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; store nothing.")
def import_(
    context: Context,
    file: Path,
    mapping: tuple[str, ...],
    purpose: str | None,
    source: str | None,
    expires: str | None,
    implied: bool,
    encoding: str | None,
    dry_run: bool,
) -> None:
    """Store the people of a CSV file; `-` reads standard input.

    Any encoding, delimiter and column order a spreadsheet writes. Rows without a usable address are rejected, listed
    and written to FILE.rejected.csv with the reason; any other bad cell is listed and left out. Empty cells clear
    nothing, suppressed addresses stay suppressed. The same file again changes nothing. Exits 1 if rows were rejected.
    """
    from nurture.services.consent.permission import IMPLIED_ENDS, doubt_about
    from nurture.services.contacts.import_contacts import Consent, import_contacts, tell_workflows
    from nurture.services.contacts.importing.rejects import RejectedRows
    from nurture.services.files.folder import read_toml

    if (purpose is None) != (source is None):
        raise click.UsageError("--consent and --source belong together: what they agreed to, and where.")
    if purpose is None and (expires or implied):
        raise click.UsageError("--expires and --implied say more of a --consent: name its purpose.")
    if implied and not expires:
        raise click.UsageError(f"--implied needs --expires: {IMPLIED_ENDS}.")
    wanted = Path("rejected.csv") if str(file) == "-" else file.with_name(f"{file.stem}.rejected.csv")
    workspace = read_toml(context.project)
    with opened(context) as nurture, _stream_of(file) as stream, RejectedRows(wanted) as rejects:
        now = nurture.clock.now()
        consent = None
        if purpose is not None and source is not None:
            end = _end(expires, now, workspace.zone) if expires else None
            consent = Consent(purpose, source, end, implied, "command line")
            if doubt := doubt_about(nurture.runtime, purpose):
                context.note(f"Note: {doubt}.")
        report = import_contacts(
            nurture.database,
            workspace,
            stream,
            now=now,
            mapping=mapping,
            consent=consent,
            dry_run=dry_run,
            encoding=encoding,
            on_changed=tell_workflows(nurture.runtime.shelf, now),
            on_rejected=None if dry_run else rejects.add,
            on_progress=lambda rows: context.note(f"{rows:,} rows …"),
        )
    _print(context, report, rejects, dry_run=dry_run)
    if report.rejected:
        click.get_current_context().exit(1)


def _end(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """When the permission ends. Raises UsageError."""
    from nurture.model.permission import read_end

    try:
        return read_end(text, now, zone)
    except TextError as error:
        raise click.UsageError(f"--expires: {error.message} ({error.hint})") from None


@contextmanager
def _stream_of(file: Path) -> Iterator[BinaryIO]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    with file.open("rb") as stream:
        yield stream


def _print(context: Context, report: ImportReport, rejects: RejectedRows, *, dry_run: bool) -> None:
    if context.as_json:
        document = dataclasses.asdict(report) | {"dry_run": dry_run, "rejected_file": rejects.path}
        context.emit_json(document)
    else:
        for line in _lines(report, dry_run=dry_run):
            context.say(line)
    if rejects.path is not None:
        context.say(f"The rejected rows are in {rejects.path}; mend and import them.")
    if rejects.trouble is not None:
        context.note(f"The rejected rows could not be written beside the list: {rejects.trouble}.")


def _lines(report: ImportReport, *, dry_run: bool) -> Iterator[str]:
    """The report for people."""
    columns = ", ".join(f"{header} is {field}" for header, field in report.mapped.items())
    yield f"Read as {report.encoding}, divided by {DELIMITERS.get(report.delimiter, report.delimiter)}: {columns}."
    if report.unmapped:
        yield f"Not taken: {', '.join(report.unmapped)}. Name a field for one with --map 'Column=field'."
    yield from _listed(report.errors, "errors")
    yield from _listed(report.notes, "notes")
    if report.unlisted:
        yield f"{report.unlisted:,} more are only counted."
    if report.withdrawn:
        who = "person" if report.withdrawn == 1 else "people"
        yield (
            f"{report.withdrawn:,} {who} took this permission back before: no consent was written for them."
            " Only their own yes gives it again."
        )
    counts = ("created", "updated", "unchanged", "merged", "rejected", "suppressed", "consented")
    shown = (
        f"{getattr(report, name):,} {name}" for name in counts if getattr(report, name) or name in counts[:3]
    )
    yield f"{report.rows:,} rows: {', '.join(shown)}." + (
        " Nothing was stored: a dry run." if dry_run else ""
    )


def _listed(found: list[RowError], what: str) -> Iterator[str]:
    for one in found[:SHOWN]:
        yield f"  row {one.row}{f', {one.column}' if one.column else ''}: {one.message}"
    if len(found) > SHOWN:
        yield f"  … and {len(found) - SHOWN:,} more {what}; --json lists them"
