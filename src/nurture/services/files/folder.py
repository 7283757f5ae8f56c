"""A project folder, opened for what a marketer tries before anything is live: its files, and its templates ready to fill in.

Refuses to go on from files that hold errors: it names them all instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from nurture.model.errors import NotFoundError, Problem, ProblemsFound, Severity, did_you_mean
from nurture.model.workspace import Workspace
from nurture.rendering.templates import Library
from nurture.services.files.check import check, template_sources
from nurture.workflow.documents import Persona
from nurture.workflow.model import Workflow
from nurture.workflow.project import Project, load_project
from nurture.workflow.workspace import FILE, read_workspace

_Named = TypeVar("_Named")


@dataclass(frozen=True, slots=True)
class Folder:
    """An opened project."""

    project: Project
    workspace: Workspace
    templates: Library

    def workflow(self, name: str) -> Workflow:
        """Raises NotFoundError, with the nearest name there is."""
        return one_of(self.project.workflows, name, "workflow")

    def persona(self, name: str) -> Persona:
        """Raises NotFoundError, with the nearest name there is."""
        return one_of(self.project.personas, name, "persona")


def open_sound(path: Path) -> Folder:
    """The project in ``path``, without a single error. Raises NotFoundError, ProblemsFound."""
    return opened(path, check(path).sound())


def open_as_it_is(path: Path) -> Folder:
    """The project while it is being written: only `nurture.toml` has to be sound. Raises NotFoundError, ProblemsFound."""
    project = load_project(path)
    _refuse([problem for problem in project.problems if problem.place.file == FILE])
    return opened(path, project)


def read_toml(path: Path) -> Workspace:
    """What the project's `nurture.toml` says, and nothing else of it. Raises NotFoundError, ProblemsFound."""
    try:
        source = (path / FILE).read_bytes()
    except FileNotFoundError:
        hint = "name the project's folder with --project DIR"
        raise NotFoundError(f"there is no {FILE} in {path}", hint=hint) from None
    workspace, problems = read_workspace(source)
    _refuse(problems)
    assert workspace is not None
    return workspace


def opened(path: Path, project: Project) -> Folder:
    """The project that was read from ``path``, with its templates; its `nurture.toml` is known to be sound."""
    assert project.workspace is not None
    return Folder(project, project.workspace, Library(template_sources(path)[0]))


def _refuse(problems: list[Problem]) -> None:
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if errors:
        raise ProblemsFound(errors)


def one_of(named: Mapping[str, _Named], name: str, what: str) -> _Named:
    """What bears this name. Raises NotFoundError, with the nearest name there is, else all of them."""
    if name not in named:
        known = f"known are {', '.join(sorted(named))}" if named else f"the project has no {what} yet"
        raise NotFoundError(f"there is no {what} '{name}'", hint=did_you_mean(name, list(named)) or known)
    return named[name]
