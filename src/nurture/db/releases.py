"""What was live when: every state of the project that was published, so that any of them can be made live again.

Rows are only added. What a release held is kept for ever under the hashes of its files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from nurture.db.sets import AnyRow, limit_param
from nurture.db.tables import ReleaseRow, table_of

R = table_of(ReleaseRow)


class ReleaseKind(StrEnum):
    """Made from the folder, or one that had been live before."""

    PUBLISH = "publish"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRelease:
    """``files`` is path → content hash, ``heads`` workflow → version; ``expected`` what the plan foresaw."""

    at: datetime
    actor: str
    kind: ReleaseKind
    files: Mapping[str, str]
    heads: Mapping[str, str]
    expected: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(NewRelease):
    """One that is stored; ``at`` is business time."""

    id: int

    def holds(self, files: Mapping[str, str]) -> bool:
        """Is it made of these very files?"""
        return dict(self.files) == dict(files)


def add(tx: Connection, new: NewRelease) -> int:
    """Store it; returns its number."""
    values = {
        "at": new.at,
        "actor": new.actor,
        "kind": new.kind.value,
        "files": dict(new.files),
        "heads": dict(new.heads),
        "expected": dict(new.expected),
    }
    return int(tx.execute(insert(R).returning(R.c.id), values).scalar_one())


def get(tx: Connection, release_id: int) -> Release | None:
    row = tx.execute(_BY_ID, {"release": release_id}).first()
    return _release(row) if row else None


def latest(tx: Connection, limit: int = 50) -> list[Release]:
    """The last releases, newest first."""
    return [_release(row) for row in tx.execute(_LATEST, {"most": limit})]


_COLUMNS = tuple(R.c[name] for name in ("id", "at", "actor", "kind", "files", "heads", "expected"))
_BY_ID = select(*_COLUMNS).where(R.c.id == bindparam("release"))
_LATEST = select(*_COLUMNS).order_by(R.c.id.desc()).limit(limit_param("most"))


def _release(row: AnyRow) -> Release:
    return Release(
        id=row.id,
        at=row.at,
        actor=row.actor,
        kind=ReleaseKind(row.kind),
        files=row.files,
        heads=row.heads,
        expected=row.expected,
    )
