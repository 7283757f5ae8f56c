"""What the commands that open the pages share: the address people type, and whether somebody already answers there."""

from __future__ import annotations

import socket

from nurture.model.errors import NurtureError

Listening = tuple[str, int]
"""Host and port."""

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to knock when it listens on every address


def url_of(address: Listening) -> str:
    """``http://127.0.0.1:8000``, as one types it."""
    from nurture.settings import with_port

    return f"http://{with_port(address)}"


def answers(address: Listening) -> bool:
    """Does something listen there?"""
    host, port = address
    try:
        with socket.create_connection((EVERYWHERE.get(host, host), port), timeout=0.2):
            return True
    except OSError:
        return False


def refuse_taken(address: Listening) -> None:
    """Raise NurtureError when another program listens there."""
    from nurture.settings import with_port

    if answers(address):
        hint = "stop it, or choose another port with --listen HOST:PORT"
        raise NurtureError(f"another program already listens on {with_port(address)}", hint=hint)
