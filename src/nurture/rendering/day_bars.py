"""Days as pairs of bars, as it is now and as it would be: where every bar stands, in pixels of a picture that scales.

Knows no colours and no HTML; what it shows stands in a table beside it on the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

SLOT = 40.0
"""One day."""
BAR = 14.0
MARGIN = 8.0
"""On both sides, so that the first and last labels stand whole."""
TOP, HEIGHT, FOOT = 26.0, 120.0, 26.0
EACH = 2
"""Every how many days the day is written below."""


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """One day: both bars, its label (empty where there is no room), and all of it in words."""

    middle: float
    now: Bar
    then: Bar
    label: str
    title: str


@dataclass(frozen=True, slots=True)
class Bars:
    """The picture. ``most`` is what the highest bar stands for; ``floor`` where they all stand."""

    width: float
    height: float
    floor: float
    top: float
    bar: float
    most: int
    columns: tuple[Column, ...]


def draw(days: Sequence[tuple[date, int, int]], what: str) -> Bars:
    """``days`` are day, number now, number then; ``what`` names them for a reader: messages."""
    most = max((max(now, then) for _, now, then in days), default=0)
    floor = TOP + HEIGHT

    def bar(x: float, number: int) -> Bar:
        height = round(HEIGHT * number / most, 1) if most else 0.0
        return Bar(x, round(floor - height, 1), height)

    columns = []
    for number, (day, now, then) in enumerate(days):
        middle = MARGIN + SLOT * (number + 0.5)
        columns.append(
            Column(
                middle,
                bar(middle - BAR - 1, now),
                bar(middle + 1, then),
                f"{day:%-d %b}" if number % EACH == 0 else "",
                f"{day:%a %-d %b}: {now:,} {what} as it is now, {then:,} then",
            )
        )
    return Bars(2 * MARGIN + SLOT * len(days), floor + FOOT, floor, TOP, BAR, most, tuple(columns))
