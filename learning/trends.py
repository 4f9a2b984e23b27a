"""Estimate how a learner's figure develops from talk to talk, and how certain that is.

A figure is a ratio, such as words per run. Its estimate at a talk is the ratio of the sums over the latest WINDOW talks. So a
talk with little speech counts little. The interval comes from how much these talks differ, by the usual variance of a ratio
estimator (Cochran, Sampling Techniques, 1977, section 2.11) and Student's t. In nine cases of ten it holds the learner's true
value, if that did not change within the window.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import sqrt
from typing import TypeVar

WINDOW = 8  # talks
# Below this, the interval says nothing.
FEWEST = 3
MOST_POINTS = 40
# The 95th percentiles of Student's t by degrees of freedom: with both sides, an interval of 90 %.
_STUDENT = {2: 2.920, 3: 2.353, 4: 2.132, 5: 2.015, 6: 1.943, 7: 1.895}

_Sample = TypeVar("_Sample")


class Direction(StrEnum):
    """Name how the newest estimate compares with the first one."""

    HIGHER = "higher"
    LOWER = "lower"
    # The intervals allow no conclusion.
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Sample:
    """Hold the two numbers of one talk whose ratio is the figure, such as words and runs."""

    at: datetime
    amount: float
    per: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """Hold the figure after a talk, and the interval in which it is likely to be."""

    at: datetime
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Trend:
    """Hold the estimates in their order. There are none with fewer than FEWEST talks."""

    talks: int
    points: tuple[Estimate, ...] = ()
    change: Direction | None = None

    @property
    def latest(self) -> Estimate | None:
        return self.points[-1] if self.points else None


def trend(samples: Sequence[Sample]) -> Trend:
    """Return the trend of samples in the order of their moments. Those with `per` 0 are left out."""
    about = [sample for sample in samples if sample.per > 0]
    ends = _spread(FEWEST, len(about))
    points = tuple(_estimate(about[max(0, end - WINDOW) : end]) for end in ends)
    return Trend(len(about), points, change(about, _estimate, window=WINDOW, fewest=FEWEST))


def change(
    samples: Sequence[_Sample], estimate: Callable[[Sequence[_Sample]], Estimate], *, window: int, fewest: int
) -> Direction | None:
    """Compare the first samples with the newest ones. Return None if there are fewer than twice `fewest`."""
    size = min(window, len(samples) // 2)
    if size < fewest:
        return None
    first, newest = estimate(samples[:size]), estimate(samples[-size:])
    if newest.low > first.high:
        return Direction.HIGHER
    return Direction.LOWER if newest.high < first.low else Direction.UNCLEAR


def _spread(first: int, last: int) -> list[int]:
    """Return the numbers from `first` to `last`, or MOST_POINTS of them, evenly spread, with both ends."""
    numbers = range(first, last + 1)
    if len(numbers) <= MOST_POINTS:
        return list(numbers)
    step = (last - first) / (MOST_POINTS - 1)
    return [first + round(number * step) for number in range(MOST_POINTS)]


def _estimate(samples: Sequence[Sample]) -> Estimate:
    count, total = len(samples), sum(sample.per for sample in samples)
    value = sum(sample.amount for sample in samples) / total
    squares = sum((sample.amount - value * sample.per) ** 2 for sample in samples)
    error = sqrt(count / (count - 1) * squares) / total
    around = _STUDENT[count - 1] * error
    return Estimate(samples[-1].at, value, max(0.0, value - around), value + around)
