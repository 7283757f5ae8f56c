"""What is published, ready to use: the workspace, workflows, offers and templates that workers and pages go by.

It comes from the database, never from the folder, and is read again only when something new was published.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from time import monotonic
from typing import TypeVar

from sqlalchemy import Connection

from nurture.db import content, reckoning
from nurture.model.errors import NotFoundError, NurtureError, Problem, did_you_mean
from nurture.model.workspace import Workspace
from nurture.rendering.templates import Library, TemplateSource
from nurture.workflow.documents import Offer, Persona, Read, Segment, read_offer, read_persona, read_segment
from nurture.workflow.model import Stage, Workflow, followers, purposes_of
from nurture.workflow.reader import read_workflow
from nurture.workflow.workspace import FILE, read_workspace

TEMPLATES = "templates/"
FRESH = 0.1
"""Seconds for which a process believes what it last read: a turn asks several times, for each batch anew."""
AGAIN = "publish it again"

_Document = TypeVar("_Document", Offer, Persona, Segment)
Reading = tuple[Read | None, list[Problem]]


@dataclass(frozen=True)
class Published:
    """One state of the published project. ``workflows`` are the versions that new contacts enter."""

    fingerprint: str
    workspace: Workspace
    workflows: Mapping[str, Workflow]
    offers: Mapping[str, Offer]
    personas: Mapping[str, Persona]
    segments: Mapping[str, Segment]
    templates: Library

    @cached_property
    def listeners(self) -> Mapping[str, tuple[Workflow, ...]]:
        """Which workflows an event of this name may enroll into."""
        found: dict[str, list[Workflow]] = {}
        for workflow in self.workflows.values():
            for stage in workflow.entries():
                name = stage.trigger.event if stage.trigger else None
                if name and workflow not in found.get(name, []):
                    found.setdefault(name, []).append(workflow)
        return {name: tuple(workflows) for name, workflows in found.items()}

    @cached_property
    def followers(self) -> Mapping[str, tuple[tuple[Workflow, Stage], ...]]:
        """Which workflows, at which stage, take in who is lost at ``WORKFLOW/STAGE``."""
        return followers(self.workflows.values())

    @cached_property
    def purposes(self) -> tuple[str, ...]:
        """Every permission that a workflow relies on or an offer asks for, by name."""
        asked = {offer.consent.purpose for offer in self.offers.values() if offer.consent}
        return tuple(sorted(purposes_of(self.workflows.values()) | asked))

    def workflow(self, name: str) -> Workflow:
        """The published workflow of this name. Raises NotFoundError."""
        if name not in self.workflows:
            hint = did_you_mean(name, list(self.workflows)) or "`nurture publish` makes workflows live"
            raise NotFoundError(f"there is no published workflow '{name}'", hint=hint)
        return self.workflows[name]


@dataclass
class Shelf:
    """Keeps what is published in memory, for all threads of a process."""

    _published: Published | None = None
    _asked_at: float = -FRESH
    _versions: dict[str, Workflow] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def published(self, tx: Connection) -> Published:
        """The present state, at most a tenth of a second old. Raises NurtureError when nothing was published yet."""
        with self._lock:
            if self._published is not None and monotonic() - self._asked_at < FRESH:
                return self._published
        now = content.fingerprint(tx)
        with self._lock:
            self._asked_at = monotonic()
            if self._published is None or self._published.fingerprint != now:
                self._published = _read(tx, now)
            return self._published

    def forget(self) -> None:
        """Something was published here: ask again at the next need."""
        self._asked_at = -FRESH

    def versions(self, tx: Connection, wanted: Collection[str]) -> dict[str, Workflow]:
        """Workflows by version: enrollments stay in the one they entered."""
        missing = set(wanted) - self._versions.keys()
        if missing:
            known = content.versions(tx, missing)
            texts = content.contents(tx, {version.content for version in known.values()})
            for name, version in known.items():
                self._versions[name] = _workflow(version.path, texts[version.content])
        return {name: self._versions[name] for name in wanted if name in self._versions}

    def older(self, tx: Connection) -> list[Workflow]:
        """The versions that are not live any more and that somebody is still under way in."""
        live = {one.version for one in self.published(tx).workflows.values()}
        return list(self.versions(tx, reckoning.live_versions(tx) - live).values())


def _read(tx: Connection, fingerprint: str) -> Published:
    files = content.published_files(tx)
    if FILE not in files:
        raise NurtureError("nothing has been published yet", hint="run `nurture publish`")
    workspace, problems = read_workspace(files[FILE])
    if workspace is None:
        raise NurtureError(f"the published {FILE} cannot be read: {problems[0]}", hint=AGAIN)
    heads = content.workflow_heads(tx)
    versions = content.versions(tx, list(heads.values()))
    texts = content.contents(tx, {version.content for version in versions.values()})
    return Published(
        fingerprint=fingerprint,
        workspace=workspace,
        workflows={
            name: _workflow(versions[head].path, texts[versions[head].content])
            for name, head in heads.items()
        },
        offers={one.name: one for one in _documents(files, "offers/", read_offer, Offer)},
        personas={one.name: one for one in _documents(files, "personas/", read_persona, Persona)},
        segments={one.name: one for one in _documents(files, "segments/", read_segment, Segment)},
        templates=Library(
            TemplateSource.at(path.removeprefix(TEMPLATES), data.decode())
            for path, data in files.items()
            if path.startswith(TEMPLATES)
        ),
    )


def _documents(
    files: Mapping[str, bytes], folder: str, read: Callable[[bytes, str], Reading], kind: type[_Document]
) -> Iterator[_Document]:
    """The published files of one folder, which were sound when they were published."""
    for path, data in files.items():
        if not (path.startswith(folder) and path.endswith(".yaml")):
            continue
        found, problems = read(data, path)
        if found is None or not isinstance(found.document, kind):
            raise NurtureError(f"the published {path} cannot be read any more: {problems[0]}", hint=AGAIN)
        yield found.document


def _workflow(path: str, text: bytes) -> Workflow:
    workflow, problems = read_workflow(text, path)
    if workflow is None:
        raise NurtureError(f"a published version cannot be read any more: {problems[0]}", hint=AGAIN)
    return workflow
