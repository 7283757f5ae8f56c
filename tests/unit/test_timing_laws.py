"""Laws of time that hold for every rule, every zone and every start."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.model.timing import (
    Duration,
    Rule,
    TimingError,
    Unit,
    Window,
    add,
    add_open_time,
    explain_rule,
    local,
    never_opens,
    next_match,
    open_at_or_after,
    parse_rule,
    read_calendar,
    resolve,
    to_utc,
)
from tests.support.windows import allowed
from tests.unit.timing_oracle import due

unhurried = settings(deadline=None)  # a busy machine breaks no law
US = read_calendar("business-us", country="US", holidays=["2026-12-24"])
ZONES = [
    "UTC",
    "America/Toronto",
    "America/St_Johns",
    "America/Nuuk",
    "America/Sao_Paulo",
    "Europe/Dublin",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kwajalein",
]
clocks = st.builds(time, st.integers(0, 23), st.integers(0, 59))
day_sets = st.frozensets(st.integers(0, 6), min_size=1)
durations = st.builds(Duration, st.integers(0, 40), st.sampled_from(Unit))
zones = st.sampled_from(ZONES).map(ZoneInfo)
instants = st.datetimes(
    datetime.fromisoformat("2009-01-01"), datetime.fromisoformat("2030-01-01"), timezones=st.just(UTC)
)
spans = st.tuples(clocks, clocks).filter(lambda edges: edges[0] != edges[1])
windows = st.builds(lambda days, edges: Window(days, *edges), st.none() | day_sets, spans)
quiets = spans.map(lambda edges: Window(None, *edges))
rules = st.builds(
    Rule,
    after=st.none() | durations,
    on=st.none() | day_sets,
    at=st.none() | clocks,
    window=st.none() | windows,
    quiet=st.none() | quiets,
).filter(lambda rule: not never_opens(rule))


@unhurried
@given(rule=rules)
def test_every_rule_is_read_back_from_its_own_words(rule: Rule) -> None:
    assert parse_rule(explain_rule(rule)) == rule


@unhurried
@given(
    text=st.text(
        alphabet=st.sampled_from("after on at window quiet mon-fri,0123456789:dhwm \n–é"), max_size=40
    )
)
def test_any_text_is_a_rule_or_a_timing_error_inside_the_text(text: str) -> None:
    read = read_or_refused(text)

    if isinstance(read, TimingError):
        assert 0 <= read.column <= len(text)
        assert read.message
    else:
        assert parse_rule(explain_rule(read)) == read


def read_or_refused(text: str) -> Rule | TimingError:
    try:
        return parse_rule(text)
    except TimingError as refused:
        return refused


@settings(unhurried, max_examples=60)
@given(rule=rules, start=instants, zone=zones)
def test_brute_force_agrees_with_any_rule(rule: Rule, start: datetime, zone: ZoneInfo) -> None:
    start = start.replace(second=0, microsecond=0)

    assert resolve(rule, start, zone).at == due(str(rule), zone.key, start)


@unhurried
@given(rule=rules, start=instants, zone=zones)
def test_a_due_time_is_inside_its_window_and_outside_its_quiet_hours(
    rule: Rule, start: datetime, zone: ZoneInfo
) -> None:
    at = resolve(rule, start, zone).at

    assert rule.window is None or allowed(at, rule.window, zone)
    assert rule.quiet is None or not allowed(at, rule.quiet, zone)


@unhurried
@given(rule=rules, start=instants, zone=zones)
def test_nothing_is_due_before_its_start(rule: Rule, start: datetime, zone: ZoneInfo) -> None:
    assert resolve(rule, start, zone).at >= start


@unhurried
@given(rule=rules, now=instants, zone=zones)
def test_the_next_match_is_never_before_now_and_is_its_own_next_match(
    rule: Rule, now: datetime, zone: ZoneInfo
) -> None:
    match = next_match(rule, now, zone).at

    assert match >= now
    assert rule.window or rule.quiet or next_match(rule, match, zone).at == match


@unhurried
@given(duration=durations, start=instants, zone=zones)
def test_adding_a_duration_is_a_rule_of_after_alone(
    duration: Duration, start: datetime, zone: ZoneInfo
) -> None:
    assert add(start, duration, zone, US) == resolve(Rule(after=duration), start, zone, US).at


@unhurried
@given(start=instants, zone=zones, days=st.integers(0, 400))
def test_whole_days_keep_the_wall_clock_where_it_exists(start: datetime, zone: ZoneInfo, days: int) -> None:
    wanted = local(start, zone).replace(fold=0) + timedelta(days=days)

    at = add(start, Duration(days, Unit.DAYS), zone)

    there_and_back = local(to_utc(wanted, zone), zone)
    assert local(at, zone) == (wanted if there_and_back == wanted else there_and_back)


@unhurried
@given(start=instants, zone=zones, first=st.integers(0, 60), more=st.integers(0, 60))
def test_open_time_adds_up(start: datetime, zone: ZoneInfo, first: int, more: int) -> None:
    halfway = add_open_time(start, Duration(first, Unit.HOURS), zone, US).at

    together = add_open_time(start, Duration(first + more, Unit.HOURS), zone, US).at

    assert add_open_time(halfway, Duration(more, Unit.HOURS), zone, US).at in {
        together,
        open_at_or_after(together, zone, US),
    }


@unhurried
@given(start=instants, zone=zones, count=st.integers(1, 30))
def test_business_days_end_on_a_business_day_and_count_each_once(
    start: datetime, zone: ZoneInfo, count: int
) -> None:
    first, last = local(start, zone).date(), add(start, Duration(count, Unit.BUSINESS_DAYS), zone, US)

    passed = [first + timedelta(days=day) for day in range(1, (local(last, zone).date() - first).days + 1)]
    skipped = {date(2011, 12, 30)} if zone.key == "Pacific/Apia" else set()
    business = [day for day in passed if US.is_business_day(day) and day not in skipped]

    assert len(business) == count
    assert business[-1] == local(last, zone).date()
