"""Brings htmx, which makes the pages quicker, out of a package of the registry: its code is kept in no repository.

The pages work without it. Used when a wheel is built, and by `run.py` in a clone, which builds none:
``PYTHONPATH=.venv/build python hatch_build.py``.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
HTMX = ROOT / "src" / "nurture" / "web" / "static" / "vendor" / "htmx.min.js"
"""Ignored by git, and part of the wheel (`artifacts` in pyproject.toml)."""


class BringHtmx(BuildHookInterface):  # type: ignore[misc]  # hatchling is there at a build only
    """The hook of the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        bring_htmx()


def bring_htmx() -> None:
    """Copy htmx 2 to where the pages expect it. Raises FileNotFoundError when its package is not installed.

    django-htmx carries it; it is found and never imported, so that Django is not needed.
    """
    package = find_spec("django_htmx")
    if package is None or package.origin is None:
        raise FileNotFoundError(
            "django-htmx, which carries htmx, is not installed: see requirements-build.lock"
        )
    HTMX.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(package.origin).parent / "static" / "django_htmx" / "htmx-2.min.js", HTMX)


if __name__ == "__main__":
    bring_htmx()
