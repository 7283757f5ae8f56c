"""A workflow that sends far more than its plan foresaw is paused by itself, before a mistake reaches everybody.

It never lets go by itself: a person looks, and resumes; then the day's count begins anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from nurture.db import content, pauses, releases, volume
from nurture.db.pauses import PauseScope
from nurture.db.volume import BREAKER
from nurture.model.calendars import day_span
from nurture.model.workspace import Limits
from nurture.services.runtime import Runtime

log = structlog.get_logger()

FLOOR = 1_000
"""Messages a day for which nothing stops that was foreseen at all, where ``[limits]`` names no other number."""
EVERY = timedelta(minutes=1)
"""How often one process looks, in operational time."""


@dataclass(frozen=True, slots=True)
class Trip:
    """One workflow beyond its ceiling today."""

    workflow: str
    planned: int
    foreseen: int
    most: int

    @property
    def reason(self) -> str:
        return (
            f"{self.planned:,} messages planned today, where the plan foresaw {self.foreseen:,}: "
            f"more than {self.most:,} stops it"
        )


@dataclass
class Breaker:
    """The one who looks. Any number of processes may; a workflow is paused once."""

    runtime: Runtime
    _looked_at: datetime | None = field(default=None, init=False)

    def look(self) -> list[Trip]:
        """Pause what left its planned volume; returns what this look paused. Does nothing within a minute of the last."""
        operational = self.runtime.clock.operational()
        if self._looked_at is not None and abs(operational - self._looked_at) < EVERY:
            return []
        self._looked_at = operational
        with self.runtime.database.read() as tx:
            trips = self._trips(tx)
        return [trip for trip in trips if self._pause(trip)]

    def _trips(self, tx: Connection) -> list[Trip]:
        if not content.publications(tx):
            return []
        workspace = self.runtime.shelf.published(tx).workspace
        today = self.runtime.now().astimezone(workspace.zone).date()
        midnight, _ = day_span(today, workspace.zone)
        planned = volume.planned_since(tx, midnight)
        if all(number <= _floor(workspace.limits) for number in planned.values()):
            return []
        paused = {one.workflow for one in pauses.open_pauses(tx, ()) if one.scope is PauseScope.WORKFLOW}
        newest = releases.latest(tx, limit=1)
        expected = newest[0].expected if newest else {}
        trips = []
        for name in sorted(planned.keys() - paused):
            found = ceiling(expected, name, today, workspace.limits)
            if found and planned[name] > found[1]:
                trips.append(Trip(name, planned[name], *found))
        return trips

    def _pause(self, trip: Trip) -> bool:
        def write(tx: Connection) -> bool:
            now = self.runtime.now()
            begun = pauses.begin(tx, now, workflow=trip.workflow, reason=trip.reason, actor=BREAKER)
            if begun:
                self.runtime.audit(tx, BREAKER, "pause", trip.workflow, {"reason": trip.reason})
            return begun

        begun = self.runtime.database.retrying(write)
        if begun:
            log.warning("paused by itself", workflow=trip.workflow, planned=trip.planned, most=trip.most)
        return begun


def ceiling(expected: Mapping[str, Any], workflow: str, day: date, limits: Limits) -> tuple[int, int] | None:
    """What the plan foresaw for this workflow and day, and the most that leaves it running; None: nothing stops it.

    On days beyond the plan the fullest of its days counts. A workflow for which the plan foresaw nothing, because nobody
    was in it yet, is held to a floor only where ``[limits]`` names one: its first thousands are what somebody wants.
    """
    messages = expected.get("messages", {}).get(workflow, [])
    if limits.floor is None and not any(messages):
        return None
    by_day = dict(zip(expected.get("days", []), messages, strict=False))
    foreseen = by_day.get(day.isoformat(), max(messages, default=0))
    return foreseen, int(_floor(limits) + limits.factor * foreseen)


def _floor(limits: Limits) -> int:
    return FLOOR if limits.floor is None else limits.floor
