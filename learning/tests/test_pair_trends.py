import random
from datetime import timedelta

import pytest

from conversations import store
from learning import pair_trends, projection
from learning.models import PairAttempt
from learning.pair_trends import FEWEST, WINDOW, trend
from learning.tests.talks import AT, talk, turn
from learning.trends import Direction
from tests.clients import LearnerClient

pytestmark = pytest.mark.django_db(databases=["default", "local"], transaction=True)

PAIR = {"contrast": "sheep-ship", "way": "saying", "meant": "ship", "chosen": "ship"}


def attempts(*right: bool):
    return [(AT + timedelta(minutes=number), each) for number, each in enumerate(right)]


def test_few_attempts_make_no_estimate():
    found = trend("sheep-ship", "saying", attempts(*[True] * (FEWEST - 1)))
    assert (found.attempts, found.as_meant, found.latest, found.change) == (FEWEST - 1, FEWEST - 1, None, None)


def test_all_right_is_not_certainly_all():
    latest = trend("sheep-ship", "saying", attempts(*[True] * FEWEST)).latest
    assert latest
    assert latest.value == latest.high == pytest.approx(1)
    # Wilson's lower bound is n / (n + z²).
    assert latest.low == pytest.approx(FEWEST / (FEWEST + 1.645**2))


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_nine_of_ten_intervals_hold_the_true_share(share: float):
    rng = random.Random(1)
    many = [trend("x", "saying", attempts(*(rng.random() < share for _ in range(WINDOW)))).latest for _ in range(1000)]
    inside = sum(each.low <= share <= each.high for each in many if each)
    assert 850 <= inside <= 950


def test_old_attempts_leave_the_estimate_and_show_the_change():
    better = trend("x", "hearing", attempts(*[False, True] * 15, *[True] * 30))
    assert better.latest
    assert better.latest.value == 1
    assert better.change is Direction.HIGHER
    assert trend("x", "hearing", attempts(*[True] * 30, *[False] * 30)).change is Direction.LOWER
    assert trend("x", "hearing", attempts(*[True, True, True, False] * 10)).change is Direction.UNCLEAR


def test_attempts_are_derived_from_messages(owner: LearnerClient, outsider: LearnerClient):
    other = {**PAIR, "chosen": "sheep"}
    talk(
        owner.learner,
        "pairs-1",
        turn("ship", id="user-1", measured={"pair": PAIR}),
        turn("sheep", id="user-2", days=0.1, measured={"pair": other}),
        config={"kind": "review"},
    )
    projection.refresh(owner.learner)
    (found,) = pair_trends.of_learner(owner.learner, "local")
    assert (found.contrast, found.way, found.attempts, found.as_meant) == ("sheep-ship", "saying", 2, 1)
    assert pair_trends.of_learner(outsider.learner, "local") == []
    store.delete(owner.learner, "pairs-1")
    projection.refresh(owner.learner)
    assert not PairAttempt.objects.using("local").exists()


@pytest.mark.parametrize(
    "odd",
    [
        "ship",
        {},
        {**PAIR, "way": "guessing"},
        {**PAIR, "meant": 5},
        {**PAIR, "contrast": ""},
        {**PAIR, "contrast": ["x"]},
    ],
)
def test_what_an_archive_may_hold_is_no_attempt(owner: LearnerClient, odd: object):
    talk(owner.learner, "pairs-1", turn("ship", measured={"pair": odd}))
    projection.refresh(owner.learner)
    assert not PairAttempt.objects.using("local").exists()
