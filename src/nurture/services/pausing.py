"""The brakes: pause one contact, one workflow, or everything, and let it go on. Events are read meanwhile; timers wait."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from nurture.db import audit, contacts, pauses
from nurture.db.audit import Deed
from nurture.model.errors import NotFoundError
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
        workflow, contact_id = _found(runtime, tx, scope)
        begun = pauses.begin(
            tx, runtime.now(), workflow=workflow, contact_id=contact_id, reason=reason, actor=actor
        )
        _note(runtime, tx, "pause", scope, reason, actor)
    return begun


def resume(runtime: Runtime, scope: Scope, reason: str, actor: str = "command line") -> bool:
    """Let it go on: what fell due meanwhile follows each step's `if_late`. False when nothing was held."""
    with runtime.database.write() as tx:
        workflow, contact_id = _found(runtime, tx, scope)
        ended = pauses.end(tx, runtime.now(), workflow=workflow, contact_id=contact_id)
        _note(runtime, tx, "resume", scope, reason, actor)
    return ended


def _found(runtime: Runtime, tx: Connection, scope: Scope) -> tuple[str | None, int | None]:
    if scope.workflow:
        runtime.shelf.published(tx).workflow(scope.workflow)
        return scope.workflow, None
    if scope.email:
        found = contacts.by_email(tx, [scope.email])
        if scope.email not in found:
            raise NotFoundError(f"there is no contact {scope.email}")
        return None, found[scope.email].id
    return None, None


def _note(runtime: Runtime, tx: Connection, action: str, scope: Scope, reason: str, actor: str) -> None:
    subject = str(scope)
    audit.note(tx, Deed(runtime.clock.operational(), actor, action, subject, {"reason": reason}))
