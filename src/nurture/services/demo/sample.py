"""The sample company's files: shipped with the program, or at the top of its checkout; copied to be changed at will."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path

from nurture.model.errors import NurtureError

FILE = "nurture.toml"
PARTS = ("workflows", "personas", "offers", "segments", "scenarios", "templates", "assets")
MARK = ".nurture-demo"
"""Only a folder that holds this file is ever built anew."""


def sample() -> Path:
    """The folder with the sample company. Raises NurtureError when the installation lacks it."""
    package = Path(str(files("nurture")))
    for folder in (package / "sample", package.parent.parent):
        if (folder / FILE).is_file() and (folder / PARTS[0]).is_dir():
            return folder
    raise NurtureError("this installation has no sample company", hint="install nurture again")


def copy_sample(target: Path) -> None:
    """A fresh copy in ``target``, which may be a copy made before. Raises NurtureError for anybody else's folder."""
    if target.exists() and any(target.iterdir()):
        if not (target / MARK).is_file():
            hint = "name a new folder with --folder DIR"
            raise NurtureError(f"{target} is not empty, and no demo made it", hint=hint)
        shutil.rmtree(target)
    target.mkdir(parents=True, exist_ok=True)
    (target / MARK).touch()
    source = sample()
    shutil.copy(source / FILE, target / FILE)
    for part in PARTS:
        if (source / part).is_dir():
            shutil.copytree(source / part, target / part)
