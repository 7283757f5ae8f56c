"""`nurture bounce`: what a message that came in is, and what it says about whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from nurture.cli.common import Context, project_options, sentence
from nurture.model.returns import Effect

if TYPE_CHECKING:
    from nurture.channels.inbound import Report
    from nurture.services.inbound import Became, Taken

EFFECTS = {
    Effect.NOTHING: "noted, nothing follows",
    Effect.SUPPRESSED: "the address is suppressed",
    Effect.COUNTED: "counted as not arrived",
    Effect.RESTS: "too many did not arrive: the address is left alone for a while",
    Effect.TOLD: "the workflows hear of it",
}


TRY_AGAIN = 75
"""EX_TEMPFAIL of sysexits.h: a mail server that pipes a message to us keeps it, and tries again later."""


class _Piped(click.Command):
    """A project's folder that is away, such as a disk not mounted yet, is no wrong usage to a mail server."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        piped = "--apply" in args and "-" in args
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.BadParameter as error:
            if not piped or error.param is None or error.param.name != "project":
                raise
            click.echo(f"nurture: {error.format_message()}", err=True)
            raise SystemExit(TRY_AGAIN) from None


@click.command("bounce", cls=_Piped, epilog="Example: nurture bounce returned.eml")
@project_options
@click.argument(
    "messages",
    nargs=-1,
    type=click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True),
    metavar="[FILE.eml]…",
)
@click.option(
    "--apply", is_flag=True, help="Record them too, each once: what is about a message of ours takes effect."
)
def bounce(context: Context, messages: tuple[str, ...], apply: bool) -> None:
    """Tell whether messages are bounces, complaints, automatic answers or none of these.

    `-`, or no FILE, reads standard input. hard: the address is dead. soft: it may be fine, this message did not
    arrive. Without --apply nothing is recorded, and no project is needed. With --apply - it exits 75 when it could not
    be recorded, so that a mail server that pipes a message to it tries again.
    """
    from nurture.channels.inbound import classify

    names = messages or ("-",)
    if not apply:
        _answer(context, [(name, classify(first_of(name)), None) for name in names])
        return
    try:
        found = _recorded(context, names)
    except Exception as error:
        if "-" not in names:
            raise
        # Whatever it is: a message that a mail server holds for us must not be sent back as undeliverable.
        context.note(f"nurture: {sentence(error)}")
        raise SystemExit(TRY_AGAIN) from None
    _answer(context, found)


Answer = tuple[str, "Report", "Taken | None"]


def _recorded(context: Context, names: Sequence[str]) -> list[Answer]:
    from nurture.cli._opened import opened
    from nurture.services.inbound import take

    with opened(context) as nurture:
        taken = [(name, take(nurture.runtime, first_of(name), _source(name))) for name in names]
    return [(name, one.report, one) for name, one in taken]


def _source(name: str) -> str:
    return "pipe" if name == "-" else "file"


def _answer(context: Context, found: Sequence[Answer]) -> None:
    if context.as_json:
        context.emit_json([document(name, report, taken) for name, report, taken in found])
        return
    for name, report, taken in found:
        _tell(context, name, report)
        for one in taken.became if taken else ():
            _tell_effect(context, one)


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


def document(name: str, report: Report, taken: Taken | None = None) -> dict[str, object]:
    """One report for programs; kinds are the public ones. ``recorded`` is what became of it, with --apply."""
    worst = report.worst
    recorded = {"duplicate": taken.duplicate, "recorded": _recordings(taken)} if taken else {}
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
        **recorded,
    }


def _recordings(taken: Taken) -> list[dict[str, object]]:
    return [
        {
            "recipient": one.recipient,
            "kind": one.kind.public,
            "matched_by": one.matched_by,
            "effect": one.effect,
            "duplicate": one.duplicate,
        }
        for one in taken.became
    ]


def _tell_effect(context: Context, one: Became) -> None:
    whose = f"known by its {one.matched_by}" if one.matched_by else "about no message of ours"
    effect = "noted before" if one.duplicate else EFFECTS[one.effect]
    context.say(f"  {one.recipient or 'nobody named'}: {whose}; {effect}")


def _tell(context: Context, name: str, report: Report) -> None:
    context.say(f"{name}: {report.kind}")
    context.say(f"  {report.why}")
    for one in report.recipients:
        words = [
            one.written_to or "(no address shown)",
            str(one.kind.public),
            one.status,
            one.diagnostic[:120],
        ]
        context.say("  " + "  ".join(word for word in words if word))
    if report.message_ids:
        context.say(f"  about {report.message_ids[0]}")
