"""The brakes: pause one contact, one workflow, or everything, and let it go on. Events are read meanwhile; timers wait.

Letting go bombards nobody: what is too late by its step is skipped or moved, also where it stood ready before the pause,
and what then is due takes its turns over some minutes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from nurture.db import contacts, enrollments, held, pauses
from nurture.db.held import Ready
from nurture.db.pauses import PauseRecord, PauseScope
from nurture.engine.touch import MAX_LATE
from nurture.model.timing import add, next_match
from nurture.model.words import Reason
from nurture.model.workspace import Workspace
from nurture.services.contacts.people import find_contact
from nurture.services.runtime import Runtime
from nurture.services.spread import per_minute, turn_at
from nurture.steps.base import IfLate, LateFields
from nurture.workflow.model import Workflow

EVERYTHING = "everything"
THEIR_REST = "the pause they chose themselves"
RESTS_AT_ONCE = 500
"""How many rests are ended in one transaction."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a pause holds: a workflow, a contact, or with neither everything."""

    workflow: str | None = None
    email: str | None = None

    def __str__(self) -> str:
        return self.workflow or self.email or EVERYTHING


def pause(runtime: Runtime, scope: Scope, reason: str, actor: str = "command line") -> bool:
    """Hold every timer and message in this scope; False when it was held already. Raises NotFoundError."""
    with runtime.database.write() as tx:
        workflow, contact_id = target_of(runtime, tx, scope)
        begun = pauses.begin(
            tx, runtime.now(), workflow=workflow, contact_id=contact_id, reason=reason, actor=actor
        )
        runtime.audit(tx, actor, "pause", str(scope), {"reason": reason})
    return begun


def resume(runtime: Runtime, scope: Scope, reason: str, actor: str = "command line") -> bool:
    """Let it go on: what fell due meanwhile follows each step's `if_late`. False when nothing was held."""
    now = runtime.now()
    with runtime.database.write() as tx:
        workflow, contact_id = target_of(runtime, tx, scope)
        ended = pauses.end(tx, now, workflow=workflow, contact_id=contact_id)
        if ended:
            whom = None if contact_id is None else [contact_id]
            let_go(tx, runtime, now, workflow, whom)
        runtime.audit(tx, actor, "resume", str(scope), {"reason": reason})
    return ended


def let_go(
    tx: Connection,
    runtime: Runtime,
    now: datetime,
    workflow: str | None = None,
    contact_ids: Collection[int] | None = None,
) -> None:
    """What a pause of these held goes on with care: messages that stood ready are judged, turns spread over minutes."""
    let_go_of_messages(tx, runtime, held.ready(tx, now, workflow, contact_ids), now)
    take_turns(tx, held.due_turns(tx, now, workflow, contact_ids), now)


def end_rests(runtime: Runtime) -> int:
    """End the rests of contacts whose time is over; returns how many. What then is due takes its turns over minutes."""
    now = runtime.now()
    with runtime.database.read() as tx:
        if not pauses.over(tx, now, 1):
            return 0

    def end(tx: Connection) -> int:
        rested = pauses.over(tx, now, RESTS_AT_ONCE)
        contacts.lock(tx, rested)
        ended = pauses.end_rests(tx, now, rested)
        let_go(tx, runtime, now, contact_ids=rested)
        return ended

    return runtime.database.retrying(end)


def take_turns(tx: Connection, due: Sequence[int], now: datetime) -> None:
    """Have many enrollments that are due at once looked at over some minutes, the oldest first."""
    each_minute = per_minute(len(due))
    held.look_at(
        tx,
        {one: turn_at(number, each_minute, now) for number, one in enumerate(due) if number >= each_minute},
    )


def let_go_of_messages(tx: Connection, runtime: Runtime, ready: Sequence[Ready], now: datetime) -> None:
    """What stood ready when the pause began is judged as if it fell due meanwhile: sent, skipped or moved."""
    fates = fates_of_messages(tx, runtime, ready, now)
    held.skip_late(tx, [one for one in ready if fates[one.id] is Reason.LATE], now)
    held.put_off(tx, {number: at for number, at in fates.items() if isinstance(at, datetime)})


def fates_of_messages(
    tx: Connection, runtime: Runtime, ready: Sequence[Ready], now: datetime
) -> dict[int, Reason | datetime | None]:
    """By delivery: ``late`` for one that is skipped, a moment for one that is moved, None for one that leaves."""
    if not ready:
        return {}
    workspace = runtime.shelf.published(tx).workspace
    versions = runtime.shelf.versions(tx, {one.version for one in ready})
    return {one.id: _fate(one, versions.get(one.version), workspace, now) for one in ready}


def _fate(
    one: Ready, workflow: Workflow | None, workspace: Workspace, now: datetime
) -> Reason | datetime | None:
    step = workflow.steps.get(one.step) if workflow else None
    if workflow is None or step is None or not isinstance(step.fields, LateFields):
        return None
    zone, calendar = workspace.zone_of(one.timezone), workspace.calendar(workflow.calendar)
    if step.fields.if_late is IfLate.SEND or now <= add(
        one.due, step.fields.max_late or MAX_LATE, zone, calendar
    ):
        return None
    if step.fields.if_late is IfLate.SKIP:
        return Reason.LATE
    following = next_match(step.rule, now, zone, calendar).at
    return following if following > now else None


def holding(runtime: Runtime) -> PauseRecord | None:
    """The pause of everything that lasts, if one does."""
    with runtime.database.read() as tx:
        lasting = pauses.open_pauses(tx, ())
    return next((pause for pause in lasting if pause.scope is PauseScope.EVERYTHING), None)


def target_of(runtime: Runtime, tx: Connection, scope: Scope) -> tuple[str | None, int | None]:
    """The workflow or the contact's id that is meant; neither means everything. Raises NotFoundError."""
    if scope.workflow:
        if not enrollments.ids_in(
            tx, scope.workflow
        ):  # one that was withdrawn may still have contacts under way
            runtime.shelf.published(tx).workflow(scope.workflow)
        return scope.workflow, None
    if scope.email:
        return None, find_contact(tx, scope.email).id
    return None, None


def still_holding(runtime: Runtime, scope: Scope) -> list[str]:
    """Other pauses that hold what this scope means: ``everything``, a workflow's name, or ``THEIR_REST``.

    Raises NotFoundError.
    """
    with runtime.database.read() as tx:
        workflow, contact_id = target_of(runtime, tx, scope)
        lasting = pauses.open_pauses(tx, [contact_id] if contact_id else None)
        if workflow is None and contact_id is None:
            return [pause.workflow or "a contact" for pause in lasting if not pause.own]
        of_contact = {one.workflow for one in enrollments.live_of(tx, [contact_id])} if contact_id else set()
    others = [
        pause.workflow or EVERYTHING
        for pause in lasting
        if pause.scope is PauseScope.EVERYTHING or pause.workflow in of_contact
    ]
    return [*others, THEIR_REST] if contact_id and any(pause.own for pause in lasting) else others
