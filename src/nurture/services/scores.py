"""Points that events brought fade when their time is over; the contact's workflows hear of it as of any change.

How they are added is told in ``effects``. What was set by hand, a step or an import is the ground they stand on: it stays.
"""

from __future__ import annotations

from sqlalchemy import Connection

from nurture.db import contacts, points
from nurture.services.ingest import note_changes
from nurture.services.runtime import Runtime

CHUNK = 2_000


def fade(runtime: Runtime) -> int:
    """Take off the scores what has had its time; returns how many contacts have another score now."""
    with runtime.database.read() as tx:
        if not points.fading(tx, runtime.now(), most=1):
            return 0
    changed = 0
    while gone := runtime.database.retrying(lambda tx: _fade_some(tx, runtime)):
        changed += gone
    return changed


def _fade_some(tx: Connection, runtime: Runtime) -> int:
    now = runtime.now()
    due = points.fading(tx, now, most=CHUNK)
    if not due:
        return 0
    contacts.lock(tx, set(due.values()))
    changed = points.fade(tx, due, now)
    note_changes(tx, runtime.shelf, changed, now)
    return len(changed)
