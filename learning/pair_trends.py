"""Estimate how often a learner hears and says the word of a minimal pair that was meant, as a trend.

A single attempt says little: the learner may have guessed, and the recogniser errs, too. So there is an estimate from FEWEST
attempts on, over the latest WINDOW of them, with an interval (Wilson, 1927). In nine cases of ten it holds the true share, if
that did not change within the window.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt

from learning.models import PairAttempt
from learning.trends import Direction, Estimate, change

WINDOW = 30  # attempts
FEWEST = 10
# The newest attempts that are read.
MOST = 3000
# The 95th percentile of the normal distribution: with both sides, an interval of 90 %.
_NORMAL = 1.645


@dataclass(frozen=True, slots=True)
class PairTrend:
    """Hold how one contrast develops, in one way to practise it."""

    contrast: str
    way: str
    attempts: int
    as_meant: int
    # None with fewer than FEWEST attempts.
    latest: Estimate | None = None
    # How the newest attempts compare with the first ones. None if there are too few for two windows.
    change: Direction | None = None


def of_learner(learner: uuid.UUID, using: str) -> list[PairTrend]:
    """Return the trends of all contrasts that the learner has practised. Call `projection.refresh` before."""
    rows = PairAttempt.objects.using(using).filter(learner=learner).order_by("-moment", "-pk")
    found = dict[tuple[str, str], list[tuple[datetime, bool]]]()
    for contrast, way, moment, as_meant in rows.values_list("contrast", "way", "moment", "as_meant")[:MOST]:
        found.setdefault((contrast, way), []).append((moment, as_meant))
    return [trend(*key, attempts[::-1]) for key, attempts in sorted(found.items())]


def trend(contrast: str, way: str, attempts: Sequence[tuple[datetime, bool]]) -> PairTrend:
    """Return the trend of attempts in the order of their moments."""
    latest = _estimate(attempts[-WINDOW:]) if len(attempts) >= FEWEST else None
    as_meant = sum(right for _, right in attempts)
    direction = change(attempts, _estimate, window=WINDOW, fewest=FEWEST)
    return PairTrend(contrast, way, len(attempts), as_meant, latest, direction)


def _estimate(attempts: Sequence[tuple[datetime, bool]]) -> Estimate:
    count, share = len(attempts), sum(right for _, right in attempts) / len(attempts)
    square = _NORMAL**2
    middle = (share + square / (2 * count)) / (1 + square / count)
    around = _NORMAL / (1 + square / count) * sqrt(share * (1 - share) / count + square / (4 * count**2))
    return Estimate(attempts[-1][0], share, max(0.0, middle - around), min(1.0, middle + around))
