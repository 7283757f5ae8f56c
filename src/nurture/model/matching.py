"""Which event counts, said in one line: ``offer.requested where event.offer == "guide"``; and dates that contacts carry.

Refuses names that are no dotted lower-case words and dates that are moved by anything but whole days.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from nurture.model.errors import TextError
from nurture.model.expressions import Expression, Scope, parse_expression
from nurture.model.timing import Duration, TimingError, Unit, parse_duration

CONTACT_CHANGED = "contact.changed"
"""What we know of the contact changed, whoever changed it."""
SEGMENT_ENTERED = "segment.entered"
"""The contact fits the condition of ``event.segment`` since now."""
SEGMENT_LEFT = "segment.left"
"""The contact has not fitted it for as long as the segment's grace."""
DATE_REACHED = "date.reached"
"""A day that the contact carries has come, for the date trigger of ``event.stage`` in ``event.workflow``."""
PREFERENCE_CHANGED = "preference.changed"
"""The contact chose on their page how often we may write, or for how long not."""
CONCLUDED = frozenset((CONTACT_CHANGED, SEGMENT_ENTERED, SEGMENT_LEFT, DATE_REACHED))
"""What the program concludes from what it knows: true of the contact, but nobody's act, and nothing to report from outside."""

RESERVED_EVENTS = frozenset(
    (
        "offer.requested",
        "offer.downloaded",
        "consent.granted",
        "consent.withdrawn",
        "email.sent",
        "email.opened",
        "email.clicked",
        "email.replied",
        "email.bounced",
        "email.complained",
        "call.outcome",
        "stage.entered",
        "stage.validated",
        "stage.lost",
        "sale.closed",
        "sale.refunded",
        "note.added",
        PREFERENCE_CHANGED,
        *CONCLUDED,
    )
)
"""The events the program itself knows; every other dotted name is the user's own."""

AS_WRITTEN = "write EVENT where EXPRESSION"
_EVENT_NAME = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+")
WHERE = " where "


class EventError(TextError):
    """A line that should name an event cannot be read."""


@dataclass(frozen=True, slots=True)
class EventMatch:
    """One event name, and what must hold when it comes. In ``where``, ``event.FIELD`` is that very event's."""

    name: str
    where: Expression | None = None

    def matches(self, name: str, scope: Scope) -> bool:
        """Whether an event of this name is meant; ``scope`` must hold the event's own data."""
        return name == self.name and (self.where is None or self.where.holds(scope))

    def __str__(self) -> str:
        return f"{self.name}{WHERE}{self.where}" if self.where else self.name


def is_own_action(name: str) -> bool:
    """What we do ourselves proves nothing about a contact: a mail sent, a stage entered, a note written."""
    return name == "email.sent" or name.startswith(("stage.", "note."))


def parse_event_match(text: str) -> EventMatch:
    """Read ``EVENT [where EXPRESSION]``, split at the first `` where ``. Raises EventError or ExpressionError."""
    before, found, condition = text.partition(WHERE)
    if "," in before:
        raise EventError(
            "one event stands in a line",
            column=before.index(","),
            hint="only a wait takes several: elsewhere write the one that counts",
        )
    name = _event_name(before, 0)
    if not found:
        return EventMatch(name)
    try:
        return EventMatch(name, parse_expression(condition))
    except TextError as error:
        error.column += len(before) + len(found)
        raise


def parse_event_matches(value: object) -> tuple[EventMatch, ...]:
    """Read one line, plain names joined by commas, or a list of lines: any of them will do."""
    if isinstance(value, tuple) and all(isinstance(match, EventMatch) for match in value):
        return value
    if isinstance(value, str):
        return _joined(value)
    if isinstance(value, Sequence) and value and all(isinstance(line, str) for line in value):
        return tuple(parse_event_match(line) for line in value)
    raise EventError(
        "an event is missing", hint="write an event's name, such as email.replied, or a list of them"
    )


def _joined(text: str) -> tuple[EventMatch, ...]:
    before, found, _ = text.partition(WHERE)
    if found and "," in before:
        raise EventError(
            "names joined by commas cannot have a 'where'",
            column=before.index(","),
            hint="write a list, one event a line",
        )
    if found:
        return (parse_event_match(text),)
    matches, column = [], 0
    for name in text.split(","):
        matches.append(EventMatch(_event_name(name, column)))
        column += len(name) + 1
    return tuple(matches)


def _event_name(text: str, start: int) -> str:
    name = text.strip()
    column = start + len(text) - len(text.lstrip())
    if _EVENT_NAME.fullmatch(name):
        return name
    if not name:
        raise EventError("an event is missing", column=column, hint="write its name, such as email.replied")
    if " " in name:
        word = name.split()[1]
        raise EventError(
            f"'{word}' does not belong after the event's name",
            column=column + name.index(word, len(name.split()[0])),
            hint=AS_WRITTEN,
        )
    raise EventError(
        f"'{name}' is no event name",
        column=column,
        hint="events are dotted lower-case words, such as meeting.booked",
    )


# --- dates that contacts carry ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DateRule:
    """``contact.renewal_on - 90 days``: a day counted from a date field; ``field`` without ``contact.``.

    With ``every`` it is the day's anniversary, each year after the day itself.
    """

    field: str
    offset: Duration | None = None
    sign: int = 1
    every: bool = False

    def day(self, scope: Scope) -> date | None:
        """The day it falls on for this contact; None when the field holds no date."""
        value = self._value(scope)
        try:
            return self._moved(value) if value is not None else None
        except (ValueError, OverflowError):
            return None

    def days(self, scope: Scope, first: date, last: date) -> tuple[date, ...]:
        """The days from ``first`` to ``last`` on which it falls for this contact, in order."""
        if self.every:
            value = self._value(scope)
            found = self._anniversaries(value, first, last) if value is not None else []
        else:
            day = self.day(scope)
            found = [day] if day is not None else []
        return tuple(day for day in found if first <= day <= last)

    def origins(self, first: date, last: date) -> frozenset[str]:
        """What a contact may carry for it to fall between these days: ``2026-05-01``, with ``every`` ``05-01``.

        A few too many, where a month's end may stand for several days; never one too few.
        """
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        found = {origin for day in days for origin in self._led_to(day)}
        if not self.every:
            return frozenset(origin.isoformat() for origin in found)
        texts = {f"{origin:%m-%d}" for origin in found}
        return frozenset(texts | {"02-29"} if "02-28" in texts else texts)

    def _value(self, scope: Scope) -> date | None:
        value = scope.look_up("contact", self.field)
        try:
            return date.fromisoformat(str(value)[:10]) if value is not None else None
        except ValueError:
            return None

    def _anniversaries(self, value: date, first: date, last: date) -> list[date]:
        reach = 1 + abs((self._moved(first) - first).days) // 365
        years = range(max(value.year + 1, first.year - reach), last.year + reach + 1)
        return [self._moved(_months_later(value, 12 * (year - value.year))) for year in years]

    def _led_to(self, day: date) -> list[date]:
        """The days from which the offset may lead to ``day``."""
        back = replace(self, sign=-self.sign)._moved(day)
        if self.offset is None or self.offset.unit is not Unit.MONTHS:
            return [back]
        return [back + timedelta(days=around) for around in range(-3, 4)]

    def _moved(self, day: date) -> date:
        if self.offset is None:
            return day
        amount = self.sign * self.offset.amount
        if self.offset.unit is Unit.MONTHS:
            return _months_later(day, amount)
        return day + timedelta(days=amount * (7 if self.offset.unit is Unit.WEEKS else 1))

    def __str__(self) -> str:
        name = f"{'every ' if self.every else ''}contact.{self.field}"
        return f"{name} {'+' if self.sign > 0 else '-'} {self.offset}" if self.offset else name


def _months_later(day: date, months: int) -> date:
    """The same day of another month, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, last)
        except ValueError:
            if last == 28:
                raise
    raise AssertionError("every month has 28 days")


_DATE_RULE = re.compile(r"\s*contact\.([a-z_][a-z0-9_]*)\s*(?:([+-])(.*))?", re.DOTALL)


def parse_date_rule(text: str) -> DateRule:
    """Read ``contact.FIELD``, ``contact.FIELD - 90 days``, ``contact.FIELD + 2 weeks``."""
    found = _DATE_RULE.fullmatch(text)
    if not found:
        raise TimingError(
            f"'{text.strip()}' is no date that a contact carries",
            column=len(text) - len(text.lstrip()),
            hint="write contact.FIELD - 90 days",
        )
    field, sign, offset = found.groups()
    if sign is None:
        return DateRule(field)
    try:
        duration = parse_duration(offset)
    except TimingError as error:
        raise error.moved(found.start(3)) from None
    if duration.unit not in (Unit.DAYS, Unit.WEEKS, Unit.MONTHS):
        raise TimingError(
            f"a date moves by days, weeks or months, not by {duration.unit}",
            column=found.start(3) + len(offset) - len(offset.lstrip()),
            hint="write contact.FIELD - 90 days",
        )
    return DateRule(field, duration, 1 if sign == "+" else -1)
