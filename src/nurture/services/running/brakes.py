"""Before somebody presses pause or resume: whom it would hold, and what would happen when it is let go.

Counts only. Pressing is ``services.running.pausing``; what late steps then do is decided by ``engine.touch``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import Connection

from nurture.db import counts, held, needs, pauses
from nurture.db.needs import DueSteps
from nurture.db.pauses import PauseRecord, PauseScope
from nurture.engine.touch import MAX_LATE
from nurture.model.timing import Duration, Unit
from nurture.model.words import Reason
from nurture.services.running.pausing import Scope, fates_of_messages, target_of
from nurture.services.runtime import Runtime
from nurture.services.spread import per_minute
from nurture.steps.base import IfLate, LateFields
from nurture.workflow.model import Workflow

SPANS = {
    Unit.MINUTES: timedelta(minutes=1),
    Unit.HOURS: timedelta(hours=1),
    Unit.DAYS: timedelta(days=1),
    Unit.BUSINESS_DAYS: timedelta(days=1),
    Unit.WEEKS: timedelta(weeks=1),
    Unit.MONTHS: timedelta(days=30),
}
"""Good enough to say beforehand about how many will be late; the turn itself asks calendar and zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brake:
    """Everything, or one workflow: is it held, by whom, and what hangs on it.

    ``ready`` messages were let through before the pause. ``run``, ``skipped`` and ``shifted`` are how many messages and
    calls fell due meanwhile or stood ready, by what their steps say of lateness: of those that fell due meanwhile about
    so many. ``due_at_once`` contacts take their next turn as soon as they are let go, over ``minutes`` minutes.
    """

    workflow: str | None
    held: PauseRecord | None
    also_held: bool
    """Everything is held, so that letting this workflow go changes nothing yet."""
    contacts: int
    enrollments: int = 0
    messages: int = 0
    calls: int = 0
    ready: int = 0
    run: int = 0
    skipped: int = 0
    shifted: int = 0
    due_at_once: int = 0
    minutes: int = 0


def look_at(runtime: Runtime, scope: Scope) -> Brake:
    """The brake of what this scope means. Raises NotFoundError."""
    with runtime.database.read() as tx:
        workflow, contact_id = target_of(runtime, tx, scope)
    return look(runtime, workflow, contact_id)


def look(runtime: Runtime, workflow: str | None = None, contact_id: int | None = None) -> Brake:
    """The brake of one workflow, of one contact, or of everything."""
    now = runtime.now()
    with runtime.database.read() as tx:
        lasting = pauses.open_pauses(tx, [contact_id] if contact_id else ())
        everything = next((one for one in lasting if one.scope is PauseScope.EVERYTHING), None)
        own = next(
            (
                one
                for one in lasting
                if one.scope is not PauseScope.EVERYTHING
                and not one.own
                and (one.workflow, one.contact_id) == (workflow, contact_id)
            ),
            None,
        )
        of_all = workflow is None and contact_id is None
        paused = everything if of_all else own
        there = held.hold(tx, workflow, contact_id)
        brake = Brake(
            workflow=workflow,
            held=paused,
            also_held=not of_all and everything is not None,
            contacts=counts.contacts_under_way(tx, workflow, contact_id),
            enrollments=there.enrollments,
            messages=there.messages,
            calls=there.calls,
        )
        return _when_let_go(tx, runtime, brake, contact_id, now) if paused else brake


def _when_let_go(
    tx: Connection, runtime: Runtime, brake: Brake, contact_id: int | None, now: datetime
) -> Brake:
    fates = _fates(tx, runtime, needs.held_steps(tx, now, brake.workflow, contact_id), now)
    whom = None if contact_id is None else [contact_id]
    ready = held.ready(tx, now, brake.workflow, whom)
    of_messages = list(fates_of_messages(tx, runtime, ready, now).values())
    skipped, sent = of_messages.count(Reason.LATE), of_messages.count(None)
    due = len(held.due_turns(tx, now, brake.workflow, whom))
    return replace(
        brake,
        ready=len(ready),
        run=fates.get(IfLate.SEND, 0) + sent,
        skipped=fates.get(IfLate.SKIP, 0) + skipped,
        shifted=fates.get(IfLate.SHIFT, 0) + len(of_messages) - skipped - sent,
        due_at_once=due,
        minutes=ceil(due / per_minute(due)),
    )


def _fates(tx: Connection, runtime: Runtime, due: list[DueSteps], now: datetime) -> dict[IfLate, int]:
    """What becomes of steps that fell due: those that are not too late run."""
    versions = runtime.shelf.versions(tx, {one.version for one in due})
    touching = list(_touching(due, versions.values()))
    late = needs.late_steps(
        tx, [(one.version, one.step, now - _span(fields.max_late or MAX_LATE)) for one, fields in touching]
    )
    fates = dict.fromkeys(IfLate, 0)
    for one, fields in touching:
        behind = late.get((one.version, one.step), 0)
        fates[IfLate.SEND] += one.count - behind
        fates[fields.if_late] += behind
    return fates


def _touching(due: Iterable[DueSteps], versions: Iterable[Workflow]) -> Iterator[tuple[DueSteps, LateFields]]:
    """The messages and calls among these steps."""
    known = {version.version: version.steps for version in versions}
    for one in due:
        step = known.get(one.version, {}).get(one.step)
        if step and isinstance(step.fields, LateFields):
            yield one, step.fields


def _span(duration: Duration) -> timedelta:
    return duration.amount * SPANS[duration.unit]
