"""`nurture new`: a small project that is complete, to be changed word by word into one's own.

Beside its workflows and scenarios stand the schemas by which an editor completes them. Writes into an empty folder only;
never over a file.
"""

from __future__ import annotations

import json
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from nurture.model.errors import NurtureError
from nurture.services.files.editor import write_schemas

STARTER = "starter"
NAME = "{{ name }}"
NAMED = ("nurture.toml", "README.md")
HIDDEN = {"gitignore": ".gitignore"}
"""Shipped under another name, since packers leave out what begins with a dot."""
LONGEST_NAME = 200


def write_starter(folder: Path, name: str | None = None) -> list[str]:
    """Write the starter project; returns its files, relative to ``folder``. A new git repository counts as empty.

    Raises NurtureError when the folder holds files, cannot be written, or the name cannot be used.
    """
    company = _usable(name or folder.resolve().name.replace("-", " ").replace("_", " ").capitalize())
    try:
        if folder.is_dir() and any(path.name != ".git" for path in folder.iterdir()):
            raise NurtureError(f"{folder} holds files already", hint="name a new or an empty folder")
        written = _copy(files("nurture") / STARTER, folder, "", company)
        return sorted([*written, *write_schemas(folder)])
    except OSError as error:
        raise NurtureError(f"{folder} cannot be written: {error.strerror}") from error


def _usable(name: str) -> str:
    name = " ".join(name.split())
    if not name.isprintable() or not 1 <= len(name) <= LONGEST_NAME:
        raise NurtureError("this cannot be the name of a company", hint="give one with --name")
    return name


def _copy(source: Traversable, target: Path, path: str, company: str) -> list[str]:
    target.mkdir(parents=True, exist_ok=True)
    written: list[str] = []
    for entry in source.iterdir():
        name = HIDDEN.get(entry.name, entry.name)
        if entry.is_dir():
            written += _copy(entry, target / name, f"{path}{name}/", company)
            continue
        text = entry.read_text(encoding="utf-8")
        if name in NAMED:
            text = text.replace(NAME, _quoted(company) if name.endswith(".toml") else company)
        with (target / name).open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
        written.append(f"{path}{name}")
    return written


def _quoted(text: str) -> str:
    """As it stands between TOML's double quotes, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
