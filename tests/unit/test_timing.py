"""When a step is due: every time rule by example, reckoned by hand, and the laws that all of them keep."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from nurture.model.timing import (
    DEFAULT_CALENDAR,
    Calendar,
    Rule,
    TimingError,
    add,
    add_open_time,
    local,
    never_opens,
    next_match,
    open_at_or_after,
    parse_duration,
    parse_quiet,
    parse_rule,
    parse_window,
    read_calendar,
    resolve,
    to_utc,
)
from tests.support.windows import allowed

TORONTO = ZoneInfo("America/Toronto")
US = read_calendar("business-us", country="US", holidays=["2026-12-24"])


def clock(text: str) -> datetime:
    """What a clock on a wall shows: a time without a zone."""
    return datetime.fromisoformat(text)


def toronto(text: str) -> datetime:
    """``2026-03-02 09:00`` on a clock in Toronto; the first occurrence where there are two."""
    return datetime.fromisoformat(text).replace(tzinfo=TORONTO).astimezone(UTC)


def shown(rule: str, start: str, calendar: Calendar = DEFAULT_CALENDAR) -> str:
    """What a clock in Toronto shows when the rule is due."""
    return (
        f"{local(resolve(parse_rule(rule), toronto(start), TORONTO, calendar).at, TORONTO):%a %Y-%m-%d %H:%M}"
    )


# --- after ----------------------------------------------------------------------------------------------------


def test_hours_are_elapsed_time_and_days_keep_the_wall_clock() -> None:
    assert shown("after 24 hours", "2026-03-07 09:00") == "Sun 2026-03-08 10:00"
    assert shown("after 1 day", "2026-03-07 09:00") == "Sun 2026-03-08 09:00"
    assert shown("after 24 hours", "2026-10-31 09:00") == "Sun 2026-11-01 08:00"
    assert shown("after 1 day", "2026-10-31 09:00") == "Sun 2026-11-01 09:00"


def test_a_clock_time_that_is_over_is_due_at_once() -> None:
    assert shown("after 2 days at 09:30", "2026-03-02 16:00") == "Wed 2026-03-04 09:30"
    assert shown("after 0 days at 09:30", "2026-03-02 16:00") == "Mon 2026-03-02 16:00"
    assert shown("after 0 days at 09:30", "2026-03-02 09:29") == "Mon 2026-03-02 09:30"


def test_at_once_still_waits_for_the_window_and_the_end_of_quiet_hours() -> None:
    assert shown("after 0 days at 09:30 window 09:00-15:00", "2026-03-02 16:00") == "Tue 2026-03-03 09:00"
    assert shown("after 0 days at 09:30 quiet 15:30-17:45", "2026-03-02 16:00") == "Mon 2026-03-02 17:45"


def test_hours_with_a_clock_time_wait_for_the_next_such_time() -> None:
    assert shown("after 2 hours at 09:30", "2026-03-02 07:30") == "Mon 2026-03-02 09:30"
    assert shown("after 2 hours at 09:30", "2026-03-02 07:31") == "Tue 2026-03-03 09:30"


def test_months_end_with_the_month() -> None:
    assert shown("after 1 month", "2026-01-31 10:00") == "Sat 2026-02-28 10:00"
    assert shown("after 1 month", "2028-01-31 10:00") == "Tue 2028-02-29 10:00"
    assert shown("after 12 months", "2028-02-29 10:00") == "Wed 2029-02-28 10:00"
    assert shown("after 13 months", "2025-12-15 10:00") == "Fri 2027-01-15 10:00"


def test_business_days_skip_weekends_and_holidays() -> None:
    assert shown("after 3 business days", "2026-05-21 10:00") == "Tue 2026-05-26 10:00"
    assert shown("after 3 business days", "2026-05-21 10:00", US) == "Wed 2026-05-27 10:00"
    assert shown("after 1 business day", "2026-12-23 10:00", US) == "Mon 2026-12-28 10:00"


def test_business_days_from_a_weekend_count_from_monday() -> None:
    assert shown("after 1 business day", "2026-03-07 10:00") == "Mon 2026-03-09 10:00"
    assert shown("after 0 business days", "2026-03-07 10:00") == "Mon 2026-03-09 10:00"
    assert shown("after 0 business days", "2026-03-09 10:00") == "Mon 2026-03-09 10:00"


def test_no_time_at_all_is_the_start_itself_even_in_the_hour_that_comes_twice() -> None:
    second_half_past_one = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)

    for rule in ("", "after 0 days", "after 0 hours", "on sun", "after 0 weeks on weekends"):
        assert resolve(parse_rule(rule), second_half_past_one, TORONTO).at == second_half_past_one


# --- on and at ------------------------------------------------------------------------------------------------


def test_after_with_on_takes_the_first_such_day_from_there() -> None:
    assert shown("after 2 days on weekdays at 09:30", "2026-03-05 16:00") == "Mon 2026-03-09 09:30"
    assert shown("after 2 days on weekdays at 09:30", "2026-03-02 16:00") == "Wed 2026-03-04 09:30"
    assert shown("after 1 week on fri", "2026-03-02 16:00") == "Fri 2026-03-13 16:00"


def test_on_and_at_alone_take_the_first_such_point_from_the_start() -> None:
    assert shown("at 09:30", "2026-03-02 09:30") == "Mon 2026-03-02 09:30"
    assert shown("at 09:30", "2026-03-02 09:31") == "Tue 2026-03-03 09:30"
    assert shown("on mon at 09:30", "2026-03-02 09:31") == "Mon 2026-03-09 09:30"
    assert shown("on tue,thu", "2026-03-04 14:05") == "Thu 2026-03-05 14:05"


# --- clocks that change ---------------------------------------------------------------------------------------


def test_a_skipped_clock_time_is_read_with_the_offset_before_the_gap() -> None:
    assert to_utc(clock("2026-03-08 02:30"), TORONTO) == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
    assert shown("after 1 day at 02:30", "2026-03-07 12:00") == "Sun 2026-03-08 03:30"


def test_a_clock_time_that_comes_twice_is_its_first_occurrence() -> None:
    assert to_utc(clock("2026-11-01 01:30").replace(fold=1), TORONTO) == datetime(
        2026, 11, 1, 5, 30, tzinfo=UTC
    )
    assert resolve(parse_rule("at 01:30"), toronto("2026-10-31 12:00"), TORONTO).at == datetime(
        2026, 11, 1, 5, 30, tzinfo=UTC
    )


def test_the_second_occurrence_does_not_repeat_a_daily_point() -> None:
    between = datetime(2026, 11, 1, 6, 10, tzinfo=UTC)  # 01:10 for the second time

    assert local(resolve(parse_rule("at 01:30"), between, TORONTO).at, TORONTO) == clock("2026-11-02 01:30")


def test_a_gap_may_carry_saturday_evening_into_sunday() -> None:
    nuuk = ZoneInfo("America/Nuuk")  # 29 March 2025: 23:00 is Sunday 00:00
    start = datetime(2025, 3, 30, 1, 10, tzinfo=UTC)  # Sunday 00:10

    assert resolve(parse_rule("on sat at 23:30"), start, nuuk).at == datetime(2025, 3, 30, 1, 30, tzinfo=UTC)


def test_a_day_that_the_date_line_swallowed_is_no_day() -> None:
    apia = ZoneInfo("Pacific/Apia")  # went from 29 to 31 December 2011
    thursday = datetime(2011, 12, 29, 20, tzinfo=UTC)  # 10:00

    assert local(resolve(parse_rule("after 1 day"), thursday, apia).at, apia) == clock("2011-12-31 10:00")
    assert local(resolve(parse_rule("on fri"), thursday, apia).at, apia) == clock("2012-01-06 10:00")
    assert local(resolve(parse_rule("after 1 business day"), thursday, apia).at, apia) == clock(
        "2012-01-02 10:00"
    )
    assert local(resolve(parse_rule("window fri 09:00-17:00"), thursday, apia).at, apia) == clock(
        "2012-01-06 09:00"
    )


def test_half_an_hour_of_summer_time_is_half_an_hour() -> None:
    lord_howe = ZoneInfo("Australia/Lord_Howe")  # 4 October 2026: 02:00 is 02:30

    assert local(to_utc(clock("2026-10-04 02:15"), lord_howe), lord_howe) == clock("2026-10-04 02:45")


# --- window and quiet -----------------------------------------------------------------------------------------


def test_a_window_includes_its_start_and_not_its_end() -> None:
    assert shown("window 09:00-17:00", "2026-03-02 09:00") == "Mon 2026-03-02 09:00"
    assert shown("window 09:00-17:00", "2026-03-02 08:59") == "Mon 2026-03-02 09:00"
    assert shown("window 09:00-17:00", "2026-03-02 16:59") == "Mon 2026-03-02 16:59"
    assert shown("window 09:00-17:00", "2026-03-02 17:00") == "Tue 2026-03-03 09:00"
    assert shown("window weekdays 09:00-17:00", "2026-03-06 17:00") == "Mon 2026-03-09 09:00"


def test_a_window_across_midnight_belongs_to_the_day_on_which_it_opens() -> None:
    assert shown("window fri 22:00-02:00", "2026-03-07 01:30") == "Sat 2026-03-07 01:30"
    assert shown("window fri 22:00-02:00", "2026-03-07 02:00") == "Fri 2026-03-13 22:00"
    assert shown("window fri 22:00-02:00", "2026-03-06 01:30") == "Fri 2026-03-06 22:00"


def test_a_window_may_last_until_midnight_or_all_day() -> None:
    assert shown("window 20:00-24:00", "2026-03-02 23:59") == "Mon 2026-03-02 23:59"
    assert shown("window 20:00-24:00", "2026-03-03 00:00") == "Tue 2026-03-03 20:00"
    assert shown("window sat 00:00-24:00", "2026-03-02 10:00") == "Sat 2026-03-07 00:00"
    assert shown("window sat 00:00-24:00", "2026-03-08 00:00") == "Sat 2026-03-14 00:00"


def test_a_holiday_opens_no_window_with_or_without_days() -> None:
    assert shown("window 09:00-17:00", "2026-05-24 18:00", US) == "Tue 2026-05-26 09:00"
    assert shown("window weekdays 09:00-17:00", "2026-12-23 18:00", US) == "Mon 2026-12-28 09:00"
    assert shown("window 22:00-02:00", "2026-05-25 01:00", US) == "Mon 2026-05-25 01:00"
    assert shown("window 22:00-02:00", "2026-05-26 01:00", US) == "Tue 2026-05-26 22:00"


def test_quiet_hours_hold_on_every_day_and_end_on_time() -> None:
    assert shown("quiet 21:00-08:00", "2026-03-02 20:59") == "Mon 2026-03-02 20:59"
    assert shown("quiet 21:00-08:00", "2026-03-02 21:00") == "Tue 2026-03-03 08:00"
    assert shown("quiet 21:00-08:00", "2026-03-03 07:59") == "Tue 2026-03-03 08:00"
    assert shown("quiet 12:00-13:30", "2026-05-25 12:10", US) == "Mon 2026-05-25 13:30"


def test_the_edges_of_quiet_hours_obey_the_change_of_clocks() -> None:
    assert shown("quiet 21:00-02:30", "2026-03-07 23:00") == "Sun 2026-03-08 03:30"
    assert shown("window 02:30-05:00", "2026-03-08 00:00") == "Sun 2026-03-08 03:30"
    assert shown("window 02:00-03:00", "2026-03-08 00:00") == "Mon 2026-03-09 02:00"


def test_window_and_quiet_push_together_until_both_allow() -> None:
    assert shown("window 07:00-10:00 quiet 21:00-08:00", "2026-03-02 10:00") == "Tue 2026-03-03 08:00"
    assert shown("window mon 20:00-23:00 quiet 21:00-08:00", "2026-03-02 22:00") == "Mon 2026-03-09 20:00"
    assert shown("at 20:00 window 09:00-17:00", "2026-03-02 10:00") == "Tue 2026-03-03 09:00"


def test_a_window_that_quiet_hours_cover_is_known_never_to_open() -> None:
    window = parse_window("weekdays 22:00-02:00")

    assert never_opens(Rule(window=window, quiet=parse_quiet("21:00-08:00")))
    assert not never_opens(Rule(window=window, quiet=parse_quiet("21:00-01:59")))
    with pytest.raises(TimingError, match="never due"):
        resolve(Rule(window=window, quiet=parse_quiet("21:00-08:00")), toronto("2026-03-02 09:00"), TORONTO)


def test_a_window_on_days_that_are_always_holidays_never_opens() -> None:
    mondays = frozenset(date(2026, 1, 5) + timedelta(weeks=week) for week in range(160))
    calendar = Calendar(name="no-mondays", holidays=mondays)

    assert never_opens(parse_rule("window mon 09:00-17:00"), calendar)
    assert not never_opens(parse_rule("window mon,tue 09:00-17:00"), calendar)


# --- the other questions --------------------------------------------------------------------------------------


def test_a_late_step_shifts_to_the_next_match_of_its_rule() -> None:
    now = toronto("2026-03-06 11:00")

    def shift(rule: str) -> str:
        return f"{local(next_match(parse_rule(rule), now, TORONTO).at, TORONTO):%a %H:%M}"

    assert shift("after 2 days on weekdays at 09:30") == "Mon 09:30"
    assert shift("after 2 days") == "Fri 11:00"
    assert shift("after 2 days window mon 09:00-17:00") == "Mon 09:00"
    assert shift("quiet 10:00-12:00") == "Fri 12:00"


def test_loss_clocks_keep_the_wall_clock_for_days_and_count_hours_as_elapsed() -> None:
    start = toronto("2026-03-01 09:00")

    assert add(start, parse_duration("30 days"), TORONTO) == toronto("2026-03-31 09:00")
    assert add(start, parse_duration("720 hours"), TORONTO) == toronto("2026-03-31 10:00")


def test_a_calendar_is_open_or_opens_next() -> None:
    assert open_at_or_after(toronto("2026-05-22 16:59"), TORONTO, US) == toronto("2026-05-22 16:59")
    assert open_at_or_after(toronto("2026-05-22 17:00"), TORONTO, US) == toronto("2026-05-26 09:00")


def test_hours_of_a_call_task_pass_only_while_the_calendar_is_open() -> None:
    def after(duration: str, start: str) -> str:
        instant = add_open_time(toronto(start), parse_duration(duration), TORONTO, US)
        return f"{local(instant.at, TORONTO):%a %Y-%m-%d %H:%M}"

    assert after("2 hours", "2026-05-22 16:00") == "Tue 2026-05-26 10:00"
    assert after("1 hour", "2026-05-22 16:00") == "Fri 2026-05-22 17:00"
    assert after("0 hours", "2026-05-22 17:00") == "Tue 2026-05-26 09:00"
    assert after("20 hours", "2026-03-02 12:00") == "Wed 2026-03-04 16:00"


def test_business_days_of_a_call_task_count_from_open_time() -> None:
    def after(duration: str, start: str) -> str:
        instant = add_open_time(toronto(start), parse_duration(duration), TORONTO, US)
        return f"{local(instant.at, TORONTO):%a %Y-%m-%d %H:%M}"

    assert after("1 business day", "2026-03-02 11:15") == "Tue 2026-03-03 11:15"
    assert after("1 business day", "2026-03-06 18:00") == "Tue 2026-03-10 09:00"
    assert after("5 business days", "2026-05-21 11:15") == "Fri 2026-05-29 11:15"
    assert after("2 days", "2026-03-05 11:15") == "Mon 2026-03-09 09:00"


def test_a_window_says_whether_it_is_open() -> None:
    window = parse_window("weekdays 09:00-17:00")

    assert allowed(toronto("2026-05-22 09:00"), window, TORONTO, US)
    assert not allowed(toronto("2026-05-22 17:00"), window, TORONTO, US)
    assert not allowed(toronto("2026-05-25 10:00"), window, TORONTO, US)
    assert allowed(toronto("2026-05-25 10:00"), window, TORONTO)


def test_a_naive_time_is_refused_and_a_foreign_zone_is_converted() -> None:
    in_berlin = datetime(2026, 3, 2, 15, tzinfo=ZoneInfo("Europe/Berlin"))

    with pytest.raises(ValueError, match="no time zone"):
        resolve(Rule(), clock("2026-03-02 09:00"), TORONTO)
    with pytest.raises(ValueError, match="without a zone"):
        to_utc(in_berlin, TORONTO)
    assert resolve(Rule(), in_berlin, TORONTO).at == datetime(2026, 3, 2, 14, tzinfo=UTC)


def test_a_time_beyond_the_last_year_is_an_error_a_person_can_read() -> None:
    late = datetime(9999, 12, 1, tzinfo=UTC)

    for rule in (
        "after 60 days",
        "after 2 months",
        "after 9000 hours",
        "after 30 business days",
        "after 9 weeks",
    ):
        with pytest.raises(TimingError, match="beyond the years"):
            resolve(parse_rule(rule), late, TORONTO)


# --- why then: derivations ------------------------------------------------------------------------------------


def test_a_derivation_tells_each_rule_in_words() -> None:
    rule = parse_rule("after 2 days on weekdays at 07:30 window weekdays 09:00-17:00 quiet 21:00-08:00")

    instant = resolve(rule, toronto("2026-05-22 09:00"), TORONTO, US)

    assert instant.derivation == (
        "2 days after Fri 22 May 2026 09:00 (America/Toronto) is Sun 24 May 2026",
        "on weekdays: moved from Sun 24 May 2026 to Mon 25 May 2026",
        "at 07:30",
        "window weekdays 09:00-17:00: moved from Mon 25 May 2026 07:30 to Tue 26 May 2026 09:00",
        "Mon 25 May 2026 is a holiday (Memorial Day)",
        "quiet 21:00-08:00: stays",
    )


def test_a_derivation_names_the_holidays_that_business_days_passed_over() -> None:
    instant = resolve(parse_rule("after 2 business days"), toronto("2026-12-23 10:00"), TORONTO, US)

    assert instant.derivation == (
        "2 business days after Wed 23 Dec 2026 10:00 (America/Toronto) is Tue 29 Dec 2026 10:00",
        "Thu 24 Dec 2026 is a holiday (in calendar business-us)",
        "Fri 25 Dec 2026 is a holiday (Christmas Day)",
    )


def test_a_derivation_says_when_the_clocks_change() -> None:
    spring = resolve(parse_rule("at 02:30"), toronto("2026-03-07 12:00"), TORONTO).derivation
    autumn = resolve(parse_rule("on sun at 01:30"), toronto("2026-10-31 12:00"), TORONTO).derivation

    assert spring == (
        "from Sat 7 Mar 2026 12:00 (America/Toronto)",
        "at 02:30: the first is Sun 8 Mar 2026",
        "02:30 does not exist on Sun 8 Mar 2026, clocks go forward: read as Sun 8 Mar 2026 03:30",
    )
    assert autumn == (
        "from Sat 31 Oct 2026 12:00 (America/Toronto)",
        "on sun at 01:30: the first is Sun 1 Nov 2026",
        "01:30 comes twice on Sun 1 Nov 2026, clocks go back: the first counts",
    )


def test_a_call_task_says_when_the_business_was_closed() -> None:
    hours = add_open_time(toronto("2026-03-06 18:00"), parse_duration("2 hours"), TORONTO, US)
    days = add_open_time(toronto("2026-03-06 16:00"), parse_duration("1 day"), TORONTO, US)

    assert hours.derivation == (
        "calendar business-us is closed on Fri 6 Mar 2026 18:00, opens Mon 9 Mar 2026 09:00",
        "2 hours of open time after Mon 9 Mar 2026 09:00 is Mon 9 Mar 2026 11:00 (America/Toronto)",
    )
    assert days.derivation == (
        "1 day after Fri 6 Mar 2026 16:00 (America/Toronto) is Sat 7 Mar 2026 16:00",
        "window weekdays 09:00-17:00: moved from Sat 7 Mar 2026 16:00 to Mon 9 Mar 2026 09:00",
    )


def test_a_derivation_says_when_the_time_was_over_already() -> None:
    instant = resolve(parse_rule("after 0 days at 09:30"), toronto("2026-03-02 16:00"), TORONTO)

    assert instant.derivation == (
        "0 days after Mon 2 Mar 2026 16:00 (America/Toronto) is Mon 2 Mar 2026",
        "at 09:30",
        "Mon 2 Mar 2026 09:30 is over by then: due at once",
    )


# --- calendars ------------------------------------------------------------------------------------------------


def test_a_calendar_knows_the_holidays_of_a_country_or_a_part_of_it() -> None:
    canada = read_calendar("ca", country="CA")
    ontario = read_calendar("on", country="CA-ON")

    assert not US.is_business_day(date(2026, 7, 3))
    assert US.holiday(date(2026, 7, 3)) == "Independence Day (observed)"
    assert canada.is_business_day(date(2026, 2, 16))
    assert ontario.holiday(date(2026, 2, 16)) == "Family Day"
    assert DEFAULT_CALENDAR.is_business_day(date(2026, 12, 25))


def test_a_calendar_refuses_what_it_cannot_read() -> None:
    with pytest.raises(TimingError, match="no public holidays are known for 'ZZ'"):
        read_calendar("x", country="ZZ")
    with pytest.raises(TimingError, match="'CA-OM'") as wrong_part:
        read_calendar("x", country="CA-OM")
    with pytest.raises(TimingError, match="'24 Dec' is no date"):
        read_calendar("x", holidays=["24 Dec"])
    with pytest.raises(TimingError, match="hold on all its days"):
        read_calendar("x", hours="mon 09:00-17:00")
    assert wrong_part.value.hint == "did you mean 'CA-ON'?"


def test_a_calendar_without_any_business_day_is_an_error_not_a_loop() -> None:
    closed = Calendar(name="closed", days=frozenset())

    with pytest.raises(TimingError, match="calendar closed has no business day"):
        resolve(parse_rule("after 1 business day"), toronto("2026-03-02 09:00"), TORONTO, closed)
