"""`nurture bounce`: what a message that came in is, and what it says about whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nurture.cli.common import Context, project_options

if TYPE_CHECKING:
    from nurture.channels.inbound import Report


@click.command("bounce", epilog="Example: nurture bounce returned.eml")
@project_options
@click.argument(
    "messages",
    nargs=-1,
    type=click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True),
    metavar="[FILE.eml]…",
)
def bounce(context: Context, messages: tuple[str, ...]) -> None:
    """Tell whether messages are bounces, complaints, automatic answers or none of these.

    `-`, or no FILE, reads standard input. hard: the address is dead. soft: it may be fine, this message did not
    arrive. Nothing is recorded, and no project is needed.
    """
    from nurture.channels.inbound import classify

    found = [(name, classify(first_of(name))) for name in messages or ("-",)]
    if context.as_json:
        context.emit_json([document(name, report) for name, report in found])
        return
    for name, report in found:
        _tell(context, name, report)


def first_of(name: str) -> bytes:
    """As much of a file, or of standard input, as is looked at.

    The rest is read too, and forgotten: whoever pipes it in must be able to end.
    """
    from nurture.channels.inbound.reading import LONGEST_MESSAGE

    with click.open_file(name, "rb") as file:
        data: bytes = file.read(LONGEST_MESSAGE + 1)
        while len(data) > LONGEST_MESSAGE and file.read(LONGEST_MESSAGE):
            pass
    return data


def document(name: str, report: Report) -> dict[str, object]:
    """One report for programs; kinds are the public ones."""
    worst = report.worst
    return {
        "file": name,
        "kind": report.kind.public,
        "recipient": worst.written_to if worst else None,
        "status": worst.status if worst else None,
        "message_id": next(iter(report.message_ids), None),
        "recipients": [
            {
                "recipient": one.written_to,
                "final": one.address,
                "kind": one.kind.public,
                "status": one.status,
                "action": one.action,
                "diagnostic": one.diagnostic,
                "why": one.why,
            }
            for one in report.recipients
        ],
        "why": report.why,
    }


def _tell(context: Context, name: str, report: Report) -> None:
    context.say(f"{name}: {report.kind}")
    context.say(f"  {report.why}")
    for one in report.recipients:
        words = [one.written_to or "(no address shown)", str(one.kind.public), one.status, one.diagnostic[:120]]
        context.say("  " + "  ".join(word for word in words if word))
    if report.message_ids:
        context.say(f"  about {report.message_ids[0]}")
