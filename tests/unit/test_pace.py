"""A sender's rate: never more in a minute than it says, even, and everyone in their turn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.model.pace import MINUTE, SLACK, Asking, Meter, Pace, Turn, give_turns

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def a_meter(now: datetime = START) -> Meter:
    return Meter(now, now - MINUTE)


def played(pace: Pace, asked: list[Asking], looks: list[datetime]) -> list[tuple[int, datetime]]:
    """Who left when, if everyone asks when told to, and somebody looks at these times."""
    meters = {one.name: a_meter() for one in (pace, *(pace for one in asked for pace in one.paces))}
    back: dict[int, datetime] = {}
    waiting, went = asked, []
    for now in looks:
        ready = [one for one in waiting if back.get(one.id, START) <= now]
        turns = give_turns([Asking(one.id, one.paces, one.id in back) for one in ready], meters, now)
        back |= {number: turn.at for number, turn in turns.items()}
        gone = {one.id for one in ready} - turns.keys()
        went += [(one.id, now) for one in ready if one.id in gone]
        waiting = [one for one in waiting if one.id not in gone]
    return went


def every_second(minutes: float) -> list[datetime]:
    return [START + second * SECOND for second in range(int(minutes * 60))]


def most_in_a_minute(went: list[tuple[int, datetime]]) -> int:
    moments = [moment for _, moment in went]
    return max((sum(first <= one < first + MINUTE for one in moments) for first in moments), default=0)


@settings(deadline=None, max_examples=50)
@given(
    rate=st.integers(1, 300),
    count=st.integers(0, 150),
    pauses=st.lists(st.floats(0.1, 200), min_size=20, max_size=80),
)
def test_no_minute_sees_more_than_the_rate_however_workers_look(
    rate: int, count: int, pauses: list[float]
) -> None:
    pace = Pace("default", rate)
    looks = [START]
    for pause in pauses:
        looks.append(looks[-1] + timedelta(seconds=pause))

    went = played(pace, [Asking(number, (pace,)) for number in range(count)], looks)

    assert most_in_a_minute(went) <= rate
    assert len({number for number, _ in went}) == len(went)


def test_a_queue_leaves_evenly_in_its_order_and_nearly_at_the_full_rate() -> None:
    pace = Pace("default", 120)

    went = played(pace, [Asking(number, (pace,)) for number in range(400)], every_second(4))

    assert [number for number, _ in went] == list(range(400))
    per_second = [sum(moment == look for _, moment in went) for look in every_second(3)]
    assert max(per_second[1:]) <= 4
    assert sum(per_second) >= 0.94 * 3 * 120


def test_those_who_wait_for_their_full_domain_use_up_no_turn_of_the_others() -> None:
    both = Pace("default", 30)
    domains = [Pace(f"default {letter}.example", 10) for letter in "abc"]
    asked = [Asking(20 * at + one, (both, domain)) for at, domain in enumerate(domains) for one in range(20)]

    went = played(both, asked, every_second(2.5))

    first_of_each = [min(moment for number, moment in went if number // 20 == at) for at in range(3)]
    assert max(first_of_each) - START <= 10 * SECOND
    assert len(went) == 60
    assert most_in_a_minute(went) <= 30
    assert all(most_in_a_minute([one for one in went if one[0] // 20 == at]) <= 10 for at in range(3))


def test_after_a_rest_there_is_no_burst() -> None:
    pace = Pace("default", 60)
    meters = {"default": a_meter(START - timedelta(days=3))}

    turns = give_turns([Asking(number, (pace,)) for number in range(100)], meters, START)

    assert 100 - len(turns) <= 60 * SLACK / MINUTE + 1
    assert max(turn.at for turn in turns.values()) - START > timedelta(seconds=90)


def test_who_asks_again_in_vain_comes_back_before_those_who_came_later() -> None:
    pace = Pace("default", 6)
    meters = {"default": a_meter()}
    crowd = give_turns([Asking(number, (pace,)) for number in range(30)], meters, START)

    again = give_turns([Asking(90, (pace,), first=True), Asking(91, (pace,), first=True)], meters, START)
    later = give_turns([Asking(99, (pace,))], meters, START)

    assert again[90].at < again[91].at < crowd[29].at < later[99].at


def test_a_full_domain_holds_up_no_other() -> None:
    everyone, there = Pace("default", 600), Pace("default example.org", 6)
    meters = {"default": a_meter(), "default example.org": a_meter(), "default example.net": a_meter()}
    asking = [Asking(number, (everyone, there)) for number in range(10)]
    other = Asking(99, (everyone, Pace("default example.net", 6)))

    turns = give_turns([*asking, other], meters, START)

    assert sorted(turns) == list(range(1, 10))
    assert {turn.by for turn in turns.values()} == {there}


def test_nobody_waits_for_a_turn_that_is_open() -> None:
    assert give_turns([Asking(1, (Pace("default", 1),))], {"default": a_meter()}, START) == {}
    assert Turn(START, Pace("default", 1)).by.apart == MINUTE + SLACK
