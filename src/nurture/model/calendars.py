"""Which days a business works, which hours it is open, and how a place's own clock is read.

Holds no rule of when a step is due; that is ``timing``. Public holidays come from the ``holidays`` library, which is
imported only when a calendar names a country and somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

from nurture.model.errors import TextError, did_you_mean
from nurture.model.time_rules import parse_days, parse_window
from nurture.model.time_words import WEEKDAYS, TimingError, Window

ONE_DAY = timedelta(days=1)
_NOON = time(12)
_LONGEST_CLOSURE = 800
"""Days without one open day after which a calendar or window counts as never open: two years and some."""


# --- the clock on the wall ------------------------------------------------------------------------------------


@cache
def zone_names() -> frozenset[str]:
    """Every name of the time zone database, looked up once: that reads hundreds of files."""
    return frozenset(available_timezones())


def is_zone(name: str) -> bool:
    """Whether there is a zone of this name."""
    return name in zone_names()


def read_zone(name: str) -> ZoneInfo:
    """The zone of this name, such as ``America/Toronto``. Raises TextError."""
    if not is_zone(name):
        hint = did_you_mean(name, zone_names()) or "write a name such as America/Toronto"
        raise TextError(f"'{name}' is no time zone", hint=hint)
    return ZoneInfo(name)


def local(instant: datetime, zone: ZoneInfo) -> datetime:
    """What the clock on the wall in ``zone`` shows at an aware ``instant``: naive, ``fold`` kept."""
    return instant.astimezone(zone).replace(tzinfo=None)


def to_utc(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the clock in ``zone`` shows the naive ``wall``.

    A time skipped in spring is read with the offset before the gap (02:30 is 03:30); one that comes twice in
    autumn is its first occurrence. Source: RFC 5545, 3.3.5.
    """
    if wall.tzinfo is not None:
        raise ValueError("to_utc() reads a local time, without a zone of its own")
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def day_span(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When a local day begins and ends, in UTC: 23, 24 or 25 hours apart."""
    midnights = (datetime.combine(day + more * ONE_DAY, time()) for more in (0, 1))
    start, end = (to_utc(midnight, zone) for midnight in midnights)
    return start, end


def is_missing(day: date, zone: ZoneInfo) -> bool:
    """Whether the zone skipped this whole day, as Apia did with 30 December 2011 when it crossed the date line."""
    return local(to_utc(datetime.combine(day, _NOON), zone), zone).date() != day


# --- business days --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days and hours of a business. ``country`` is a code such as ``US`` or ``CA-ON``; Monday is 0.

    ``holidays`` are days off of its own, beside the country's. ``closes`` at or before ``opens`` is on the next day.
    """

    name: str = "default"
    days: frozenset[int] = WEEKDAYS
    opens: time = time(9)
    closes: time = time(17)
    country: str | None = None
    holidays: frozenset[date] = frozenset()

    def holiday(self, day: date) -> str | None:
        """The name of the holiday on ``day``, None on an ordinary day."""
        if self.country is not None and (name := public_holidays(self.country, day.year).get(day)):
            return name
        return f"in calendar {self.name}" if day in self.holidays else None

    def is_business_day(self, day: date) -> bool:
        return day.weekday() in self.days and self.holiday(day) is None

    @property
    def hours(self) -> Window:
        return Window(self.days, self.opens, self.closes)


@lru_cache(maxsize=512)
def public_holidays(country: str, year: int) -> Mapping[date, str]:
    """Public holidays of a country (``US``) or a part of it (``CA-ON``) in one year, with their English names.

    Raises TimingError for a place that the ``holidays`` library does not know.
    """
    import holidays  # 0.2 s: only for those who name a country

    code, _, part = country.partition("-")
    try:
        return dict(holidays.country_holidays(code, subdiv=part or None, years=year, language="en_US"))
    except NotImplementedError:
        known = holidays.list_supported_countries()
        places = known if code not in known else {f"{code}-{name}" for name in known[code]}
        hint = did_you_mean(country, frozenset(places)) or "write a code such as US, GB or CA-ON"
        raise TimingError(f"no public holidays are known for '{country}'", hint=hint) from None


def read_calendar(
    name: str,
    *,
    days: str = "mon-fri",
    hours: str = "09:00-17:00",
    country: str | None = None,
    holidays: Iterable[str | date] = (),
) -> Calendar:
    """A calendar from the words of ``nurture.toml``; TimingError says what is wrong with which of them."""
    window = parse_window(hours)
    if window.days is not None:
        raise TimingError("the hours of a calendar hold on all its days", hint="put the days into `days`")
    own = frozenset(_date(day) for day in holidays)
    calendar = Calendar(name, parse_days(days), window.start, window.end, country, own)
    if country is not None:
        public_holidays(country, 2026)  # asks now whether the place is known; any year would do
    return calendar


def _date(text: str | date) -> date:
    if isinstance(text, date):
        return text
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise TimingError(f"'{text}' is no date", hint="write it as 2026-12-24") from None


def business_days_from(day: date, zone: ZoneInfo, calendar: Calendar) -> Iterator[date]:
    """Business days from ``day`` on, itself included. TimingError when two years hold none."""
    idle = 0
    while idle < _LONGEST_CLOSURE:
        if calendar.is_business_day(day) and not is_missing(day, zone):
            yield day
            idle = 0
        idle += 1
        day += ONE_DAY
    raise TimingError(f"calendar {calendar.name} has no business day in two years")


# --- openings of a window -------------------------------------------------------------------------------------


def opening(window: Window, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When the window that opens on local ``day`` opens and closes, in UTC; empty where a DST gap swallows it."""
    closing_day = day + ONE_DAY if window.crosses_midnight else day
    opens = to_utc(datetime.combine(day, window.start), zone)
    return opens, to_utc(datetime.combine(closing_day, window.end), zone)


def next_opening(
    window: Window, instant: datetime, zone: ZoneInfo, calendar: Calendar
) -> tuple[datetime, datetime]:
    """The opening of ``window`` that holds ``instant``, or the next one.

    A holiday of the calendar opens no window, with or without days; only the day on which it opens counts.
    Raises TimingError when there is none in two years.
    """
    first = _earliest_opening(window, instant, zone)
    for offset in range(_LONGEST_CLOSURE):
        day = first + timedelta(days=offset)
        if window.days is not None and day.weekday() not in window.days:
            continue
        opens, closes = opening(window, day, zone)
        if instant < closes and opens < closes and not calendar.holiday(day) and not is_missing(day, zone):
            return opens, closes
    raise TimingError(
        f"window {window} does not open in two years", hint=f"see the holidays of {calendar.name}"
    )


def end_of_quiet(quiet: Window, instant: datetime, zone: ZoneInfo) -> datetime:
    """``instant`` itself, or when it falls into quiet hours, their end. Holidays and weekdays do not matter."""
    first = _earliest_opening(quiet, instant, zone)
    for offset in range(4):
        opens, closes = opening(quiet, first + timedelta(days=offset), zone)
        if opens <= instant < closes:
            instant = closes
    return instant


def _earliest_opening(window: Window, instant: datetime, zone: ZoneInfo) -> date:
    """The first day whose opening may still hold ``instant``.

    A gap at midnight carries an evening into the next day; a night may reach over a whole day that was skipped.
    """
    return local(instant, zone).date() - (2 if window.crosses_midnight else 1) * ONE_DAY
