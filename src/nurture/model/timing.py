"""When exactly a step is due for one contact, in the contact's own time zone, and why then.

Reads no clock: every time comes in as an argument and is aware; a naive one is refused. Rules are read by
``time_rules``, business days and open hours by ``calendars``; both are offered here too, so that the floors above need
one import.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

from nurture.model.calendars import (
    ONE_DAY,
    Calendar,
    business_days_from,
    end_of_quiet,
    is_missing,
    local,
    next_opening,
    public_holidays,
    read_calendar,
    to_utc,
)
from nurture.model.time_rules import (
    parse_clock,
    parse_days,
    parse_duration,
    parse_quiet,
    parse_rule,
    parse_window,
)
from nurture.model.time_words import (
    Duration,
    Rule,
    TimingError,
    Unit,
    Window,
    clock_text,
    days_text,
    explain_rule,
)

__all__ = [
    "DEFAULT_CALENDAR",
    "Calendar",
    "Duration",
    "Instant",
    "Rule",
    "TimingError",
    "Unit",
    "Window",
    "add",
    "add_open_time",
    "explain_rule",
    "local",
    "never_opens",
    "next_match",
    "open_at_or_after",
    "parse_clock",
    "parse_days",
    "parse_duration",
    "parse_quiet",
    "parse_rule",
    "parse_window",
    "public_holidays",
    "read_calendar",
    "resolve",
    "to_utc",
]

DEFAULT_CALENDAR = Calendar()
"""Monday to Friday, nine to five, no holidays."""

_MOST_PUSHES = 800
"""How often window and quiet hours may push in turn; a rule that can be due at all needs far fewer."""

_REMEMBERED = 4096
"""Answers kept in memory: contacts of one batch share the moment, mostly the zone, and so the answer with its words."""


@dataclass(frozen=True, slots=True)
class Instant:
    """A point in time (UTC) and, in words a marketer understands, how it came about."""

    at: datetime
    derivation: tuple[str, ...]


@lru_cache(maxsize=_REMEMBERED)
def resolve(rule: Rule, start: datetime, zone: ZoneInfo, calendar: Calendar = DEFAULT_CALENDAR) -> Instant:
    """When ``rule`` is due, counted from ``start``; never before it.

    A clock time that is over by ``start`` (``after 0 days at 09:00`` in the afternoon) is due at once. Raises
    TimingError when the rule never comes true.
    """
    trail = _Trail(zone)
    try:
        due = _point(rule, _aware(start), trail, calendar)
        return Instant(_push(rule, due, trail, calendar), tuple(trail.lines))
    except OverflowError:
        raise TimingError(f"'{rule}' leads beyond the years that a calendar holds") from None


def next_match(rule: Rule, after: datetime, zone: ZoneInfo, calendar: Calendar = DEFAULT_CALENDAR) -> Instant:
    """The first point that ``rule`` allows at or after ``after``; its own ``after`` has been waited for already.

    What ``if_late: shift`` moves a late step to. A rule without on, at, window and quiet allows any time.
    """
    return resolve(replace(rule, after=None), after, zone, calendar)


@lru_cache(maxsize=_REMEMBERED)
def add(
    start: datetime, duration: Duration, zone: ZoneInfo, calendar: Calendar = DEFAULT_CALENDAR
) -> datetime:
    """``start`` plus ``duration``: elapsed time for minutes and hours, else the same clock on a later local day.

    What ``resolve`` says to a rule of ``after`` alone, without the words.
    """
    start = _aware(start)
    try:
        if duration.unit.elapsed:
            return start + _elapsed(duration)
        wall = local(start, zone)
        day = _days_later(wall.date(), duration, zone, calendar)
        return start if day == wall.date() else to_utc(datetime.combine(day, wall.time()), zone)
    except OverflowError:
        raise TimingError(f"'{duration}' leads beyond the years that a calendar holds") from None


def never_opens(rule: Rule, calendar: Calendar = DEFAULT_CALENDAR) -> bool:
    """Whether window, quiet hours and holidays together leave no moment at which ``rule`` could ever be due."""
    try:
        resolve(replace(rule, after=None), _ANY_MONDAY, ZoneInfo("UTC"), calendar)
    except TimingError:
        return True
    return False


_ANY_MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
"""Where ``never_opens`` begins to look; holidays repeat, so that it does not matter where."""


# --- open hours: the due and expires of call tasks ------------------------------------------------------------


def open_at_or_after(instant: datetime, zone: ZoneInfo, calendar: Calendar = DEFAULT_CALENDAR) -> datetime:
    """``instant`` when the calendar is open then, else the moment it opens next; hours are those of ``zone``."""
    instant = _aware(instant)
    return max(instant, next_opening(calendar.hours, instant, zone, calendar)[0])


@lru_cache(maxsize=_REMEMBERED)
def add_open_time(
    start: datetime, duration: Duration, zone: ZoneInfo, calendar: Calendar = DEFAULT_CALENDAR
) -> Instant:
    """``duration`` later, counted in the calendar's open time from the first open moment at or after ``start``.

    Minutes and hours pass only while it is open, and may end exactly at closing time. Days of any kind keep the
    clock time, and move on to the next opening when the calendar is closed then.
    """
    trail = _Trail(zone)
    try:
        start = _aware(start)
        opened = open_at_or_after(start, zone, calendar)
        if opened != start:
            closed = f"calendar {calendar.name} is closed on {trail.moment(start)}"
            trail.add(f"{closed}, opens {trail.moment(opened)}")
        if duration.unit.elapsed:
            due = _open_hours_later(opened, _elapsed(duration), zone, calendar)
            trail.add(f"{duration} of open time after {trail.moment(opened)} is {trail.moment(due)} ({zone})")
            return Instant(due, tuple(trail.lines))
        due = _point(Rule(after=duration), opened, trail, calendar)
        return Instant(_push(Rule(window=calendar.hours), due, trail, calendar), tuple(trail.lines))
    except OverflowError:
        raise TimingError(f"{duration} leads beyond the years that a calendar holds") from None


def _open_hours_later(instant: datetime, left: timedelta, zone: ZoneInfo, calendar: Calendar) -> datetime:
    while True:
        opens, closes = next_opening(calendar.hours, instant, zone, calendar)
        instant = max(instant, opens)
        if left <= closes - instant:
            return instant + left
        left -= closes - instant
        instant = closes


# --- the point that after, on and at name ---------------------------------------------------------------------


def _point(rule: Rule, start: datetime, trail: _Trail, calendar: Calendar) -> datetime:
    """What ``after``, ``on`` and ``at`` name, before window and quiet hours push it."""
    after = rule.after
    if after is None:
        trail.add(f"from {trail.moment(start)} ({trail.zone})")
        return _first_point(rule, start, trail)
    if after.unit.elapsed:
        passed = start + _elapsed(after)
        trail.add(f"{after} after {trail.moment(start)} ({trail.zone}) is {trail.moment(passed)}")
        return _first_point(rule, passed, trail)
    wall = local(start, trail.zone)
    day = _days_later(wall.date(), after, trail.zone, calendar)
    clock = "" if rule.at or rule.on else f" {clock_text(wall.time())}"
    trail.add(f"{after} after {trail.moment(start)} ({trail.zone}) is {_day(day)}{clock}")
    if after.unit is Unit.BUSINESS_DAYS:
        trail.holidays(wall.date(), day, calendar, calendar.days)
    if rule.on is not None:
        day = _first_day(rule.on, day, trail)
    if rule.at is None:
        return _keep_clock(start, wall, day, trail)
    trail.add(f"at {clock_text(rule.at)}")
    return _not_before(start, _read(day, rule.at, trail), trail)


def _first_point(rule: Rule, start: datetime, trail: _Trail) -> datetime:
    """The first point at or after ``start`` that has the rule's day and clock time."""
    wall = local(start, trail.zone)
    if rule.at is None:
        if rule.on is None:
            return start
        return _keep_clock(start, wall, _first_day(rule.on, wall.date(), trail), trail)
    # Yesterday's 23:30 may fall into a gap across midnight and be read as today's 00:30.
    day = next(
        day
        for day in _days_among(rule.on, wall.date() - ONE_DAY, trail.zone)
        if to_utc(datetime.combine(day, rule.at), trail.zone) >= start
    )
    which = f"on {days_text(rule.on)} " if rule.on is not None else ""
    trail.add(f"{which}at {clock_text(rule.at)}: the first is {_day(day)}")
    return _read(day, rule.at, trail)


def _not_before(start: datetime, point: datetime, trail: _Trail) -> datetime:
    """``point``, or ``start`` when it was over by then: due at once, and pushed on from there."""
    if point < start:
        trail.add(f"{trail.moment(point)} is over by then: due at once")
    return max(start, point)


def _keep_clock(start: datetime, wall: datetime, day: date, trail: _Trail) -> datetime:
    """``day`` at the clock time of ``start``, which showed ``wall``."""
    if day == wall.date():
        return start  # itself, also in the hour that comes twice: its first occurrence would be earlier
    return _read(day, wall.time(), trail)


def _first_day(days: frozenset[int], day: date, trail: _Trail) -> date:
    found = next(_days_among(days, day, trail.zone))
    moved = "stays" if found == day else f"moved from {_day(day)} to {_day(found)}"
    trail.add(f"on {days_text(days)}: {moved}")
    return found


def _days_among(days: frozenset[int] | None, day: date, zone: ZoneInfo) -> Iterator[date]:
    """From ``day`` on, the dates that fall on ``days`` (None is any) and that the zone did not skip."""
    while True:
        if (days is None or day.weekday() in days) and not is_missing(day, zone):
            yield day
        day += ONE_DAY


def _elapsed(duration: Duration) -> timedelta:
    return timedelta(**{duration.unit.value: duration.amount})


def _days_later(day: date, after: Duration, zone: ZoneInfo, calendar: Calendar) -> date:
    match after.unit:
        case Unit.MONTHS:
            return _months_later(day, after.amount)
        case Unit.BUSINESS_DAYS:
            return _business_days_later(day, after.amount, zone, calendar)
        case _:
            return day + after.amount * ONE_DAY * (7 if after.unit is Unit.WEEKS else 1)


def _months_later(day: date, months: int) -> date:
    """The same day of a later month, or that month's last day when it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if year > date.max.year:
        raise OverflowError("beyond the last year")
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _business_days_later(day: date, count: int, zone: ZoneInfo, calendar: Calendar) -> date:
    """The ``count``-th business day after ``day``; 0 is ``day`` itself or, when it is none, the next one."""
    if count == 0:
        return next(business_days_from(day, zone, calendar))
    return next(islice(business_days_from(day + ONE_DAY, zone, calendar), count - 1, None))


# --- pushed forward by window and quiet hours -----------------------------------------------------------------


def _push(rule: Rule, point: datetime, trail: _Trail, calendar: Calendar) -> datetime:
    """``point``, or the first moment after it that window and quiet hours both allow."""
    for _ in range(_MOST_PUSHES):
        before = point
        if rule.window is not None:
            point = max(before, next_opening(rule.window, before, trail.zone, calendar)[0])
            trail.pushed(f"window {rule.window}", before, point)
            trail.holidays(_date(before, trail), _date(point, trail), calendar, rule.window.days)
        if rule.quiet is not None:
            allowed_by_window, point = point, end_of_quiet(rule.quiet, point, trail.zone)
            trail.pushed(f"quiet {rule.quiet}", allowed_by_window, point)
        if point == before:
            return point
    raise TimingError(
        f"'{rule}' is never due: quiet hours cover the whole window", hint="shorten the quiet hours"
    )


# --- saying how it came about ---------------------------------------------------------------------------------

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class _Trail:
    """The derivation while it grows, told in the local time of ``zone``."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self.lines: list[str] = []

    def add(self, line: str) -> None:
        self.lines.append(line)

    def moment(self, instant: datetime) -> str:
        """``Wed 4 Mar 2026 09:30``."""
        wall = local(instant, self.zone)
        return f"{_day(wall)} {clock_text(wall.time())}"

    def pushed(self, by: str, before: datetime, after: datetime) -> None:
        if before != after:
            self.add(f"{by}: moved from {self.moment(before)} to {self.moment(after)}")
        elif not any(line.startswith(by) for line in self.lines):
            self.add(f"{by}: stays")

    def holidays(self, first: date, last: date, calendar: Calendar, days: frozenset[int] | None) -> None:
        """Name the holidays among ``days`` between ``first`` and ``last``, which are why it took longer."""
        while first < last:
            if (days is None or first.weekday() in days) and (name := calendar.holiday(first)):
                self.add(f"{_day(first)} is a holiday ({name})")
            first += ONE_DAY


def _read(day: date, clock: time, trail: _Trail) -> datetime:
    """The instant of ``clock`` on ``day``, saying so when the clocks change just then."""
    wall = datetime.combine(day, clock.replace(fold=0))
    instant = to_utc(wall, trail.zone)
    shown = local(instant, trail.zone)
    if shown != wall:
        trail.add(
            f"{clock_text(wall.time())} does not exist on {_day(day)}, clocks go forward: read as {_day(shown)} {clock_text(shown.time())}"
        )
    elif wall.replace(tzinfo=trail.zone, fold=1).utcoffset() != wall.replace(tzinfo=trail.zone).utcoffset():
        trail.add(f"{clock_text(wall.time())} comes twice on {_day(day)}, clocks go back: the first counts")
    return instant


def _day(day: date) -> str:
    """``Wed 4 Mar 2026``, whatever language the computer speaks."""
    return f"{_DAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]} {day.year}"


def _date(instant: datetime, trail: _Trail) -> date:
    return local(instant, trail.zone).date()


def _aware(instant: datetime) -> datetime:
    """``instant`` in UTC; ValueError for a naive one, which names no instant."""
    if instant.utcoffset() is None:
        raise ValueError(f"{instant} has no time zone: only aware times name an instant")
    return instant.astimezone(UTC)
