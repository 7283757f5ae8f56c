"""Files that lie where nobody reads them: a wrong ending, a wrong folder, a folder's name misspelt, a broken link.

Warns only, except for what surely was meant to be read; opens no file but those that end in .yaml or .yml.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from nurture.model.errors import Place, Problem, Severity, did_you_mean

FOLDERS: Mapping[str, str] = {
    "workflows": "workflow",
    "offers": "offer",
    "personas": "persona",
    "segments": "segment",
    "scenarios": "scenario",
}
"""The folders of YAML files, and the key that says what such a file is."""
_TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "email": (".md", ".html", ".txt"),
    "email/layouts": (".html", ".txt"),
    "email/partials": (".md", ".html", ".txt"),
    "call": (".txt",),
    "pages": (".html",),
}
_TELLING = {"stages": "workflow", "scenario": "scenario", "expect": "scenario", "offer": "offer"}
_TELLING |= {"segment": "segment", "workflow": "workflow", "persona": "persona"}
"""What a key at the top of a file says about it; the first of these that is there decides."""
_HARMLESS = re.compile(r"\..*|.*~|README.*|.*\.schema\.json", re.IGNORECASE)
_PEEKED = 4_000
"""Bytes of a file that are looked at to tell what it is."""


def kind_of(source: bytes) -> str | None:
    """What a YAML file says it is by its keys: ``workflow``, ``offer``…; None when it says nothing of the kind."""
    return next((kind for key, kind in _TELLING.items() if _said(source, key) is not None), None)


def name_of(source: bytes, path: Path) -> str:
    """The name that a file gives itself, as far as one can tell without reading it; else that of the file."""
    return _said(source, kind_of(source) or "") or path.stem


def _said(source: bytes, key: str) -> str | None:
    """What stands behind a key at the beginning of a line; None when it is not there."""
    found = re.search(rf"^{key}[ ]*:[ ]*([\w-]*)", source[:_PEEKED].decode("utf-8", "replace"), re.MULTILINE)
    return found.group(1) if found else None


def _keys(source: bytes) -> list[str]:
    return re.findall(r"^([\w-]+)[ ]*:", source[:_PEEKED].decode("utf-8", "replace"), re.MULTILINE)


def misplaced(source: bytes, path: Path, file: str) -> Problem | None:
    """A file that says it is something else than its folder holds."""
    kind, wanted = kind_of(source), FOLDERS.get(path.parent.name)
    if kind is None or wanted is None or kind == wanted or _said(source, wanted) is not None:
        return None
    if did_you_mean(wanted, _keys(source), cutoff=0.8):
        return None  # the right file, with its first word misspelt: told when it is read
    folder = next(folder for folder, word in FOLDERS.items() if word == kind)
    article = "an" if kind == "offer" else "a"
    return Problem(
        Place(file), "wrong-folder", f"this file holds {article} {kind}", f"move it to {folder}/{path.name}"
    )


def strays(folder: Path) -> Iterator[Problem]:
    """Everything in the project's folder that looks as if it should be read, and is not."""
    yield from _at_the_top(folder)
    for name in FOLDERS:
        for path in _inside(folder / name):
            if path.is_dir():
                yield from _ignored(
                    folder, path, f"folders in {name}/ are not read", f"move its files to {name}/"
                )
            elif path.suffix != ".yaml":
                hint = f"rename it to {path.stem}.yaml, or move it elsewhere"
                yield from _ignored(folder, path, f"this file is not read: only {name}/*.yaml are", hint)
    yield from _templates(folder)
    for path in folder.glob("*/*"):
        if path.is_symlink() and not path.exists() and not is_hidden(path, folder):
            said = "this link leads nowhere, or in a circle"
            yield _unreadable(folder, path, said, "link it anew, or remove it")
    for path in sorted((folder / "templates").rglob("*")):
        if path.is_file() and leads_out(path, folder) and not is_hidden(path, folder):
            said = "this link leads out of the project"
            yield _unreadable(folder, path, said, "put the file itself here")


def is_hidden(path: Path, folder: Path) -> bool:
    """What editors and systems keep to themselves beside a file, such as ``.#guide.yaml`` or ``._guide.yaml``: never read.

    Its name, or that of a folder it lies in, begins with a dot.
    """
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def leads_out(path: Path, folder: Path) -> bool:
    """Whether what is read at ``path`` lies elsewhere than in ``folder``."""
    return not path.resolve().is_relative_to(folder.resolve())


def _inside(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not _HARMLESS.fullmatch(path.name) and path.exists())


def _unreadable(folder: Path, path: Path, message: str, hint: str) -> Problem:
    return Problem(Place(path.relative_to(folder).as_posix()), "unreadable-file", message, hint)


def _ignored(folder: Path, path: Path, message: str, hint: str) -> Iterator[Problem]:
    place = Place(path.relative_to(folder).as_posix())
    yield Problem(place, "ignored-file", message, hint, Severity.WARNING)


def _at_the_top(folder: Path) -> Iterator[Problem]:
    """``workflow/`` for ``workflows/``, and a workflow beside the folder it belongs in."""
    for path in _inside(folder):
        if path.is_dir():
            known = (*FOLDERS, "templates", "assets")
            near = None if path.name in known else did_you_mean(path.name, known, cutoff=0.8)
            if near and any(path.iterdir()):
                yield from _ignored(folder, path, f"the folder {path.name}/ is not read", near)
        elif path.suffix in (".yaml", ".yml"):
            kind = kind_of(_head(path))
            home = next((name for name, word in FOLDERS.items() if word == kind), None)
            if home:
                hint = f"move it to {home}/{path.stem}.yaml"
                yield from _ignored(folder, path, f"this {kind} is not read where it lies", hint)


def _templates(folder: Path) -> Iterator[Problem]:
    root = folder / "templates"
    for path in _inside(root):
        if path.is_file():
            yield from _ignored(
                folder, path, "this template is not read where it lies", "move it to templates/email/"
            )
        elif path.name not in _TEMPLATES:
            near = did_you_mean(path.name, tuple(_TEMPLATES)) or "templates lie in email/, call/ and pages/"
            yield from _ignored(folder, path, f"the folder templates/{path.name}/ is not read", near)
    for path in _inside(root / "email"):
        other = path.with_suffix(".md")
        if path.suffix == ".html" and other.is_file():
            yield from _ignored(
                folder, path, f"this file is not read: {other.name} stands for it", "keep one of them"
            )
    for name, endings in _TEMPLATES.items():
        for path in _inside(root / name):
            if path.is_file() and path.suffix not in endings:
                said = " or ".join(f"NAME{ending}" for ending in endings)
                yield from _ignored(folder, path, "this file is not read", f"write templates/{name}/{said}")


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_PEEKED)
    except OSError:  # told where the file is read; one that nobody reads is nobody's trouble
        return b""
