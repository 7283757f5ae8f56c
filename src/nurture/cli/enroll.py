"""`nurture enroll`: people enter a workflow by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nurture.cli._opened import opened
from nurture.cli.common import Context, project_options

if TYPE_CHECKING:
    from nurture.services.contacts.by_hand import Enrolled
    from nurture.wiring import Nurture

SHOWN = 20


@click.command(
    "enroll", epilog="Example: nurture enroll ana@example.org retirement-readiness --reason 'met at the fair'"
)
@project_options
@click.argument("words", nargs=-1, required=True, metavar="[EMAIL]… WORKFLOW")
@click.option("--all", "everybody", is_flag=True, help="Every contact there is.")
@click.option("--segment", metavar="NAME", help="Everybody in a segment, of a file or saved.")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="CSV",
    help="The contacts whose addresses stand in a file.",
)
@click.option("--reason", metavar="TEXT", default="", help="Why; shown by `nurture why`.")
def enroll(
    context: Context,
    words: tuple[str, ...],
    everybody: bool,
    segment: str | None,
    file: Path | None,
    reason: str,
) -> None:
    """Enroll contacts in the first stage of a published WORKFLOW.

    The workflow's rules of entry hold: who is in it already, or left it too recently, is refused and listed. Exits 1 when
    nobody entered.
    """
    *emails, workflow = words
    if sum((bool(emails), everybody, segment is not None, file is not None)) != 1:
        raise click.UsageError("Name whom to enroll in one way: EMAIL…, --all, --segment NAME or --file CSV.")
    with opened(context) as nurture:
        result = enroll_them(
            context, nurture, workflow, emails, everybody or segment is not None, segment, file, reason
        )
    if context.as_json:
        context.emit_json({"workflow": workflow, "enrolled": result.enrolled, "refused": result.refused})
    else:
        tell(context, workflow, result)
    if not result.enrolled:
        raise SystemExit(1)


def enroll_them(
    context: Context,
    nurture: Nurture,
    workflow: str,
    emails: list[str],
    from_database: bool,
    segment: str | None,
    file: Path | None,
    reason: str,
) -> Enrolled:
    """Everybody who is meant, however they were named."""
    from nurture.services.contacts.by_hand import CHUNK, addresses_in, enroll_addresses, enroll_all

    def progress(seen: int) -> None:
        if seen >= CHUNK:
            context.note(f"{seen:,} contacts …")

    runtime = nurture.runtime
    if from_database:
        return enroll_all(runtime, workflow, reason, segment=segment, on_progress=progress)
    if file is None:
        return enroll_addresses(runtime, workflow, emails, reason)
    with file.open("rb") as stream:
        return enroll_addresses(
            runtime, workflow, addresses_in(runtime, stream), reason, on_progress=progress
        )


def tell(context: Context, workflow: str, result: Enrolled) -> None:
    from nurture.engine.explain import in_words

    for one in result.refused[:SHOWN]:
        context.say(f"  {one.email} does not enter: {WORDS.get(one.reason) or in_words(one.reason)}")
    if len(result.refused) > SHOWN:
        context.say(f"  … and {len(result.refused) - SHOWN:,} more; --json lists them")
    refused = f", {len(result.refused):,} refused" if result.refused else ""
    context.say(f"{result.enrolled:,} enrolled in {workflow}{refused}.")


WORDS = {
    "unknown-contact": "there is no such contact; `nurture contacts import` adds people",
    "not-an-address": "that is no e-mail address",
}
