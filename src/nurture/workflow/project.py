"""A project folder read whole: the workspace, all workflows, offers, personas, segments, and which templates and assets exist.

Refuses no file for another's fault: each is read as far as it goes, and every problem is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nurture.model.errors import NotFoundError, Place, Problem
from nurture.model.workspace import Workspace
from nurture.workflow.documents import Offer, Persona, Read, Segment, read_offer, read_persona, read_segment
from nurture.workflow.model import Workflow
from nurture.workflow.reader import Draft, read_draft
from nurture.workflow.scenarios import ScenarioFile, read_scenario
from nurture.workflow.strays import FOLDERS, is_hidden, kind_of, misplaced, name_of, strays
from nurture.workflow.toml_text import read_toml
from nurture.workflow.workspace import FILE, read_workspace
from nurture.workflow.yaml_text import MAX_BYTES, MapNode

EMAIL_SUFFIXES = (".md", ".html", ".txt")


@dataclass(frozen=True, slots=True)
class Project:
    """Everything a folder holds. ``problems`` are those of reading; the checks find more."""

    folder: Path
    workspace: Workspace | None
    """None when ``nurture.toml`` cannot be read at all."""
    drafts: tuple[Draft, ...] = ()
    documents: tuple[Read, ...] = ()
    scenarios: tuple[ScenarioFile, ...] = ()
    """Tests of workflows: read and checked with the rest, and no part of what goes live."""
    emails: frozenset[str] = frozenset()
    """Names of templates, without language and suffix."""
    scripts: frozenset[str] = frozenset()
    assets: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = field(default=())
    unread: frozenset[tuple[str, str]] = frozenset()
    """Kind and name of each file that could not be read: who names it is not to blame."""
    toml: MapNode | None = None
    """The words of ``nurture.toml``, with their places."""

    def names(self, kind: str) -> frozenset[str]:
        """The names of all offers, personas, segments or workflows, the unreadable ones among them."""
        if kind == "workflow":
            found = {draft.workflow.name for draft in self.drafts}
        else:
            found = {
                read.document.name for read in self.documents if type(read.document).__name__.lower() == kind
            }
        return frozenset(found | {name for other, name in self.unread if other == kind})

    @property
    def workflows(self) -> Mapping[str, Workflow]:
        """The workflows without an error in their own file."""
        return {draft.workflow.name: draft.workflow for draft in self.drafts if draft.sound}

    @property
    def offers(self) -> Mapping[str, Offer]:
        return {
            read.document.name: read.document for read in self.documents if isinstance(read.document, Offer)
        }

    @property
    def personas(self) -> Mapping[str, Persona]:
        return {
            read.document.name: read.document for read in self.documents if isinstance(read.document, Persona)
        }

    @property
    def segments(self) -> Mapping[str, Segment]:
        return {
            read.document.name: read.document for read in self.documents if isinstance(read.document, Segment)
        }


def load_project(folder: Path, drafts: tuple[Path, ...] = (), otherwise: str = "workflow") -> Project:
    """Read the folder, and ``drafts``: files elsewhere that are to be checked as if they were in it.

    A draft that does not say by its keys what it is, is taken for ``otherwise``. Raises NotFoundError when the folder holds no ``nurture.toml``.
    """
    if not (folder / FILE).is_file():
        raise NotFoundError(
            f"there is no {FILE} in {folder}", hint="name the project's folder with --project DIR"
        )
    return _Loader(folder).project(drafts, otherwise)


@dataclass(slots=True)
class _Loader:
    folder: Path
    problems: list[Problem] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    documents: list[Read] = field(default_factory=list)
    scenarios: list[ScenarioFile] = field(default_factory=list)
    unread: set[tuple[str, str]] = field(default_factory=set)

    def project(self, more: tuple[Path, ...], otherwise: str) -> Project:
        source = self._bytes(self.folder / FILE)
        workspace, problems = read_workspace(source) if source is not None else (None, [])
        self.problems.extend(problems)
        for part, read in _PARTS.items():
            for path in self._yaml_files(part):
                if not self._is_misplaced(path):
                    read(self, path)
        self.problems.extend(strays(self.folder))
        for path in more:
            self._by_its_keys(path, otherwise)
        self._forget_replaced(len(more))
        return Project(
            folder=self.folder,
            workspace=workspace,
            drafts=tuple(self.drafts),
            documents=tuple(self.documents),
            scenarios=tuple(self.scenarios),
            emails=frozenset(_names(self.folder / "templates" / "email", EMAIL_SUFFIXES)),
            scripts=frozenset(_names(self.folder / "templates" / "call", (".txt",))),
            assets=frozenset(path.name for path in _files(self.folder / "assets")),
            problems=tuple(sorted(self.problems)),
            unread=frozenset(self.unread),
            toml=read_toml(source, FILE)[0] if source is not None else None,
        )

    def _yaml_files(self, part: str) -> Iterator[Path]:
        return (path for path in _files(self.folder / part) if path.suffix == ".yaml")

    def _is_misplaced(self, path: Path) -> bool:
        try:
            found = misplaced(path.read_bytes(), path, self._name(path))
        except OSError:
            return False  # told when it is read
        self.problems.extend([found] if found else [])
        return found is not None

    def _name(self, path: Path) -> str:
        """The path as people see it: relative to the project folder when it is inside."""
        return (
            path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else path.as_posix()
        )

    def _bytes(self, path: Path) -> bytes | None:
        try:
            with path.open("rb") as file:
                return file.read(MAX_BYTES + 1)
        except OSError as error:
            reason = error.strerror or "it cannot be opened"
            self.problems.append(
                Problem(Place(self._name(path)), "unreadable-file", f"the file cannot be read: {reason}")
            )
            return None

    def workflow(self, path: Path) -> None:
        source = self._bytes(path)
        if source is not None:
            draft, problems = read_draft(source, self._name(path))
            self.problems.extend(problems)
            self.drafts.extend([draft] if draft else [])
            self._note_unread(draft, "workflow", source, path)

    def document(self, path: Path, read: Callable[[bytes, str], tuple[Read | None, list[Problem]]]) -> None:
        source = self._bytes(path)
        if source is not None:
            document, problems = read(source, self._name(path))
            self.problems.extend(problems)
            self.documents.extend([document] if document else [])
            self._note_unread(document, FOLDERS.get(path.parent.name, ""), source, path)

    def _note_unread(self, found: object, kind: str, source: bytes, path: Path) -> None:
        if found is None:
            self.unread.add((kind, name_of(source, path)))

    def scenario(self, path: Path) -> None:
        source = self._bytes(path)
        if source is not None:
            found = read_scenario(source, self._name(path))
            self.problems.extend(found.problems)
            self.scenarios.append(found)

    def _forget_replaced(self, more: int) -> None:
        """A file from elsewhere stands for the one of the same name in the folder."""
        outside = [draft for draft in self.drafts if not self._inside(draft.file)]
        names = {draft.workflow.name for draft in outside} if more else set()
        replaced = {draft.file for draft in self.drafts if draft.workflow.name in names} - {
            d.file for d in outside
        }
        self.drafts = [draft for draft in self.drafts if draft.file not in replaced]
        self.problems = [problem for problem in self.problems if problem.place.file not in replaced]

    def _inside(self, file: str) -> bool:
        return file.startswith("workflows/")

    def _by_its_keys(self, path: Path, otherwise: str) -> None:
        """A file outside of the folders says by its keys what it is."""
        kind = kind_of(self._bytes(path) or b"") or otherwise
        part = next(folder for folder, word in FOLDERS.items() if word == kind)
        _PARTS[part](self, path)


_PARTS: Mapping[str, Callable[[_Loader, Path], None]] = {
    "workflows": _Loader.workflow,
    "offers": lambda loader, path: loader.document(path, read_offer),
    "personas": lambda loader, path: loader.document(path, read_persona),
    "segments": lambda loader, path: loader.document(path, read_segment),
    "scenarios": _Loader.scenario,
}


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_file() and not is_hidden(path, folder))


def _names(folder: Path, suffixes: tuple[str, ...]) -> Iterator[str]:
    """``guide-delivery`` for ``guide-delivery.md``; its variant ``guide-delivery.fr.md`` alone would not do."""
    return (path.stem for path in _files(folder) if path.suffix in suffixes and "." not in path.stem)
