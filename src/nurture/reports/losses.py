"""Losses: where do contacts fall off, why, and which stage loses the most of them?

A contact who fell off twice counts for each stage and reason once. What nobody lost is not listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nurture.reports.funnel import Funnel, StageFunnel, most_vulnerable


@dataclass(frozen=True, slots=True, kw_only=True)
class LossRow:
    """How many were lost at a stage for one reason. ``rate`` is their share of ``n``, all who entered the stage.

    ``before``: they had validated the stage before and did not go on to this one; then ``n`` is who validated that one.
    """

    workflow: str
    stage: str
    reason: str
    before: bool
    lost: int
    n: int

    @property
    def rate(self) -> float | None:
        """None when ``n`` is nobody: they were put there by an older version."""
        return self.lost / self.n if self.n else None


@dataclass(frozen=True, slots=True)
class Losses:
    """The rows, most contacts first, and the stage that loses the most."""

    rows: tuple[LossRow, ...]
    most_vulnerable: StageFunnel | None


def rank(funnels: Sequence[Funnel]) -> Losses:
    """The losses in these funnels, ranked by how many contacts they cost."""
    rows = [row for funnel in funnels for row in _of(funnel)]
    return Losses(
        tuple(sorted(rows, key=lambda row: (-row.lost, row.workflow, row.stage, row.reason))),
        most_vulnerable(stage for funnel in funnels for stage in funnel.stages),
    )


def _of(funnel: Funnel) -> list[LossRow]:
    rows = []
    validated_before = 0
    for stage in funnel.stages:
        for reason, lost in stage.reasons.items():
            rows.append(_row(stage, reason, lost, stage.entered))
        for reason, lost in stage.not_come.items():
            rows.append(_row(stage, reason, lost, validated_before, before=True))
        validated_before = stage.validated
    return rows


def _row(stage: StageFunnel, reason: str, lost: int, n: int, *, before: bool = False) -> LossRow:
    return LossRow(workflow=stage.workflow, stage=stage.stage, reason=reason, before=before, lost=lost, n=n)
