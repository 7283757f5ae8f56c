"""Everything the engine may know about a batch of enrollments: one query for each kind of fact."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from nurture.db import consents, contacts, events, pauses, suppressions
from nurture.db.enrollments import live_of
from nurture.db.receipts import receipts, recent_marketing
from nurture.model.timing import Unit
from nurture.model.words import Enrollment, Facts, Phase
from nurture.model.workspace import Cap, Workspace


def load_facts(
    tx: Connection, enrollments: Sequence[Enrollment], workspace: Workspace, now: datetime
) -> dict[int, Facts]:
    """The facts of each enrollment, by its id. One whose contact is gone is left out."""
    people = contacts.load(tx, {one.contact_id for one in enrollments})
    ids = list(people)
    histories: dict[int, int] = {}
    for one in enrollments:
        histories[one.contact_id] = min(one.history, histories.get(one.contact_id, one.history))
    happened = events.since(tx, histories)
    evidence = events.by_ids(tx, {one.evidence for one in enrollments if one.evidence})
    ended = receipts(
        tx, {one.id: (one.step, one.visit) for one in enrollments if one.step and one.phase is Phase.ACTING}
    )
    grants = consents.grants(tx, ids, now)
    withdrawn = consents.withdrawn(tx, ids)
    suppressed = suppressions.of(tx, ids)
    paused = pauses.pauses_for(tx, {(one.contact_id, one.workflow) for one in enrollments})
    ended_people = {one.contact_id for one in enrollments if not one.live}
    live = {(one.contact_id, one.workflow) for one in live_of(tx, ended_people)} if ended_people else set()
    cap = workspace.cap
    messages = recent_marketing(tx, ids, _cap_reaches_back(cap, now)) if cap else {}
    return {
        one.id: Facts(
            contact=people[one.contact_id],
            workspace=workspace,
            events=tuple(event for event in happened[one.contact_id] if event.id > one.history),
            evidence=evidence.get(one.evidence or 0),
            receipt=ended.get(one.id),
            grants=grants.get(one.contact_id, ()),
            withdrawn=withdrawn.get(one.contact_id, frozenset()),
            suppressed=suppressed.get(one.contact_id, {}),
            pauses=paused.get((one.contact_id, one.workflow), ()),
            messages=messages.get(one.contact_id, ()),
            replaced=not one.live and (one.contact_id, one.workflow) in live,
        )
        for one in enrollments
        if one.contact_id in people
    }


def facts_of_people(
    tx: Connection, contact_ids: Collection[int], workspace: Workspace
) -> Mapping[int, Facts]:
    """The facts of contacts who are about to enter a workflow, by contact id."""
    people = contacts.load(tx, contact_ids)
    return {id_: Facts(contact=person, workspace=workspace) for id_, person in people.items()}


def _cap_reaches_back(cap: Cap, now: datetime) -> datetime:
    """Far enough for the cap in any zone and calendar."""
    days_in = {Unit.MONTHS: 31, Unit.WEEKS: 7, Unit.BUSINESS_DAYS: 4}
    return now - timedelta(days=days_in.get(cap.per.unit, 1) * cap.per.amount + 2)
