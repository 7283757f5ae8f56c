"""What new contacts bring: as many a day as came lately by themselves, each played from the entry on, doing nothing.

A guess, and called one: it is told apart from what those under way will get.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from nurture.db import forecasting
from nurture.engine.effects import granted
from nurture.engine.world import World
from nurture.model.decisions import Call, Send
from nurture.model.errors import NurtureError
from nurture.model.words import Channel, Contact, EnteredBy, Reason
from nurture.services.releases.forecast_play import CALL, MESSAGE, State
from nurture.workflow.model import Workflow, purposes_of

LATELY = timedelta(days=14)
ENOUGH = timedelta(days=7)
"""Entries that began later than so long ago are no rate yet."""
SOMEBODY = Contact(id=0, email="somebody@example.org", phone="+14165550100")


@dataclass(frozen=True, slots=True)
class Newcomers:
    """``a_day`` come new, by workflow; ``touches`` is what one of them gets, by workflow and kind, on each day after."""

    a_day: Mapping[str, float]
    touches: Mapping[tuple[str, str], Sequence[float]]

    def on(self, workflow: str, what: str, day: int) -> float:
        """Messages or calls on this day (0 is today) to all who will have come by then."""
        one = self.touches.get((workflow, what), ())
        return sum(one[: day + 1])


def newcomers(tx: Connection, state: State, now: datetime, days: int) -> Newcomers:
    """Who came in the last fourteen days goes on coming, in workflows that have taken people in for a week at least."""
    a_day: dict[str, float] = {}
    touches: dict[tuple[str, str], list[float]] = {}
    for entry in forecasting.entries(tx, now - LATELY):
        workflow = state.workflows.get(entry.workflow)
        age = min(LATELY, now - entry.first)
        stages = {stage.name for stage in workflow.entries()} if workflow else set()
        if workflow is None or age < ENOUGH or not entry.count or entry.stage not in stages:
            continue
        rate = entry.count / (age / timedelta(days=1))
        a_day[entry.workflow] = a_day.get(entry.workflow, 0.0) + rate
        for name, what, day in _touches(state, workflow, entry.stage, now, days):
            line = touches.setdefault((name, what), [0.0] * days)
            line[day] += rate * (1 - workflow.holdout)
    return Newcomers(a_day, touches)


def _touches(
    state: State, workflow: Workflow, stage: str, now: datetime, days: int
) -> list[tuple[str, str, int]]:
    """What one contact gets who enters now and does nothing: workflow, message or call, on which day."""
    world = World(
        workflows=state.workflows,
        contact=SOMEBODY,
        workspace=state.workspace,
        now=now,
        segments=state.segments,
        grants=granted(purposes_of(state.workflows.values()), now),
    )
    try:
        world.enroll(workflow.name, by=EnteredBy.EVENT, reason=Reason.EVENT, stage=stage)
        world.advance_to(now + timedelta(days=days) - timedelta(seconds=1))
    except NurtureError:
        return []  # `nurture check` names what is wrong with it; whoever is under way is counted all the same
    kinds = ((Send, MESSAGE), (Call, CALL))
    return [
        (world.enrollments[key].workflow, what, (at - now).days)
        for at, key, decision in world.log
        for kind, what in kinds
        if isinstance(decision, kind) and getattr(decision, "channel", Channel.EMAIL) is Channel.EMAIL
    ]
