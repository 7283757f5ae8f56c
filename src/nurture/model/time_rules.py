"""Reads when a step is due from a marketer's words: ``after 2 days on weekdays at 09:30 quiet 21:00-08:00``.

Refuses to guess: a word that could mean two things (``2 m``) or nothing (``after tuesday``) is an error that says
where it stands and what to write instead. Computes no time; that is ``timing``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import time
from typing import TypeVar

from nurture.model.errors import did_you_mean
from nurture.model.time_words import (
    DAY_GROUPS,
    DAY_NAMES,
    MIDNIGHT,
    Duration,
    Rule,
    TimingError,
    Unit,
    Window,
    never_meet,
)


def parse_rule(text: str) -> Rule:
    """Read ``[after DURATION] [on DAYS] [at HH:MM] [window [DAYS] HH:MM-HH:MM] [quiet HH:MM-HH:MM]``.

    Letters may be upper or lower case; an empty text is the empty rule. Raises TimingError, with the column of
    the word that is wrong.
    """
    clauses = _clauses(text)
    duration = _read(clauses, "after", parse_duration)
    days = _read(clauses, "on", parse_days)
    clock = _read(clauses, "at", parse_clock)
    window = _read(clauses, "window", parse_window)
    quiet = _read(clauses, "quiet", parse_quiet)
    if window and quiet and never_meet(window, quiet):
        raise TimingError(
            f"window {window} never opens: quiet {quiet} covers all of it",
            column=clauses["quiet"][0],
            hint="shorten the quiet hours or move the window",
        )
    return Rule(duration, days, clock, window, quiet)


_KEYWORDS = ("after", "on", "at", "window", "quiet")
_ORDER_HINT = "the order is: after, on, at, window, quiet"


def _clauses(text: str) -> dict[str, tuple[int, str]]:
    """Each keyword of ``text`` with the column and the text of what follows it, in the agreed order."""
    heads = [m for m in re.finditer(r"\S+", text) if m.group().lower() in _KEYWORDS]
    lead = text[: heads[0].start()] if heads else text
    if lead.strip():
        raise _no_keyword(lead)
    clauses: dict[str, tuple[int, str]] = {}
    ends = [*(head.start() for head in heads), len(text)][1:]
    for head, end in zip(heads, ends, strict=True):
        keyword = head.group().lower()
        if keyword in clauses:
            raise TimingError(f"'{keyword}' is said twice", column=head.start(), hint="keep one of them")
        late = [earlier for earlier in clauses if _KEYWORDS.index(earlier) > _KEYWORDS.index(keyword)]
        if late:
            message = f"'{keyword}' has to come before '{late[0]}'"
            raise TimingError(message, column=head.start(), hint=_ORDER_HINT)
        clauses[keyword] = (head.end(), text[head.end() : end])
    return clauses


def _no_keyword(lead: str) -> TimingError:
    """Why a rule cannot begin with these words."""
    column, word = _first_word(lead)
    if re.match(r"[0-9]", word):
        hint: str | None = f"write 'at {word}'" if ":" in word else f"write 'after {lead.strip()}'"
    elif re.split(r"[,-]", word.lower())[0] in _DAY_WORDS:
        hint = f"write 'on {lead.strip()}'"
    else:
        hint = did_you_mean(word.lower(), _KEYWORDS) or _ORDER_HINT
    return TimingError(f"'{word}' does not begin a time rule", column=column, hint=hint)


_Read = TypeVar("_Read")


def _read(clauses: dict[str, tuple[int, str]], keyword: str, parse: Callable[[str], _Read]) -> _Read | None:
    """What stands after ``keyword``, read by ``parse``; None when the rule does not say the keyword."""
    if keyword not in clauses:
        return None
    column, text = clauses[keyword]
    try:
        return parse(text)
    except TimingError as error:
        raise error.moved(column) from None


_UNITS = {
    **dict.fromkeys(("minute", "minutes", "min", "mins"), Unit.MINUTES),
    **dict.fromkeys(("hour", "hours", "h"), Unit.HOURS),
    **dict.fromkeys(("day", "days", "d"), Unit.DAYS),
    **dict.fromkeys(("week", "weeks", "w"), Unit.WEEKS),
    **dict.fromkeys(("month", "months"), Unit.MONTHS),
    **dict.fromkeys(("business day", "business days"), Unit.BUSINESS_DAYS),
}
_UNIT_HINT = "units are minutes, hours, days, weeks, months and business days"
_NO_UNITS = {
    "m": "'m' may mean minutes or months: write the word",
    "year": "write 12 months",
    "years": "write months: a year is 12",
    "second": "the shortest unit is a minute",
    "seconds": "the shortest unit is a minute",
    "working days": "write 'business days'",
    "business": "write 'business days'",
}
_HUNDRED_YEARS = {
    Unit.MINUTES: 52_596_000,
    Unit.HOURS: 876_600,
    Unit.DAYS: 36_525,
    Unit.WEEKS: 5_217,
    Unit.MONTHS: 1_200,
    Unit.BUSINESS_DAYS: 26_100,
}


def parse_duration(text: str) -> Duration:
    """Read ``2 days``, ``1 hour``, ``3 business days``; short forms ``90 min``, ``2h``, ``3d``, ``1w``.

    ``m`` alone is refused, since it may mean minutes or months. Whole numbers only, at most a hundred years.
    """
    example = "write a number and a unit, such as 2 days"
    column, first = _first_word(text, "this says no duration", example)
    number = re.match(r"[+-]?[0-9]+([.,][0-9]*)?", first)
    if not number:
        raise TimingError(f"'{first}' is no duration", column=column, hint=example)
    digits = number.group()
    if digits.startswith(("-", "+")):
        raise TimingError(f"'{digits}' has a sign", column=column, hint="a wait only goes forward: 2 days")
    if not digits.isdecimal():
        raise TimingError(f"'{digits}' is no whole number", column=column, hint="write 90 minutes, say")
    unit = _parse_unit(text, column + number.end(), digits)
    amount = int(digits[-12:])
    if len(digits.lstrip("0")) > 9 or amount > _HUNDRED_YEARS[unit]:
        raise TimingError(f"{digits[:20]} {unit} is more than a hundred years", column=column)
    return Duration(amount, unit)


def _parse_unit(text: str, start: int, digits: str) -> Unit:
    """The unit in ``text`` from column ``start``, which has to be all that is left."""
    words = [(m.start(), m.group()) for m in re.finditer(r"\S+", text[start:])]
    if not words:
        raise TimingError(f"'{digits}' has no unit", column=start, hint=f"write {digits} days, for instance")
    column, first = start + words[0][0], words[0][1]
    pair = " ".join(word for _, word in words[:2]).lower()
    name = pair if pair in _UNITS or pair in _NO_UNITS else first.lower()
    if name not in _UNITS:
        hint = _NO_UNITS.get(name) or did_you_mean(pair, tuple(_UNITS)) or _UNIT_HINT
        raise TimingError(f"'{first}' is no unit of time", column=column, hint=hint)
    rest = words[len(name.split()) :]
    if rest:
        raise _leftover(start + rest[0][0], rest[0][1], after=f"{digits} {name}")
    return _UNITS[name]


_LONG_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAYS = {name: day for names in (DAY_NAMES, _LONG_NAMES) for day, name in enumerate(names)}
_DAY_WORDS = (*DAY_GROUPS, *_DAYS)


def parse_days(text: str) -> frozenset[int]:
    """Read ``daily``, ``weekdays``, ``weekends``, ``mon,wed``, ``mon-fri`` (``fri-mon`` goes round); Monday is 0."""
    _first_word(text, "this names no day", "write weekdays, or mon,wed, or mon-fri")
    days: set[int] = set()
    column = 0
    for part in text.split(","):
        days.update(_day_range(part, column))
        column += len(part) + 1
    return frozenset(days)


def _day_range(part: str, start: int) -> Iterable[int]:
    """The days of one part between commas; ``start`` is its column."""
    offset, _ = _first_word(part, "a day is missing at the comma", "write mon,wed", start)
    words = part.strip()
    if words.lower() in DAY_GROUPS:
        return DAY_GROUPS[words.lower()]
    span = re.fullmatch(r"(\S+?)(?:\s*[-–]\s*(\S+))?", words)
    if not span:
        first_word, surplus = words.split()[:2]
        raise _leftover(offset + words.index(surplus, len(first_word)), surplus, after=first_word)
    first = _day(span.group(1), offset)
    last = _day(span.group(2), offset + span.start(2)) if span.group(2) else first
    return [(first + step) % 7 for step in range((last - first) % 7 + 1)]


def _day(word: str, column: int) -> int:
    if word.lower() in DAY_GROUPS:
        raise TimingError(f"'{word}' cannot be part of a range", column=column, hint="write mon-fri")
    if word.lower() not in _DAYS:
        hint = did_you_mean(word.lower(), _DAY_WORDS) or "days are mon, tue, wed, thu, fri, sat, sun"
        raise TimingError(f"'{word}' is no day of the week", column=column, hint=hint)
    return _DAYS[word.lower()]


def parse_clock(text: str) -> time:
    """Read ``09:30``: hours 0 to 23, minutes of two digits, the contact's own clock."""
    column, word = _first_word(text, "this says no clock time", "write 09:30")
    rest = text[column + len(word) :]
    if re.fullmatch(r"[0-9:.]+\s*[ap]\.?m\.?", text.strip(), re.IGNORECASE):
        hint = "write it on the 24-hour clock: 09:30 or 21:30"
        raise TimingError(f"'{text.strip()}' is no clock time", column=column, hint=hint)
    if rest.strip():
        extra, surplus = _first_word(rest)
        raise _leftover(column + len(word) + extra, surplus, after=word)
    if word == "24:00":
        raise TimingError("24:00 can only end a window", column=column, hint="write 00:00 and the next day")
    return _clock(word, column)


def parse_window(text: str) -> Window:
    """Read ``[DAYS] HH:MM-HH:MM``; ``21:00-08:00`` crosses midnight, ``09:00-24:00`` ends at midnight.

    The days are those on which it opens.
    """
    example = "write 09:00-17:00, or weekdays 09:00-17:00"
    column, _ = _first_word(text, "this says no window", example)
    span = re.search(r"(?:^|(?<=\s))([0-9][0-9:.]*)\s*[-–]\s*(\S+)\s*$", text)
    if not span:
        raise TimingError(f"'{text.strip()}' is no window", column=column, hint=example)
    days = parse_days(text[: span.start()]) if text[: span.start()].strip() else None
    start = _clock(span.group(1), span.start(1))
    end = MIDNIGHT if span.group(2) == "24:00" else _clock(span.group(2), span.start(2))
    if start == end and span.group(2) != "24:00":
        raise TimingError(
            f"{span.group(0).strip()} starts and ends at the same time",
            column=span.start(1),
            hint="write 00:00-24:00 for the whole day",
        )
    return Window(days, start, end)


def parse_quiet(text: str) -> Window:
    """Read ``HH:MM-HH:MM``: the hours of every day, holidays too, in which nothing goes out."""
    quiet = parse_window(text)
    column, _ = _first_word(text)
    if quiet.days is not None:
        raise TimingError("quiet hours hold on every day", column=column, hint="leave the days out")
    if quiet.start == quiet.end:
        raise TimingError("quiet hours all day let nothing out", column=column, hint="write 21:00-08:00")
    return quiet


def _clock(word: str, column: int) -> time:
    """``HH:MM`` as a time; ``column`` is where ``word`` stands."""
    digits = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", word)
    if not digits:
        bare = re.fullmatch(r"([0-9]{1,2})(?:[.h]?([0-9]{2}))?", word)
        hint = f"write {int(bare.group(1)):02}:{bare.group(2) or '00'}" if bare else "write 09:30"
        raise TimingError(f"'{word}' is no clock time", column=column, hint=hint)
    hour, minute = int(digits.group(1)), int(digits.group(2))
    if hour > 23 or minute > 59:
        raise TimingError(f"there is no {word} on a clock", column=column, hint="00:00 to 23:59")
    return time(hour, minute)


def _first_word(text: str, message: str = "", hint: str | None = None, start: int = 0) -> tuple[int, str]:
    """Column and text of the first word; TimingError(message, hint) when there is none."""
    found = re.search(r"\S+", text)
    if not found:
        raise TimingError(message, column=start, hint=hint)
    return start + found.start(), found.group()


def _leftover(column: int, word: str, after: str) -> TimingError:
    if word.lower() in _DAY_WORDS:
        hint = "put commas between days: mon,wed"
    elif word[0].isdigit() and after[0].isdigit() and ":" not in after:  # behind a duration
        is_clock = ":" in word
        hint = f"write 'at {word}'" if is_clock else "write one number and one unit, such as 36 hours"
    elif word[0].isdigit():
        hint = "keep one of them"
    else:
        hint = did_you_mean(word.lower(), _KEYWORDS) or _ORDER_HINT
    return TimingError(f"'{word}' does not belong after '{after}'", column=column, hint=hint)
