"""Why a contact got what they got, and what comes next: every turn as one sentence, with its file and line."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from nurture.db import deliveries, events, tasks, turns
from nurture.db.deliveries import Delivery
from nurture.db.tasks import Task
from nurture.db.turns import Refusal
from nurture.engine.explain import in_words, sentence, verb
from nurture.model.decisions import Decision
from nurture.model.errors import NotFoundError, did_you_mean
from nurture.model.words import Contact, DeliveryState, Enrollment, TaskState
from nurture.services.consent.permission import relied_on
from nurture.services.contacts.people import find_contact
from nurture.services.runtime import Runtime
from nurture.services.story.became import said_of, said_of_call
from nurture.services.story.known import Known, Next, know
from nurture.services.story.outlook import next_of
from nurture.services.story.outside import not_enrolled
from nurture.services.story.step_answer import of_step

STILL_OPEN = frozenset((DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.SENDING))


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was decided or that happened. ``said`` is the sentence a marketer reads."""

    at: datetime
    workflow: str
    stage: str
    step: str | None
    decision: str
    reason: str
    said: str
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Why:
    """The whole answer: lines oldest first, and for each enrollment what is next."""

    contact: Contact
    zone: ZoneInfo
    turns: tuple[Line, ...]
    next: tuple[Next, ...]


def why(runtime: Runtime, email: str, workflow: str | None = None, step: str | None = None) -> Why:
    """The story of the contact with this address, of one workflow or one step if named.

    Of each workflow ``next`` tells about the latest enrollment, and with ``step`` about that step alone. Raises
    NotFoundError for an unknown contact, workflow or step.
    """
    with runtime.database.read() as tx:
        contact = find_contact(tx, email)
        known = know(tx, runtime, contact)
        _require(workflow, {one.workflow for one in known.own} | set(known.published.workflows))
        own = [one for one in known.own if workflow in (None, one.workflow)]
        lines = told(tx, contact.id, own, known.zone)
        refused = turns.refusals_of(tx, contact.id)
    wanted = [
        line for line in lines if workflow in (None, line.workflow) and (step is None or line.step == step)
    ]
    return Why(contact, known.zone, tuple(wanted), tuple(_next(known, own, refused, workflow, step)))


def _next(
    known: Known,
    own: Sequence[Enrollment],
    refused: Sequence[Refusal],
    workflow: str | None,
    step: str | None,
) -> Iterator[Next]:
    latest = {one.workflow: one for one in own}
    for one in latest.values():
        yield of_step(known, one, step) if step else next_of(known, one)
    if workflow and not latest:
        yield not_enrolled(known, [one for one in refused if one.workflow == workflow], workflow, step)


def told(tx: Connection, contact_id: int, own: Sequence[Enrollment], zone: ZoneInfo) -> list[Line]:
    """Everything that was decided in these enrollments of a contact, and what became of it; oldest first."""
    lines = [*_decided(tx, own, zone), *_happened(tx, contact_id, zone), *_refused(tx, contact_id)]
    return sorted(lines, key=lambda line: line.at)


def _require(workflow: str | None, names: Collection[str]) -> None:
    if workflow and workflow not in names:
        known = f"known are {', '.join(sorted(names))}" if names else "`nurture publish` makes workflows live"
        raise NotFoundError(
            f"there is no workflow '{workflow}'", hint=did_you_mean(workflow, list(names)) or known
        )


def _decided(tx: Connection, own: Sequence[Enrollment], zone: ZoneInfo) -> Iterator[Line]:
    workflow_of = {one.id: one.workflow for one in own}
    taken = turns.of_enrollments(tx, list(workflow_of))
    names = names_of(tx, [decision for turn in taken for decision in turn.decisions])
    for turn in taken:
        for decision in turn.decisions:
            yield Line(
                at=turn.at,
                workflow=workflow_of[turn.enrollment_id],
                stage=decision.stage,
                step=decision.step,
                decision=verb(decision),
                reason=decision.reason,
                said=sentence(decision, zone, names),
                file=decision.place.file if decision.place else None,
                line=decision.place.line if decision.place else None,
            )


def names_of(tx: Connection, decisions: Iterable[Decision]) -> dict[int, str]:
    """The names of the events that were the evidence of these decisions, by event id."""
    evidence = events.by_ids(tx, {one.event for one in decisions if one.event})
    return {number: event.name for number, event in evidence.items()}


def _happened(tx: Connection, contact_id: int, zone: ZoneInfo) -> Iterator[Line]:
    """What became of messages and calls after they were decided."""
    mails = deliveries.of_contact(tx, contact_id)
    rests_on = relied_on(tx, mails, zone)
    for delivery in mails:
        if delivery.ended_at and delivery.state not in STILL_OPEN and delivery.template:
            said = said_of(delivery, rests_on.get(delivery.id))
            yield _line(delivery, delivery.state.value, delivery.reason or "", said, delivery.ended_at)
    for task in tasks.of_contact(tx, contact_id):
        if task.ended_at and task.state is not TaskState.OPEN:
            reason = task.outcome or task.reason or ""
            yield _line(task, task.state.value, reason, said_of_call(task), task.ended_at)


def _line(one: Delivery | Task, decision: str, reason: str, said: str, at: datetime) -> Line:
    return Line(
        at=at,
        workflow=one.workflow or "",
        stage=one.stage,
        step=one.step,
        decision=decision,
        reason=reason,
        said=said,
    )


def _refused(tx: Connection, contact_id: int) -> Iterator[Line]:
    for refusal in turns.refusals_of(tx, contact_id):
        yield Line(
            at=refusal.at,
            workflow=refusal.workflow,
            stage="",
            step=None,
            decision="refuse",
            reason=refusal.reason,
            said=f"Does not enter workflow '{refusal.workflow}', because {in_words(refusal.reason)}.",
        )
