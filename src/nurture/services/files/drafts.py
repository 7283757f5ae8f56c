"""The project folder beside what is live: its problems at their lines, and whether publishing it would change anything.

The folder is read again only when one of its files changed. It publishes nothing; workers never look here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock

from nurture.db import content
from nurture.db.content import content_hash
from nurture.model.errors import NotFoundError, Problem, ProblemsFound, Severity
from nurture.services.files.check import check
from nurture.services.files.project_files import Stamp, project_files, stamp
from nurture.services.runtime import Runtime


@dataclass(frozen=True, slots=True)
class FoundProblem:
    """A problem with the line of the file that it is about; ``line`` is empty when the file cannot be read."""

    problem: Problem
    line: str


@dataclass(frozen=True, slots=True)
class Draft:
    """The folder as it is now. ``there`` is False on a server that has no project folder."""

    there: bool
    problems: tuple[FoundProblem, ...] = ()
    changed: tuple[str, ...] = ()
    """Paths that differ from what is published: new, changed or gone."""

    @property
    def errors(self) -> tuple[FoundProblem, ...]:
        """What keeps the folder from being published; a scenario, which is never live, does not."""
        return tuple(
            one
            for one in self.problems
            if one.problem.severity is Severity.ERROR and not one.problem.place.file.startswith("scenarios/")
        )

    def of(self, path: str) -> tuple[FoundProblem, ...]:
        """The problems of one file."""
        return tuple(one for one in self.problems if one.problem.place.file == path)


NO_FOLDER = Draft(there=False)


class Desk:
    """One project folder, looked at by many pages: what was found is kept until a file changes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()
        self._stamp: Stamp | None = None
        self._problems: tuple[FoundProblem, ...] = ()
        self._hashes: dict[str, str] = {}

    def look(self, runtime: Runtime) -> Draft:
        """What is wrong in the folder, and what publishing it would change."""
        try:
            problems, hashes = self._read()
        except (NotFoundError, OSError):
            return NO_FOLDER
        with runtime.database.read() as tx:
            published = content.publications(tx)
        changed = {
            path for path in published.keys() | hashes.keys() if published.get(path) != hashes.get(path)
        }
        return Draft(True, problems, tuple(sorted(changed)))

    def _read(self) -> tuple[tuple[FoundProblem, ...], dict[str, str]]:
        now = stamp(self.folder)
        with self._lock:
            if now != self._stamp:
                found = list(check(self.folder).problems)
                try:
                    files = project_files(self.folder)
                except ProblemsFound as unreadable:
                    files = {}
                    found += [one for one in unreadable.problems if one not in found]
                self._hashes = {path: content_hash(data) for path, data in files.items()}
                self._problems = tuple(
                    FoundProblem(one, _line(self.folder / one.place.file, one.place.line)) for one in found
                )
                self._stamp = now
            return self._problems, self._hashes


@cache
def desk(folder: Path) -> Desk:
    """The desk of a folder: one for all pages of this process."""
    return Desk(folder)


def _line(path: Path, number: int) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return lines[number - 1] if 0 < number <= len(lines) else ""
