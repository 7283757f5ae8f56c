"""Contacts enter workflows: by their own event, through another workflow, or by hand; each refusal is kept with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from nurture.db import enrollments, events, turns
from nurture.db.turns import Refusal
from nurture.engine.entering import Past, admit, entry_by_event, lost_at, refusal
from nurture.engine.evidence import entered_by
from nurture.model.decisions import Finish, Turn
from nurture.model.expressions import Scope
from nurture.model.words import Enrollment, EnteredBy, Event, Reason
from nurture.services.advancing.record import Outcome, end_from_outside, record_decisions
from nurture.services.facts import facts_of_people
from nurture.services.published import Published, Shelf


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody or something wants this contact in that workflow; without ``stage`` in its first."""

    contact_id: int
    workflow: str
    by: EnteredBy
    reason: str
    stage: str | None = None
    event: Event | None = None
    parent: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request: the new enrollment's id, or why not."""

    request: Request
    enrollment: int | None = None
    refused: str | None = None


def enter_all(
    tx: Connection, shelf: Shelf, requests: Sequence[Request], now: datetime, actor: str | None = None
) -> list[Answer]:
    """Answer every request, in order. Raises NotFoundError for a workflow that is not published."""
    if not requests:
        return []
    published = shelf.published(tx)
    people = {request.contact_id for request in requests}
    facts = facts_of_people(tx, people, published.workspace)
    pasts = pasts_of(tx, {(request.contact_id, request.workflow) for request in requests}, now)
    latest = events.latest_ids(tx, people)
    asked: set[tuple[int, str]] = set()
    answers: list[Answer] = []
    entering: list[tuple[Request, Turn]] = []
    restarting: list[Enrollment] = []
    for request in requests:
        workflow = published.workflow(request.workflow)
        pair = (request.contact_id, request.workflow)
        past = pasts.get(pair, Past())
        why_not = refusal(workflow, past, facts[request.contact_id], now)
        if why_not or pair in asked:
            answers.append(Answer(request, refused=why_not or Reason.ALREADY_ENROLLED))
            continue
        asked.add(pair)
        restarting.extend([past.live] if past.live else [])
        turn = admit(
            workflow,
            facts[request.contact_id],
            now,
            stage=workflow.stage(request.stage) if request.stage else workflow.stages[0],
            by=request.by,
            reason=request.reason,
            event=request.event,
            parent=request.parent,
            cursor=latest[request.contact_id],
        )
        entering.append((request, turn))
    end_from_outside(tx, shelf, restarting, Reason.RESTARTED, now, actor)
    answers += _store(tx, shelf, entering, now, actor)
    turns.refuse(tx, [_refusal(answer, now) for answer in answers if answer.refused])
    return answers


def enter_by_events(tx: Connection, shelf: Shelf, happened: Sequence[Event], now: datetime) -> list[Answer]:
    """Enroll the contacts whose events trigger an entry, unless the event moves or revives them where they are."""
    published = shelf.published(tx)
    asking = [(event, workflow) for event in happened for workflow in published.listeners.get(event.name, ())]
    if not asking:
        return []
    people = facts_of_people(tx, {event.contact_id for event, _ in asking}, published.workspace)
    pasts = pasts_of(tx, {(event.contact_id, workflow.name) for event, workflow in asking}, now)
    versions = shelf.versions(tx, {past.standing.version for past in pasts.values() if past.standing})
    requests = []
    for event, workflow in asking:
        scope = Scope(people[event.contact_id].contact, event.data, None, published.workspace)
        past = pasts.get((event.contact_id, workflow.name), Past())
        theirs = versions[past.standing.version] if past.standing else workflow
        stage = entry_by_event(workflow, theirs, event, past, scope)
        if stage:
            requests.append(
                Request(event.contact_id, workflow.name, entered_by(event), Reason.EVENT, stage.name, event)
            )
    return enter_all(tx, shelf, requests, now)


def follow_up(tx: Connection, shelf: Shelf, outcome: Outcome, now: datetime) -> list[Answer]:
    """Enroll whom steps, losses and ``trigger: lost`` send on to another workflow."""
    if not outcome.wishes and not outcome.lost:
        return []
    published = shelf.published(tx)
    requests = [
        Request(
            wish.contact_id,
            wish.decision.workflow,
            wish.decision.by,
            wish.decision.reason,
            # What a step enrolled stands on its own; only what a loss enrolled ends with that loss.
            parent=wish.parent if wish.decision.by is EnteredBy.LOST else None,
        )
        for wish in outcome.wishes
        if wish.decision.workflow in published.workflows
    ]
    requests += [request for lost, finish in outcome.lost for request in _following(published, lost, finish)]
    return enter_all(tx, shelf, requests, now)


def pasts_of(tx: Connection, pairs: Iterable[tuple[int, str]], now: datetime) -> dict[tuple[int, str], Past]:
    """What went before, for each (contact id, workflow)."""
    wanted = set(pairs)
    people = {contact for contact, _ in wanted}
    pasts = {pair: Past(last_end=at) for pair, at in enrollments.last_ends(tx, wanted).items()}
    for one in enrollments.live_of(tx, people):
        pair = (one.contact_id, one.workflow)
        pasts[pair] = replace(pasts.get(pair, Past()), live=one)
    for one in enrollments.reopenable_of(tx, people, now):
        pair = (one.contact_id, one.workflow)
        pasts[pair] = replace(pasts.get(pair, Past()), reopenable=one)
    return pasts


def _following(published: Published, lost: Enrollment, finish: Finish) -> list[Request]:
    where = lost_at(lost.workflow, finish) or ""
    return [
        Request(
            lost.contact_id, workflow.name, EnteredBy.LOST, finish.reason, stage=stage.name, parent=lost.id
        )
        for workflow, stage in published.followers.get(where, ())
    ]


def _store(
    tx: Connection,
    shelf: Shelf,
    entering: Sequence[tuple[Request, Turn]],
    now: datetime,
    actor: str | None,
) -> list[Answer]:
    ids = enrollments.insert(tx, [(turn.enrollment, turn.wake_at) for _, turn in entering])
    entered = [
        replace(turn, enrollment=replace(turn.enrollment, id=number))
        for (_, turn), number in zip(entering, ids, strict=True)
        if number is not None
    ]
    record_decisions(tx, shelf, entered, now, actor)
    return [
        Answer(request, enrollment=number, refused=None if number else Reason.ALREADY_ENROLLED)
        for (request, _), number in zip(entering, ids, strict=True)
    ]


def _refusal(answer: Answer, now: datetime) -> Refusal:
    request = answer.request
    return Refusal(
        contact_id=request.contact_id,
        workflow=request.workflow,
        at=now,
        reason=answer.refused or "",
        event_id=request.event.id if request.event else None,
    )
