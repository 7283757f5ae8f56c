"""What a plan says, as values: what happens to each workflow, who stands where, which files differ, what leaves then.

A page and a command print the same of them (``plan_words``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from nurture.db.releases import ReleaseKind
from nurture.engine.migrating import Obstacle
from nurture.model.workspace import Limits
from nurture.services.files.project_files import Files
from nurture.services.releases.forecast import Forecast
from nurture.services.releases.wishes import NO_WISH, Wish
from nurture.workflow.changes import Change
from nurture.workflow.project import Project


class Fate(StrEnum):
    """What happens to a workflow."""

    NEW = "new"
    NEW_VERSION = "new version"
    OTHER_WORDS = "other words"
    """The same version: only what people read changed."""
    UNCHANGED = "unchanged"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Contacts who stand at one step of an older version, and where they would go on, or why not.

    ``before`` and ``after`` are when the first of them is due; ``at_once`` how many are due by the new rule already.
    """

    version: str
    stage: str
    step: str | None
    count: int
    goal: str | None = None
    obstacle: Obstacle | None = None
    before: datetime | None = None
    after: datetime | None = None
    at_once: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowPlan:
    """One workflow. ``under_way`` contacts are in it, ``current`` of them in the version that would be live.

    ``taken_along`` says whether this plan takes those of older versions into the new one.
    """

    name: str
    before: str | None
    after: str | None
    under_way: int
    current: int = 0
    taken_along: bool = False
    changes: tuple[Change, ...] = ()
    groups: tuple[Group, ...] = ()

    @property
    def fate(self) -> Fate:
        if self.before is None:
            return Fate.NEW
        if self.after is None:
            return Fate.WITHDRAWN
        if self.before != self.after:
            return Fate.NEW_VERSION
        return Fate.OTHER_WORDS if self.changes else Fate.UNCHANGED

    @property
    def can(self) -> int:
        """How many of older versions a migration takes along."""
        return sum(group.count for group in self.groups if group.obstacle is None)

    @property
    def cannot(self) -> int:
        """How many it cannot."""
        return sum(group.count for group in self.groups if group.obstacle is not None)

    @property
    def mapped(self) -> int:
        """How many this plan takes along."""
        return self.can if self.taken_along else 0

    @property
    def unmappable(self) -> int:
        """How many this plan would take along and cannot: they stay."""
        return self.cannot if self.taken_along else 0

    @property
    def staying(self) -> int:
        """How many go on in the version they are in."""
        return self.under_way - self.mapped


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that is ``new``, ``changed`` or ``withdrawn``; of settings also which ``keys``."""

    path: str
    how: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that publishing would do. ``live`` is the state that it was compared with."""

    kind: ReleaseKind
    files: Files
    project: Project
    live: str
    workflows: tuple[WorkflowPlan, ...]
    file_changes: tuple[FileChange, ...]
    forecast: Forecast
    wish: Wish = field(default_factory=lambda: NO_WISH)
    notes: tuple[str, ...] = ()
    release: int | None = None
    """The release that would be live again."""
    hashes: Mapping[str, str] = field(default_factory=dict)

    @property
    def seal(self) -> str:
        """Changes with a byte of the files, with what is live, and with who is taken along: what a yes is a yes to."""
        wish = sorted((name, sorted(names.items())) for name, names in self.wish.items())
        told = (self.kind.value, self.release, self.live, sorted(self.hashes.items()), wish)
        return sha256(repr(told).encode()).hexdigest()

    @property
    def limits(self) -> Limits:
        assert self.project.workspace is not None  # a sound project has one
        return self.project.workspace.limits

    @property
    def changes_anything(self) -> bool:
        return bool(self.file_changes) or any(one.mapped for one in self.workflows)

    @property
    def too_many(self) -> bool:
        """More messages than `[limits]` lets through without asking."""
        most = self.limits.messages
        return most is not None and self.forecast.messages > most

    @property
    def withdrawn(self) -> tuple[WorkflowPlan, ...]:
        return tuple(one for one in self.workflows if one.fate is Fate.WITHDRAWN)

    @property
    def needs_a_yes(self) -> bool:
        """It must not go live without somebody who says so."""
        return self.changes_anything and (self.too_many or bool(self.withdrawn))
