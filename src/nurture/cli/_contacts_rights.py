"""`nurture contacts export` and `nurture contacts erase`: what a person may see of us, and how we forget them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nurture.cli._opened import opened
from nurture.cli.common import Context, project_options

if TYPE_CHECKING:
    from nurture.services.privacy.erasing import Erased, Preview
    from nurture.services.privacy.rights import Everything

ACTOR = "command line"


@click.command("export", epilog="Example: nurture contacts export ana@example.org --out ana.json")
@project_options
@click.argument("email")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write it there, for your eyes only.",
)
def export(context: Context, email: str, out: Path | None) -> None:
    """Everything that is held about one person, as one JSON document: every row of every table, and caught mail.

    It is what somebody may ask to see and to take elsewhere. Without --out or --json only the counts are told. Exits 1
    when nothing is known of the address.
    """
    from nurture.services.privacy.rights import as_document, everything

    with opened(context) as nurture:
        found = everything(nurture.runtime, email, nurture.settings.var / "mail", ACTOR)
    if out is not None:
        write_privately(out, json.dumps(as_document(found), ensure_ascii=False, indent=2) + "\n")
    if not context.as_json:
        tell(context, found, out)
    elif out is not None:
        context.emit_json(
            {"email": found.email, "file": out, "rows": found.counts, "mails": len(found.caught)}
        )
    else:
        context.emit_json(as_document(found))


@click.command(
    "erase", epilog="Example: nurture contacts erase ana@example.org --reason 'asked by mail on 2 March'"
)
@project_options
@click.argument("email")
@click.option("--yes", is_flag=True, help="Do not ask: this cannot be undone.")
@click.option("--reason", metavar="TEXT", default="", help="Why; kept in the audit log without their name.")
@click.option("--dry-run", is_flag=True, help="Count what would go; erase nothing.")
def erase(context: Context, email: str, yes: bool, reason: str, dry_run: bool) -> None:
    """Forget one person: every row, message, caught mail and stray mention of the address, for good.

    A keyed hash of the address stays on the suppression list, so that no import brings them back; only their own yes by
    mail does. Counts first, and asks. Exits 1 when nothing is known of the address, or the answer is no.
    """
    from nurture.services.privacy import erasing

    with opened(context) as nurture:
        folder = nurture.settings.var / "mail"
        seen = erasing.preview(nurture.runtime, email, folder)
        if not dry_run:
            ask(context, seen, yes=yes)
            gone = erasing.erase(nurture.runtime, email, folder, ACTOR, reason)
    if dry_run:
        tell_preview(context, seen)
    elif context.as_json:
        context.emit_json(erased_document(gone))
    else:
        tell_erased(context, gone)


def ask(context: Context, seen: Preview, *, yes: bool) -> None:
    """Show what would go, and ask unless told not to. A program has nobody to ask: it says --yes. Exits 1 on a no."""
    if yes:
        return
    if context.as_json:
        raise click.UsageError("--json asks nobody: add --yes to erase, or --dry-run to count.")
    tell_preview(context, seen)
    click.confirm("Erase all of this? It cannot be undone", abort=True, err=True)


def erased_document(gone: Erased) -> dict[str, object]:
    return {
        "erased": gone.rows,
        "rows": gone.total,
        "mails": gone.mails,
        "mentions": gone.mentions,
        "suppressed": gone.hash,
        "account": gone.account,
        "wiped": gone.wiped,
    }


def tell(context: Context, found: Everything, out: Path | None) -> None:
    context.table(
        ("table", "rows", "what it is"), [(part.table, len(part.rows), part.about) for part in found.parts]
    )
    if found.caught:
        context.say(f"{len(found.caught)} mails were caught instead of sent: {found.caught[0].name} …")
    if found.elsewhere:
        context.say(f"The address stands in rows of others too: {', '.join(found.elsewhere)}")
    context.say(f"All of it is in {out}." if out else "--out FILE writes all of it, --json prints it.")


def tell_preview(context: Context, seen: Preview) -> None:
    if context.as_json:
        document = {
            "would_erase": seen.rows,
            "rows": seen.total,
            "mails": seen.mails,
            "account": seen.account,
        }
        context.emit_json(document)
        return
    context.say(f"Of {seen.email} there are {listed(seen.rows)}; {seen.mails} caught mails.")
    if not (seen.rows or seen.mails):
        context.say("The address stands in rows of others.")
    if seen.account:
        context.say(STAYS)


def tell_erased(context: Context, gone: Erased) -> None:
    context.say(f"Erased: {listed(gone.rows)}; {gone.mails} caught mails.")
    if gone.mentions:
        context.say(f"The address was also taken out of {gone.mentions} rows of others.")
    context.say(f"What stays is a hash on the suppression list, {gone.hash[:12]}….")
    if gone.account:
        context.say(STAYS)
    if not gone.wiped:
        context.note(
            "Somebody reads the database, so old pages of its file still hold something: "
            "`nurture doctor` tells when they are gone."
        )


STAYS = "Somebody logs in with this address; that account stays (`nurture user disable` closes it)."


def listed(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in rows.items()) or "no rows"


def write_privately(out: Path, text: str) -> None:
    """A new file that only its owner may read. One that is there is not overwritten: raises UsageError."""
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise click.UsageError(f"{out} is there already: name another file.") from None
    except OSError as error:
        raise click.UsageError(f"{out} cannot be written: {error.strerror}.") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
