"""Where the pages stand: below a path of NURTURE_BASE_URL, or behind proxies of ours.

Trusts no header of a proxy that was not announced: whoever asks could write it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from nurture.settings import Settings

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]
"""A WSGI application (PEP 3333)."""


def mount(app: Flask, settings: Settings) -> None:
    """Serve ``app`` below the path of the base URL, whether a proxy cuts that path off or not."""
    inner: Application = app.wsgi_app
    if prefix := urlsplit(settings.base_url).path:
        inner = below(inner, prefix)
    if hops := settings.trusted_proxies:
        inner = ProxyFix(inner, x_for=hops, x_proto=hops, x_host=0)
    app.wsgi_app = inner  # type: ignore[assignment,method-assign]


def below(inner: Application, prefix: str) -> Application:
    def serve(environ: Environ, start_response: Any) -> Iterable[bytes]:
        environ["SCRIPT_NAME"] = prefix
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix(prefix) or "/"
        return inner(environ, start_response)

    return serve
