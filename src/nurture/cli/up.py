"""`nurture up`: everything in one go."""

from __future__ import annotations

import os

import click

from nurture.cli._listening import answers, refuse_taken, url_of
from nurture.cli.common import Context, Listen, project_options


@click.command("up", epilog="Example: nurture up --project my-company")
@project_options
@click.option("--listen", type=Listen(), help="HOST:PORT of the web server; NURTURE_LISTEN by default.")
def up(context: Context, listen: tuple[str, int] | None) -> None:
    """Run the web server, the scheduler and the workers until Ctrl-C.

    Brings its own broker unless NURTURE_BROKER_URL names one, and its own database unless NURTURE_DATABASE_URL does. With
    --listen, the links in messages lead there too, unless NURTURE_BASE_URL says otherwise.
    """
    from nurture.settings import value_of

    settings = context.settings
    address = listen or settings.listen
    refuse_taken(address)  # before the parts are loaded, which takes a moment
    if listen and value_of("base_url") is None:
        os.environ["NURTURE_BASE_URL"] = url_of(listen)  # every part must agree on where links lead

    from nurture.wiring import build, upgrade
    from nurture.workers.supervisor import Supervisor, everything
    from nurture.workers.worker import stop_on_signals

    stopping = stop_on_signals()
    if settings.embedded_database:
        upgrade(settings)
    else:
        build(settings).close()  # a database that is not as it must be is told once, not by every part
    supervisor = Supervisor(settings, everything(settings, address))

    def tell() -> None:
        url = url_of(address)
        if context.as_json:
            context.emit_json({"url": url, "pid": os.getpid(), "processes": supervisor.pids()})
        else:
            context.say(f"nurture runs; its pages are at {url}/admin/ (Ctrl-C stops it)")

    supervisor.run(stopping, tell, lambda: answers(address))
