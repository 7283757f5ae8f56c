"""The time rules a second time, by brute force: every minute of the weeks around a start is written down and walked.

Shares no code with the product, not even the reading of rules. Slow and plain on purpose. Whole minutes only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = 1440
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAMES = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


@dataclass(frozen=True)
class Days:
    """A calendar: its weekdays and its holidays, counted in days since 1970."""

    weekdays: frozenset[int] = frozenset({0, 1, 2, 3, 4})
    holidays: frozenset[int] = frozenset()

    def works(self, day: int) -> bool:
        return weekday(day) in self.weekdays and day not in self.holidays


class Timeline:
    """What the wall clock shows in each minute from five days before ``start``, for ``days`` days."""

    def __init__(self, zone: str, start: int, days: int) -> None:
        tz = ZoneInfo(zone)
        self.first = start - 5 * DAY - start % 15
        self.wall: list[int] = []
        for quarter in range(self.first, self.first + days * DAY, 15):
            offset = (EPOCH + timedelta(minutes=quarter)).astimezone(tz).utcoffset()
            assert offset is not None
            shift = int(offset.total_seconds()) // 60
            self.wall.extend(range(quarter + shift, quarter + shift + 15))
        self.seen: dict[int, int] = {}
        for minute, wall in enumerate(self.wall, self.first):
            self.seen.setdefault(wall, minute)
        self.days = sorted({wall // DAY for wall in self.wall})

    def shows(self, minute: int) -> int:
        return self.wall[minute - self.first]

    def when(self, wall: int) -> int:
        """The first minute that shows ``wall``; one that is never shown is counted on from the last before it."""
        back = 0
        while wall - back not in self.seen:
            back += 1
            assert back <= 2 * DAY, "outside the timeline"
        return self.seen[wall - back] + back


timeline = lru_cache(maxsize=64)(Timeline)


def weekday(day: int) -> int:
    return (day + 3) % 7  # 1 January 1970 was a Thursday


def days_since_1970(text: str) -> int:
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


def due(rule: str, zone: str, start: datetime, calendar: Days | None = None) -> datetime:
    """When the rule, written in its plainest spelling, is due."""
    words = _split(rule)
    calendar = calendar or Days()
    minute = int((start - EPOCH).total_seconds()) // 60
    amount, unit = _amount(words.get("after", ""))
    line = timeline(zone, minute, _horizon(amount, unit))
    at = _clock(words["at"]) if "at" in words else None
    on = _weekdays(words["on"]) if "on" in words else None
    if unit in ("", "minute", "hour"):
        minute += amount * (60 if unit == "hour" else 1)
        point = _first_point(line, minute, on, at)
    else:
        point = _on_a_later_day(line, minute, amount, unit, on, at, calendar)
    paint = _paint(line, words.get("window"), words.get("quiet"), calendar)
    while not paint[point - line.first]:
        point += 1
    return EPOCH + timedelta(minutes=point)


def _horizon(amount: int, unit: str) -> int:
    """How many days to write down: enough for the wait, a closed week or two, and the five days before."""
    length = {"day": 1, "week": 7, "month": 31, "business day": 2}
    return 45 + amount * length.get(unit, 0) + (amount // 24 if unit == "hour" else 0)


def _first_point(line: Timeline, minute: int, on: set[int] | None, at: int | None) -> int:
    """Walk forward minute by minute; without a clock time the present one is kept."""
    if at is None and (on is None or weekday(line.shows(minute) // DAY) in on):
        return minute
    clock = line.shows(minute) % DAY if at is None else at
    points = {line.when(day * DAY + clock) for day in line.days[1:-1] if on is None or weekday(day) in on}
    while minute not in points:
        minute += 1
    return minute


def _on_a_later_day(
    line: Timeline, minute: int, amount: int, unit: str, on: set[int] | None, at: int | None, calendar: Days
) -> int:
    today, clock = divmod(line.shows(minute), DAY)
    day = today
    if unit == "month":
        day = _months_on(today, amount)
    elif unit == "business day":
        day -= amount == 0
        for _ in range(max(amount, 1)):
            day += 1
            while not (calendar.works(day) and day in line.days):
                day += 1
    else:
        day += amount * (7 if unit == "week" else 1)
    if on is not None:
        while not (weekday(day) in on and day in line.days):
            day += 1
    if day == today and at is None:
        return minute
    return max(minute, line.when(day * DAY + (clock if at is None else at)))


def _months_on(day: int, months: int) -> int:
    """Month by month, then back from the wanted day until it lies in that month."""
    begin = date(1970, 1, 1) + timedelta(days=day)
    month = begin.replace(day=1)
    for _ in range(months):
        month = (month + timedelta(days=31)).replace(day=1)
    wanted = month + timedelta(days=begin.day - 1)
    while wanted.month != month.month:
        wanted -= timedelta(days=1)
    return (wanted - date(1970, 1, 1)).days


def _paint(line: Timeline, window: str | None, quiet: str | None, calendar: Days) -> bytearray:
    """One byte for each minute of the timeline, 1 where something may go out: painted day by day, then rubbed out."""
    paint = bytearray([window is None]) * len(line.wall)
    if window is not None:
        *days, span = window.split()
        on = _weekdays(days[0]) if days else set(range(7))
        for day in line.days[2:-2]:
            if weekday(day) in on and day not in calendar.holidays:
                _fill(paint, line, day, span, 1)
    if quiet is not None:
        for day in line.days[1:-2]:
            _fill(paint, line, day, quiet, 0)
    return paint


def _fill(paint: bytearray, line: Timeline, day: int, span: str, value: int) -> None:
    start, end = (_clock(edge) for edge in span.split("-"))
    opens = line.when(day * DAY + start) - line.first
    closes = line.when(day * DAY + end + (DAY if end <= start else 0)) - line.first
    for minute in range(opens, closes):
        paint[minute] = value


def _split(rule: str) -> dict[str, str]:
    found: dict[str, str] = {}
    keyword = ""
    for word in rule.split():
        if word in ("after", "on", "at", "window", "quiet"):
            keyword = word
            found[keyword] = ""
        else:
            found[keyword] = f"{found[keyword]} {word}".strip()
    return found


def _amount(text: str) -> tuple[int, str]:
    if not text:
        return 0, ""
    number, unit = text.split(" ", 1)
    return int(number), unit.rstrip("s")


def _weekdays(text: str) -> set[int]:
    groups = {"daily": set(range(7)), "weekdays": {0, 1, 2, 3, 4}, "weekends": {5, 6}}
    return groups[text] if text in groups else {NAMES.index(name) for name in text.split(",")}


def _clock(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)
