"""What nobody needs any more goes by itself: once a day, in small bites, by the spans of ``[retention]``.

Somebody who was silent for too long is forgotten whole; otherwise rows go and the contact stays. Nothing goes that a
workflow, a call or a message still waits for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy import Connection

from nurture.db import content, retention, state
from nurture.model.workspace import Retention
from nurture.services.privacy.erasing import let_go, wipe_later, wipe_now
from nurture.services.runtime import Runtime

log = structlog.get_logger()

BITE = 1_000
PEOPLE = 100
"""How many rows of a kind, and how many people, go in one look."""
WHOLE = "contacts_without_activity"
_DONE = "retention"


def sweep(runtime: Runtime, folder: Path) -> int:
    """Take one bite of everything that is too old, unless that is done for today; returns how much went."""
    now = runtime.now()
    with runtime.database.read() as tx:
        if not content.publications(tx) or _done(tx) == now.date():
            return 0
        spans = runtime.shelf.published(tx).workspace.retention
    gone = dict(_bites(runtime, spans, now, folder))
    if any(gone.values()):
        log.info(
            "let go of what was kept long enough", **{name: number for name, number in gone.items() if number}
        )
        return sum(gone.values())
    runtime.database.retrying(
        lambda tx: state.put(tx, _DONE, {"day": now.date().isoformat()}, runtime.clock.operational())
    )
    wipe_now(runtime)
    return 0


def waiting(tx: Connection, spans: Retention, now: datetime) -> dict[str, int]:
    """How much the next looks will let go of, by the keys of ``[retention]``; those that keep for good are left out."""
    return {name: retention.count(tx, name, now - span) for name, span in kept_for(spans)}


def kept_for(spans: Retention) -> Iterator[tuple[str, timedelta]]:
    """The keys that let go of something, and after which span."""
    return ((name, span) for name, span in asdict(spans).items() if span is not None)


def _bites(runtime: Runtime, spans: Retention, now: datetime, folder: Path) -> Iterator[tuple[str, int]]:
    for name, span in kept_for(spans):
        if name == WHOLE:
            yield name, _forget_the_silent(runtime, now - span, folder)
        else:
            bite = partial(retention.let_go, rule=name, before=now - span, most=BITE)
            yield name, runtime.database.retrying(bite)


def _forget_the_silent(runtime: Runtime, before: datetime, folder: Path) -> int:
    with runtime.database.read() as tx:
        silent = retention.quiet_contacts(tx, before, PEOPLE)
    if not silent:
        return 0
    wipe_later(runtime)
    return let_go(runtime, silent, folder)


def _done(tx: Connection) -> date | None:
    known = state.get(tx, _DONE)
    return date.fromisoformat(known["day"]) if known else None
