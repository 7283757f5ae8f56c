"""Intervals and sample sizes against values that were published."""

from __future__ import annotations

import pytest

from nurture.model.chance import settle
from nurture.model.statistics import (
    Share,
    contacts_needed,
    deviations,
    difference,
    interval_of,
    relative_lift,
)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17, 857-872, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_of_a_share_is_wilsons(k, n, low, high):
    interval = interval_of(Share(k, n))

    assert interval is not None
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17, 873-890, table II, method 10
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((0, 10), (0, 20), -0.1611, 0.2775),
    ],
)
def test_the_interval_of_a_difference_is_newcombes(one, other, low, high):
    found = difference(Share(*one), Share(*other))

    assert found is not None
    assert found[0] == one[0] / one[1] - other[0] / other[1]
    assert (round(found[1].low, 4), round(found[1].high, 4)) == (low, high)


def test_the_lift_is_the_ratio_of_rates_with_the_interval_of_katz():
    # Heart attacks under placebo and aspirin: the Physicians' Health Study in Agresti, Categorical Data Analysis, 3.1.
    found = relative_lift(Share(189, 11_034), Share(104, 11_037))

    assert found is not None
    assert (round(found[0] + 1, 2), round(found[1].low + 1, 2), round(found[1].high + 1, 2)) == (
        1.82,
        1.43,
        2.31,
    )


def test_the_sample_that_a_difference_needs_is_that_of_the_textbooks():
    # R's power.prop.test gives 198.96 for 10% and 20%, and 76.7 for 50% and 75% with power 0.9.
    assert contacts_needed(0.1, 0.2) == 199
    assert contacts_needed(0.5, 0.75, power=0.9) == 77
    assert contacts_needed(0.2, 0.2) is None


def test_of_nobody_nothing_is_said():
    nobody = Share(0, 0)

    assert nobody.rate is None
    assert interval_of(nobody) is None
    assert difference(nobody, Share(1, 2)) is None
    assert relative_lift(Share(0, 10), Share(1, 10)) is None


def test_several_comparisons_at_once_need_wider_intervals():
    assert round(deviations(), 2) == 1.96
    assert round(deviations(comparisons=2), 2) == 2.24


# --- who falls into which variant ----------------------------------------------------------------------------------

PEOPLE = [str(number) for number in range(4000)]


def fallen(**weights: float) -> dict[str, str]:
    return {person: settle(weights, "welcome", "story", person) for person in PEOPLE}


def test_a_split_follows_its_weights():
    variants = list(fallen(a=50, b=30, c=20, never=0).values())

    shares = {name: variants.count(name) / len(PEOPLE) for name in ("a", "b", "c", "never")}

    assert shares == {"a": pytest.approx(0.5, abs=0.03), "b": pytest.approx(0.3, abs=0.03)} | {
        "c": pytest.approx(0.2, abs=0.03),
        "never": 0,
    }


def test_other_weights_move_only_as_many_as_they_must():
    before, after = fallen(a=50, b=50), fallen(a=60, b=40)
    without = fallen(a=50, b=30, c=20)

    moved = [person for person in PEOPLE if before[person] != after[person]]

    assert {(before[one], after[one]) for one in moved} == {("b", "a")}
    assert len(moved) / len(PEOPLE) == pytest.approx(0.1, abs=0.02)
    stayed = fallen(a=50, b=30)
    assert all(stayed[one] == without[one] for one in PEOPLE if without[one] != "c")


def test_the_order_of_variants_moves_nobody():
    assert fallen(a=1, b=2) == fallen(b=2, a=1)
