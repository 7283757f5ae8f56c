"""A calendar or our own zone changed: whoever waits by it is looked at again, and waits by the new one.

It moves nothing itself: the next turn works the time out anew and notes it with its reason. What has been planned
already, a message on its way or an open call, keeps its time: somebody may count on it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from nurture.db import reckoning
from nurture.db.reckoning import Look
from nurture.model.workspace import Workspace
from nurture.services.published import Shelf
from nurture.services.spread import per_minute, turn_at

HEARD = timedelta(seconds=1)
"""By then every process has heard of what was published: none looks with the old calendar any more."""


def look_again(tx: Connection, shelf: Shelf, before: Workspace, after: Workspace, now: datetime) -> int:
    """Have those looked at who wait by what changed from ``before`` to ``after``; returns how many.

    Spread over minutes, those due soonest first; nobody is looked at later than they would have been.
    """
    names = before.calendars.keys() | after.calendars.keys()
    changed = {name for name in names if before.calendars.get(name) != after.calendars.get(name)}
    moved = before.timezone != after.timezone
    if not changed and not moved:
        return 0
    versions = shelf.versions(tx, reckoning.live_versions(tx))
    by_calendar = {version for version, workflow in versions.items() if workflow.calendar in changed}
    ids = reckoning.waiting(tx, by_calendar, without_zone=moved)
    each_minute = per_minute(len(ids))
    first = now + HEARD
    reckoning.look_again(tx, (Look(one, turn_at(place, each_minute, first)) for place, one in enumerate(ids)))
    return len(ids)
