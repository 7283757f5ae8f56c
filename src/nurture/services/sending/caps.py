"""Caps, kept to the message: who competes for a slot today, and that no two workers use up the same one.

Asks the database only where the workspace has a cap. Which message a cap holds is decided in ``engine``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog
from sqlalchemy import Connection

from nurture.db import contacts, enrollments
from nurture.db.enrollments import Claimed
from nurture.engine.caps import capped_channel, full
from nurture.engine.rivals import rival
from nurture.model.decisions import Call, Send, Turn
from nurture.model.words import Channel, Enrollment, Facts, Rival
from nurture.model.workspace import Workspace
from nurture.services.facts import Recent, load_facts, recently, workspaces_of
from nurture.services.published import Shelf
from nurture.workflow.model import Workflow

log = structlog.get_logger()


class Rivals:
    """What stands before each contact of a batch; told of every turn, it knows what the next one competes with."""

    def __init__(self, versions: Mapping[str, Workflow], now: datetime) -> None:
        self._versions, self._now = versions, now
        self._standing: dict[int, dict[int, Rival]] = {}

    def note(self, enrollment: Enrollment, facts: Facts) -> None:
        """Where this enrollment stands by now."""
        of_contact = self._standing.setdefault(enrollment.contact_id, {})
        of_contact.pop(enrollment.id, None)
        if found := rival(self._versions[enrollment.version], enrollment, facts, self._now):
            of_contact[enrollment.id] = found

    def of(self, enrollment: Enrollment) -> tuple[Rival, ...]:
        """What its contact's other enrollments stand before."""
        known = self._standing.get(enrollment.contact_id, {})
        return tuple(one for number, one in known.items() if number != enrollment.id)


def load_rivals(
    tx: Connection,
    shelf: Shelf,
    workspace: Workspace,
    claimed: Sequence[Enrollment],
    facts: Mapping[int, Facts],
    now: datetime,
) -> Rivals | None:
    """The rivals in a batch whose facts are loaded; None where no cap on messages has anything compete."""
    people = {
        one.contact_id for one in claimed if one.id in facts and Channel.EMAIL in facts[one.id].workspace.caps
    }
    if not people:
        return None
    ours = {one.id for one in claimed}
    others = [one for one in enrollments.live_of(tx, people) if one.id not in ours]
    known = {**load_facts(tx, others, workspace, now), **facts} if others else facts
    standing = [one for one in (*claimed, *others) if one.id in known]
    rivals = Rivals(shelf.versions(tx, {one.version for one in standing}), now)
    for one in standing:
        try:
            rivals.note(one, known[one.id])
        except Exception as error:
            # It competes with nobody, and holds up nobody: its own turn tells what is wrong with it.
            log.warning("rival cannot be told", enrollment=one.id, error=f"{type(error).__name__}: {error}")
    return rivals


def over_caps(
    tx: Connection, workspace: Workspace, taken: Sequence[tuple[Claimed, Turn]], now: datetime
) -> set[int]:
    """The enrollments whose turn would exceed a cap, counted anew with their contacts locked until this transaction ends.

    Another worker may have decided for the same contact meanwhile. What is found here must not be recorded: it is
    decided again. ``taken`` in the order in which they were decided; the earlier ones have the slots.
    """
    counting = [(claimed.enrollment, counted) for claimed, turn in taken if (counted := _counted(turn, now))]
    # What a contact chose meanwhile is an event, by which their turn is dropped anyway.
    workspaces = workspaces_of(tx, {one.contact_id for one, _ in counting}, workspace)
    capped = {
        one.id: touches
        for one, counted in counting
        if (touches := [each for each in counted if each[0] in workspaces[one.contact_id].caps])
    }
    if not capped:
        return set()
    ids = {one.contact_id for one, _ in counting if one.id in capped}
    contacts.lock(tx, ids)
    people, spent = contacts.load(tx, ids), recently(tx, {id_: workspaces[id_] for id_ in ids}, now)
    over: set[int] = set()
    for one, _ in counting:
        for channel, at in capped.get(one.id, ()):
            before = spent.get(one.contact_id, {}).get(channel, ())
            zone = workspace.zone_of(people[one.contact_id].timezone if one.contact_id in people else None)
            if full(workspaces[one.contact_id].caps[channel], before, now, zone):
                over.add(one.id)
                break
            spent[one.contact_id] = {**spent.get(one.contact_id, {}), channel: (*before, at)}
    return over


def spent_by(turn: Turn, recent: Recent, now: datetime) -> Recent:
    """What caps count, once this turn is recorded."""
    for channel, at in _counted(turn, now):
        recent = {**recent, channel: (*recent.get(channel, ()), at)}
    return recent


def _counted(turn: Turn, now: datetime) -> list[tuple[Channel, datetime]]:
    """What of a turn caps would count, and from when."""
    touches = [one for one in turn.decisions if isinstance(one, Send | Call)]
    counted = [(capped_channel(one), max(one.due, now)) for one in touches]
    return [(channel, at) for channel, at in counted if channel]
