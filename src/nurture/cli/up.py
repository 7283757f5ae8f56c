"""`nurture up`: everything in one go."""

from __future__ import annotations

import os
import socket

import click

from nurture.cli.common import Context, Listen, project_options
from nurture.model.errors import NurtureError


@click.command("up", epilog="Example: nurture up --project my-company")
@project_options
@click.option("--listen", type=Listen(), help="HOST:PORT of the web server; NURTURE_LISTEN by default.")
def up(context: Context, listen: tuple[str, int] | None) -> None:
    """Run the web server, the scheduler and the workers until Ctrl-C.

    Brings its own broker unless NURTURE_BROKER_URL names one, and its own database unless NURTURE_DATABASE_URL does.
    """
    from nurture.wiring import upgrade
    from nurture.workers.supervisor import Supervisor, everything
    from nurture.workers.worker import stop_on_signals

    stopping = stop_on_signals()
    settings = context.settings
    address = listen or settings.listen
    if answers(*address):
        hint = "stop it, or choose another port with --listen HOST:PORT"
        raise NurtureError(f"another program already listens on {address[0]}:{address[1]}", hint=hint)
    if settings.embedded_database:
        upgrade(settings)
    supervisor = Supervisor(settings, everything(settings, address))

    def tell() -> None:
        url = f"http://{address[0]}:{address[1]}"
        if context.as_json:
            context.emit_json({"url": url, "pid": os.getpid(), "processes": supervisor.pids()})
        else:
            context.say(f"nurture runs at {url} (Ctrl-C stops it)")

    supervisor.run(stopping, tell, lambda: answers(*address))


def answers(host: str, port: int) -> bool:
    """Does something listen there?"""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    try:
        with socket.create_connection((reachable, port), timeout=0.2):
            return True
    except OSError:
        return False
