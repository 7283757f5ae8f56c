"""What six weeks came to: counts by stage, and three people whose stories are worth reading."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nurture.db import counts
from nurture.db.counts import LastMove
from nurture.model.decisions import Change
from nurture.model.words import Status
from nurture.services.runtime import Runtime


@dataclass(frozen=True, slots=True)
class StageCount:
    """Where contacts of one workflow stand now, or ended."""

    workflow: str
    stage: str
    bucket: str | None
    under_way: int
    completed: int
    lost: int
    exited: int


@dataclass(frozen=True, slots=True)
class Character:
    """Somebody to read about: ``fate`` says in a word or two how it went."""

    email: str
    workflow: str
    fate: str


def funnel(runtime: Runtime) -> list[StageCount]:
    """Every published stage, in the order of the files."""
    with runtime.database.read() as tx:
        published = runtime.shelf.published(tx)
        found = {(one[0], one[1], one[2]): one[3] for one in counts.funnel(tx)}
    return [
        StageCount(
            workflow.name,
            stage.name,
            stage.bucket,
            *(found.get((workflow.name, stage.name, status), 0) for status in STATUSES),
        )
        for workflow in published.workflows.values()
        for stage in workflow.stages
    ]


def characters(runtime: Runtime) -> list[Character]:
    """One who bought, one who was lost, one who is under way; as far as there are such people."""
    with runtime.database.read() as tx:
        moved = counts.last_moves(tx)
    fates: dict[str, Callable[[LastMove], bool]] = {
        "bought": lambda one: one.stage == "onboarding" and one.change == Change.ENTERED,
        "was lost": lambda one: (
            one.change == Change.LOST and one.reason in ("unsubscribed", "not-interested")
        ),
        "is under way": lambda one: one.change == Change.ENTERED and one.stage == "first-sale",
    }
    found = []
    for fate, is_it in fates.items():
        one = next((one for one in moved if is_it(one)), None)
        if one is not None:
            found.append(Character(one.email, one.workflow, fate))
    return found


STATUSES = (Status.ACTIVE, Status.COMPLETED, Status.LOST, Status.EXITED)
