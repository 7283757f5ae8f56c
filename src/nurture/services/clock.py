"""The business clock of a demo or a test: told, and moved forward. A workspace that is in earnest cannot move it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from nurture.db import audit, counts, due, state
from nurture.db.audit import Deed
from nurture.model.errors import NurtureError
from nurture.services.presence import alive
from nurture.services.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Reading:
    """What the clock says: business time, how far it is ahead, what is due by it, and who is there to do it."""

    now: datetime
    ahead: timedelta
    due_turns: int
    due_messages: int
    next_at: datetime | None
    workers: int


def read_clock(runtime: Runtime) -> Reading:
    with runtime.database.read() as tx:
        return _reading(runtime, tx, state.clock_offset(tx))


def advance(runtime: Runtime, by: timedelta, actor: str = "command line") -> Reading:
    """Move the business clock forward by ``by``; running workers then do what is due.

    Raises NurtureError unless the published workspace says ``clock = "movable"``.
    """
    operational = runtime.clock.operational()
    with runtime.database.write() as tx:
        if not runtime.shelf.published(tx).workspace.movable_clock:
            raise NurtureError(
                "the clock of this workspace does not move: it sends real mail at the real time",
                hint='for a demo or a test write clock = "movable" under [workspace] in nurture.toml and publish',
            )
        ahead = state.advance_clock(tx, by, operational)
        audit.note(tx, Deed(operational, actor, "advance", "clock", {"seconds": by.total_seconds()}))
        return _reading(runtime, tx, ahead)


def _reading(runtime: Runtime, tx: Connection, ahead: timedelta) -> Reading:
    operational = runtime.clock.operational()
    now = operational + ahead
    waiting = due.count(tx, now, operational)
    following = counts.next_moment(tx)
    return Reading(now, ahead, waiting.turns, waiting.deliveries, following, alive(tx, "worker", operational))
