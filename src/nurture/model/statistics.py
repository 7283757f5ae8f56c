"""How sure a difference is: shares with intervals, the lift of one group over another, and how many contacts it takes.

Plain formulas with their sources. They know nothing of contacts, and never name a winner.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, exp, log, sqrt
from statistics import NormalDist

SURE = 0.95
"""How often an interval of ours holds the true value."""
POWER = 0.8
"""How often a difference that is really there is to be seen."""


@dataclass(frozen=True, slots=True)
class Interval:
    """From where to where the true value may be."""

    low: float
    high: float

    @property
    def holds_zero(self) -> bool:
        """Zero lies within: perhaps there is no difference at all."""
        return self.low <= 0 <= self.high


@dataclass(frozen=True, slots=True)
class Share:
    """``k`` of ``n``."""

    k: int
    n: int

    @property
    def rate(self) -> float | None:
        """None of nobody."""
        return self.k / self.n if self.n else None


def deviations(sure: float = SURE, comparisons: int = 1) -> float:
    """How many standard deviations to either side; wider when several comparisons are made at once (Bonferroni)."""
    return NormalDist().inv_cdf(1 - (1 - sure) / 2 / max(1, comparisons))


def interval_of(share: Share, z: float | None = None) -> Interval | None:
    """The interval of a share; None of nobody. Source: Wilson 1927, the score interval without continuity correction."""
    if not share.n:
        return None
    z = deviations() if z is None else z
    n, rate = share.n, share.k / share.n
    middle = rate + z * z / (2 * n)
    reach = z * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    whole = 1 + z * z / n
    return Interval(max(0.0, (middle - reach) / whole), min(1.0, (middle + reach) / whole))


def difference(one: Share, other: Share, z: float | None = None) -> tuple[float, Interval] | None:
    """The rate of ``one`` less that of ``other``, with its interval; None when either is of nobody.

    Source: Newcombe 1998, method 10 (from two Wilson intervals).
    """
    first, second = interval_of(one, z), interval_of(other, z)
    if first is None or second is None or one.rate is None or other.rate is None:
        return None
    apart = one.rate - other.rate
    below = sqrt((one.rate - first.low) ** 2 + (second.high - other.rate) ** 2)
    above = sqrt((first.high - one.rate) ** 2 + (other.rate - second.low) ** 2)
    return apart, Interval(max(-1.0, apart - below), min(1.0, apart + above))


def relative_lift(one: Share, other: Share, z: float | None = None) -> tuple[float, Interval] | None:
    """By how much the rate of ``one`` exceeds that of ``other``, as a share of it (0.2: a fifth more), with its interval.

    None while either has nobody who did it. Source: Katz and others 1978, the logarithm of the ratio.
    """
    if not (one.k and other.k and one.n and other.n):
        return None
    z = deviations() if z is None else z
    ratio = (one.k / one.n) / (other.k / other.n)
    reach = z * sqrt(1 / one.k - 1 / one.n + 1 / other.k - 1 / other.n)
    return ratio - 1, Interval(exp(log(ratio) - reach) - 1, exp(log(ratio) + reach) - 1)


def contacts_needed(one: float, other: float, *, sure: float = SURE, power: float = POWER) -> int | None:
    """How many contacts each group needs so that the difference of two rates is seen; None when they do not differ.

    Source: Fleiss 1981, two proportions without continuity correction.
    """
    if one == other:
        return None
    alpha, beta = deviations(sure), NormalDist().inv_cdf(power)
    mean = (one + other) / 2
    spread = alpha * sqrt(2 * mean * (1 - mean)) + beta * sqrt(one * (1 - one) + other * (1 - other))
    return ceil((spread / (one - other)) ** 2)
