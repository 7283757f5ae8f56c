"""`nurture when`: the time engine alone, for one rule or for thousands of lines."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, BinaryIO

import click

from nurture.cli.common import Context, project_options

if TYPE_CHECKING:
    from nurture.model.errors import NurtureError
    from nurture.model.timing import Instant
    from nurture.services.rehearsing.when import Calendars


@click.command(
    "when",
    epilog="Example: nurture when 'after 2 days on weekdays at 09:30' --tz America/Toronto --from '2026-03-06 16:00'",
)
@project_options
@click.argument("rule", required=False)
@click.option("--tz", "zone", metavar="ZONE", help="The contact's time zone, such as America/Toronto.")
@click.option(
    "--from",
    "start",
    metavar="INSTANT",
    help="Where the rule counts from: 2026-03-06T21:00:00Z, or the local 2026-03-06 16:00.",
)
@click.option(
    "--calendar", metavar="NAME", help="Business days and holidays: `default`, or one of the project."
)
@click.option(
    "--batch",
    type=click.File("rb"),
    metavar="FILE",
    help='Lines of {"rule": …, "tz": …, "from": …, "calendar": …}; `-` reads standard input.',
)
def when(
    context: Context,
    rule: str | None,
    zone: str | None,
    start: str | None,
    calendar: str | None,
    batch: BinaryIO | None,
) -> None:
    """Say when a time rule is due, and how that came about. No project is needed.

    With --batch each line gives one line of JSON back, in order; in it `calendar` may also be an object of `days`,
    `hours`, `country` and `holidays`. A line that cannot be answered gives {"error": …}, and the exit code is 1.
    """
    from nurture.services.rehearsing.when import Calendars, QuestionError, answer

    calendars = Calendars(context.project)
    if batch is not None:
        if rule or zone or start or calendar:
            raise click.UsageError("With --batch, rule, zone, start and calendar stand in the lines.")
        _answer_lines(batch, calendars)
        return
    if rule is None or zone is None or start is None:
        raise click.UsageError("Give RULE, --tz and --from; or --batch FILE.")
    try:
        found = answer(rule, zone, start, *[calendars.named(name) for name in (calendar,) if name])
    except QuestionError as error:
        raise click.UsageError(str(error)) from error
    if context.as_json:
        context.emit_json(_document(found))
        return
    context.say(str(_document(found)["at"]))
    for line in found.derivation:
        context.say(f"  {line}")


def _answer_lines(batch: BinaryIO, calendars: Calendars) -> None:
    from nurture.model.errors import NurtureError
    from nurture.services.rehearsing.when import answers

    failed = False
    for found in answers(batch, calendars):
        failed = failed or isinstance(found, NurtureError)
        sys.stdout.write(json.dumps(_document(found), ensure_ascii=False) + "\n")
    if failed:
        raise SystemExit(1)


def _document(found: Instant | NurtureError) -> dict[str, object]:
    if isinstance(found, Exception):
        return {"error": str(found)}
    return {"at": found.at.isoformat().replace("+00:00", "Z"), "derivation": list(found.derivation)}
