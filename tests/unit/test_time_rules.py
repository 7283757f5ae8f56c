"""Reading time rules: what a marketer may write, and what is said about what nobody understands."""

from __future__ import annotations

from datetime import time

import pytest

from nurture.model.timing import (
    Duration,
    Rule,
    TimingError,
    Unit,
    Window,
    parse_clock,
    parse_days,
    parse_duration,
    parse_rule,
    parse_window,
)


def test_a_whole_rule_is_read_in_its_order() -> None:
    rule = parse_rule(
        "after 3 business days on mon,wed at 09:30 window mon-fri 09:00-17:00 quiet 21:00-08:00"
    )

    assert rule == Rule(
        after=Duration(3, Unit.BUSINESS_DAYS),
        on=frozenset({0, 2}),
        at=time(9, 30),
        window=Window(frozenset(range(5)), time(9), time(17)),
        quiet=Window(None, time(21), time(8)),
    )


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("1 minute", 1, Unit.MINUTES),
        ("90 min", 90, Unit.MINUTES),
        ("2h", 2, Unit.HOURS),
        ("2 Hours", 2, Unit.HOURS),
        ("3d", 3, Unit.DAYS),
        ("0 days", 0, Unit.DAYS),
        (" 1 w ", 1, Unit.WEEKS),
        ("6 months", 6, Unit.MONTHS),
        ("1 business day", 1, Unit.BUSINESS_DAYS),
        ("10  business  days", 10, Unit.BUSINESS_DAYS),
    ],
)
def test_durations_are_read_in_singular_plural_and_short_forms(text: str, amount: int, unit: Unit) -> None:
    assert parse_duration(text) == Duration(amount, unit)


def test_durations_are_spelled_like_people_say_them() -> None:
    assert str(Duration(3, Unit.BUSINESS_DAYS)) == "3 business days"
    assert str(Duration(1, Unit.BUSINESS_DAYS)) == "1 business day"
    assert str(Duration(1, Unit.HOURS)) == "1 hour"
    assert str(Duration(0, Unit.DAYS)) == "0 days"


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("daily", {0, 1, 2, 3, 4, 5, 6}),
        ("weekdays", {0, 1, 2, 3, 4}),
        ("Weekends", {5, 6}),
        ("mon,wed", {0, 2}),
        ("mon, wed , friday", {0, 2, 4}),
        ("mon-fri", {0, 1, 2, 3, 4}),
        ("fri-mon", {4, 5, 6, 0}),
        ("tue - thu,sun", {1, 2, 3, 6}),
        ("weekdays,sat", {0, 1, 2, 3, 4, 5}),
        ("sun", {6}),
    ],
)
def test_days_are_read_as_groups_lists_and_ranges(text: str, days: set[int]) -> None:
    assert parse_days(text) == days


def test_windows_are_read_with_and_without_days_and_up_to_midnight() -> None:
    assert parse_window("09:00-17:00") == Window(None, time(9), time(17))
    assert parse_window("sat 9:00 - 12:30") == Window(frozenset({5}), time(9), time(12, 30))
    assert parse_window("mon, tue 20:00-24:00") == Window(frozenset({0, 1}), time(20), time(0))
    assert str(parse_window("20:00-00:00")) == "20:00-24:00"
    assert str(parse_window("00:00-24:00")) == "00:00-24:00"
    assert parse_clock("9:05") == time(9, 5)


@pytest.mark.parametrize(
    ("text", "column", "message", "hint"),
    [
        ("aftr 2 days", 0, "'aftr' does not begin a time rule", "did you mean 'after'?"),
        ("  2 days", 2, "'2' does not begin a time rule", "write 'after 2 days'"),
        ("09:30", 0, "'09:30' does not begin a time rule", "write 'at 09:30'"),
        ("mon-fri at 09:00", 0, "'mon-fri' does not begin a time rule", "write 'on mon-fri'"),
        ("after", 5, "this says no duration", "write a number and a unit, such as 2 days"),
        ("after soon", 6, "'soon' is no duration", "write a number and a unit, such as 2 days"),
        ("after 2", 7, "'2' has no unit", "write 2 days, for instance"),
        ("after 2 m", 8, "'m' is no unit of time", "'m' may mean minutes or months: write the word"),
        ("after 2 dyas", 8, "'dyas' is no unit of time", "did you mean 'days'?"),
        ("after 1 year", 8, "'year' is no unit of time", "write 12 months"),
        ("after 3 working days", 8, "'working' is no unit of time", "write 'business days'"),
        ("after -2 days", 6, "'-2' has a sign", "a wait only goes forward: 2 days"),
        ("after 1.5 hours", 6, "'1.5' is no whole number", "write 90 minutes, say"),
        ("after 40000 days", 6, "40000 days is more than a hundred years", None),
        (
            "after 2 days 3 hours",
            13,
            "'3' does not belong after '2 days'",
            "write one number and one unit, such as 36 hours",
        ),
        ("after 2 days 09:30", 13, "'09:30' does not belong after '2 days'", "write 'at 09:30'"),
        ("on monn at 09:00", 3, "'monn' is no day of the week", "did you mean 'mon'?"),
        ("on mon wed", 7, "'wed' does not belong after 'mon'", "put commas between days: mon,wed"),
        ("on mon,", 7, "a day is missing at the comma", "write mon,wed"),
        ("on weekdays-sat", 3, "'weekdays' cannot be part of a range", "write mon-fri"),
        ("at 9am", 3, "'9am' is no clock time", "write it on the 24-hour clock: 09:30 or 21:30"),
        ("at 0930", 3, "'0930' is no clock time", "write 09:30"),
        ("at 25:00", 3, "there is no 25:00 on a clock", "00:00 to 23:59"),
        ("at 24:00", 3, "24:00 can only end a window", "write 00:00 and the next day"),
        (
            "at 09:00 sharp",
            9,
            "'sharp' does not belong after '09:00'",
            "the order is: after, on, at, window, quiet",
        ),
        ("at 09:00 on mon", 9, "'on' has to come before 'at'", "the order is: after, on, at, window, quiet"),
        ("at 09:00 at 10:00", 9, "'at' is said twice", "keep one of them"),
        ("window 9-17", 7, "'9' is no clock time", "write 09:00"),
        ("window all day", 7, "'all day' is no window", "write 09:00-17:00, or weekdays 09:00-17:00"),
        (
            "window 09:00-09:00",
            7,
            "09:00-09:00 starts and ends at the same time",
            "write 00:00-24:00 for the whole day",
        ),
        ("window weekday 09:00-17:00", 7, "'weekday' is no day of the week", "did you mean 'weekdays'?"),
        ("quiet mon 21:00-08:00", 6, "quiet hours hold on every day", "leave the days out"),
        ("quiet 00:00-24:00", 6, "quiet hours all day let nothing out", "write 21:00-08:00"),
        (
            "window 09:00-17:00 quiet 08:00-18:00",
            24,
            "window 09:00-17:00 never opens: quiet 08:00-18:00 covers all of it",
            "shorten the quiet hours or move the window",
        ),
    ],
)
def test_a_wrong_rule_is_told_where_it_is_wrong_and_what_to_write(
    text: str, column: int, message: str, hint: str | None
) -> None:
    with pytest.raises(TimingError) as refused:
        parse_rule(text)

    assert (refused.value.column, refused.value.message, refused.value.hint) == (column, message, hint)


def test_values_that_mean_nothing_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="never negative"):
        Duration(-1, Unit.DAYS)
    with pytest.raises(ValueError, match="another time"):
        Window(None, time(9), time(9))
    with pytest.raises(ValueError, match="one day at least"):
        Window(frozenset(), time(9), time(17))
    with pytest.raises(ValueError, match="one day at least"):
        Rule(on=frozenset())
