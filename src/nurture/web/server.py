"""The process that listens: how many may ask at once, how much each may say, and whose word counts on who they are.

Names neither itself nor its version. Headers that tell of a visitor are dropped unless proxies of ours were announced.
"""

from __future__ import annotations

from flask import Flask
from waitress.server import BaseWSGIServer, MultiSocketServer, create_server

from nurture.settings import Settings

THREADS = 8
LARGEST_BODY = 2 * 1024 * 1024
"""Bytes of a request that are read at all; each page has a smaller limit of its own, and says so."""
LARGEST_HEAD = 32 * 1024


def make_server(app: Flask, settings: Settings, host: str, port: int) -> BaseWSGIServer | MultiSocketServer:
    """Listen; ``run()`` of the answer serves until told to stop. Raises OSError where it cannot listen."""
    return create_server(
        app,
        host=host,
        port=port,
        threads=THREADS,
        ident=None,
        max_request_body_size=LARGEST_BODY,
        max_request_header_size=LARGEST_HEAD,
        # Whom to believe is decided behind it (web/mounted.py), which needs to see what the proxies wrote.
        clear_untrusted_proxy_headers=settings.trusted_proxies == 0,
    )
