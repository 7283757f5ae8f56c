"""The words after a ``|`` in a template, such as ``{{ event.at | date }}``: a short list, and every one of them harmless.

They format; they never look anything up, never call anything, and never grow a text beyond what went in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from types import MappingProxyType

from jinja2.filters import FILTERS as JINJA_FILTERS

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_FROM_JINJA = (
    *("capitalize", "default", "first", "join", "last", "length"),
    *("lower", "round", "title", "trim", "truncate", "upper", "urlencode"),
)


def date_filter(value: date | str, style: str = "long") -> str:
    """``long``: March 2, 2026 · ``weekday``: Monday, March 2 · ``short``: 2026-03-02. Takes a date or its ISO text."""
    day = _day(value)
    if style == "long":
        return f"{_MONTHS[day.month - 1]} {day.day}, {day.year}"
    if style == "weekday":
        return f"{_DAYS[day.weekday()]}, {_MONTHS[day.month - 1]} {day.day}"
    if style == "short":
        return f"{day.year:04}-{day.month:02}-{day.day:02}"
    raise ValueError(f"a date is written 'long', 'weekday' or 'short', not {style!r}")


def time_filter(value: datetime | str) -> str:
    """``09:30``, in the zone the moment carries."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime):
        raise TypeError(f"{moment!r} is no moment")
    return f"{moment.hour:02}:{moment.minute:02}"


def number_filter(value: float, decimals: int = 0) -> str:
    """``12,500``, or with ``number(2)`` ``12,500.00``."""
    return f"{float(value):,.{max(0, min(decimals, 6))}f}"


def _day(value: date | str) -> date:
    day = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(day, date):
        raise TypeError(f"{day!r} is no date")
    return day


# Jinja types its filters as callables of many shapes; only the compiled template calls them.
FILTERS: Mapping[str, Callable[..., object]] = MappingProxyType(
    {
        **{name: JINJA_FILTERS[name] for name in _FROM_JINJA},
        "date": date_filter,
        "time": time_filter,
        "number": number_filter,
    }
)
