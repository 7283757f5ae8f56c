"""Everything the engine may know about a batch of enrollments: one query for each kind of fact."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from nurture.db import consents, contacts, events, pauses, preferences, suppressions, variants
from nurture.db.enrollments import live_of
from nurture.db.receipts import Spent, receipts, spent
from nurture.engine.caps import with_own_cap
from nurture.model.timing import Unit
from nurture.model.words import Channel, Enrollment, Facts, Phase
from nurture.model.workspace import Workspace
from nurture.steps.split import SPLIT
from nurture.workflow.model import Workflow


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
    workspaces = workspaces_of(tx, ids, workspace)
    recent = recently(tx, workspaces, now)
    return {
        one.id: Facts(
            contact=people[one.contact_id],
            workspace=workspaces[one.contact_id],
            events=tuple(event for event in happened[one.contact_id] if event.id > one.history),
            evidence=evidence.get(one.evidence or 0),
            receipt=ended.get(one.id),
            grants=grants.get(one.contact_id, ()),
            withdrawn=withdrawn.get(one.contact_id, frozenset()),
            suppressed=suppressed.get(one.contact_id, {}),
            pauses=paused.get((one.contact_id, one.workflow), ()),
            recent=recent.get(one.contact_id, {}),
            replaced=not one.live and (one.contact_id, one.workflow) in live,
        )
        for one in enrollments
        if one.contact_id in people
    }


def with_variants(
    tx: Connection,
    enrollments: Sequence[Enrollment],
    versions: Mapping[str, Workflow],
    facts: dict[int, Facts],
) -> dict[int, Facts]:
    """The same facts with the variants that contacts fell into before; asked only where a workflow splits."""
    splitting = [one for one in enrollments if one.id in facts and _splits(versions.get(one.version))]
    known = variants.of_contacts(tx, {one.contact_id for one in splitting})
    found = {one.id: known.get((one.contact_id, one.workflow)) for one in splitting}
    return facts | {id_: replace(facts[id_], variants=those) for id_, those in found.items() if those}


def _splits(workflow: Workflow | None) -> bool:
    return workflow is not None and any(step.kind == SPLIT.name for step in workflow.steps.values())


def facts_of_people(
    tx: Connection, contact_ids: Collection[int], workspace: Workspace
) -> Mapping[int, Facts]:
    """The facts of contacts who are about to enter a workflow, by contact id."""
    people = contacts.load(tx, contact_ids)
    return {id_: Facts(contact=person, workspace=workspace) for id_, person in people.items()}


Recent = Mapping[Channel, tuple[datetime, ...]]


def workspaces_of(tx: Connection, contact_ids: Collection[int], workspace: Workspace) -> dict[int, Workspace]:
    """The workspace as it is for each of these contacts: how often they want to hear from us is a cap of their own."""
    chosen = preferences.days_of(tx, contact_ids)
    own = {days: with_own_cap(workspace, days) for days in set(chosen.values())}
    return {id_: own[chosen[id_]] if id_ in chosen else workspace for id_ in contact_ids}


def recently(tx: Connection, workspaces: Mapping[int, Workspace], now: datetime) -> dict[int, Recent]:
    """What caps count for each contact, by channel; ``workspaces`` is what holds for each. No caps: nothing is asked."""
    capped = {id_: one for id_, one in workspaces.items() if one.caps}
    if not capped:
        return {}
    channels = {channel for one in capped.values() for channel in one.caps}
    rows = spent(tx, capped, channels, reach_back(capped.values(), now))
    return by_contact(rows, now)


def by_contact(rows: Iterable[Spent], now: datetime) -> dict[int, Recent]:
    """Moments by contact and channel."""
    found: dict[int, dict[Channel, tuple[datetime, ...]]] = {}
    for row in rows:
        of_contact = found.setdefault(row.contact_id, {})
        of_contact[row.channel] = (*of_contact.get(row.channel, ()), row.moment(now))
    return {contact: recent for contact, recent in found.items()}  # noqa: C416 - a dict of mappings


def reach_back(workspaces: Iterable[Workspace], now: datetime) -> datetime:
    """Far enough for every cap in any zone and calendar; there must be one."""
    days_in = {Unit.MONTHS: 31, Unit.WEEKS: 7, Unit.BUSINESS_DAYS: 4}
    spans = [cap.per for one in workspaces for caps in one.caps.values() for cap in caps]
    return now - timedelta(days=max(days_in.get(span.unit, 1) * span.amount for span in spans) + 2)
