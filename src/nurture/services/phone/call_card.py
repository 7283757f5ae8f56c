"""Everything a person needs while they talk: the script for this very contact, what went before, and what each outcome does.

Shows and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from nurture.db import deliveries, enrollments, events, outcomes, suppressions, tasks
from nurture.db.outcomes import CallOutcome
from nurture.db.tasks import Task
from nurture.engine.prospect import MOVES_NOTHING, after_outcome
from nurture.model.accounts import Account
from nurture.model.errors import NotFoundError, NurtureError
from nurture.model.teams import person_key
from nurture.model.words import (
    Channel,
    Contact,
    DeliveryState,
    Enrollment,
    Event,
    SuppressionReason,
    TaskState,
)
from nurture.rendering.ics import CallEntry, calendar_entry
from nurture.services.facts import load_facts
from nurture.services.phone.assign import Load, loads_on
from nurture.services.phone.call_queue import Queued, queued
from nurture.services.phone.calls import allowed_outcomes, callers
from nurture.services.published import Published
from nurture.services.runtime import Runtime
from nurture.services.sending.compose import Letter, context
from nurture.services.story.marking import Marker
from nurture.services.story.marks import Mark, State, in_plain
from nurture.workflow.model import Workflow

TOUCHES_SHOWN = 6
EVENTS_READ = 50
UNSEEN = frozenset(("contact.changed", "call.outcome"))
"""Our own bookkeeping, and what the calls themselves tell."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One outcome that may be clicked, and what it would lead to now."""

    outcome: str
    label: str
    follows: str


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who may take the call; ``load`` is of the day on which it is due, for members of teams."""

    key: str
    name: str
    load: Load | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One call. ``script`` is None where it cannot be rendered; ``problem`` then says why. Lists are newest first."""

    call: Queued
    zone: ZoneInfo
    is_open: bool
    late: bool
    mine: bool
    """It is on the reader's own list."""
    closed: frozenset[SuppressionReason]
    """Why this number must not be called."""
    script: str | None
    problem: str | None
    touches: tuple[Mark, ...]
    choices: tuple[Choice, ...]
    pending: CallOutcome | None
    history: tuple[CallOutcome, ...]
    colleagues: tuple[Colleague, ...]

    @property
    def task(self) -> Task:
        return self.call.task


def card(runtime: Runtime, task_id: int, reader: Account) -> Card:
    """The page of one call, for this reader. Raises NotFoundError."""
    now = runtime.now()
    with runtime.database.read() as tx:
        task = _task(tx, task_id)
        published = runtime.shelf.published(tx)
        zone = published.workspace.zone_of(reader.timezone)
        (call,) = queued(tx, runtime, [task])
        enrollment = enrollments.get(tx, [task.enrollment_id])[task.enrollment_id]
        workflow = runtime.shelf.versions(tx, [enrollment.version])[enrollment.version]
        told = outcomes.of_task(tx, task_id)
        happened = events.of_contact(tx, task.contact_id, limit=EVENTS_READ)
        script, problem = _script(tx, runtime, published, workflow, enrollment, call.contact, task, now)
        is_open = task.state is TaskState.OPEN
        return Card(
            call=call,
            zone=zone,
            is_open=is_open,
            late=is_open and task.due < now,
            mine=task.assignee == person_key(reader.email),
            closed=suppressions.of(tx, [task.contact_id])
            .get(task.contact_id, {})
            .get(Channel.PHONE, frozenset()),
            script=script,
            problem=problem,
            touches=_touches(tx, published, workflow, enrollment, call, happened, now),
            choices=_choices(tx, published, workflow, enrollment, task, now, zone),
            pending=next((one for one in told if one.pending), None),
            history=tuple(one for one in reversed(told) if not one.pending),
            colleagues=_colleagues(tx, published, task),
        )


def calendar_file(runtime: Runtime, task_id: int) -> bytes:
    """The call as an entry for a calendar: whom to call, and their number. Raises NotFoundError."""
    with runtime.database.read() as tx:
        task = _task(tx, task_id)
        (call,) = queued(tx, runtime, [task])
        company = runtime.shelf.published(tx).workspace.name
    entry = CallEntry(
        key=task.key,
        name=call.name if call.name != call.contact.email else "a contact",
        phone=call.contact.phone,
        starts=task.due,
        noted=runtime.clock.operational(),
        link=runtime.links.page(f"admin/calls/{task_id}"),
    )
    return calendar_entry(entry, company)


def _task(tx: Connection, task_id: int) -> Task:
    task = tasks.get(tx, task_id)
    if task is None:
        raise NotFoundError("there is no such call", hint="the queue lists those there are")
    return task


def _script(
    tx: Connection,
    runtime: Runtime,
    published: Published,
    workflow: Workflow,
    enrollment: Enrollment,
    contact: Contact,
    task: Task,
    now: datetime,
) -> tuple[str | None, str | None]:
    """The words for this contact, from the latest script; else what is wrong with it."""
    evidence = events.by_ids(tx, {enrollment.evidence} if enrollment.evidence else ())
    letter = Letter(
        key=task.key,
        template=task.script,
        contact=contact,
        marketing=False,
        stage=next((one for one in workflow.stages if one.name == task.stage), None),
        event=evidence.get(enrollment.evidence or 0),
    )
    try:
        facts = context(letter, published.workspace, runtime.links, now)
        return published.templates.script(task.script, contact.locale).render(facts), None
    except NurtureError as error:
        return None, str(error)


def _touches(
    tx: Connection,
    published: Published,
    workflow: Workflow,
    enrollment: Enrollment,
    call: Queued,
    happened: list[Event],
    now: datetime,
) -> tuple[Mark, ...]:
    """What passed between us last: mails that went, calls that were made, what the contact did."""
    marker = Marker(
        contact=call.contact,
        published=published,
        versions={enrollment.version: workflow},
        now=now,
        zone=call.zone,
        events={one.id: one for one in happened},
        sources={},
        decisions={},
    )
    mails = [one for one in deliveries.of_contact(tx, call.contact.id) if one.state is DeliveryState.SENT]
    mails = [one for one in mails if one.channel is Channel.EMAIL]
    made = [one for one in tasks.of_contact(tx, call.contact.id) if one.state is TaskState.DONE]
    marks = [marker.of_delivery(one) for one in mails[-TOUCHES_SHOWN:]]
    marks += [marker.of_call(one) for one in made if one.id != call.task.id]
    marks += [marker.of_event(one, "") for one in happened if one.name not in UNSEEN]
    seen = [mark for mark in marks if mark.state is not State.MACHINE]
    return tuple(sorted(seen, key=lambda mark: mark.at, reverse=True)[:TOUCHES_SHOWN])


def _choices(
    tx: Connection,
    published: Published,
    workflow: Workflow,
    enrollment: Enrollment,
    task: Task,
    now: datetime,
    zone: ZoneInfo,
) -> tuple[Choice, ...]:
    facts = load_facts(tx, [enrollment], published.workspace, now)[enrollment.id]
    moves = task.state is TaskState.OPEN and enrollment.live

    def follows(outcome: str) -> str:
        if not moves:
            return MOVES_NOTHING
        try:
            return after_outcome(workflow, enrollment, facts, now, outcome, (task.step, task.visit), zone)
        except NurtureError as error:
            return f"It cannot be told: {error.message}."

    known = allowed_outcomes(published.workspace)
    return tuple(Choice(one, in_plain(one), follows(one)) for one in known)


def _colleagues(tx: Connection, published: Published, task: Task) -> tuple[Colleague, ...]:
    workspace = published.workspace
    day = task.due.astimezone(workspace.zone).date()
    loads: Mapping[str, Load] = {one.member.key: one for one in loads_on(tx, workspace, day)}
    known = callers(tx, workspace)
    return tuple(Colleague(key, name, loads.get(key)) for key, name in known.items())
