"""The steps: how many stand at each one now, and what became of the messages and calls it made?

Counts rows as they are. Steps that only older versions have are listed as well, without a place in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from nurture.db import funnel as db
from nurture.db import hits
from nurture.db.hits import NO_RESPONSE, Response
from nurture.model.words import DeliveryState, TaskState

PENDING = (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.SENDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCounts:
    """One step in numbers. Messages: sent + skipped + failed + ambiguous + pending; calls: done + expired + cancelled + open."""

    now: int = 0
    """Who stands at it."""
    by_version: Mapping[str, int] = field(default_factory=dict)
    """Of those: in which version of the workflow."""
    messages: Mapping[str, int] = field(default_factory=dict)
    """By state, none left out; ``pending`` holds those that are just leaving too."""
    calls: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    """Why messages or calls were skipped, failed, cancelled; the most frequent first."""
    outcomes: Mapping[str, int] = field(default_factory=dict)
    """How the calls that were made came out; the most frequent first."""
    response: Response = NO_RESPONSE
    """How many of its messages were opened and clicked, by people, and by machines only."""

    @property
    def ran(self) -> int:
        """How many messages and calls it ever planned: the n of the other numbers."""
        return sum(self.messages.values()) + sum(self.calls.values())


@dataclass(frozen=True, slots=True)
class Steps:
    """All steps of a workflow by id, and, by stage, who has its list behind them and waits for evidence or a loss."""

    by_id: Mapping[str, StepCounts]
    finished: Mapping[str, int]
    resting: Mapping[str, int]

    def of(self, step: str) -> StepCounts:
        return self.by_id.get(step, NOTHING)


NOTHING = StepCounts()


def read(tx: Connection, workflow: str) -> Steps:
    """The steps of one workflow, over all its versions."""
    standing = db.standing(tx, workflow)
    messages, calls = db.messages(tx, workflow), db.calls(tx, workflow)
    responses = hits.of_workflow(tx, workflow)
    acted = {one.step for one in (*messages, *calls)}
    ids = acted | {one.step for one in standing if one.step is not None}
    return Steps(
        {
            step: _counts(
                [one for one in standing if one.step == step],
                [one for one in messages if one.step == step],
                [one for one in calls if one.step == step],
                responses.get(step, NO_RESPONSE),
            )
            for step in sorted(ids)
        },
        finished=_by_stage(one for one in standing if one.step is None and not one.resting),
        resting=_by_stage(one for one in standing if one.resting),
    )


def _counts(
    standing: list[db.Standing], messages: list[db.Done], calls: list[db.Done], response: Response
) -> StepCounts:
    return StepCounts(
        now=sum(one.count for one in standing),
        by_version=_summed((one.version, one.count) for one in standing),
        messages=_summed(
            (DeliveryState.PENDING if one.state in PENDING else one.state, one.count) for one in messages
        ),
        calls=_summed((one.state, one.count) for one in calls),
        reasons=_summed(
            (one.reason, one.count)
            for one in (*messages, *calls)
            if one.reason and one.state not in (TaskState.DONE, DeliveryState.SENT)
        ),
        outcomes=_summed(
            (one.reason, one.count) for one in calls if one.reason and one.state == TaskState.DONE
        ),
        response=response,
    )


def _by_stage(standing: Iterable[db.Standing]) -> dict[str, int]:
    return _summed((one.stage, one.count) for one in standing)


def _summed(counted: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Added up by name, the most frequent first."""
    found: dict[str, int] = {}
    for name, count in counted:
        found[str(name)] = found.get(str(name), 0) + count
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))
