"""Messages that go back to the outbox with another date: they waited, and it is no good time any more.

Only who holds the claim may put one off. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, Update, update

from nurture.db.deliveries import ENDED, D
from nurture.db.sets import given, run_on, same_row, word
from nurture.model.words import DeliveryState


@dataclass(frozen=True, slots=True)
class PutOff:
    """A claimed message that is to leave at ``due`` (business time) instead."""

    id: int
    fence: int
    due: datetime


def put_off(tx: Connection, messages: Sequence[PutOff]) -> set[int]:
    """Give these claims back with a new date; returns the ids that were still ours."""
    rows = [{"id": one.id, "fence": one.fence, "due": one.due} for one in messages]
    return set(run_on(tx, _put_off, rows).scalars()) if rows else set()


@cache
def _put_off(dialect: str) -> Update:
    row = given(dialect, id=D.c.id, fence=D.c.fence, due=D.c.due)
    return (
        update(D)
        .where(
            same_row(dialect, D.c.id, row),
            D.c.fence == row.c.fence,
            D.c.state == word(DeliveryState.CLAIMED),
        )
        .values(ENDED | {"state": DeliveryState.PENDING.value, "due": row.c.due})
        .returning(D.c.id)
    )
