"""Points that events brought fade when their time is over; the contact's workflows hear of it as of any change.

How they are added is told in ``effects``. What was set by hand, a step or an import is the ground they stand on: it stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from nurture.db import contacts, points
from nurture.db.points import Points
from nurture.model.words import Contact
from nurture.services.events.ingest import note_changes
from nurture.services.runtime import Runtime

CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class Score:
    """How a score came about: ``ground`` was set by hand, by steps or imports; ``points`` are what events added to it."""

    total: float
    ground: float
    points: tuple[Points, ...]


def score_of(tx: Connection, contact: Contact) -> Score:
    """The score of a contact, with the points that count now, oldest first."""
    found = tuple(points.of_contact(tx, contact.id))
    return Score(contact.score, contact.score - sum(one.points for one in found), found)


def read_score(runtime: Runtime, contact: Contact) -> Score:
    """The same, in a look of its own."""
    with runtime.database.read() as tx:
        return score_of(tx, contact)


def next_moment(tx: Connection, after: datetime) -> datetime | None:
    """When the next points fade."""
    return points.next_fading(tx, after)


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
