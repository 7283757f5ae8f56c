"""The funnel: of all who came to a stage, how many proved it, fell off, left, or are still there?

Every enrollment counts once at each stage it met. Nothing is estimated, and no number stands without its n.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from nurture.db import funnel as db
from nurture.db.funnel import Fate, FateCount, LossCount, Standing
from nurture.workflow.model import Workflow


@dataclass(frozen=True, slots=True)
class Span:
    """Enrollments that began from ``since`` to before ``until`` (business time); None is no bound."""

    since: datetime | None = None
    until: datetime | None = None


EVER = Span()


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFunnel:
    """One stage in numbers.

    ``came`` = ``validated`` + ``lost`` - ``also_lost`` + ``skipped`` + ``exited`` + ``went_back`` + ``under_way``.
    """

    workflow: str
    stage: str
    entered: int = 0
    """Who entered it, by its trigger or by the proof of the stage before."""
    outright: int = 0
    """Who proved it without ever standing in it: the evidence came while they were in an earlier stage."""
    passed: int = 0
    """Who went past it without ever standing in it."""
    validated: int = 0
    """Who proved it, ``outright`` included."""
    skipped: int = 0
    """Whom later evidence took past it unproven, ``passed`` included."""
    exited: int = 0
    """Who left the workflow here, neither won nor lost."""
    went_back: int = 0
    """Who was put back into an earlier stage."""
    under_way: int = 0
    """Who is in it now and has not proved it yet."""
    lost: int = 0
    """Who ever fell off here, also those who came back."""
    also_lost: int = 0
    """Of the lost: who is counted elsewhere as well, having come back, or having proved the stage before."""
    reopened: int = 0
    """Whom later evidence brought back after a loss here."""
    now: int = 0
    """Who stands in it at this moment, whenever they began, on a second visit too."""
    resting: int = 0
    """Who proved it and waits at this moment for the next stage's own trigger, whenever they began."""
    reasons: Mapping[str, int] = field(default_factory=dict)
    """``lost`` by reason, the most frequent first; one who fell off twice counts for both reasons."""
    not_come: Mapping[str, int] = field(default_factory=dict)
    """Who proved the stage before and was lost before coming here, by reason: they did not go on in time, or left."""

    @property
    def came(self) -> int:
        """All who met the stage: who entered it, proved it outright, or went past it."""
        return self.entered + self.outright + self.passed

    @property
    def n(self) -> int:
        """What ``conversion`` is a share of: ``entered``."""
        return self.entered

    @property
    def conversion(self) -> float | None:
        """The share of those who entered it that proved it; None when nobody entered."""
        return (self.validated - self.outright) / self.entered if self.entered else None

    @property
    def loss_rate(self) -> float | None:
        """The share of those who entered it that ever fell off there."""
        return self.lost / self.entered if self.entered else None


@dataclass(frozen=True, slots=True)
class Funnel:
    """One workflow's stages in its order; stages that only older versions have stand at the end."""

    workflow: str
    stages: tuple[StageFunnel, ...]

    @property
    def entered(self) -> int:
        """The most that any stage was entered by: the width of the widest bar."""
        return max((stage.entered for stage in self.stages), default=0)

    @property
    def most_vulnerable(self) -> StageFunnel | None:
        return most_vulnerable(self.stages)


def read(
    tx: Connection, workflows: Mapping[str, Workflow], workflow: str | None = None, span: Span = EVER
) -> list[Funnel]:
    """The funnels of all ``workflows`` (those that are published) and of any that contacts were ever in, or of one."""
    counted = _by_stage(db.fates(tx, workflow, span.since, span.until))
    fell = _by_stage(db.losses(tx, workflow, span.since, span.until))
    stands = _by_stage(db.standing(tx, workflow))
    wanted = [workflow] if workflow else sorted({*workflows, *(name for name, _ in counted)})
    return [
        Funnel(
            name,
            tuple(
                _stage(
                    name,
                    stage,
                    counted.get((name, stage), ()),
                    fell.get((name, stage), ()),
                    stands.get((name, stage), ()),
                )
                for stage in stages_of(name, workflows.get(name), counted)
            ),
        )
        for name in wanted
    ]


def stages_of(name: str, workflow: Workflow | None, counted: Iterable[tuple[str, str]]) -> list[str]:
    """The stages in the order of the published file, then those of older versions."""
    order = [stage.name for stage in workflow.stages] if workflow else []
    return [*order, *sorted(stage for of, stage in counted if of == name and stage not in order)]


def most_vulnerable(stages: Iterable[StageFunnel]) -> StageFunnel | None:
    """Where the most contacts are lost: the loss rate times how many come. None when nobody was ever lost."""
    lossy = [stage for stage in stages if stage.lost]
    return max(lossy, key=lambda stage: (stage.lost, stage.loss_rate or 0), default=None)


_Row = TypeVar("_Row", FateCount, LossCount, Standing)


def _by_stage(rows: Iterable[_Row]) -> dict[tuple[str, str], list[_Row]]:
    found: dict[tuple[str, str], list[_Row]] = {}
    for row in rows:
        found.setdefault((row.workflow, row.stage), []).append(row)
    return found


def _stage(
    workflow: str,
    stage: str,
    rows: Sequence[FateCount],
    fell: Sequence[LossCount],
    stands: Sequence[Standing],
) -> StageFunnel:
    def of(fate: Fate, *, entered: bool | None = None) -> int:
        return sum(row.count for row in rows if row.fate is fate and entered in (None, row.entered))

    return StageFunnel(
        workflow=workflow,
        stage=stage,
        entered=sum(row.count for row in rows if row.entered),
        outright=of(Fate.VALIDATED, entered=False),
        passed=sum(row.count for row in rows if not row.entered and row.fate is not Fate.VALIDATED),
        validated=of(Fate.VALIDATED),
        skipped=of(Fate.SKIPPED),
        exited=of(Fate.EXITED),
        went_back=of(Fate.WENT_BACK),
        under_way=of(Fate.UNDER_WAY),
        lost=sum(row.count for row in rows if row.lost),
        also_lost=sum(row.count for row in rows if row.lost and row.fate is not Fate.LOST),
        reopened=sum(row.count for row in rows if row.reopened),
        now=sum(one.count for one in stands if not one.resting),
        resting=sum(one.count for one in stands if one.resting),
        reasons=_ranked(one for one in fell if not one.before),
        not_come=_ranked(one for one in fell if one.before),
    )


def _ranked(fell: Iterable[LossCount]) -> dict[str, int]:
    return {one.reason: one.count for one in sorted(fell, key=lambda one: (-one.count, one.reason))}
