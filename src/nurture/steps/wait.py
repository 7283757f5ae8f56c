"""Time that passes: for a span, to a clock time, or until a date the contact carries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time
from typing import Annotated

from pydantic import InstanceOf, model_validator

from nurture.model.errors import TextError
from nurture.model.matching import DateRule, parse_date_rule
from nurture.model.timing import Instant, Rule, TimingError, parse_duration, parse_rule, resolve, to_utc
from nurture.steps.base import DateText, Kind, Over, Scene, Step, TimedFields, parsed, text_like

NINE = time(9)
_RULE_WORDS = ("after", "on", "at", "window", "quiet")


def parse_wait(text: str) -> Rule | DateRule:
    """Read ``2 days``, a whole time rule, or ``until contact.FIELD - 3 days``."""
    words = text.split(maxsplit=1)
    if words and words[0] == "until":
        return _behind("until", text, parse_date_rule)
    if words and words[0].lower() in _RULE_WORDS:
        return parse_rule(text)
    try:
        return Rule(after=parse_duration(text))
    except TimingError as error:
        if any(word in _RULE_WORDS for word in words[1:] and words[1].lower().split()):
            error.hint = f"begin a whole rule with its first word: after {text.strip()}"
        raise


def _behind(word: str, text: str, parse: Callable[[str], DateRule]) -> DateRule:
    start = text.index(word) + len(word)
    try:
        return parse(text[start:])
    except TextError as error:
        error.column += start
        raise


class WaitFields(TimedFields):
    """One of: the rule as the value, the rule as separate keys, or ``until`` a date (``at`` a clock time).

    A span as the value is the ``after`` of the keys beside it.
    """

    wait: (
        Annotated[
            InstanceOf[Rule] | InstanceOf[DateRule],
            parsed(parse_wait),
            text_like("2 days", "on mon at 09:00", "until contact.renewal_on - 3 days"),
        ]
        | None
    ) = None
    until: DateText | None = None

    @model_validator(mode="before")
    @classmethod
    def _span_among_keys(cls, written: object) -> object:
        if not isinstance(written, dict) or not isinstance(span := written.get("wait"), str):
            return written
        beside = written.keys() & {"on", "at", "window", "quiet"}
        if not beside or written.keys() & {"after", "until"} or not _is_span(span):
            return written
        return {**written, "wait": None, "after": span}

    @model_validator(mode="after")
    def _says_one_thing(self) -> WaitFields:
        keys = [key for key in (*_RULE_WORDS, "until") if getattr(self, key) is not None]
        dated = isinstance(self.wait, DateRule) or (self.until is not None and self.wait is None)
        rest = [key for key in keys if key not in (("until", "at") if dated else ())]
        if self.wait is None and not keys:
            raise TextError("this wait says no time", hint="write 'wait: 2 days'")
        if (self.wait is not None or dated) and rest:
            raise TextError(
                f"this wait says its time twice: also in '{rest[0]}'", hint="put the whole rule in one place"
            )
        return self


def _is_span(text: str) -> bool:
    try:
        parse_duration(text)
    except TimingError:
        return False
    return True


def due(step: Step, scene: Scene) -> Instant:
    """A rule counts from where the wait began. A date wait ends at once without a date, or when it is past."""
    fields = step.fields
    assert isinstance(fields, WaitFields)
    rule = fields.until or fields.wait
    if isinstance(rule, DateRule):
        return _until_date(rule, fields, scene)
    if isinstance(rule, Rule):
        return resolve(rule, scene.at, scene.zone, scene.calendar)
    return resolve(step.rule, scene.at, scene.zone, scene.calendar)


def _until_date(rule: DateRule, fields: WaitFields, scene: Scene) -> Instant:
    day = rule.day(scene.scope)
    if day is None:
        return Instant(scene.at, (f"{rule.field} holds no date: goes on at once",))
    clock = fields.at if isinstance(fields.at, time) else NINE
    try:
        at = to_utc(datetime.combine(day, clock), scene.zone)
    except OverflowError:  # 0001-01-01 and 9999-12-31 are what other systems export for "no date"
        return Instant(scene.at, (f"{rule} lies beyond the years that a calendar holds: goes on at once",))
    if at <= scene.at:
        return Instant(scene.at, (f"{rule} was {day:%-d %b %Y}, already past: goes on at once",))
    return Instant(at, (f"{rule} is {day:%a %-d %b %Y}", f"at {clock:%H:%M} ({scene.zone.key})"))


def run(step: Step, scene: Scene) -> Over:
    return Over()


WAIT = Kind("wait", WaitFields, run, due)
