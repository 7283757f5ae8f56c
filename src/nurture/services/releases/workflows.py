"""The workflows as they run: which there are, who is in them, in which version, and who was refused.

Reads what is published, never the folder; a workflow that was withdrawn is shown as long as anybody was ever in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from nurture.db import content, funnel, pauses
from nurture.db.content import Version
from nurture.db.pauses import PauseRecord, PauseScope
from nurture.model.errors import NotFoundError, did_you_mean
from nurture.model.words import Status
from nurture.services.runtime import Runtime
from nurture.workflow.documents import Persona
from nurture.workflow.model import Workflow


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One workflow in the list. ``current`` is False when it takes nobody new."""

    workflow: Workflow
    current: bool
    published_at: datetime
    paused: PauseRecord | None
    active: int
    completed: int
    lost: int
    exited: int

    @property
    def n(self) -> int:
        """All who ever entered."""
        return self.active + self.completed + self.lost + self.exited


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionLine:
    """One version: who lives in it, and who ever entered it."""

    version: str
    published_at: datetime
    current: bool
    active: int
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """One workflow: its line, its persona, its versions with the newest first, and refused entries by rule."""

    line: Line
    path: str
    persona: Persona | None
    versions: tuple[VersionLine, ...]
    refusals: Mapping[str, int]


def published(runtime: Runtime) -> Mapping[str, Workflow]:
    """The workflows that new contacts enter; none before anything was published."""
    with runtime.database.read() as tx:
        return _published(runtime, tx)


def known(runtime: Runtime, name: str | None = None) -> Mapping[str, Workflow]:
    """Every workflow that is published or that anybody was ever in; with ``name``, that one. Raises NotFoundError."""
    with runtime.database.read() as tx:
        found = {one: line.workflow for one, (line, _) in _lines(runtime, tx).items()}
    if name is None:
        return found
    if name not in found:
        raise _unknown(name, found)
    return {name: found[name]}


def listing(runtime: Runtime) -> tuple[Line, ...]:
    """Every workflow, in the order of their names."""
    with runtime.database.read() as tx:
        return tuple(one for one, _ in _lines(runtime, tx).values())


def whole(runtime: Runtime, name: str) -> Whole:
    """One workflow. Raises NotFoundError."""
    with runtime.database.read() as tx:
        lines = _lines(runtime, tx)
        if name not in lines:
            raise _unknown(name, lines)
        line, head = lines[name]
        counted = funnel.versions_of(tx, name)
        known = [one for one in content.versions(tx).values() if one.workflow == name]
        personas = runtime.shelf.published(tx).personas
        return Whole(
            line=line,
            path=head.path,
            persona=personas.get(line.workflow.persona or ""),
            versions=tuple(
                VersionLine(
                    version=one.version,
                    published_at=one.published_at,
                    current=line.current and one.version == head.version,
                    active=counted.get(one.version, (0, 0))[0],
                    n=counted.get(one.version, (0, 0))[1],
                )
                for one in reversed(known)
            ),
            refusals=funnel.refusals(tx, name),
        )


def _unknown(name: str, there: Iterable[str]) -> NotFoundError:
    names = sorted(there)
    known = f"known are {', '.join(names)}" if names else "`nurture publish` makes workflows live"
    return NotFoundError(f"there is no workflow '{name}'", hint=did_you_mean(name, names) or known)


def _published(runtime: Runtime, tx: Connection) -> Mapping[str, Workflow]:
    if not content.publications(tx):
        return {}
    return runtime.shelf.published(tx).workflows


def _lines(runtime: Runtime, tx: Connection) -> dict[str, tuple[Line, Version]]:
    """By name: each with the version that new contacts enter, or that the last ones did."""
    current = _published(runtime, tx)
    ends = funnel.ends(tx)
    heads = _heads(tx, current, ends)
    read = runtime.shelf.versions(tx, {one.version for one in heads.values()})
    paused = {one.workflow: one for one in pauses.open_pauses(tx, ()) if one.scope is PauseScope.WORKFLOW}
    return {
        name: (
            Line(
                workflow=current.get(name) or read[head.version],
                current=name in current,
                published_at=head.published_at,
                paused=paused.get(name),
                active=ends.get(name, {}).get(Status.ACTIVE, 0),
                completed=ends.get(name, {}).get(Status.COMPLETED, 0),
                lost=ends.get(name, {}).get(Status.LOST, 0),
                exited=ends.get(name, {}).get(Status.EXITED, 0),
            ),
            head,
        )
        for name, head in sorted(heads.items())
    }


def _heads(
    tx: Connection, current: Mapping[str, Workflow], ends: Mapping[str, Mapping[Status, int]]
) -> dict[str, Version]:
    versions = content.versions(tx)
    heads = {one.workflow: one for one in versions.values() if one.workflow in ends}
    return heads | {name: versions[workflow.version] for name, workflow in current.items()}
