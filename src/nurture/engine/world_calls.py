"""Calls in a world of frozen time: they wait for an outcome, and count for the caps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from nurture.engine.effects import asks_to_call_back, redated
from nurture.model.decisions import Call
from nurture.model.words import Event


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call that waits for its outcome, in whose enrollment."""

    enrollment: int
    call: Call
    expires: datetime

    @property
    def about(self) -> tuple[int, str, int]:
        return self.enrollment, self.call.step or "", self.call.visit


def answered(calls: Sequence[OpenCall], event: Event) -> tuple[list[OpenCall], int]:
    """The calls that are open once this outcome has come, and how many it ended: some stand for another time."""
    about = (event.enrollment_id, event.step, event.visit)
    concerned = [one for one in calls if one.about == about]
    others = [one for one in calls if one.about != about]
    if not asks_to_call_back(event):
        return others, len(concerned)
    for one in concerned:
        due, expires = redated(event, one.call.due, one.expires)
        others.append(OpenCall(one.enrollment, replace(one.call, due=due), expires))
    return others, 0


def counted(made: Iterable[datetime], still_open: Iterable[OpenCall], now: datetime) -> tuple[datetime, ...]:
    """When calls were made or will be: an open one at its due time, and now once that is past."""
    return (*made, *(max(one.call.due, now) for one in still_open))
