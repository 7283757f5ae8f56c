"""What a time rule is made of: durations, days, windows, and the rule that joins them; each says itself in words.

Values only: they are read from text by ``time_rules``, and ``timing`` works out what they mean for one contact.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from enum import StrEnum

from nurture.model.errors import TextError

MIDNIGHT = time(0)
WEEKDAYS = frozenset(range(5))
WEEKENDS = frozenset({5, 6})
DAILY = frozenset(range(7))
DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_GROUPS = {"daily": DAILY, "weekdays": WEEKDAYS, "weekends": WEEKENDS}


class TimingError(TextError):
    """A time rule cannot be read or can never come true; ``column`` counts from 0 inside the text that was read."""

    def moved(self, columns: int) -> TimingError:
        """The same error in a text that begins ``columns`` earlier."""
        return TimingError(self.message, column=self.column + columns, hint=self.hint)


class Unit(StrEnum):
    """What a duration counts. Minutes and hours are elapsed time, all others keep the wall clock."""

    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"
    BUSINESS_DAYS = "business days"

    @property
    def elapsed(self) -> bool:
        return self in (Unit.MINUTES, Unit.HOURS)


@dataclass(frozen=True, slots=True)
class Duration:
    """``3 business days``: a whole number, never negative, and its unit."""

    amount: int
    unit: Unit

    def __post_init__(self) -> None:
        if self.amount < 0:
            raise ValueError("a duration is never negative")

    def __str__(self) -> str:
        return f"{self.amount} {self.unit.removesuffix('s') if self.amount == 1 else self.unit}"


@dataclass(frozen=True, slots=True)
class Window:
    """A span of the day, from ``start`` (in it) to ``end`` (no longer in it).

    ``end`` at or before ``start`` means the day after, so 24:00 is ``end == 00:00``. ``days`` are the weekdays on
    which it opens (Monday is 0); None is any day.
    """

    days: frozenset[int] | None
    start: time
    end: time

    def __post_init__(self) -> None:
        if self.days is not None and not self.days:
            raise ValueError("a window opens on one day at least")
        if self.start == self.end != MIDNIGHT:
            raise ValueError("a window ends at another time than it starts; the whole day is 00:00-24:00")

    @property
    def crosses_midnight(self) -> bool:
        """Whether ``end`` belongs to the day after the one on which it opens."""
        return self.end <= self.start

    def covers(self, clock: time) -> bool:
        """Whether it holds this clock time on some ordinary day."""
        if self.crosses_midnight:
            return clock >= self.start or clock < self.end
        return self.start <= clock < self.end

    def __str__(self) -> str:
        end = "24:00" if self.end == MIDNIGHT else clock_text(self.end)
        span = f"{clock_text(self.start)}-{end}"
        return span if self.days is None else f"{days_text(self.days)} {span}"


@dataclass(frozen=True, slots=True)
class Rule:
    """When a step is due, counted from a start; the empty rule means at once."""

    after: Duration | None = None
    on: frozenset[int] | None = None
    at: time | None = None
    window: Window | None = None
    quiet: Window | None = None

    def __post_init__(self) -> None:
        if self.on is not None and not self.on:
            raise ValueError("'on' names one day at least")

    def __str__(self) -> str:
        return explain_rule(self)


def never_meet(window: Window, quiet: Window) -> bool:
    """Whether ``quiet`` covers all of ``window``: its start, and its rest when the quiet hours end."""
    return not any(window.covers(clock) and not quiet.covers(clock) for clock in (window.start, quiet.end))


def explain_rule(rule: Rule) -> str:
    """The rule in its shortest agreed spelling; ``parse_rule`` reads it back to an equal rule."""
    parts = (
        rule.after and f"after {rule.after}",
        rule.on and f"on {days_text(rule.on)}",
        rule.at and f"at {clock_text(rule.at)}",
        rule.window and f"window {rule.window}",
        rule.quiet and f"quiet {rule.quiet}",
    )
    return " ".join(part for part in parts if part)


def days_text(days: frozenset[int]) -> str:
    """``weekdays``, or ``mon,wed,sun``; ``parse_days`` reads it back."""
    for name, group in DAY_GROUPS.items():
        if days == group:
            return name
    return ",".join(DAY_NAMES[day] for day in sorted(days))


def clock_text(clock: time) -> str:
    """``09:30``."""
    return clock.isoformat("minutes")
