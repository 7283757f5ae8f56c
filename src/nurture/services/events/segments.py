"""Segments: who fits one now, and, for those that a workflow asks for, who entered and who left, told as events.

Entering counts at once; leaving only when the grace is over. Both are looked for once in a minute of business time,
among the contacts that changed since. Leaving a segment ends nothing by itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from nurture.db import contacts, segments, state
from nurture.db.conditions import condition
from nurture.db.segments import Condition, Membership
from nurture.db.session import UnreachableError
from nurture.model.matching import SEGMENT_ENTERED, SEGMENT_LEFT
from nurture.model.workspace import Workspace
from nurture.services.events.ingest import Happening, take_in
from nurture.services.published import Published, Shelf
from nurture.services.runtime import Runtime
from nurture.workflow.asking import asked_for, named_by
from nurture.workflow.documents import Segment

log = structlog.get_logger()

CHUNK = 1_000
EVERY = timedelta(minutes=1)
OVERLAP = timedelta(minutes=10)
"""Who changed is looked for so far back: a transaction commits later than the moment it writes down."""
WHOLE_LOOK = timedelta(days=1)
"""Once a day everybody is looked at, whether they changed or not."""
_STATE = "segments"


# --- who is watched -----------------------------------------------------------------------------------------------


def watched(tx: Connection, shelf: Shelf, published: Published) -> list[Segment]:
    """The published segments whose members some workflow wants to know of, in the versions that contacts are still in too."""
    versions = [*published.workflows.values(), *shelf.older(tx)]
    wanted = {name for one in versions for name in asked_for(one, published.segments)}
    wanted |= {name for rule in published.workspace.scores for name in named_by(rule.on, published.segments)}
    return [
        published.segments[name]
        for name in sorted((wanted | segments.watched(tx)) & published.segments.keys())
    ]


# --- looking ------------------------------------------------------------------------------------------------------


def begin(tx: Connection, shelf: Shelf, published: Published, now: datetime) -> None:
    """From now on these segments are watched; who fits a new or changed condition already is a member without an event."""
    known = state.get(tx, _STATE) or {}
    conditions: dict[str, str] = dict(known.get("conditions", {}))
    kept = {}
    for segment in watched(tx, shelf, published):
        try:
            if conditions.get(segment.name) != str(segment.where):
                with tx.begin_nested():
                    _take_members(tx, segment, published.workspace, now)
            kept[segment.name] = str(segment.where)
        except (OperationalError, UnreachableError):
            raise  # the database is away
        except Exception:
            log.exception("segment cannot be answered", segment=segment.name)  # the others can
    if kept != conditions:
        state.put(tx, _STATE, {**known, "conditions": kept}, now)


def _take_members(tx: Connection, segment: Segment, workspace: Workspace, now: datetime) -> None:
    fits = condition(segment.where.tree, workspace)
    while ids := segments.newcomers(tx, segment.name, fits, changed_since=None, most=CHUNK):
        segments.join(tx, segment.name, ids, now)
    segments.note_fading(tx, segment.name, fits, now, changed_since=None)


def sweep(runtime: Runtime, published: Published) -> int:
    """Tell who entered and who left since the last look; returns how many. Does nothing within a minute of that look."""
    now = runtime.now()
    with runtime.database.read() as tx:
        last = _looked_at(tx, "looked_at")
        if last is not None and last <= now < last + EVERY:
            return 0
        looked = watched(tx, runtime.shelf, published)
        whole = _looked_at(tx, "whole_look_at")
    everybody = whole is None or last is None or now >= whole + WHOLE_LOOK
    since = None if everybody or last is None else last - OVERLAP
    if looked:
        runtime.database.retrying(lambda tx: begin(tx, runtime.shelf, published, now))
    told, complete = 0, True
    for segment in looked:
        try:
            told += _look(runtime, segment, published.workspace, now, since)
        except (OperationalError, UnreachableError):
            raise  # the database is away
        except Exception:
            log.exception("segment cannot be answered", segment=segment.name)
            complete = False  # once it can be, it is asked about everybody
    whole = now if everybody else whole
    runtime.database.retrying(lambda tx: _note_look(tx, now, whole if complete else None))
    return told


def _look(
    runtime: Runtime, segment: Segment, workspace: Workspace, now: datetime, since: datetime | None
) -> int:
    fits = condition(segment.where.tree, workspace)
    told = 0
    while some := runtime.database.retrying(lambda tx: _enter(tx, runtime, segment, fits, now, since)):
        told += some
    runtime.database.retrying(
        lambda tx: segments.note_fading(tx, segment.name, fits, now, changed_since=since)
    )
    while some := runtime.database.retrying(lambda tx: _leave(tx, runtime, segment, now)):
        told += some
    return told


def _enter(
    tx: Connection, runtime: Runtime, segment: Segment, fits: Condition, now: datetime, since: datetime | None
) -> int:
    ids = segments.newcomers(tx, segment.name, fits, changed_since=since, most=CHUNK)
    entered = segments.join(tx, segment.name, contacts.lock(tx, ids), now)
    return _tell(tx, runtime, segment, SEGMENT_ENTERED, entered, now)


def _leave(tx: Connection, runtime: Runtime, segment: Segment, now: datetime) -> int:
    gone = segments.faded(tx, segment.name, now - segment.span, most=CHUNK)
    contacts.lock(tx, {one.contact_id for one in gone})
    left = segments.leave(tx, [one.id for one in gone], now)
    return _tell(tx, runtime, segment, SEGMENT_LEFT, left, now)


def _tell(
    tx: Connection, runtime: Runtime, segment: Segment, name: str, who: list[Membership], now: datetime
) -> int:
    happenings = [
        Happening(contact_id=one.contact_id, name=name, data={"segment": segment.name}, id=f"{name}:{one.id}")
        for one in sorted(who, key=lambda one: one.contact_id)
    ]
    take_in(tx, runtime.shelf, happenings, now)
    return len(happenings)


def next_moment(tx: Connection, shelf: Shelf, published: Published, after: datetime) -> datetime | None:
    """When somebody may enter or leave: a look that is to come, or the end of a grace."""
    looked = watched(tx, shelf, published)
    fading = [(one, segments.first_fading(tx, one.name, after - one.span)) for one in looked]
    moments = [since + one.span for one, since in fading if since is not None]
    last = _looked_at(tx, "looked_at")
    if looked and last is not None and segments.anyone_changed(tx, last - timedelta(microseconds=1)):
        moments.append(last + EVERY)
    return min((at for at in moments if at > after), default=None)


def _looked_at(tx: Connection, which: str) -> datetime | None:
    written = (state.get(tx, _STATE) or {}).get(which)
    return datetime.fromisoformat(written) if written else None


def _note_look(tx: Connection, now: datetime, whole: datetime | None) -> None:
    known = state.get(tx, _STATE) or {}
    looks = {"looked_at": now.isoformat(), "whole_look_at": whole.isoformat() if whole else None}
    state.put(tx, _STATE, {**known, **looks}, now)
