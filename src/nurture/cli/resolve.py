"""`nurture resolve`: say how messages in doubt ended."""

from __future__ import annotations

import click

from nurture.cli._opened import opened
from nurture.cli.common import Context, project_options

VERDICTS = ("sent", "failed", "again")


@click.command("resolve", epilog="Example: nurture resolve --all --as sent")
@project_options
@click.argument("message_ids", nargs=-1, metavar="[MESSAGE-ID]…")
@click.option("--all", "everything", is_flag=True, help="Every message in doubt.")
@click.option(
    "--as", "verdict", type=click.Choice(VERDICTS), help="How they ended; again sends them once more."
)
def resolve(context: Context, message_ids: tuple[str, ...], everything: bool, verdict: str | None) -> None:
    """List the messages of which a crash hides whether they went, or settle them with --as.

    Look their Message-ID up in the log of the mail server. Sent again, a message has the same Message-ID.
    """
    from nurture.services.sending import doubt

    if bool(verdict) is not (bool(message_ids) or everything):
        raise click.UsageError(
            "To settle messages, name them or say --all, and say --as sent, failed or again."
        )
    with opened(context) as nurture:
        if verdict:
            settled = doubt.resolve(nurture.runtime, message_ids, doubt.Verdict(verdict))
        else:
            settled = doubt.in_doubt(nurture.runtime)
    rows = [
        {
            "message_id": one.message_id,
            "recipient": one.recipient,
            "template": one.template,
            "at": one.ended_at,
            "detail": one.detail,
        }
        for one in settled
    ]
    if context.as_json:
        context.emit_json({"resolved_as": verdict, "messages": rows})
        return
    if not rows:
        context.say("No message is in doubt.")
        return
    context.table(("Message-ID", "To", "Template", "Since"), [list(row.values())[:4] for row in rows])
    context.say(f"{len(rows)} settled as {verdict}." if verdict else f"{len(rows)} in doubt.")
