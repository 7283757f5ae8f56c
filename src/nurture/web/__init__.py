"""The web: the public pages that links of messages lead to, and what a load balancer asks.

`nurture web` serves it; `flask --app nurture.web run` works too, on the project in NURTURE_PROJECT or this folder.
"""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask

from nurture.web.site import create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> Flask:
    """``app``, made when somebody asks for it: importing this package opens no database."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from nurture.model.errors import NurtureError
    from nurture.settings import load_settings

    try:
        app = create_app(load_settings(Path(os.environ.get("NURTURE_PROJECT", "."))))
    except NurtureError as error:
        raise SystemExit(f"nurture: {error}") from None
    globals()["app"] = app
    return app
