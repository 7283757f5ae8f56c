"""`nurture scheduler`: the process that notices what has become due."""

from __future__ import annotations

import click

from nurture.cli._alive import check_process
from nurture.cli.common import Context, project_options


@click.command("scheduler", epilog="Example: nurture scheduler --project my-company")
@project_options
@click.option(
    "--check", is_flag=True, help="Start nothing: exit 0 if the one on this machine is at work, else 1."
)
def scheduler(context: Context, check: bool) -> None:
    """Look every second what is due and ring for the workers.

    Several may run: one leads, the others take over when it dies.
    """
    if check:
        check_process(context, "scheduler")
        return

    from nurture.wiring import build
    from nurture.workers.broker import make_broker
    from nurture.workers.ticks import run_scheduler
    from nurture.workers.worker import broker_url, stop_on_signals

    stopping = stop_on_signals()
    settings = context.settings
    broker = make_broker(broker_url(settings))
    run_scheduler(build(settings), broker, stopping)
