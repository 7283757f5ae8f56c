"""Take the turns that are due: claim a batch, load its facts, decide each contact, record everything at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from nurture.db import enrollments
from nurture.db.enrollments import BATCH, Claimed
from nurture.db.session import UnreachableError
from nurture.engine.decide import decide
from nurture.model.decisions import Turn
from nurture.model.words import Facts
from nurture.model.workspace import Workspace
from nurture.services.advancing.enroll import follow_up
from nurture.services.advancing.record import record_turns
from nurture.services.events.ingest import note_changes
from nurture.services.facts import Recent, load_facts, with_variants
from nurture.services.runtime import Runtime
from nurture.services.sending.caps import Rivals, load_rivals, over_caps, spent_by
from nurture.workflow.model import Workflow

log = structlog.get_logger()

Taken = tuple[Claimed, Turn]
Troubled = tuple[Claimed, str]
"""An enrollment that could not be decided or recorded, and why."""

PUT_OFF = timedelta(hours=1)
"""How long an enrollment rests that could not be decided."""


@dataclass(frozen=True)
class Advance:
    """The one who takes turns. Any number of threads and processes may, on one database."""

    runtime: Runtime

    def batch(self, limit: int = BATCH) -> int:
        """One batch of at most ``limit`` enrollments; returns how many were claimed."""
        database, clock, shelf = self.runtime.database, self.runtime.clock, self.runtime.shelf
        now = clock.now()
        with database.write() as tx:
            claimed = enrollments.claim_due(tx, now, clock.operational(), limit=limit)
        if not claimed:
            return 0
        with database.read() as tx:
            published = shelf.published(tx)
            versions = shelf.versions(tx, {one.enrollment.version for one in claimed})
            facts = load_facts(tx, [one.enrollment for one in claimed], published.workspace, now)
            facts = with_variants(tx, [one.enrollment for one in claimed], versions, facts)
            rivals = load_rivals(
                tx, shelf, published.workspace, [one.enrollment for one in claimed], facts, now
            )
        taken, troubled = self._decide(claimed, versions, facts, rivals, now)
        troubled += self._record(taken, published.workspace, now)
        if troubled:
            with database.write() as tx:
                enrollments.put_off(tx, troubled, now + PUT_OFF)
        return len(claimed)

    def _record(self, taken: Sequence[Taken], workspace: Workspace, now: datetime) -> list[Troubled]:
        """Record these turns at once or, where the database refuses one, one by one; returns those it refuses."""
        shelf = self.runtime.shelf

        def write(tx: Connection) -> None:
            # Another worker used up the cap since we read the facts: such a turn is taken again, by new ones.
            over = over_caps(tx, workspace, taken, now)
            fitting = [one for one in taken if one[0].enrollment.id not in over] if over else taken
            if over:
                enrollments.release(tx, [claim for claim, _ in taken if claim.enrollment.id in over])
            _, outcome = record_turns(tx, shelf, fitting, now)
            follow_up(tx, shelf, outcome, now)
            note_changes(tx, shelf, outcome.changed, now)

        try:
            if taken:
                self.runtime.database.retrying(write)
        except (OperationalError, UnreachableError):
            raise  # the database is away, and these turns are as good as any
        except Exception as error:
            if len(taken) > 1:
                return [one for each in taken for one in self._record([each], workspace, now)]
            claim = taken[0][0]
            log.exception("turn cannot be recorded", enrollment=claim.enrollment.id)
            return [(claim, f"{type(error).__name__}: {error}")]
        return []

    def _decide(
        self,
        claimed: list[Claimed],
        versions: dict[str, Workflow],
        facts: dict[int, Facts],
        rivals: Rivals | None,
        now: datetime,
    ) -> tuple[list[Taken], list[Troubled]]:
        """Decide each; one that cannot be decided never stops the others."""
        taken: list[Taken] = []
        troubled: list[Troubled] = []
        spent: dict[int, Recent] = {}
        # Who goes first may use up the cap.
        for one in sorted(claimed, key=lambda one: -_priority(one, versions)):
            enrollment = one.enrollment
            try:
                known = facts[enrollment.id]
                # Another enrollment of this contact may have used up the cap within this very batch.
                known = replace(known, recent=spent.get(enrollment.contact_id, known.recent))
                if rivals:
                    known = replace(known, rivals=rivals.of(enrollment))
                turn = decide(versions[enrollment.version], enrollment, known, now)
                if rivals:
                    rivals.note(turn.enrollment, known)
            except Exception as error:
                log.exception("turn failed", enrollment=enrollment.id, workflow=enrollment.workflow)
                troubled.append((one, f"{type(error).__name__}: {error}"))
            else:
                taken.append((one, turn))
                spent[enrollment.contact_id] = spent_by(turn, known.recent, now)
        return taken, troubled


def _priority(one: Claimed, versions: dict[str, Workflow]) -> int:
    workflow = versions.get(one.enrollment.version)
    return workflow.priority if workflow else 0
