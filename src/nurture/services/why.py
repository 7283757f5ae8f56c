"""Why a contact got what they got, and what comes next: every turn as one sentence, with its file and line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from nurture.db import deliveries, enrollments, events, tasks, turns
from nurture.db.deliveries import Delivery
from nurture.db.tasks import Task
from nurture.engine.explain import in_words, sentence, verb
from nurture.model.decisions import Decision
from nurture.model.errors import NotFoundError, did_you_mean
from nurture.model.words import Contact, DeliveryState, Enrollment, Status, TaskState
from nurture.services.people import find_contact, standings
from nurture.services.runtime import Runtime

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
class Next:
    """What one enrollment waits for; ``at`` is None when only an event can move it."""

    workflow: str
    status: Status
    stage: str
    step: str | None
    at: datetime | None
    said: str


@dataclass(frozen=True, slots=True)
class Why:
    """The whole answer: lines oldest first, and for each enrollment what is next."""

    contact: Contact
    zone: ZoneInfo
    turns: tuple[Line, ...]
    next: tuple[Next, ...]


def why(runtime: Runtime, email: str, workflow: str | None = None, step: str | None = None) -> Why:
    """The story of the contact with this address, of one workflow or one step if named. Raises NotFoundError."""
    now = runtime.now()
    with runtime.database.read() as tx:
        contact = find_contact(tx, email)
        workspace = runtime.shelf.published(tx).workspace
        zone = workspace.zone_of(contact.timezone)
        own = enrollments.of_contact(tx, contact.id)
        _known(workflow, {one.workflow for one in own} | set(runtime.shelf.published(tx).workflows))
        own = [one for one in own if workflow in (None, one.workflow)]
        lines = told(tx, contact.id, own, zone)
        following = tuple(
            Next(
                one.enrollment.workflow,
                one.enrollment.status,
                one.enrollment.stage,
                one.enrollment.step,
                one.at,
                one.said,
            )
            for one in standings(tx, runtime, own, zone, now)
        )
    wanted = [
        line for line in lines if workflow in (None, line.workflow) and (step is None or line.step == step)
    ]
    return Why(contact, zone, tuple(wanted), following)


def told(tx: Connection, contact_id: int, own: Sequence[Enrollment], zone: ZoneInfo) -> list[Line]:
    """Everything that was decided in these enrollments of a contact, and what became of it; oldest first."""
    lines = [*_decided(tx, own, zone), *_happened(tx, contact_id), *_refused(tx, contact_id)]
    return sorted(lines, key=lambda line: line.at)


def _known(workflow: str | None, names: Iterable[str]) -> None:
    if workflow and workflow not in names:
        raise NotFoundError(f"there is no workflow '{workflow}'", hint=did_you_mean(workflow, list(names)))


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


def _happened(tx: Connection, contact_id: int) -> Iterator[Line]:
    """What became of messages and calls after they were decided."""
    for delivery in deliveries.of_contact(tx, contact_id):
        if delivery.ended_at and delivery.state not in STILL_OPEN and delivery.template:
            yield _line(
                delivery, delivery.state.value, delivery.reason or "", said_of(delivery), delivery.ended_at
            )
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


def said_of(delivery: Delivery) -> str:
    """What became of a message, in one sentence."""
    name = f"'{delivery.template}'"
    told = f": {delivery.detail}" if delivery.detail else ""
    because = f", because {in_words(delivery.reason)}" if delivery.reason else ""
    match delivery.state:
        case DeliveryState.SENT:
            return f"Mail {name} was handed to the mail server{told}."
        case DeliveryState.AMBIGUOUS:
            return f"Mail {name} may or may not have gone out{because}. It is not sent again by itself."
        case _:
            return f"Mail {name} {delivery.state}{because}{told}."


def said_of_call(task: Task) -> str:
    """What became of a call, in one sentence."""
    if task.state is TaskState.DONE:
        return f"Call '{task.script}' was made: {task.outcome}."
    because = f", because {in_words(task.reason)}" if task.reason else ""
    return f"Call '{task.script}' {task.state}{because}."


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
