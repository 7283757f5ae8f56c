"""The only place that reads the time. Two clocks: business time, which a demo may move, and operational time, which nobody may.

Due times, losses and lateness follow the business clock; leases, retries and rate limits follow the operational clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Business time (``now``) and operational time (``operational``), both aware and in UTC."""

    def now(self) -> datetime: ...

    def operational(self) -> datetime: ...


def system_time() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class SystemClock:
    """Business time is the system's time plus ``offset()``, which only a movable workspace ever sets above zero."""

    offset: Callable[[], timedelta] = timedelta

    def now(self) -> datetime:
        return system_time() + self.offset()

    def operational(self) -> datetime:
        return system_time()


@dataclass(slots=True)
class FrozenClock:
    """Time that stands still until it is told to go on: for walks, scenarios and tests."""

    at: datetime
    operational_at: datetime = field(default_factory=system_time)

    def now(self) -> datetime:
        return self.at

    def operational(self) -> datetime:
        return self.operational_at

    def advance(self, **amount: float) -> datetime:
        """Move both clocks by ``timedelta(**amount)``; returns the new business time."""
        self.at += timedelta(**amount)
        self.operational_at += timedelta(**amount)
        return self.at
