"""What people did: who, when, what, to whom. Written with the deed, in its transaction; never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from nurture.db.tables import AuditRow, table_of
from nurture.model.words import NOTHING

A = table_of(AuditRow)


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing somebody did; ``subject`` is what it was done to (``contact:7``, ``workflow:win-back``)."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


def note(tx: Connection, deed: Deed) -> None:
    """Write it down."""
    values = {"at": deed.at, "actor": deed.actor, "action": deed.action, "subject": deed.subject}
    tx.execute(insert(A), values | {"detail": dict(deed.detail)})


def latest(tx: Connection, *, limit: int = 100) -> list[Deed]:
    """The last deeds, newest first."""
    return [deed for _, deed in page(tx, limit=limit)]


def page(tx: Connection, *, before: int | None = None, limit: int = 100) -> list[tuple[int, Deed]]:
    """The last deeds with their ids, newest first, at most ``limit``, with ids below ``before``."""
    values = {"before": before or 2**62, "most": limit}
    return [(id_, Deed(*deed)) for id_, *deed in tx.execute(_PAGE, values)]


_PAGE = (
    select(A.c.id, A.c.at, A.c.actor, A.c.action, A.c.subject, A.c.detail)
    .where(A.c.id < bindparam("before"))
    .order_by(A.c.id.desc())
    .limit(bindparam("most"))
)
