"""Take who is under way into the version that is live: batch by batch, and on from there after a crash.

Each batch is one transaction: enrollments, their rows under new names, and how far it came. What was sent stays sent, by
the same unique keys; who cannot come along stays in the version they entered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from nurture.db import contacts, migrating, state
from nurture.db.enrollments import Claimed
from nurture.db.migrating import NewName
from nurture.engine.migrating import Way, migrate
from nurture.model.decisions import Turn
from nurture.model.words import Enrollment, Phase
from nurture.services.advancing.record import record_turns
from nurture.services.facts import load_facts
from nurture.services.releases.forecast_play import steps_of
from nurture.services.runtime import Runtime
from nurture.services.spread import turn_at
from nurture.workflow.counterparts import counterparts
from nurture.workflow.model import Workflow

BATCH = 250
FACT = "migrating"
"""Where the work that is not done yet is written down."""


@dataclass(frozen=True, slots=True)
class Intent:
    """Take the contacts of a workflow into its version ``to``. ``names`` is what a person said of old names."""

    workflow: str
    to: str
    actor: str
    names: Mapping[str, str] = field(default_factory=dict)
    each_minute: int = 60
    after: int = 0
    """The last enrollment that was looked at."""
    moved: int = 0
    left: int = 0
    at_once: int = 0


@dataclass(frozen=True, slots=True)
class Migrated:
    """How many were taken along, and how many could not; ``more`` when some were not looked at yet."""

    moved: int = 0
    left: int = 0
    more: bool = False


def intend(tx: Connection, intents: Sequence[Intent], now: datetime) -> None:
    """Write down what is to be done, in the transaction that makes the versions live."""
    if intents:
        _keep(tx, {**_open(tx), **{one.workflow: one for one in intents}}, now)


def go_on(runtime: Runtime, most: int | None = None) -> Migrated:
    """Do all that is written down, or about ``most`` contacts of it. Any process may; returns what this one did."""
    moved = left = 0
    while (done := _next(runtime)) is not None:
        moved, left = moved + done.moved, left + done.left
        if most is not None and moved + left >= most:
            return Migrated(moved, left, more=True)
    return Migrated(moved, left)


def ways_to(
    runtime: Runtime, tx: Connection, after: Workflow, names: Mapping[str, str], versions: set[str]
) -> dict[str, Way]:
    """How enrollments come from each of these versions to ``after``."""
    read = runtime.shelf.versions(tx, versions)
    return {
        version: Way(before, after, counterparts(before, after, names)) for version, before in read.items()
    }


def _next(runtime: Runtime) -> Migrated | None:
    """One batch; None when nothing is left to do."""
    with runtime.database.read() as tx:
        if not _open(tx):
            return None
    return runtime.database.retrying(lambda tx: _batch(tx, runtime))


def _batch(tx: Connection, runtime: Runtime) -> Migrated | None:
    intents = _read(state.held(tx, FACT))
    if not intents:
        return None
    now = runtime.now()
    intent = next(iter(intents.values()))
    after = runtime.shelf.published(tx).workflows.get(intent.workflow)
    found = (
        migrating.live_in(tx, intent.workflow, but=intent.to, after=intent.after, limit=BATCH)
        if after is not None and after.version == intent.to
        else []  # something else was published meanwhile: that one says who goes where
    )
    if not found or after is None:
        del intents[intent.workflow]
        _keep(tx, intents, now)
        detail = {"to": intent.to, "moved": intent.moved, "left": intent.left, "names": dict(intent.names)}
        runtime.audit(tx, intent.actor, "migrate", f"workflow:{intent.workflow}", detail)
        return Migrated()
    contacts.lock(tx, {one.contact_id for one in found})
    taken = migrating.take(tx, [one.id for one in found])
    here = [claim for claim in taken if claim.enrollment.version != intent.to]
    ways = ways_to(runtime, tx, after, intent.names, {claim.enrollment.version for claim in here})
    may = [claim for claim in here if ways[claim.enrollment.version].obstacle(claim.enrollment) is None]
    at_once = _take_along(tx, runtime, intent, ways, may, now)
    done = Migrated(len(may), len(here) - len(may))
    intents[intent.workflow] = replace(
        intent,
        after=found[-1].id,
        moved=intent.moved + done.moved,
        left=intent.left + done.left,
        at_once=intent.at_once + at_once,
    )
    _keep(tx, intents, now)
    return done


def _take_along(
    tx: Connection,
    runtime: Runtime,
    intent: Intent,
    ways: Mapping[str, Way],
    claims: Sequence[Claimed],
    now: datetime,
) -> int:
    """Record these enrollments in their new version; returns how many of them are due at once."""
    workspace = runtime.shelf.published(tx).workspace
    facts = load_facts(tx, [claim.enrollment for claim in claims], workspace, now)
    had = migrating.had_their_turn(tx, [claim.enrollment.id for claim in claims])
    turns: list[tuple[Claimed, Turn]] = []
    steps: list[NewName] = []
    stages: list[NewName] = []
    at_once = 0
    for claim in claims:
        one = claim.enrollment
        way, done = ways[one.version], had.get(one.id, set())
        turn = migrate(way, one, facts[one.id], now, steps_of(one, done))
        if _is_due(turn.enrollment, now):
            turn = replace(turn, wake_at=turn_at(intent.at_once + at_once, intent.each_minute, now))
            at_once += 1
        turns.append((claim, turn))
        rows = {step for step, _ in done}
        steps += [NewName(one.id, old, new) for old, new in way.renamed().items() if old in rows]
        stages += [NewName(one.id, old, new) for old, new in way.same.stages.items() if old != new]
    migrating.rename_steps(tx, steps)
    migrating.rename_stages(tx, stages)
    record_turns(tx, runtime.shelf, turns, now, intent.actor)
    return at_once


def _is_due(one: Enrollment, now: datetime) -> bool:
    return one.phase is not Phase.ACTING and one.due is not None and one.due <= now


def _open(tx: Connection) -> dict[str, Intent]:
    return _read(state.get(tx, FACT))


def _read(written: Mapping[str, Any] | None) -> dict[str, Intent]:
    return {name: Intent(**one) for name, one in (written or {}).items()}


def _keep(tx: Connection, intents: Mapping[str, Intent], now: datetime) -> None:
    if intents:
        state.put(tx, FACT, {name: asdict(one) for name, one in intents.items()}, now)
    else:
        state.clear(tx, FACT)
