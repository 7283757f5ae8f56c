"""Messages that failed over their template, tried once more because somebody asked: when the template or the contact is mended.

Sends nothing itself: they are due, and every gate is asked again. Who has left the stage meanwhile gets nothing late, and nobody the same twice.
"""

from __future__ import annotations

from sqlalchemy import Connection

from nurture.db import again
from nurture.model.errors import NotFoundError
from nurture.services.files.template_pages import LATELY
from nurture.services.runtime import Runtime


def failed_over(runtime: Runtime, template: str) -> int:
    """How many messages of ``welcome`` failed over it in the last 30 days and could be tried again."""
    with runtime.database.read() as tx:
        return again.failed_over(tx, template, runtime.now() - LATELY)


def try_template(runtime: Runtime, template: str, actor: str) -> int:
    """Try all of them again; returns how many there are."""

    def write(tx: Connection) -> int:
        found = again.try_template(tx, template, runtime.now() - LATELY, runtime.now())
        if found:
            runtime.audit(tx, actor, "try-again", f"template:{template}", {"count": len(found)})
        return len(found)

    return runtime.database.retrying(write)


def try_message(runtime: Runtime, delivery_id: int, actor: str) -> None:
    """Try one message again. Raises NotFoundError when it did not fail over its template, or is not wanted any more."""

    def write(tx: Connection) -> None:
        if not again.try_these(tx, [delivery_id], runtime.now()):
            raise NotFoundError(
                "this message cannot be tried again",
                hint="it went meanwhile, or its contact has left its stage, or came to this step again since",
            )
        runtime.audit(tx, actor, "try-again", f"delivery:{delivery_id}")

    runtime.database.retrying(write)
