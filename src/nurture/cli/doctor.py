"""`nurture doctor`: proof that everything planned is accounted for, and what is wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from nurture.cli._opened import opened
from nurture.cli.common import Context, Listen, project_options
from nurture.model.errors import Severity

if TYPE_CHECKING:
    from nurture.services.running.doctor import Diagnosis
    from nurture.services.sending.preflight import Checked


@click.command("doctor", epilog="Example: nurture doctor --json")
@project_options
@click.option(
    "--mail", is_flag=True, help="See beforehand whether mail will arrive: keys, DNS, TLS, a test message."
)
@click.option("--no-send", is_flag=True, help="With --mail: send no message to the senders themselves.")
@click.option("--dns", type=Listen(), metavar="HOST:PORT", help="With --mail: the name server to ask.")
def doctor(context: Context, mail: bool, no_send: bool, dns: tuple[str, int] | None) -> None:
    """Prove the accounting, find what is stuck or contradicts itself, and name the remedy. Changes nothing.

    With --mail it looks at what receivers look at, and sends each sender one message of its own. What cannot be
    reached is said to be so, and fails nothing. Exits 1 when something is not as it must be; warnings do not fail.
    """
    from nurture.channels.dns import Dns
    from nurture.services.running.doctor import examine
    from nurture.services.sending.preflight import Mark, Preflight

    if (no_send or dns) and not mail:
        raise click.UsageError("--no-send and --dns belong to --mail.")
    with opened(context) as nurture:
        diagnosis = examine(nurture.runtime)
        way_out = context.settings.smtp_url
        checked = Preflight(nurture.runtime, way_out, Dns(dns), send=not no_send).look() if mail else None
    ok = diagnosis.ok and all(one.mark is not Mark.PROBLEM for one in checked or ())
    if context.as_json:
        context.emit_json(as_document(diagnosis) | {"ok": ok} | ({"mail": checked} if mail else {}))
    else:
        tell(context, diagnosis)
        tell_mail(context, checked or [])
        context.say(f"\n{_verdict(ok, diagnosis, checked or [])}")
    if not ok:
        raise SystemExit(1)


def as_document(diagnosis: Diagnosis) -> dict[str, object]:
    return {
        "ok": diagnosis.ok,
        **dataclasses.asdict(diagnosis.tally),
        "erased": diagnosis.erased,
        "retention": diagnosis.let_go,
        "findings": diagnosis.findings,
    }


def tell_mail(context: Context, checked: Sequence[Checked]) -> None:
    """Each check on a line, those of all senders first; a remedy where there is one."""
    signs = {"ok": "✓", "warning": "!", "problem": "✗", "not-reachable": "?"}
    sender = None
    for one in checked:
        if one.sender != sender:
            sender = one.sender
            context.say(f"\nMail{f' from {sender!r}' if sender else ''}:")
        context.say(f"  {signs[one.mark]} {one.code}: {one.said}")
        if one.remedy:
            context.say(f"      remedy: {one.remedy}")


def tell(context: Context, diagnosis: Diagnosis) -> None:
    tally = diagnosis.tally
    context.say(
        f"Messages: {tally.planned:,} planned = {tally.sent:,} sent + {tally.skipped:,} skipped"
        f" + {tally.failed:,} failed + {tally.ambiguous:,} ambiguous + {tally.pending:,} pending"
    )
    context.say(
        f"Calls: {tally.opened:,} opened = {tally.done:,} done + {tally.expired:,} expired"
        f" + {tally.cancelled:,} cancelled + {tally.open:,} open"
    )
    if gone := diagnosis.erased.people:
        context.say(
            f"Erased: {gone:,} people with {diagnosis.erased.messages:,} messages and {diagnosis.erased.calls:,} calls,"
            " which no figure counts any more"
        )
    if soon := ", ".join(f"{number:,} {name}" for name, number in diagnosis.let_go.items() if number):
        context.say(f"[retention] lets go of, with the next looks: {soon}")
    for finding in diagnosis.findings:
        sign = "✗" if finding.severity is Severity.ERROR else "!"
        context.say(f"\n{sign} {finding.code} ({finding.count:,}): {finding.message}")
        for example in finding.examples[:5]:
            context.say(f"    {example}")
        if finding.count > len(finding.examples[:5]) > 1:
            context.say(f"    … {finding.count:,} in all; --json lists up to 20")
        context.say(f"    remedy: {finding.remedy}")


def _verdict(ok: bool, diagnosis: Diagnosis, checked: Sequence[Checked]) -> str:
    """The last line, of all that stands above it."""
    if not ok:
        return "This needs mending."
    warnings = len(diagnosis.findings) + sum(one.mark == "warning" for one in checked)
    if warnings:
        return (
            f"Nothing is broken; {warnings} {'warnings' if warnings > 1 else 'warning'} above (!) to look at."
        )
    return "Everything is in order."
