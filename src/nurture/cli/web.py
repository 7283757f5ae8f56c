"""`nurture web`: the process that answers browsers and mail programs."""

from __future__ import annotations

import signal
from types import FrameType

import click

from nurture.cli._alive import check_web
from nurture.cli.common import Context, Listen, project_options
from nurture.model.errors import NurtureError


@click.command("web", epilog="Example: nurture web --listen 0.0.0.0:8000")
@project_options
@click.option("--listen", type=Listen(), help="HOST:PORT; NURTURE_LISTEN by default.")
@click.option(
    "--check", is_flag=True, help="Start nothing: exit 0 if the one that listens there can work, else 1."
)
def web(context: Context, listen: tuple[str, int] | None, check: bool) -> None:
    """Serve the pages and the links of messages, until told to stop."""
    settings = context.settings
    host, port = listen or settings.listen
    if check:
        check_web(context, (host, port))
        return

    from nurture.web import create_app
    from nurture.web.server import make_server

    signal.signal(signal.SIGTERM, leave)
    try:
        server = make_server(create_app(settings), settings, host, port)
    except OSError as error:
        hint = "stop what uses it, or choose another with --listen HOST:PORT"
        raise NurtureError(
            f"the web server cannot listen on {host}:{port}: {error.strerror}", hint=hint
        ) from None
    server.run()


def leave(number: int, frame: FrameType | None) -> None:
    """waitress ends its requests and returns when this is raised in its loop."""
    raise SystemExit(0)
