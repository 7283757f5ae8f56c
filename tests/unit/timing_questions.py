"""What the table of time rules asks: every rule, around every odd hour that clocks on this earth have had.

``python -m tests.unit.timing_questions`` writes ``timing_table.jsonl`` anew: the questions from here, the answers from the
brute force of ``timing_oracle``. The product is not asked. What changes in the table is to be looked at, row by row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.unit.timing_oracle import NAMES, Days, days_since_1970, due

TABLE = Path(__file__).with_name("timing_table.jsonl")
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
Row = dict[str, object]

FORWARD = {
    # zone: the first wall-clock minute that is skipped, and the first that is shown again
    "America/Toronto": "2026-03-08 02:00 03:00",
    "America/New_York": "2027-03-14 02:00 03:00",
    "America/St_Johns": "2026-03-08 02:00 03:00",
    "America/Havana": "2026-03-08 00:00 01:00",
    "America/Santiago": "2026-09-06 00:00 01:00",
    "America/Sao_Paulo": "2018-11-04 00:00 01:00",
    "America/Caracas": "2016-05-01 02:30 03:00",
    "America/Nuuk": "2026-03-28 23:00 24:00",
    "Atlantic/Azores": "2026-03-29 00:00 01:00",
    "Europe/London": "2026-03-29 01:00 02:00",
    "Europe/Berlin": "2026-03-29 02:00 03:00",
    "Africa/Cairo": "2026-04-24 00:00 01:00",
    "Asia/Beirut": "2026-03-29 00:00 01:00",
    "Asia/Tehran": "2022-03-22 00:00 01:00",
    "Australia/Adelaide": "2026-10-04 02:00 03:00",
    "Australia/Lord_Howe": "2026-10-04 02:00 02:30",
    "Pacific/Auckland": "2026-09-27 02:00 03:00",
    "Pacific/Chatham": "2026-09-27 02:45 03:45",
    "Antarctica/Troll": "2026-03-29 01:00 03:00",
}
BACK = {
    # zone: the first wall-clock minute that comes twice, and the first that comes once again
    "America/Toronto": "2026-11-01 01:00 02:00",
    "America/New_York": "2027-11-07 01:00 02:00",
    "America/St_Johns": "2026-11-01 01:00 02:00",
    "America/Havana": "2026-11-01 00:00 01:00",
    "America/Santiago": "2026-04-04 23:00 24:00",
    "America/Sao_Paulo": "2018-02-17 23:00 24:00",
    "America/Nuuk": "2026-10-24 23:00 24:00",
    "Atlantic/Azores": "2026-10-25 00:00 01:00",
    "Europe/London": "2026-10-25 01:00 02:00",
    "Europe/Berlin": "2026-10-25 02:00 03:00",
    "Africa/Cairo": "2026-10-29 23:00 24:00",
    "Asia/Beirut": "2026-10-24 23:00 24:00",
    "Asia/Tehran": "2022-09-21 23:00 24:00",
    "Australia/Adelaide": "2026-04-05 02:00 03:00",
    "Australia/Lord_Howe": "2026-04-05 01:30 02:00",
    "Pacific/Auckland": "2026-04-05 02:00 03:00",
    "Pacific/Chatham": "2026-04-05 02:45 03:45",
    "Antarctica/Troll": "2026-10-25 01:00 03:00",
}
SKIPPED_DAYS = {
    "Pacific/Apia": "2011-12-30",
    "Pacific/Fakaofo": "2011-12-30",
    "Pacific/Kiritimati": "1994-12-31",
    "Pacific/Kwajalein": "1993-08-21",
}
PLAIN_ZONES = (
    "UTC", "America/Toronto", "America/Phoenix", "Europe/Dublin", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Tokyo",
    "Australia/Adelaide", "Pacific/Kiritimati", "Pacific/Apia", "Pacific/Pago_Pago", "Pacific/Chatham",
)  # fmt: skip


def local(zone: str, wall: datetime, second: bool = False) -> str:
    """A wall-clock time as the instant that a row begins at; ``second`` is its second occurrence."""
    return wall.replace(tzinfo=ZoneInfo(zone), fold=int(second)).isoformat(timespec="minutes")


def clock(wall: datetime) -> str:
    return f"{wall:%H:%M}"


def day_name(wall: datetime) -> str:
    return NAMES[wall.weekday()]


def span(text: str) -> tuple[datetime, datetime, datetime]:
    """The first minute of a change, its middle, and the first minute after it, as wall-clock times."""
    day, first, last = text.split()
    begin = datetime.fromisoformat(f"{day} {first}")
    end = datetime.fromisoformat(day) + timedelta(hours=int(last[:2]), minutes=int(last[3:]))
    return begin, begin + (end - begin) // 2, end


# --- clocks that go forward ------------------------------------------------------------------------------------


def forward(zone: str, text: str) -> Iterator[tuple[str, str, str]]:
    """(what it is about, rule, start) around an hour that never was."""
    first, inside, after = span(text)
    at, early, later = clock(inside), inside - DAY, clock(inside + 4 * HOUR)
    noon = early.replace(hour=12, minute=0)
    evening = clock(first - 4 * HOUR)
    before = local(zone, first - 2 * HOUR)
    shown = local(zone, after + (inside - first) // 2)  # shown already, but before the skipped time is read
    yield "a day later, at a time in the gap", f"after 1 day at {at}", local(zone, noon)
    yield "a day later keeps a clock time in the gap", "after 1 day", local(zone, early)
    yield "a week later keeps a clock time in the gap", "after 1 week", local(zone, inside - 7 * DAY)
    yield (
        "28 days later at the gap's first minute",
        f"after 28 days at {clock(first)}",
        local(zone, first - 28 * DAY),
    )
    yield "a month later keeps a clock time in the gap", "after 1 month", local(zone, a_month_before(inside))
    yield "24 hours are elapsed time across a gap", "after 24 hours", local(zone, noon)
    yield "90 minutes across a gap", "after 90 minutes", local(zone, first - HOUR)
    yield "the next such time lies in the gap", f"at {at}", local(zone, first - 20 * MINUTE)
    yield "the gap is over, its time is still to be read", f"at {at}", shown
    yield "the time in the gap is over", f"at {at}", local(zone, after + 5 * HOUR)
    yield "the time in the gap, hours later", f"after 30 minutes at {at}", before
    yield "a weekday at a time in the gap", f"on {day_name(first)} at {at}", local(zone, noon - 3 * DAY)
    yield "from the evening before, on the day of the gap", f"on {day_name(first)}", local(zone, early)
    yield "business days at a time in the gap", f"after 3 business days at {at}", local(zone, noon - 4 * DAY)
    yield "the end of quiet hours lies in the gap", f"quiet {evening}-{at}", before
    yield "the gap is over, quiet hours are not", f"quiet {evening}-{at}", shown
    yield "quiet hours that begin in the gap", f"quiet {at}-{later}", local(zone, after)
    yield (
        "quiet hours that begin in the gap have begun",
        f"quiet {at}-{later}",
        local(zone, inside + 2 * HOUR),
    )
    yield (
        "quiet hours that fill the gap alone",
        f"quiet {clock(first)}-{clock(after)}",
        local(zone, first - MINUTE),
    )
    yield "a window that opens in the gap", f"window {at}-{later}", before
    yield "the gap is over, the window is still to open", f"window {at}-{later}", shown
    yield "a window that closes in the gap", f"window {evening}-{at}", local(zone, after)
    yield "a window that closed in the gap", f"window {evening}-{at}", local(zone, after + 2 * HOUR)
    yield "a window that is the gap itself", f"window {clock(first)}-{clock(after)}", before
    yield (
        "an all-day window on the day of the gap",
        f"window {day_name(first)} 00:00-24:00",
        local(zone, noon),
    )
    yield "an evening that ends at midnight", "window 20:00-24:00", local(zone, noon)
    yield "from midnight, where there may be none", "window 00:00-06:00 quiet 22:00-00:00", local(zone, noon)
    yield (
        "the night of the gap, by the day on which it opens",
        f"window {day_name(early)} 22:00-05:00",
        local(zone, after + 30 * MINUTE),
    )


def a_month_before(wall: datetime) -> datetime:
    """The same day of the month before, or its last."""
    last = wall.replace(day=1) - DAY
    return last.replace(day=min(wall.day, last.day))


# --- clocks that go back ---------------------------------------------------------------------------------------


def back(zone: str, text: str) -> Iterator[tuple[str, str, str]]:
    """(what it is about, rule, start) around an hour that came twice."""
    first, inside, after = span(text)
    at, early, later = clock(inside), inside - DAY, clock(inside + 4 * HOUR)
    noon = early.replace(hour=12, minute=0)
    evening = clock(first - 4 * HOUR)
    quarter = (inside - first) // 2
    again = local(zone, first + quarter, second=True)
    yield "a day later, at a time that comes twice", f"after 1 day at {at}", local(zone, noon)
    yield "a day later keeps a clock time that comes twice", "after 1 day", local(zone, early)
    yield "a week later keeps a clock time that comes twice", "after 1 week", local(zone, inside - 7 * DAY)
    yield "a day after the second occurrence", "after 1 day", local(zone, inside, second=True)
    yield "a month after the second occurrence", "after 1 month", local(zone, inside, second=True)
    yield "no days after the second occurrence", "after 0 days", again
    yield "24 hours are elapsed time across a fold", "after 24 hours", local(zone, noon)
    yield "an hour after the first occurrence", "after 1 hour", local(zone, inside)
    yield "the next such time comes twice", f"at {at}", local(zone, first - 20 * MINUTE)
    yield "between the occurrences the day's point is over", f"at {at}", again
    yield "in the first occurrence the point is now", f"at {at}", local(zone, inside)
    yield "on that weekday, from between the occurrences", f"on {day_name(first)} at {at}", again
    yield "on that weekday, it is that day already", f"on {day_name(first)}", again
    yield (
        "a time that came twice is over by the evening",
        f"after 0 days at {at}",
        local(zone, (after + DAY).replace(hour=3, minute=0) if after.hour >= 20 else after + 3 * HOUR),
    )
    yield "the day's time is over between the occurrences", f"after 0 days at {at}", again
    yield "the end of quiet hours comes twice", f"quiet {evening}-{at}", local(zone, first - 2 * HOUR)
    yield "quiet hours ended at the first occurrence", f"quiet {evening}-{at}", again
    yield "quiet hours began at the first occurrence", f"quiet {at}-{later}", again
    yield "quiet hours begin at the first occurrence", f"quiet {at}-{later}", local(zone, inside)
    yield "a window that opens in the fold", f"window {at}-{later}", local(zone, first - 2 * HOUR)
    yield "a window opened at the first occurrence", f"window {at}-{later}", again
    yield "a window that closes in the fold", f"window {evening}-{at}", local(zone, first)
    yield "a window closed at the first occurrence", f"window {evening}-{at}", again
    yield "an evening that ends at midnight", "window 20:00-24:00", local(zone, after + 30 * MINUTE)
    yield (
        "business days at a time that comes twice",
        f"after 3 business days at {at}",
        local(zone, noon - 4 * DAY),
    )


# --- days that were skipped ------------------------------------------------------------------------------------


def skipped(zone: str, text: str) -> Iterator[tuple[str, str, str]]:
    """(what it is about, rule, start) around a day that a place left out when it crossed the date line."""
    missing = datetime.fromisoformat(text)
    eve, name = missing - DAY, day_name(missing)
    ten, night = local(zone, eve.replace(hour=10)), local(zone, eve.replace(hour=22, minute=30))
    yield "a day later there is no such day", "after 1 day", ten
    yield "two days later", "after 2 days at 09:30", ten
    yield "a week later", "after 1 week", local(zone, missing.replace(hour=9) - 7 * DAY)
    yield "24 hours pass all the same", "after 24 hours", ten
    yield "the weekday that was left out", f"on {name}", ten
    yield "the weekday that was left out, at a time", f"on {name} at 09:00", ten
    yield "a day later on the weekday that was left out", f"after 1 day on {name}", ten
    yield "a business day later", "after 1 business day", ten
    yield "three business days later at a time", "after 3 business days at 09:30", ten
    yield "a window on the weekday that was left out", f"window {name} 09:00-17:00", ten
    yield "the next morning's window", "window 09:00-17:00", night
    yield "a night's window from the eve into the day after", f"window {day_name(eve)} 21:00-08:00", night
    yield "quiet until the morning", "quiet 21:00-08:00", night
    yield "a month later", "after 1 month", local(zone, a_month_before(missing.replace(hour=10)))
    yield "the next such time", "at 10:00", local(zone, eve.replace(hour=10, minute=1))


# --- ordinary days, everywhere ---------------------------------------------------------------------------------

ORDINARY = (
    ("a month from the 31st ends with the month", "after 1 month", "2026-01-31 10:00"),
    ("a month from the 31st in a leap year", "after 1 month", "2028-01-31 10:00"),
    ("three months from the 30th of November", "after 3 months at 08:00", "2026-11-30 19:15"),
    ("a year from the leap day", "after 12 months", "2028-02-29 06:45"),
    ("four years from the leap day", "after 48 months", "2028-02-29 06:45"),
    ("months over the new year", "after 2 months on mon", "2026-12-31 23:59"),
    ("days over the leap day", "after 2 days", "2028-02-28 12:00"),
    ("from Saturday to the next business day", "after 1 business day", "2026-06-13 11:00"),
    ("from Sunday, at a time", "after 2 business days at 09:30", "2026-06-14 23:30"),
    ("no business days from Saturday", "after 0 business days", "2026-06-13 11:00"),
    ("no business days from Monday, at a time that is over", "after 0 business days at 09:00", "2026-06-15 11:00"),
    ("five business days are a week", "after 5 business days", "2026-06-17 17:01"),
    ("business days, then a weekday", "after 1 business day on mon at 10:00", "2026-06-12 10:00"),
    ("days, then a weekday", "after 2 days on weekdays at 09:30", "2026-06-11 16:00"),
    ("days that end on such a day", "after 2 days on weekdays at 09:30", "2026-06-15 16:00"),
    ("days, then a weekend without a time", "after 1 day on weekends", "2026-06-15 16:00"),
    ("a time that is over is due at once", "after 0 days at 09:30", "2026-06-15 16:00"),
    ("a time that is over, and its window", "after 0 days at 09:30 window 09:00-15:00", "2026-06-15 16:00"),
    ("a time that is over, in quiet hours", "after 0 days at 09:30 quiet 15:30-17:45", "2026-06-15 16:00"),
    ("a time still to come today", "after 0 days at 09:30", "2026-06-15 09:29"),
    ("the next such time is now", "at 09:30", "2026-06-15 09:30"),
    ("the next such time was a minute ago", "at 09:30", "2026-06-15 09:31"),
    ("the next such day is today, the time is over", "on mon at 09:30", "2026-06-15 09:31"),
    ("the next of three days", "on mon,wed,fri", "2026-06-16 09:31"),
    ("hours, then the next such time", "after 3 hours at 09:30", "2026-06-15 06:31"),
    ("hours, then a weekday", "after 5 hours on weekdays", "2026-06-12 22:00"),
    ("hours, then a weekday and a time", "after 36 hours on weekdays at 00:00", "2026-06-12 12:00"),
    ("a window includes its start", "window 09:00-17:00", "2026-06-15 09:00"),
    ("a window does not include its end", "window 09:00-17:00", "2026-06-15 17:00"),
    ("a window on weekdays over the weekend", "window weekdays 09:00-17:00", "2026-06-12 17:00"),
    ("a night belongs to the day on which it begins", "window fri 21:00-08:00", "2026-06-13 07:59"),
    ("a night that began on another day", "window fri 21:00-08:00", "2026-06-12 07:59"),
    ("weekdays' nights reach into Saturday", "window weekdays 21:00-08:00", "2026-06-13 03:00"),
    ("Monday before dawn is Sunday's night", "window weekdays 21:00-08:00", "2026-06-15 03:00"),
    ("a window until midnight is over at midnight", "window 20:00-24:00", "2026-06-16 00:00"),
    ("a whole day", "window sat 00:00-24:00", "2026-06-14 00:00"),
    ("quiet hours begin", "quiet 21:00-08:00", "2026-06-15 21:00"),
    ("quiet hours are over", "quiet 21:00-08:00", "2026-06-15 08:00"),
    ("quiet hours hold on Sundays too", "quiet 12:00-13:30", "2026-06-14 12:59"),
    ("window and quiet hours in turn", "window 07:00-10:00 quiet 21:00-08:00", "2026-06-15 10:00"),
    ("an evening a week", "window mon 20:00-23:00 quiet 21:00-08:00", "2026-06-15 21:10"),
    ("everything at once", "after 2 days on weekdays at 07:30 window tue,thu 09:00-17:00 quiet 20:00-09:15", "2026-06-12 18:00"),
    ("no rule at all is at once", "", "2026-06-15 16:07"),
)  # fmt: skip
SPELLINGS = (
    # what it is about, as a marketer may write it, in plain words
    ("2h", "after 2h", "after 2 hours"),
    ("3d", "after 3d", "after 3 days"),
    ("1w", "after 1w", "after 1 week"),
    ("2 h with a space", "after 2 h", "after 2 hours"),
    ("90 min", "after 90 min", "after 90 minutes"),
    ("one of a thing", "after 1 minute", "after 1 minute"),
    ("two of a thing without an s", "after 2 day", "after 2 days"),
    ("N business day", "after 2 business day", "after 2 business days"),
    ("capitals", "AFTER 2 Days ON Weekdays AT 09:30", "after 2 days on weekdays at 09:30"),
    ("spaces", "  after   2 days   at  09:30 ", "after 2 days at 09:30"),
    ("spaces after commas", "on mon, wed at 09:30", "on mon,wed at 09:30"),
    ("a range of days", "on mon-fri at 09:30", "on weekdays at 09:30"),
    ("a range that goes round", "on fri-mon at 09:30", "on fri,sat,sun,mon at 09:30"),
    ("ranges and days", "window mon-wed,fri 10:00-12:00", "window mon,tue,wed,fri 10:00-12:00"),
    ("long names", "on Monday at 9:30", "on mon at 09:30"),
    ("daily", "on daily at 09:30", "on mon,tue,wed,thu,fri,sat,sun at 09:30"),
)

# --- calendars -------------------------------------------------------------------------------------------------

CALENDARS: dict[str, tuple[str, Row, Days]] = {}
"""By name: the zone of its rows, how a line gives it, and the same days written out by hand."""


def _known(name: str, zone: str, off: str, weekdays: str = "0 1 2 3 4", **given: object) -> None:
    days = Days(frozenset(map(int, weekdays.split())), frozenset(map(days_since_1970, off.split())))
    CALENDARS[name] = (zone, given, days)


_known(
    "holidays of the United States, and Christmas Eve",
    "America/New_York",
    "2026-01-01 2026-01-19 2026-02-16 2026-05-25 2026-06-19 2026-07-03 2026-07-04 2026-09-07 2026-10-12 2026-11-11 "
    "2026-11-26 2026-12-24 2026-12-25 2027-01-01",
    country="US",
    holidays=["2026-12-24"],
)
_known(
    "holidays of Ontario",
    "America/Toronto",
    "2026-01-01 2026-02-16 2026-04-03 2026-05-18 2026-07-01 2026-09-07 2026-10-12 2026-12-25 2026-12-26 2026-12-28 "
    "2027-01-01",
    country="CA-ON",
)
_known(
    "holidays of Germany",
    "Europe/Berlin",
    "2026-01-01 2026-04-03 2026-04-06 2026-05-01 2026-05-14 2026-05-25 2026-10-03 2026-12-25 2026-12-26 2027-01-01",
    country="DE",
)
_known(
    "Sunday to Thursday",
    "Asia/Beirut",
    "2026-03-29 2026-05-31 2026-12-24",
    "6 0 1 2 3",
    days="sun-thu",
    hours="08:00-16:00",
    holidays=["2026-03-29", "2026-05-31", "2026-12-24"],
)
_known(
    "a shop that is shut on Mondays",
    "Australia/Adelaide",
    "2026-04-05 2026-07-04 2026-12-26",
    "1 2 3 4 5",
    days="tue-sat",
    holidays=["2026-04-05", "2026-07-04", "2026-12-26"],
)
STARTS = ("2026-03-27 16:30", "2026-04-02 10:00", "2026-05-22 09:00", "2026-07-02 23:10", "2026-10-02 12:00", "2026-12-23 17:45", "2026-12-25 08:00", "2026-12-26 12:00")  # fmt: skip
RULES = (
    "after 0 business days",
    "after 1 business day",
    "after 3 business days at 09:00",
    "after 2 business days on tue",
    "window 09:00-17:00",
    "window weekdays 22:00-02:00",
    "after 1 day window weekdays 09:00-17:00 quiet 12:00-13:30",
    "quiet 08:00-18:00",
)


# --- the table -------------------------------------------------------------------------------------------------


def questions() -> Iterator[tuple[Row, str, Days | None]]:
    """Each row without its answer, its rule in plain words, and its calendar's days."""
    for makers, what in ((forward, FORWARD), (back, BACK), (skipped, SKIPPED_DAYS)):
        for zone, text in what.items():
            for about, rule, start in makers(zone, text):
                yield _row(about, rule, zone, start), rule, None
    for zone in PLAIN_ZONES:
        for about, rule, wall in ORDINARY:
            yield _row(about, rule, zone, local(zone, datetime.fromisoformat(wall))), rule, None
    for number, (about, rule, plain) in enumerate(SPELLINGS * 2):
        zone = PLAIN_ZONES[number % len(PLAIN_ZONES)]
        wall_clock = datetime.fromisoformat("2026-06-08 17:20") + number * 31 * HOUR
        yield _row(f"written so: {about}", rule, zone, local(zone, wall_clock)), plain, None
    for name, (zone, given, days) in CALENDARS.items():
        for wall in STARTS:
            for rule in RULES:
                row = _row(f"{name}: {rule}", rule, zone, local(zone, datetime.fromisoformat(wall)))
                yield row | {"calendar": given}, rule, days


def _row(about: str, rule: str, zone: str, start: str) -> Row:
    moment = datetime.fromisoformat(start).astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {"about": about, "rule": rule, "tz": zone, "from": moment}


def table() -> Iterator[Row]:
    """Every row with the answer of brute force."""
    for row, plain, days in questions():
        at = due(plain, str(row["tz"]), datetime.fromisoformat(str(row["from"])), days)
        yield row | {"at": at.isoformat().replace("+00:00", "Z")}


if __name__ == "__main__":
    TABLE.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table()), encoding="utf-8")
