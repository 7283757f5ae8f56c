"""The brakes: pause one contact, one workflow, or everything, and let it go on. Events are read meanwhile; timers wait."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from nurture.db import enrollments, pauses
from nurture.db.pauses import PauseRecord, PauseScope
from nurture.services.people import find_contact
from nurture.services.runtime import Runtime

EVERYTHING = "everything"


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
    with runtime.database.write() as tx:
        workflow, contact_id = target_of(runtime, tx, scope)
        ended = pauses.end(tx, runtime.now(), workflow=workflow, contact_id=contact_id)
        runtime.audit(tx, actor, "resume", str(scope), {"reason": reason})
    return ended


def holding(runtime: Runtime) -> PauseRecord | None:
    """The pause of everything that lasts, if one does."""
    with runtime.database.read() as tx:
        lasting = pauses.open_pauses(tx)
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


def still_holding(runtime: Runtime, tx: Connection, scope: Scope) -> list[str]:
    """Other pauses that hold what this scope means: ``everything``, or a workflow's name."""
    workflow, contact_id = target_of(runtime, tx, scope)
    if workflow is None and contact_id is None:
        return [pause.workflow or "a contact" for pause in pauses.open_pauses(tx)]
    of_contact = {one.workflow for one in enrollments.live_of(tx, [contact_id])} if contact_id else set()
    return [
        pause.workflow or EVERYTHING
        for pause in pauses.open_pauses(tx)
        if pause.scope is PauseScope.EVERYTHING or pause.workflow in of_contact
    ]
