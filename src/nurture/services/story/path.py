"""One contact's path through the stages of each workflow: what happened, with its evidence and its why, and what is next.

It reads and changes nothing. Each enrollment is a journey; a touchpoint stands in the stage in which it happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from nurture.db import consents, events, reports, suppressions, turns
from nurture.db.deliveries import Delivery
from nurture.db.reports import Reported
from nurture.db.tasks import Task
from nurture.db.turns import Transition
from nurture.engine.decide import upcoming
from nurture.engine.explain import in_words
from nurture.model.decisions import Change, Finish
from nurture.model.words import BACKSTAGE, Contact, Enrollment, Event, Status
from nurture.services.consent.chosen import chosen
from nurture.services.consent.permission import ledger
from nurture.services.contacts.hands import SOURCE as BY_HAND
from nurture.services.contacts.people import contact_of
from nurture.services.runtime import Runtime
from nurture.services.story.ahead import Ahead
from nurture.services.story.journeys import ContactPath, Fall, Journey, Leg, LegState, Proof, Visit
from nurture.services.story.known import Known, know
from nurture.services.story.marking import Marker
from nurture.services.story.marks import REPORTS_SHOWN, Mark, State, mark_of_report, title_of
from nurture.services.story.outlook import next_of
from nurture.services.story.why import told
from nurture.workflow.model import Stage

UNSEEN = frozenset(("contact.changed",))
"""Our own bookkeeping: nothing that anybody noticed."""
EVENTS_READ = 1_000
"""The latest events of a contact that a path may show."""


def path(runtime: Runtime, contact_id: int) -> ContactPath:
    """The path of this contact. Raises NotFoundError."""
    now = runtime.now()
    with runtime.database.read() as tx:
        return _path(tx, runtime, contact_of(tx, contact_id), now)


def _path(tx: Connection, runtime: Runtime, contact: Contact, now: datetime) -> ContactPath:
    known = know(tx, runtime, contact)
    published, zone, own, seen = known.published, known.zone, known.own, known.seen
    mails, calls = known.mails, known.calls
    happened = tuple(reversed(events.of_contact(tx, contact.id, limit=EVENTS_READ)))
    marker = Marker(
        contact=contact,
        published=published,
        versions=known.versions,
        now=now,
        zone=zone,
        events={event.id: event for event in happened},
        sources=events.sources_of(tx, contact.id),
        decisions={one.id: list(known.decisions_of(one)) for one in own},
    )
    moved = turns.transitions_of(tx, contact.id)
    came_back = _untold(reports.of_contact(tx, contact.id))
    ordered = sorted(own, key=lambda one: (one.live, one.entered_at, one.id), reverse=True)
    journeys = tuple(
        _journey(
            marker,
            one,
            known,
            [move for move in moved if move.enrollment_id == one.id],
            [mail for mail in mails if mail.enrollment_id == one.id],
            [call for call in calls if call.enrollment_id == one.id],
            [report for report in came_back if report.enrollment_id == one.id],
            seen,
        )
        for one in ordered
    )
    return ContactPath(
        contact=contact,
        zone=zone,
        now=now,
        journeys=journeys,
        outside=_outside(marker, own, mails, came_back),
        beyond=_beyond(own, seen),
        story=tuple(reversed(told(tx, contact.id, own, zone))),
        ledger=ledger(consents.history(tx, contact.id), now, zone),
        suppressions=tuple(suppressions.entries_of(tx, contact.id)),
        deliveries=tuple(mails),
        calls=tuple(calls),
        paused=any(one.contact_id == contact.id and not one.own for one in known.pauses),
        chosen=chosen(tx, contact.id),
        trouble=seen.trouble,
    )


# --- one journey ----------------------------------------------------------------------------------------------------


def _journey(
    marker: Marker,
    enrollment: Enrollment,
    known: Known,
    moves: Sequence[Transition],
    mails: Sequence[Delivery],
    calls: Sequence[Task],
    came_back: Sequence[Reported],
    seen: Ahead,
) -> Journey:
    workflow = marker.versions[enrollment.version]
    head = marker.published.workflows.get(workflow.name)
    at = upcoming(workflow, enrollment, known.facts[enrollment.id], marker.now)
    following = next_of(known, enrollment)
    coming = [one for one in seen.coming if one.enrollment == enrollment.id]
    marks = _marks(marker, enrollment, moves, mails, calls, came_back)
    # What waits already is the first of what is next.
    future = [mark for mark in marks if mark.state is State.NEXT]
    future += [mark for one in coming if (mark := marker.of_foreseen(one))]
    past = [mark for mark in marks if mark.state is not State.NEXT]
    ends = [one.decision for one in coming if isinstance(one.decision, Finish)]
    return Journey(
        enrollment=enrollment,
        title=workflow.title,
        file=workflow.place.file,
        latest=head is not None and head.version == workflow.version,
        legs=tuple(_leg(marker, stage, enrollment, moves, past, future) for stage in workflow.stages),
        at=at,
        said=following.said,
        fall=_fall(marker, enrollment),
        fall_ahead=_fall_by(marker, ends[-1]) if ends else None,
    )


def _marks(
    marker: Marker,
    enrollment: Enrollment,
    moves: Sequence[Transition],
    mails: Sequence[Delivery],
    calls: Sequence[Task],
    came_back: Sequence[Reported],
) -> list[Mark]:
    """Everything that touched the contact in this enrollment, in order."""
    marks = [marker.of_delivery(one) for one in mails if one.channel not in BACKSTAGE]
    marks += [marker.of_call(one) for one in calls]
    marks += [mark_of_report(one) for one in came_back]
    answered = {(one.enrollment_id, one.step, one.visit) for one in calls}
    proofs = {one.event_id for one in moves}
    for event in marker.events.values():
        told_by_its_call = (
            event.name == "call.outcome" and (event.enrollment_id, event.step, event.visit) in answered
        )
        if event.name in UNSEEN or told_by_its_call:
            continue
        if event.id in proofs or _belongs(event, enrollment):
            marks.append(marker.of_event(event, _stage_at(event, moves), enrollment.id))
    # What they did comes before what we answered at the same moment.
    return sorted(marks, key=lambda mark: (mark.at, mark.event is None, mark.event or 0))


def _untold(came_back: Iterable[Reported]) -> list[Reported]:
    """What machines said of our messages that no event tells of."""
    return [one for one in came_back if one.event_id is None and one.kind in REPORTS_SHOWN]


def _belongs(event: Event, enrollment: Enrollment) -> bool:
    """It concerned a message of this enrollment, or came while this enrollment was under way."""
    if event.enrollment_id is not None:
        return event.enrollment_id == enrollment.id
    return _during(event.arrived_at, enrollment)


def _during(at: datetime, enrollment: Enrollment) -> bool:
    return enrollment.entered_at <= at and (enrollment.ended_at is None or at <= enrollment.ended_at)


def _stage_at(event: Event, moves: Sequence[Transition]) -> str:
    """The stage it validated or ended; else the one it entered; else the one the contact was in when it came."""
    own = [one for one in moves if one.event_id == event.id]
    for change in (Change.VALIDATED, Change.LOST, Change.COMPLETED, Change.ENTERED):
        if found := next((one for one in own if one.change is change), None):
            return found.stage
    before = [one for one in moves if one.change is Change.ENTERED and one.at <= event.arrived_at]
    return before[-1].stage if before else moves[0].stage if moves else ""


def _leg(
    marker: Marker,
    stage: Stage,
    enrollment: Enrollment,
    moves: Sequence[Transition],
    past: Iterable[Mark],
    future: Iterable[Mark],
) -> Leg:
    validated = [one for one in moves if one.stage == stage.name and one.change is Change.VALIDATED]
    skipped = [one for one in moves if one.stage == stage.name and one.change is Change.SKIPPED]
    return Leg(
        stage=stage.name,
        need=stage.need,
        bucket=stage.bucket,
        state=_state(stage, enrollment, moves),
        place=stage.place,
        visits=_visits(marker, stage.name, moves),
        proof=_proof(marker, validated[-1]) if validated else None,
        skipped_at=skipped[-1].at if skipped else None,
        marks=tuple(mark for mark in past if mark.stage == stage.name),
        coming=tuple(sorted((mark for mark in future if mark.stage == stage.name), key=lambda mark: mark.at)),
    )


def _state(stage: Stage, enrollment: Enrollment, moves: Sequence[Transition]) -> LegState:
    changes = {one.change for one in moves if one.stage == stage.name}
    here = enrollment.stage == stage.name
    if here and enrollment.live:
        return LegState.RESTING if enrollment.resting else LegState.CURRENT
    if Change.VALIDATED in changes:
        return LegState.VALIDATED
    if here and enrollment.status is Status.LOST:
        return LegState.LOST
    if Change.SKIPPED in changes:
        return LegState.SKIPPED
    return LegState.LEFT if Change.ENTERED in changes else LegState.AHEAD


def _visits(marker: Marker, stage: str, moves: Sequence[Transition]) -> tuple[Visit, ...]:
    """Each time the contact was here: from an entry to the next thing that took them away."""
    visits: list[Visit] = []
    inside = False
    for one in moves:
        leaves = one.change is not Change.SKIPPED and one.change is not Change.REOPENED
        if inside and leaves and (one.change is Change.ENTERED or one.stage == stage):
            visits[-1] = replace(visits[-1], left_at=one.at)
            inside = False
        if one.stage == stage and one.change is Change.ENTERED:
            visits.append(Visit(one.at, _proof(marker, one)))
            inside = True
        if one.stage == stage and one.change is Change.REOPENED and visits:
            visits[-1] = replace(visits[-1], left_at=None)
            inside = True
    return tuple(visits)


def _proof(marker: Marker, move: Transition) -> Proof:
    """What moved the contact: the event as it was told, or the reason of whoever did it."""
    event = marker.events.get(move.event_id or 0)
    if event is None:
        by = f" by {move.actor}" if move.actor else ""
        return Proof(move.at, f"{in_words(move.reason)}{by}", actor=move.actor)
    return Proof(
        at=event.at,
        said=title_of(event, marker.published.workspace.currency),
        event=event.name,
        source=_told_by(event, marker.sources.get(event.id)),
        data=event.data,
    )


def _told_by(event: Event, source: str | None) -> str | None:
    """Where we know it from, as the page says it: ``from form``, or the person who told it by hand."""
    if source == BY_HAND:
        return f"told by {event.data.get('by', 'somebody')}"
    return f"from {source}" if source else None


def _fall(marker: Marker, enrollment: Enrollment) -> Fall | None:
    """How it ended short of its goal."""
    own = [one for one in marker.decisions.get(enrollment.id, ()) if isinstance(one, Finish)]
    if enrollment.live or enrollment.status is Status.COMPLETED or not own:
        return None
    return _fall_by(marker, own[-1])


def _fall_by(marker: Marker, finish: Finish) -> Fall | None:
    if finish.status is Status.COMPLETED:
        return None
    return Fall(
        at=finish.at,
        status=finish.status,
        stage=finish.stage,
        reason=finish.reason,
        said=marker.said(finish),
        before=finish.before,
        place=finish.place,
    )


# --- beside the journeys --------------------------------------------------------------------------------------------


def _outside(
    marker: Marker, own: Sequence[Enrollment], mails: Sequence[Delivery], came_back: Sequence[Reported]
) -> tuple[Mark, ...]:
    """What happened while no workflow was under way, and offers that went out by themselves."""
    marks = [marker.of_delivery(one) for one in mails if one.enrollment_id is None]
    marks += [mark_of_report(one) for one in came_back if one.enrollment_id is None]
    marks += [
        marker.of_event(event, "")
        for event in marker.events.values()
        if event.name not in UNSEEN and not any(_belongs(event, one) for one in own)
    ]
    return tuple(sorted(marks, key=lambda mark: mark.at))


def _beyond(own: Sequence[Enrollment], seen: Ahead) -> tuple[tuple[str, datetime], ...]:
    """Workflows that are entered on the way ahead."""
    known = {one.id for one in own}
    first: dict[int, tuple[str, datetime]] = {}
    for one in seen.coming:
        if one.enrollment not in known:
            first.setdefault(one.enrollment, (one.workflow, one.at))
    return tuple(first.values())
