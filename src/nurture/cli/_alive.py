"""What `--check` of `nurture web`, `worker` and `scheduler` asks: is the one on this machine at work? For containers.

It starts nothing and changes nothing.
"""

from __future__ import annotations

import json
import socket
from http.client import HTTPConnection, HTTPException

from nurture.cli._listening import EVERYWHERE, Listening, url_of
from nurture.cli.common import Context
from nurture.model.errors import NurtureError

ANSWER_SECONDS = 5.0


def check_process(context: Context, role: str) -> None:
    """Say that a ``role`` of this machine (or container) works. NurtureError when none gave a sign of life lately."""
    from nurture.db.session import Database
    from nurture.model.clock import system_time
    from nurture.services.presence import ALIVE, alive_on

    # Asked twice a minute in each container: the rest of nurture, which takes a second to load, stays away.
    database, host = Database(context.settings.database_url), socket.gethostname()
    try:
        with database.read() as tx:
            there = alive_on(tx, role, host, system_time())
    finally:
        database.dispose()
    tell(context, there, f"A {role} on {host} is at work.")
    if not there:
        raise NurtureError(
            f"no {role} on {host} gave a sign of life in the last {ALIVE.total_seconds():.0f} seconds",
            hint=f"its own log says why; `nurture {role}` starts one",
        )


def check_web(context: Context, address: Listening) -> None:
    """Say that the web process at ``address`` can work. NurtureError when it does not answer, or says what it lacks."""
    host, port = address
    connection = HTTPConnection(EVERYWHERE.get(host, host), port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/readyz")
        state = json.loads(connection.getresponse().read())
    except (OSError, HTTPException, ValueError):
        raise NurtureError(
            f"no nurture answers at {url_of(address)}", hint="its own log says why; `nurture web` starts one"
        ) from None
    finally:
        connection.close()
    tell(context, state["ready"], f"The web process at {url_of(address)} is ready.")
    if not state["ready"]:
        lacks = [part for part in ("database", "broker", "scheduler") if not state[part]]
        raise NurtureError(
            f"the web process at {url_of(address)} lacks its {' and '.join(lacks)}",
            hint="see that it runs, and what NURTURE_DATABASE_URL and NURTURE_BROKER_URL name",
        )


def tell(context: Context, well: bool, text: str) -> None:
    if context.as_json:
        context.emit_json({"ok": well})
    elif well:
        context.say(text)
