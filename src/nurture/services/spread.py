"""Many who are due at once take their turns over some minutes, not in one second.

So many a minute that all have had their turn within half an hour, and sixty at least: a handful goes at once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil

A_MINUTE = 60
MINUTES = 30


def per_minute(count: int) -> int:
    """How many of ``count`` take their turn in each minute."""
    return max(A_MINUTE, ceil(count / MINUTES))


def turn_at(number: int, each_minute: int, now: datetime) -> datetime:
    """When the ``number``-th (from 0) is looked at."""
    return now + timedelta(minutes=number // each_minute)
