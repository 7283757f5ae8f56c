"""Before somebody presses pause or resume: whom it would hold, and what would happen when it is let go.

Counts only. Pressing is ``services.pausing``; what late steps then do is decided by ``engine.touch``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from nurture.db import counts, needs, pauses
from nurture.db.needs import DueSteps
from nurture.db.pauses import PauseRecord, PauseScope
from nurture.engine.touch import MAX_LATE
from nurture.model.timing import Duration, Unit
from nurture.services.runtime import Runtime
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

    ``ready`` messages were let through before the pause and leave first. ``run``, ``skipped`` and ``shifted`` are about
    how many messages and calls fell due meanwhile, by what their steps say of lateness.
    """

    workflow: str | None
    held: PauseRecord | None
    also_held: bool
    """Everything is held, so that letting this workflow go changes nothing yet."""
    contacts: int
    ready: int = 0
    run: int = 0
    skipped: int = 0
    shifted: int = 0


def look(runtime: Runtime, workflow: str | None = None) -> Brake:
    """The brake of one workflow, or of everything."""
    now = runtime.now()
    with runtime.database.read() as tx:
        lasting = pauses.open_pauses(tx)
        everything = next((one for one in lasting if one.scope is PauseScope.EVERYTHING), None)
        own = next(
            (one for one in lasting if one.scope is PauseScope.WORKFLOW and one.workflow == workflow), None
        )
        held = own if workflow else everything
        contacts = counts.contacts_under_way(tx, workflow)
        fates = _fates(tx, runtime, needs.held_steps(tx, now, workflow), now) if held else {}
        return Brake(
            workflow=workflow,
            held=held,
            also_held=workflow is not None and everything is not None,
            contacts=contacts,
            ready=needs.held_messages(tx, now, workflow) if held else 0,
            run=fates.get(IfLate.SEND, 0),
            skipped=fates.get(IfLate.SKIP, 0),
            shifted=fates.get(IfLate.SHIFT, 0),
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
