"""The business clock of a demo or a test: told, and moved forward. A workspace that is in earnest cannot move it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic

from sqlalchemy import Connection

from nurture.db import counts, due, state
from nurture.db.counts import Done
from nurture.model.clock import Clock
from nurture.model.errors import NurtureError
from nurture.services.events import watch
from nurture.services.presence import alive
from nurture.services.runtime import Runtime

GRID = timedelta(minutes=10)
"""Passing smoothly, what falls due within ten minutes is done together, as a busy worker would."""
PATIENCE = 20.0
"""Seconds that somebody waits for a page; what is not done by then is left to the workers."""
LEASE = timedelta(minutes=1)
_LEASE = "moving-clock"

Work = Callable[[Runtime], None]
"""Does everything that is due by this runtime's clock."""


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


@dataclass(frozen=True, slots=True)
class Passed:
    """How a span of time went by. ``all_done`` is False when the last part was jumped and is left to the workers."""

    reading: Reading
    done: Done
    all_done: bool


def is_movable(runtime: Runtime) -> bool:
    """May the clock of the published workspace be moved?"""
    return runtime.published().workspace.movable_clock


def advance(runtime: Runtime, by: timedelta, actor: str = "command line") -> Reading:
    """Move the business clock forward by ``by``; running workers then do what is due.

    Raises NurtureError unless the published workspace says ``clock = "movable"``.
    """
    operational = runtime.clock.operational()
    with runtime.database.write() as tx:
        _require_movable(runtime, tx)
        ahead = state.advance_clock(tx, by, operational)
        runtime.audit(tx, actor, "advance", "clock", {"seconds": by.total_seconds()})
        return _reading(runtime, tx, ahead)


def advance_smoothly(
    runtime: Runtime, by: timedelta, work: Work, actor: str, *, patience: float = PATIENCE
) -> Passed:
    """Let ``by`` pass as it would in life: to each moment at which something falls due, and do it before going on.

    Jumped over at once, a week would find a reminder and the mail before it due in one moment, and every wait that
    follows would be counted from the end of the week. So the clock stops wherever something is due. ``work`` does it
    here, in the asking process: waiting for workers would cost their second of a scan, and half a second to notice the
    moved clock, at each of a hundred stops. Workers may run beside it: claims keep one message from being sent twice.
    After ``patience`` seconds the rest is jumped, and left to them.

    Raises NurtureError unless the clock is movable, or while somebody else is moving it.
    """
    gives_up = monotonic() + patience
    holder = secrets.token_hex(8)
    with runtime.database.write() as tx:
        _require_movable(runtime, tx)
        clock = _MovedClock(runtime.clock, state.clock_offset(tx))
        _hold(tx, holder, runtime.clock.operational())
        runtime.audit(tx, actor, "advance", "clock", {"seconds": by.total_seconds()})
    since = clock.now()
    until = since + by
    moved = replace(runtime, clock=clock)
    try:
        work(moved)
        while (now := clock.now()) < until and monotonic() < gives_up:
            _move(runtime, clock, min(_next_stop(runtime, now, since), until) - now, holder)
            work(moved)
        left = max(until - clock.now(), timedelta())
        _move(runtime, clock, left, holder)
    finally:
        _let_go(runtime, holder)
    with runtime.database.read() as tx:
        return Passed(
            _reading(runtime, tx, clock.ahead), counts.done_between(tx, since, clock.now()), all_done=not left
        )


@dataclass(slots=True)
class _MovedClock:
    """Business time at an offset that we have just written: a process learns of a new one half a second later."""

    real: Clock
    ahead: timedelta

    def now(self) -> datetime:
        return self.real.operational() + self.ahead

    def operational(self) -> datetime:
        return self.real.operational()


def _next_stop(runtime: Runtime, now: datetime, since: datetime) -> datetime:
    """The next moment on the grid at which something is due; the end of time when nothing is."""
    with runtime.database.read() as tx:
        moments = (counts.next_moment(tx, after=now), watch.next_moment(tx, runtime, now))
    due_at = min(filter(None, moments), default=None)
    if due_at is None:
        return datetime.max.replace(tzinfo=now.tzinfo)
    past = (due_at - since) % GRID
    return due_at + GRID - past if past else due_at


def _move(runtime: Runtime, clock: _MovedClock, by: timedelta, holder: str) -> None:
    with runtime.database.write() as tx:
        _hold(tx, holder, runtime.clock.operational())
        clock.ahead = state.advance_clock(tx, by, runtime.clock.operational())


def _hold(tx: Connection, holder: str, operational: datetime) -> None:
    """One at a time: a second click on the same button would otherwise let twice the time pass."""
    if not state.lead(tx, _LEASE, holder, operational, LEASE):
        raise NurtureError("somebody is moving the clock just now", hint="wait a few seconds, and look again")


def _let_go(runtime: Runtime, holder: str) -> None:
    with runtime.database.write() as tx:
        state.lead(tx, _LEASE, holder, runtime.clock.operational(), -LEASE)


def _require_movable(runtime: Runtime, tx: Connection) -> None:
    if not runtime.shelf.published(tx).workspace.movable_clock:
        raise NurtureError(
            "the clock of this workspace does not move: it sends real mail at the real time",
            hint='for a demo or a test write clock = "movable" under [workspace] in nurture.toml and publish',
        )


def _reading(runtime: Runtime, tx: Connection, ahead: timedelta) -> Reading:
    operational = runtime.clock.operational()
    now = operational + ahead
    waiting = due.count(tx, now, operational)
    following = counts.next_moment(tx, after=now)
    return Reading(now, ahead, waiting.turns, waiting.deliveries, following, alive(tx, "worker", operational))
