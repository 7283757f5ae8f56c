"""A new sender begins with little and sends more each day, until nothing holds it."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.model.warm_up import WARM, WarmUp
from nurture.model.workspace import Sender, Workspace
from nurture.services.releases.forecast import Day, Forecast
from nurture.services.sending.warm_ups import warming_up
from nurture.workflow.workspace import read_workspace

FIRST = date(2026, 12, 1)


def test_it_doubles_every_so_many_days_and_grows_evenly_between() -> None:
    ramp = WarmUp(FIRST, start=50, double_every=2)

    assert [ramp.most_on(FIRST + timedelta(days=day)) for day in range(7)] == [
        50,
        70,
        100,
        141,
        200,
        282,
        400,
    ]


def test_before_its_day_it_sends_as_on_the_first() -> None:
    assert WarmUp(FIRST).most_on(FIRST - timedelta(days=30)) == 50


@given(start=st.integers(1, 10_000), days=st.integers(1, 60))
def test_it_never_goes_down_and_ends(start: int, days: int) -> None:
    ramp = WarmUp(FIRST, start, days)
    months = [ramp.most_on(FIRST + timedelta(days=30 * month)) for month in range(60)]

    numbers = [most for most in months if most is not None]

    assert all(before <= after < WARM for before, after in pairwise(numbers))
    assert ramp.most_on(FIRST + timedelta(days=days * 21)) is None


def sender(lines: str) -> tuple[object, list[str]]:
    text = f'[workspace]\nname = "A"\n[senders.default]\nfrom = "a@example.org"\n{lines}\n'
    workspace, problems = read_workspace(text)
    return workspace and workspace.senders["default"], [
        f"{one.place.line}: {one.message}" for one in problems
    ]


def test_it_is_written_in_one_line() -> None:
    read, problems = sender('warm_up = { since = "2026-12-01", start = 20, double_every = "1 week" }')

    assert problems == []
    assert read is not None
    assert read.warm_up == WarmUp(FIRST, 20, 7)  # type: ignore[attr-defined]


def test_a_date_may_be_written_as_toml_writes_it_and_the_rest_left_out() -> None:
    read, problems = sender("warm_up = { since = 2026-12-01 }")

    assert problems == []
    assert read is not None
    assert read.warm_up == WarmUp(FIRST)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('warm_up = { since = "soon" }', "no day"),
        ("warm_up = { start = 50 }", "since"),
        ('warm_up = { since = "2026-12-01", start = 0 }', "out of range"),
        ('warm_up = { since = "2026-12-01", double_every = "3 hours" }', "no whole days"),
        ('return_path_domain = "not a domain"', "no domain"),
        ('return_path_domain = "bounces"', "no domain"),
        ('dkim_selector = "a b"', "no selector"),
        ('dkim_selector = "s1; d=evil.example"', "no selector"),
        ('dkim_key_file = "var/dkim/s1.pem"', "without a selector"),
        ('dkim_selector = "s1"\ndkim_key_file = ""', "no file"),
    ],
)
def test_what_cannot_be_meant_is_told_at_its_line(lines: str, said: str) -> None:
    _, problems = sender(lines)

    assert len(problems) == 1
    assert said in problems[0]


# --- what a plan says of it -----------------------------------------------------------------------------------------


def expecting(*messages: int) -> Forecast:
    days = [Day(FIRST + timedelta(days=number), 0, most, 0, 0, 0, 0) for number, most in enumerate(messages)]
    return Forecast(days=tuple(days))


def test_a_plan_names_the_first_day_on_which_more_is_expected_than_may_leave() -> None:
    workspace = Workspace("A", senders={"default": Sender("default", "a@example.org", warm_up=WarmUp(FIRST))})

    (said,) = warming_up(workspace, expecting(40, 90, 500))

    assert "of 90 messages expected on 2026-12-02, 70 may leave that day" in said
    assert list(warming_up(workspace, expecting(50, 70, 100))) == []


def test_a_plan_says_how_much_would_wait_until_it_is_skipped() -> None:
    ramp = WarmUp(FIRST, start=5, double_every=1000)
    workspace = Workspace("A", senders={"default": Sender("default", "a@example.org", warm_up=ramp)})

    enough = list(warming_up(workspace, expecting(35, *[0] * 13)))
    too_many = list(warming_up(workspace, expecting(60, 2, *[0] * 12)))

    assert len(enough) == 1
    assert too_many[1].startswith("Up to 25 of all would wait for more than 7 days and be skipped")


def test_where_a_sender_is_warm_a_plan_says_nothing() -> None:
    cold = Sender("default", "a@example.org", warm_up=WarmUp(FIRST))
    workspace = Workspace("A", senders={"default": cold, "desk": Sender("desk", "b@example.org")})

    assert list(warming_up(workspace, expecting(10_000))) == []
    assert list(warming_up(Workspace("A"), expecting(10_000))) == []
