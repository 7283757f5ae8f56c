"""`nurture doctor`: proof that everything planned is accounted for, and what is wrong."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from nurture.cli._opened import opened
from nurture.cli.common import Context, project_options
from nurture.model.errors import Severity

if TYPE_CHECKING:
    from nurture.services.doctor import Diagnosis


@click.command("doctor", epilog="Example: nurture doctor --json")
@project_options
def doctor(context: Context) -> None:
    """Prove the accounting, find what is stuck or contradicts itself, and name the remedy. Changes nothing.

    Exits 1 when something is not as it must be; warnings, such as messages whose end a crash hid, do not fail.
    """
    from nurture.services.doctor import examine

    with opened(context) as nurture:
        diagnosis = examine(nurture.runtime)
    if context.as_json:
        context.emit_json(as_document(diagnosis))
    else:
        tell(context, diagnosis)
    if not diagnosis.ok:
        raise SystemExit(1)


def as_document(diagnosis: Diagnosis) -> dict[str, object]:
    return {"ok": diagnosis.ok, **dataclasses.asdict(diagnosis.tally), "findings": diagnosis.findings}


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
    for finding in diagnosis.findings:
        sign = "✗" if finding.severity is Severity.ERROR else "!"
        context.say(f"\n{sign} {finding.code} ({finding.count:,}): {finding.message}")
        for example in finding.examples[:5]:
            context.say(f"    {example}")
        if finding.count > len(finding.examples[:5]) > 1:
            context.say(f"    … {finding.count:,} in all; --json lists up to 20")
        context.say(f"    remedy: {finding.remedy}")
    context.say("\nEverything is in order." if diagnosis.ok else "\nThis needs mending.")
