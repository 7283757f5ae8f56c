"""`nurture worker`: one process that does the work, beside others."""

from __future__ import annotations

import click

from nurture.cli._alive import check_process
from nurture.cli.common import Context, project_options


@click.command("worker", epilog="Example: nurture worker --threads 8")
@project_options
@click.option(
    "--threads", type=click.IntRange(1, 64), help="Batches at a time; NURTURE_WORKER_THREADS by default."
)
@click.option(
    "--check", is_flag=True, help="Start nothing: exit 0 if the one on this machine is at work, else 1."
)
def worker(context: Context, threads: int | None, check: bool) -> None:
    """Decide due steps and send messages, until told to stop.

    Run as many as you like, on any machine with the same database and broker. SIGTERM lets it finish its batch.
    """
    if check:
        check_process(context, "worker")
        return

    from nurture.wiring import build
    from nurture.workers.worker import broker_url, run_worker, stop_on_signals

    stopping = stop_on_signals()
    settings = context.settings
    url = broker_url(settings)
    run_worker(url, build(settings), threads or settings.worker_threads, stopping)
