import random
from datetime import UTC, datetime, timedelta

import pytest

from learning.trends import MOST_POINTS, Direction, Sample, trend

START = datetime(2026, 1, 5, 18, tzinfo=UTC)


def samples(*amounts: tuple[float, float]) -> list[Sample]:
    return [Sample(START + timedelta(days=day), amount, per) for day, (amount, per) in enumerate(amounts)]


def talks(rng: random.Random, count: int, rate: float) -> list[Sample]:
    """Return talks of very different lengths, in each of which the learner is slower or faster by chance."""
    lengths = [rng.uniform(10, 200) for _ in range(count)]
    return samples(*((rng.gauss(rate, 0.4) * per, per) for per in lengths))


def test_the_estimate_weighs_talks_by_their_length():
    latest = trend(samples((10, 10), (10, 10), (320, 80))).latest
    assert latest
    assert latest.value == pytest.approx(3.4)
    assert latest.low < 3.4 < latest.high


def test_two_talks_are_too_few_and_empty_talks_do_not_count():
    assert trend(samples((3, 1), (4, 1))).latest is None
    assert trend(samples((3, 1), (4, 1), (0, 0), (0, 0))) == trend(samples((3, 1), (4, 1)))
    assert trend([]).change is None


@pytest.mark.parametrize("count", [3, 5, 8])
def test_nine_of_ten_intervals_hold_the_true_value(count: int):
    rng = random.Random(count)
    found = [latest for _ in range(1000) if (latest := trend(talks(rng, count, 3.0)).latest)]
    inside = sum(each.low <= 3.0 <= each.high for each in found)
    # With few talks, the variance of a ratio is underestimated a little.
    assert 830 <= inside <= 940


def test_a_learner_who_does_not_change_is_seldom_said_to_change():
    rng = random.Random(1)
    changed = sum(trend(talks(rng, 16, 3.0)).change != Direction.UNCLEAR for _ in range(500))
    assert changed <= 25


@pytest.mark.parametrize(("before", "after", "change"), [(2.5, 3.6, Direction.HIGHER), (3.6, 2.5, Direction.LOWER)])
def test_a_clear_change_is_seen(before: float, after: float, change: Direction):
    rng = random.Random(2)
    both = [*talks(rng, 8, before), *talks(rng, 8, after)]
    assert trend(both).change == change


def test_a_long_history_has_as_many_points_as_a_chart_can_show():
    points = trend(talks(random.Random(3), 2000, 3.0)).points
    assert len(points) == MOST_POINTS
    assert points[-1].at == START + timedelta(days=1999)
    assert [each.at for each in points] == sorted({each.at for each in points})
