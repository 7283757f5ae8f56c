"""The list of contacts: who is there, where they stand, what happened last and what comes next. It changes nothing."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from nurture.db import consents, contacts, directory, pauses, suppressions
from nurture.db.directory import NOBODY, NOT_ENROLLED, Order, Place, Position, Reach, Touch, Wanted
from nurture.db.pauses import PauseRecord, PauseScope
from nurture.engine.explain import in_words
from nurture.model.errors import NurtureError
from nurture.model.words import Channel, Contact, Phase, Status, SuppressionReason
from nurture.services.events.segment_list import everything, fitting
from nurture.services.runtime import Runtime
from nurture.services.story.marks import in_plain

__all__ = ["NOBODY", "NOT_ENROLLED", "Choices", "Listing", "Order", "Reach", "Row", "Wanted", "look_through"]

PAGE = 50
MOST_COUNTED = 1_000
LONGEST_CURSOR = 200


class CursorError(NurtureError, ValueError):
    """What is to say where a list goes on was not made by us."""


@dataclass(frozen=True, slots=True)
class Coming:
    """What one enrollment does next: at ``at``, or when something happens (None)."""

    said: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stand:
    """Where somebody is, or was when they left; ``why`` is the reason of an end, in words."""

    workflow: str
    stage: str
    status: Status
    why: str
    next: Coming | None
    troubled: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One contact of the list. ``stands`` holds the live enrollments, or else the last one."""

    contact: Contact
    stands: tuple[Stand, ...]
    touched_at: datetime | None
    touched: str
    """The last thing between us and them, in a few words; empty when there was none."""
    closed: Mapping[Channel, frozenset[SuppressionReason]]
    consented: bool
    paused: bool


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be chosen to narrow the list: workflows by title, stages by workflow, owners, segments."""

    workflows: Mapping[str, str]
    stages: Mapping[str, tuple[str, ...]]
    owners: tuple[str, ...]
    segments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """One page. ``older`` leads to the next; ``count`` is how many there are, at most ``MOST_COUNTED``, None on later pages."""

    rows: tuple[Row, ...]
    older: str | None
    count: int | None
    choices: Choices


def look_through(runtime: Runtime, wanted: Wanted, order: Order, cursor: str | None = None) -> Listing:
    """The page of this list that ``cursor`` leads to. Raises CursorError for a cursor that we did not make.

    Raises NotFoundError for an unknown segment.
    """
    after = read_cursor(cursor, order) if cursor else None
    now = runtime.now()
    with runtime.database.read() as tx:
        fits = fitting(tx, runtime.shelf.published(tx), wanted.segment) if wanted.segment else None
        found = directory.page(tx, wanted, order, now, after=after, most=PAGE + 1, fits=fits)
        shown = found[:PAGE]
        rows = _rows(tx, [one.contact_id for one in shown], now)
        more = len(found) > PAGE
        count = None
        if after is None:
            count = directory.count(tx, wanted, now, most=MOST_COUNTED, fits=fits) if more else len(rows)
        return Listing(rows, write_cursor(shown[-1], order) if more else None, count, _choices(runtime, tx))


def write_cursor(position: Position, order: Order) -> str:
    """Where a page ended, for a link. It holds no name or address."""
    at = position.active_at.isoformat() if position.active_at else None
    text = json.dumps([order.value, position.contact_id, at], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(text: str, order: Order) -> Position:
    """The opposite. Raises CursorError for anything else, also for the end of a page in another order."""
    try:
        if len(text) > LONGEST_CURSOR:
            raise ValueError(text)
        padded = text + "=" * (-len(text) % 4)
        named, contact_id, at = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if (
            named != order.value
            or type(contact_id) is not int
            or not 0 <= contact_id < 2**63
            or (at is None) is not (order is Order.NAME)
        ):
            raise ValueError(text)
        moment = datetime.fromisoformat(at) if at is not None else None
        if moment is not None and moment.tzinfo is None:
            raise ValueError(text)
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error) as error:
        raise CursorError("this link to a page of the list is broken", hint="begin the list again") from error
    return Position(contact_id, moment)


def _rows(tx: Connection, ids: Collection[int], now: datetime) -> tuple[Row, ...]:
    known = contacts.load(tx, ids)
    places = directory.places(tx, ids)
    touches = directory.last_touches(tx, ids)
    closed = suppressions.of(tx, ids)
    granted = consents.grants(tx, ids, now)
    resting = pauses.open_pauses(tx, ids)
    return tuple(
        Row(
            contact=known[one],
            stands=_stands(places.get(one, []), resting),
            touched_at=touches[one].at if one in touches else None,
            touched=_touched(touches[one]) if one in touches else "",
            closed=closed.get(one, {}),
            consented=any(grant.channel is Channel.EMAIL for grant in granted.get(one, ())),
            paused=any(pause.scope is PauseScope.CONTACT and pause.contact_id == one for pause in resting),
        )
        for one in ids
        if one in known
    )


def _touched(touch: Touch) -> str:
    return in_plain(touch.event) if touch.event else f"Mail {touch.template}"


def _stands(places: list[Place], resting: Collection[PauseRecord]) -> tuple[Stand, ...]:
    live = [one for one in places if one.status is Status.ACTIVE]
    return tuple(
        Stand(
            one.workflow,
            one.stage,
            one.status,
            in_words(one.end_reason) if one.end_reason else "",
            _next(one, resting) if one.status is Status.ACTIVE else None,
            one.trouble is not None,
        )
        for one in live or places[-1:]
    )


def _next(one: Place, resting: Collection[PauseRecord]) -> Coming:
    if any(_covers(pause, one) for pause in resting):
        return Coming("paused")
    if one.resting:
        return Coming("waits for the next stage's trigger, until", one.wake_at)
    if one.step is None:
        return Coming("waits for evidence, until", one.wake_at)
    if one.phase is Phase.ACTING:
        return Coming(f"{one.step} is under way")
    if one.phase is Phase.WATCHING:
        return Coming(f"{one.step} waits until", one.due)
    return Coming(one.step, one.due)


def _covers(pause: PauseRecord, one: Place) -> bool:
    return pause.workflow in (None, one.workflow) and pause.contact_id in (None, one.contact_id)


def _choices(runtime: Runtime, tx: Connection) -> Choices:
    published = runtime.shelf.published(tx)
    members = {member for team in published.workspace.teams.values() for member in team.members}
    return Choices(
        workflows={one.name: one.title or one.name for one in published.workflows.values()},
        stages={one.name: tuple(stage.name for stage in one.stages) for one in published.workflows.values()},
        owners=tuple(sorted(members)),
        segments=tuple(everything(tx, published)),
    )
