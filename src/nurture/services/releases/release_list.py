"""Every state that was live, newest first, each with what it changed of the one before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from nurture.db import content, releases
from nurture.db.releases import ReleaseKind
from nurture.services.runtime import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseLine:
    """One release. ``live`` when it is what is live now; ``workflows`` and ``files`` are those it changed."""

    id: int
    at: datetime
    kind: ReleaseKind
    actor: str
    live: bool
    workflows: tuple[str, ...]
    files: int


def listing(runtime: Runtime, last: int = 20) -> tuple[ReleaseLine, ...]:
    """The last releases, newest first."""
    with runtime.database.read() as tx:
        found = releases.latest(tx, last + 1)
        published = content.publications(tx)
    lines = []
    for number, one in enumerate(found[:last]):
        before = found[number + 1] if number + 1 < len(found) else None
        lines.append(
            ReleaseLine(
                id=one.id,
                at=one.at,
                kind=one.kind,
                actor=one.actor,
                live=number == 0 and one.holds(published),
                workflows=tuple(_differing(before.heads if before else {}, one.heads)),
                files=len(_differing(before.files if before else {}, one.files)),
            )
        )
    return tuple(lines)


def _differing(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    return [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
