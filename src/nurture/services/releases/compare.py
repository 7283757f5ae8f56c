"""Two versions of one workflow side by side: what changed in words a marketer reads, and the two texts line by line.

A version may also be the folder's, as it is now. It changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff
from pathlib import Path

from nurture.db import content
from nurture.model.errors import NotFoundError, Problem, ProblemsFound, did_you_mean
from nurture.services.runtime import Runtime
from nurture.workflow.changes import Change
from nurture.workflow.diff import changes
from nurture.workflow.model import Workflow
from nurture.workflow.project import load_project

FOLDER = "folder"
"""Instead of a version: the file in the project folder, published or not."""
AROUND = 3
"""Lines shown before and behind each change of the text."""
SIGNS = {"+": "added", "-": "removed", "@": "gap", " ": "same"}


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two. ``published_at`` is None for the folder's."""

    workflow: Workflow
    text: str
    published_at: datetime | None = None

    @property
    def called(self) -> str:
        """As an address names it."""
        return self.workflow.version if self.published_at else FOLDER


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of the difference. ``sign`` is added, removed, same, or gap where lines are left out."""

    sign: str
    text: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """``changes`` are those of ``nurture plan``, from the older side to the newer one."""

    older: Side
    newer: Side
    changes: tuple[Change, ...]
    lines: tuple[TextLine, ...]


def compare(runtime: Runtime, folder: Path, name: str, older: str, newer: str) -> Comparison:
    """What changed from ``older`` to ``newer``, each a version or ``folder``.

    Raises NotFoundError for what there never was, ProblemsFound when the folder's file holds errors.
    """
    before, after = (_side(runtime, folder, name, one) for one in (older, newer))
    told = changes(before.workflow, after.workflow)
    return Comparison(before, after, told, tuple(_lines(before.text, after.text)))


def _side(runtime: Runtime, folder: Path, name: str, version: str) -> Side:
    return _of_folder(folder, name) if version == FOLDER else _published(runtime, name, version)


def _of_folder(folder: Path, name: str) -> Side:
    project = load_project(folder)
    workflow = project.workflows.get(name)
    if workflow is None:
        _refuse_broken(project.problems, name)
        raise NotFoundError(
            f"the folder has no workflow '{name}'", hint=did_you_mean(name, list(project.workflows))
        )
    return Side(workflow, (folder / workflow.place.file).read_text(encoding="utf-8-sig"))


def _refuse_broken(problems: tuple[Problem, ...] | list[Problem], name: str) -> None:
    own = [one for one in problems if one.place.file == f"workflows/{name}.yaml"]
    if own:
        raise ProblemsFound(own)


def _published(runtime: Runtime, name: str, version: str) -> Side:
    with runtime.database.read() as tx:
        known = content.versions(tx, [version]).get(version)
        if known is None or known.workflow != name:
            raise NotFoundError(f"there is no version '{version}' of workflow '{name}'")
        text = content.contents(tx, [known.content])[known.content]
        workflow = runtime.shelf.versions(tx, [version])[version]
    return Side(workflow, text.decode("utf-8-sig"), known.published_at)


def _lines(before: str, after: str) -> Iterator[TextLine]:
    told = unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=AROUND)
    for number, line in enumerate(told):
        if number > 1:  # the first two name the files
            yield TextLine(SIGNS[line[:1]], "" if line.startswith("@") else line[1:])
