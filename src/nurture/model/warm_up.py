"""A new sender begins with little mail and sends more each day, until receivers know it: how much on which day.

It counts nothing and reads no clock; days are those of operational time in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

START, DOUBLE_EVERY = 50, 2
WARM = 1_000_000
"""Messages a day from which a sender is warm: nothing holds it any more."""


@dataclass(frozen=True, slots=True)
class WarmUp:
    """``start`` messages on the day ``since``, twice as many every ``double_every`` days, evenly more on those between."""

    since: date
    start: int = START
    double_every: int = DOUBLE_EVERY

    def most_on(self, day: date) -> int | None:
        """How many may leave on this day; None when the sender is warm."""
        doublings = max((day - self.since).days, 0) / self.double_every
        if doublings > WARM.bit_length():
            return None
        most = int(self.start * 2**doublings)
        return most if most < WARM else None
