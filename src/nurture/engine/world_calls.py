"""Calls in a world of frozen time: they wait for an outcome, and count for the caps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from nurture.model.decisions import Call


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call that waits for its outcome, in whose enrollment."""

    enrollment: int
    call: Call
    expires: datetime

    @property
    def about(self) -> tuple[int, str, int]:
        return self.enrollment, self.call.step or "", self.call.visit


def counted(made: Iterable[datetime], still_open: Iterable[OpenCall], now: datetime) -> tuple[datetime, ...]:
    """When calls were made or will be: an open one at its due time, and now once that is past."""
    return (*made, *(max(one.call.due, now) for one in still_open))
