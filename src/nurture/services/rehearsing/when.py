"""`nurture when`: a time rule, a zone and a start give the moment at which a step would be due, and why then.

Needs no project and reads no clock; with a project it knows the calendars of its `nurture.toml` too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from nurture.model.calendars import read_zone
from nurture.model.errors import NotFoundError, NurtureError, TextError, did_you_mean
from nurture.model.timing import (
    DEFAULT_CALENDAR,
    Calendar,
    Instant,
    parse_rule,
    read_calendar,
    resolve,
    to_utc,
)

KEYS = ("rule", "tz", "from", "calendar")
CALENDAR_KEYS = ("days", "hours", "country", "holidays")
TOML = "nurture.toml"


class QuestionError(NurtureError):
    """The question itself cannot be read: its rule, zone, start or calendar."""


@dataclass(slots=True)
class Calendars:
    """The calendars that may be named: `default`, and those of the project in ``folder``, read when one is asked for."""

    folder: Path
    _named: Mapping[str, Calendar] | None = None
    _described: dict[str, Calendar] = field(default_factory=dict)

    def named(self, name: str) -> Calendar:
        """Raises NotFoundError, and ProblemsFound when `nurture.toml` cannot be relied on."""
        if self._named is None:
            self._named = {DEFAULT_CALENDAR.name: DEFAULT_CALENDAR, **_calendars_of(self.folder)}
        if name not in self._named:
            known = ", ".join(sorted(self._named))
            raise NotFoundError(
                f"there is no calendar '{name}'",
                hint=did_you_mean(name, list(self._named)) or f"known are {known}",
            )
        return self._named[name]

    def described(self, words: Mapping[str, object]) -> Calendar:
        """A calendar given in place: ``days``, ``hours``, ``country``, ``holidays``. Raises TextError, QuestionError."""
        key = json.dumps(words, sort_keys=True)
        if key not in self._described:
            self._described[key] = _described(words)
        return self._described[key]


def answer(rule: str, zone: str, start: str, calendar: Calendar = DEFAULT_CALENDAR) -> Instant:
    """When ``rule`` is due, counted from ``start`` (see read_instant) for a contact in ``zone``.

    Raises QuestionError for what cannot be read, NurtureError for a rule that never comes true.
    """
    try:
        place = read_zone(zone)
        parsed, since = parse_rule(rule), read_instant(start, place)
    except TextError as error:
        raise QuestionError(error.message, hint=error.hint) from error
    try:
        return resolve(parsed, since, place, calendar)
    except TextError as error:
        raise NurtureError(error.message, hint=error.hint) from error


def answer_line(line: bytes, calendars: Calendars) -> Instant:
    """The answer to one line of a batch: a JSON object with ``rule``, ``tz``, ``from`` and, if wanted, ``calendar``.

    Further keys are the asker's own, unless they look like a slip of these. Raises NurtureError.
    """
    question = _question(line)
    calendar = question.get("calendar")
    try:
        if calendar is None:
            days = DEFAULT_CALENDAR
        elif isinstance(calendar, str):
            days = calendars.named(calendar)
        elif isinstance(calendar, dict):
            days = calendars.described(calendar)
        else:
            raise QuestionError("'calendar' is neither a name nor an object")
    except TextError as error:
        raise QuestionError(f"the calendar: {error.message}", hint=error.hint) from error
    rule, zone, start = (_text(question, key) for key in KEYS[:3])
    return answer(rule, zone, start, days)


def answers(lines: Iterable[bytes], calendars: Calendars) -> Iterator[Instant | NurtureError]:
    """One answer, or what is wrong, for each line, in order."""
    for line in lines:
        try:
            yield answer_line(line, calendars)
        except NurtureError as error:
            yield error


def read_instant(text: str, zone: ZoneInfo) -> datetime:
    """A moment in UTC from ``2026-03-09T13:30:00Z``, or from ``2026-03-09 09:30`` as the clock in ``zone`` shows it.

    Raises TextError.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        return to_utc(moment, zone) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        hint = "write 2026-03-09T13:30:00Z, or the local 2026-03-09 09:30"
        raise TextError(f"'{text}' is no moment", hint=hint) from None


def _calendars_of(folder: Path) -> Mapping[str, Calendar]:
    """The calendars of the project, none where there is no project."""
    if not (folder / TOML).is_file():
        return {}
    from nurture.services.files.folder import read_toml  # reads every kind of file, which takes a moment

    return read_toml(folder).calendars


def _question(line: bytes) -> dict[str, object]:
    if not line.strip():
        raise QuestionError("the line is empty", hint="one JSON object a line")
    try:
        question = json.loads(line)
    except (ValueError, RecursionError) as error:  # no JSON, or no UTF-8
        raise QuestionError(f"the line is no JSON: {error}") from None
    if not isinstance(question, dict):
        raise QuestionError("the line is no JSON object", hint='write {"rule": …, "tz": …, "from": …}')
    _refuse_slips(question, KEYS)
    return question


def _described(words: Mapping[str, object]) -> Calendar:
    _refuse_slips(words, CALENDAR_KEYS)
    given: dict[str, str] = {}
    for key in ("days", "hours", "country"):
        if words.get(key) is not None:
            given[key] = _text(words, key)
    return read_calendar(str(words.get("name", "given")), **given, holidays=_dates(words.get("holidays")))


def _dates(value: object) -> Sequence[str]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(day, str) for day in value):
        raise QuestionError("'holidays' is no list of dates", hint='write ["2026-12-24"]')
    return value


def _text(question: Mapping[str, object], key: str) -> str:
    if key not in question:
        raise QuestionError(f"'{key}' is missing")
    value = question[key]
    if not isinstance(value, str):
        raise QuestionError(f"'{key}' is no text")
    return value


def _refuse_slips(words: Mapping[str, object], known: tuple[str, ...]) -> None:
    """Other keys may be the asker's own; one that nearly is ours would silently do nothing."""
    for key in words:
        if key not in known and (hint := did_you_mean(key, known)):
            raise QuestionError(f"'{key}' is not known", hint=hint)
