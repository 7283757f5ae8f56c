"""The day ahead: which calls are to be made today, and what falls due in the next 24 hours.

Counts what is known now; contacts who act meanwhile change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from nurture.db import counts, needs
from nurture.model.calendars import day_span
from nurture.model.teams import person_key
from nurture.services.runtime import Runtime

AHEAD = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayAhead:
    """What is to be done. ``calls_today`` counts what is due before midnight in the workspace's zone, late ones too."""

    now: datetime
    until: datetime
    calls_today: int
    my_calls_today: int
    late_calls: int
    messages: int
    """That leave in the next 24 hours, or wait to."""
    new_calls: int
    """That open in the next 24 hours."""
    contacts: int
    """Under way."""
    next_at: datetime | None
    """When the next thing falls due after now; None when nothing does."""
    waiting_since: datetime | None
    """Since when the oldest due work waits; None when nothing is late."""


def day_ahead(runtime: Runtime, person: str) -> DayAhead:
    """The day of everybody, and of the one with this address."""
    now = runtime.now()
    with runtime.database.read() as tx:
        zone = runtime.shelf.published(tx).workspace.zone
        _, midnight = day_span(now.astimezone(zone).date(), zone)
        today = needs.calls_until(tx, midnight)
        by_kind = _steps_ahead(tx, runtime, now + AHEAD)
        return DayAhead(
            now=now,
            until=now + AHEAD,
            calls_today=sum(today.values()),
            my_calls_today=today.get(person_key(person), 0),
            late_calls=sum(needs.calls_until(tx, now).values()),
            messages=by_kind.get("email", 0) + needs.messages_until(tx, now + AHEAD),
            new_calls=by_kind.get("call_task", 0),
            contacts=counts.contacts_under_way(tx),
            next_at=counts.next_moment(tx, after=now),
            waiting_since=counts.waiting_since(tx, now),
        )


def _steps_ahead(tx: Connection, runtime: Runtime, until: datetime) -> Mapping[str, int]:
    """How many steps of each kind fall due; a wait that ends at once leads on, and is not followed."""
    due = needs.steps_until(tx, until)
    versions = runtime.shelf.versions(tx, {one.version for one in due})
    found: dict[str, int] = {}
    for one in due:
        version = versions.get(one.version)
        step = version.steps.get(one.step) if version else None
        if step:
            found[step.kind] = found.get(step.kind, 0) + one.count
    return found
