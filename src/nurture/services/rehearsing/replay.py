"""`nurture simulate --dry-run`: what a draft would have done to the contacts who really came, beside what the live version does.

Reads the database and writes nothing. Contacts are taken with their fields, zone and owner of today; templates are not rendered.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from nurture.db import contacts, events, history, pauses, points
from nurture.db.points import Points
from nurture.engine.replay import (
    Difference,
    Differs,
    Happening,
    Journey,
    Line,
    Lived,
    Told,
    agrees,
    differences,
    replay,
)
from nurture.model.decisions import Change
from nurture.model.errors import NotFoundError, NurtureError, did_you_mean
from nurture.model.matching import is_own_action
from nurture.model.words import Channel, Contact, Enrollment, Event, Grant, Pause, SuppressionReason
from nurture.model.workspace import Workspace
from nurture.services.files.check import check
from nurture.services.runtime import Runtime
from nurture.workflow.model import Workflow
from nurture.workflow.workspace import FILE

_One = TypeVar("_One")


@dataclass(frozen=True, slots=True)
class Draft:
    """A version that is not live; ``workspace`` is None where the live one holds."""

    workflow: Workflow
    workspace: Workspace | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """One enrollment, and in what the draft's journey differs; ``reference`` names it without naming the contact."""

    reference: str
    email: str
    zone: ZoneInfo
    """The contact's own, or that of the workspace."""
    entered_at: datetime
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class DryRun:
    """The answer. ``agreed`` of ``recorded`` enrollments of the live version went, played again, as they were recorded."""

    workflow: str
    live: str
    draft: str
    until: datetime
    played: int
    unplayable: tuple[str, ...]
    """Enrollments that the draft cannot play, each with why."""
    agreed: int
    recorded: int
    totals: Mapping[tuple[Differs, str, str], int]
    """How often each difference comes: how, kind, and name of the message, call or stage."""
    different: tuple[Compared, ...]
    """The enrollments that differ, newest first."""


def read_draft(project: Path, draft: Path, name: str) -> Draft:
    """The workflow ``name`` of a file, taken as if it were in the project, or of another project's folder.

    Raises ProblemsFound for files that do not hold, NotFoundError when they hold no such workflow.
    """
    folder = draft if draft.is_dir() else project
    checked = check(folder) if draft.is_dir() else check(folder, (draft,))
    found = checked.sound()
    workflows = found.workflows
    if name not in workflows:
        hint = did_you_mean(name, list(workflows)) or f"known are {', '.join(sorted(workflows))}"
        raise NotFoundError(f"there is no workflow '{name}' in {draft}", hint=hint)
    if draft.is_dir():
        if not (draft / FILE).is_file():
            raise NotFoundError(f"there is no {FILE} in {draft}")
        return Draft(workflows[name], found.workspace)
    if Path(workflows[name].place.file).name != draft.name:
        raise NotFoundError(
            f"{draft} does not hold the workflow '{name}'", hint="name the workflow that it holds"
        )
    return Draft(workflows[name])


def dry_run(runtime: Runtime, draft: Draft, limit: int) -> DryRun:
    """Play the newest ``limit`` enrollments of the draft's workflow through both versions, up to now.

    Raises NotFoundError when no such workflow is published, NurtureError when nobody was ever in it.
    """
    name, now = draft.workflow.name, runtime.now()
    with runtime.database.read() as tx:
        published = runtime.shelf.published(tx)
        live = published.workflow(name)
        newest = history.newest(tx, name, limit)
        if not newest:
            raise NurtureError(f"nobody was ever in '{name}': there is no history to play")
        lives = _lives(tx, newest)
        recorded = _recorded(tx, newest)
    return _compare(live, draft, published.workspace, newest, lives, recorded, now)


def _compare(
    live: Workflow,
    draft: Draft,
    workspace: Workspace,
    newest: Sequence[Enrollment],
    lives: Mapping[int, Lived],
    recorded: Mapping[int, Journey],
    now: datetime,
) -> DryRun:
    totals: Counter[tuple[Differs, str, str]] = Counter()
    different, unplayable = [], []
    agreed = counted = played = 0
    for one in newest:
        lived = lives.get(one.id)
        if lived is None:
            continue  # erased meanwhile
        try:
            before = replay(live, workspace, lived, now)
            after = replay(draft.workflow, draft.workspace or workspace, lived, now)
        except NurtureError as error:
            unplayable.append(f"enrollment {one.id}: {error}")
            continue
        if before is None or after is None:
            unplayable.append(
                f"enrollment {one.id}: it began at '{lived.stage}', which is not there any more"
            )
            continue
        played += 1
        if one.version == live.version:
            counted += 1
            agreed += agrees(recorded[one.id], before)
        found = differences(before, after)
        totals.update((each.differs, each.kind, each.what) for each in found)
        if found:
            reference = f"{one.workflow}/{one.id}"
            zone = workspace.zone_of(lived.contact.timezone)
            different.append(Compared(reference, lived.contact.email, zone, one.entered_at, tuple(found)))
    return DryRun(
        workflow=live.name,
        live=live.version,
        draft=draft.workflow.version,
        until=now,
        played=played,
        unplayable=tuple(unplayable),
        agreed=agreed,
        recorded=counted,
        totals=dict(sorted(totals.items(), key=lambda item: -item[1])),
        different=tuple(different),
    )


# --- what was recorded --------------------------------------------------------------------------------------------


def _recorded(tx: Connection, newest: Sequence[Enrollment]) -> dict[int, Journey]:
    """Each enrollment's journey as the database tells it."""
    ids = [one.id for one in newest]
    lines: dict[int, list[Line]] = defaultdict(list)
    for sent in history.touches(tx, ids):
        lines[sent.enrollment].append(Line(sent.at, sent.kind, sent.what, sent.step))
    ends: dict[int, tuple[str, str, str]] = {}
    for move in history.moves(tx, ids):
        if move.change is Change.ENTERED:
            lines[move.enrollment].append(Line(move.at, "stage", move.stage, move.stage))
        elif move.change in (Change.LOST, Change.EXITED, Change.COMPLETED):
            ends[move.enrollment] = (str(move.change), move.before or move.stage, move.reason)
    return {
        one.id: Journey(
            tuple(sorted(lines[one.id], key=lambda line: line.at)),
            None if one.live else ends.get(one.id),
            one.ended_at,
        )
        for one in newest
    }


def _lives(tx: Connection, newest: Sequence[Enrollment]) -> dict[int, Lived]:
    """What happened to each of them, in a handful of queries for all."""
    people = contacts.load(tx, {one.contact_id for one in newest})
    first: dict[int, history.Step] = {}
    for move in history.moves(tx, [one.id for one in newest]):
        if move.change is Change.ENTERED:
            first.setdefault(move.enrollment, move)
    evidence = events.by_ids(tx, {move.event for move in first.values() if move.event})
    happened = events.since(tx, dict.fromkeys(people, 0))
    past = _Past(
        permissions=_by_contact([(one.contact, one) for one in history.permissions(tx, people)]),
        closed=_by_contact([(one.contact, one) for one in history.closed(tx, people)]),
        marketing=_by_contact([(one[0], one) for one in history.marketing(tx, people)]),
        pauses=pauses.pauses_for(tx, {(one.contact_id, one.workflow) for one in newest}),
        points=points.of_contacts(tx, people),
    )
    return {
        one.id: _lived(
            one,
            people[one.contact_id],
            first[one.id].stage,
            evidence.get(first[one.id].event or 0),
            happened[one.contact_id],
            past,
        )
        for one in newest
        if one.contact_id in people and one.id in first
    }


@dataclass(frozen=True, slots=True)
class _Past:
    """What is known of all contacts, by contact."""

    permissions: Mapping[int, list[history.Permission]]
    closed: Mapping[int, list[history.Closed]]
    marketing: Mapping[int, list[tuple[int, int | None, datetime]]]
    pauses: Mapping[tuple[int, str], tuple[Pause, ...]]
    points: Mapping[int, list[Points]]


def _by_contact(rows: Sequence[tuple[int, _One]]) -> dict[int, list[_One]]:
    found: dict[int, list[_One]] = defaultdict(list)
    for contact, row in rows:
        found[contact].append(row)
    return found


def _lived(
    one: Enrollment,
    contact: Contact,
    stage: str,
    evidence: Event | None,
    told: Sequence[Event],
    past: _Past,
) -> Lived:
    begin = one.entered_at
    grants: dict[str, Grant] = {}
    withdrawn: set[str] = set()
    for word in past.permissions.get(contact.id, ()):
        if word.at > begin:
            continue  # comes as an event
        if word.granted:
            grants[word.purpose] = Grant(word.id, Channel.EMAIL, word.purpose, word.at, word.expires_at)
            withdrawn.discard(word.purpose)
        else:
            grants.pop(word.purpose, None)
            withdrawn.add(word.purpose)
    suppressed: dict[Channel, frozenset[SuppressionReason]] = {}
    for closed in past.closed.get(contact.id, ()):
        if closed.at <= begin:
            suppressed[closed.channel] = suppressed.get(closed.channel, frozenset()) | {closed.reason}
    return Lived(
        enrollment=one.id,
        contact=_as_it_began(contact, one, evidence, past),
        entered_at=begin,
        stage=stage,
        evidence=evidence,
        happened=tuple(sorted(_happenings(one, evidence, told, past), key=lambda each: each.at)),
        grants=tuple(grants.values()),
        withdrawn=frozenset(withdrawn),
        suppressed=suppressed,
        held_out=one.holdout,
        messages=tuple(at for _, _, at in past.marketing.get(contact.id, ()) if at < begin),
    )


def _as_it_began(contact: Contact, one: Enrollment, evidence: Event | None, past: _Past) -> Contact:
    """Without what is still to come: the last activity, and the points that the events played again bring again."""
    later = [
        each.points
        for each in past.points.get(contact.id, ())
        if (each.event_id > evidence.id if evidence else each.at >= one.entered_at)
    ]
    return replace(contact, last_active_at=None, score=contact.score - sum(later))


def _happenings(
    one: Enrollment, evidence: Event | None, told: Sequence[Event], past: _Past
) -> list[Happening]:
    begin = one.entered_at
    after = evidence.id if evidence else 0
    found = [
        Happening(event.arrived_at, Told.EVENT, event)
        for event in told
        if event.id > after and event.arrived_at >= begin and not is_own_action(event.name)
    ]
    for pause in past.pauses.get((one.contact_id, one.workflow), ()):
        if pause.until is None or pause.until > begin:
            found.append(Happening(max(pause.since, begin), Told.PAUSE))
            found += [Happening(pause.until, Told.RESUME)] if pause.until else []
    for closed in past.closed.get(one.contact_id, ()):
        if closed.at > begin:
            found.append(Happening(closed.at, Told.CLOSED, None, closed.channel, closed.reason))
    for _, enrollment, at in past.marketing.get(one.contact_id, ()):
        if enrollment != one.id and at >= begin:
            found.append(Happening(at, Told.MESSAGE))
    return found
