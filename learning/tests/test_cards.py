import itertools
import uuid
from datetime import UTC, datetime, timedelta
from random import Random

import fsrs
import pytest
from fsrs import Rating

from learning import cards
from learning.models import Occurrence

LEARNER, CARD = uuid.uuid4(), uuid.uuid4()
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
TALKS = [uuid.uuid4() for _ in range(10)]
MISTAKE, ATTEMPT, UPTAKE = Occurrence.Kind.MISTAKE, Occurrence.Kind.ATTEMPT, Occurrence.Kind.UPTAKE


def row(
    kind: str, days: float, talk: int = 0, outcome: str = "", prompt: str = "", reported: bool = False
) -> Occurrence:
    return Occurrence(
        id=uuid.uuid4(),
        learner=LEARNER,
        card=CARD,
        conversation=TALKS[talk],
        message=uuid.uuid4(),
        kind=kind,
        moment=AT + timedelta(days=days),
        outcome=outcome,
        prompt=prompt,
        reported_at=AT if reported else None,
    )


def reference(*reviews: tuple[float, Rating]) -> fsrs.Card:
    """Return what FSRS makes of ratings after so many days."""
    scheduler = fsrs.Scheduler(learning_steps=(), relearning_steps=(), enable_fuzzing=False)
    card = fsrs.Card(card_id=7, due=AT)
    for days, rating in reviews:
        card, _ = scheduler.review_card(card, rating, AT + timedelta(days=days))
    return card


def assert_is(card: cards.Card | None, expected: fsrs.Card) -> None:
    assert card
    state = (card.due, card.stability, card.difficulty, card.reviewed_at)
    assert state == (expected.due, expected.stability, expected.difficulty, expected.last_review)


def test_a_new_card_is_due_at_once() -> None:
    card = cards.card_of([row(MISTAKE, 0), row(MISTAKE, 0.01)])
    assert_is(card, reference())
    assert card
    assert (card.due, card.mistakes, card.reviewed_at) == (AT, 2, None)


def test_without_a_mistake_there_is_no_card() -> None:
    assert cards.card_of([row(ATTEMPT, 1, outcome="right"), row(UPTAKE, 2)]) is None


@pytest.mark.parametrize(
    ("outcomes", "rating", "at"),
    [
        (["right"], Rating.Good, 0),
        (["wrong", "right"], Rating.Hard, 1),
        (["wrong"], Rating.Again, 0),
        (["wrong", "wrong", "right"], Rating.Again, 2),
        (["shown"], Rating.Again, 0),
        (["shown", "right"], Rating.Again, 1),
        (["unsure", "right"], Rating.Good, 1),
        (["wrong", "unsure", "right"], Rating.Hard, 2),
    ],
)
def test_a_review_is_rated_by_its_attempts(outcomes: list[str], rating: Rating, at: int) -> None:
    attempts = [row(ATTEMPT, 1 + number / 1000, 1, outcome, "p") for number, outcome in enumerate(outcomes)]
    card = cards.card_of([row(MISTAKE, 0), *attempts])
    assert_is(card, reference((1 + at / 1000, rating)))


def test_attempts_that_may_be_misheard_are_no_review() -> None:
    card = cards.card_of([row(MISTAKE, 0), row(ATTEMPT, 1, 1, "unsure", "p"), row(ATTEMPT, 1.1, 1, "unsure", "p")])
    assert_is(card, reference())


def test_the_mistake_in_a_later_talk_is_rated_again_once_a_talk() -> None:
    card = cards.card_of([row(MISTAKE, 0), row(MISTAKE, 3, 1), row(MISTAKE, 3.01, 1), row(MISTAKE, 9, 2)])
    assert_is(card, reference((3, Rating.Again), (9, Rating.Again)))


def test_uptake_in_a_later_talk_is_rated_good_once_a_talk() -> None:
    card = cards.card_of([row(MISTAKE, 0), row(UPTAKE, 0.01), row(UPTAKE, 4, 1), row(UPTAKE, 4.01, 1)])
    assert_is(card, reference((4, Rating.Good)))
    assert card
    assert card.uptakes == 3


def test_intervals_equal_the_reference_of_fsrs() -> None:
    """Random histories over years, with several reviews a day among them."""
    random = Random(15)
    ratings = {"right": Rating.Good, "wrong": Rating.Again}
    for _ in range(200):
        days, history = 0.0, []
        for number in range(random.randint(1, 25)):
            days += random.choice([0.1, 0.6, 1, 2.5, 7, 40, 300])
            history.append((days, random.choice(list(ratings)), f"p{number}"))
        rows = [row(MISTAKE, 0), *(row(ATTEMPT, days, 1, outcome, prompt) for days, outcome, prompt in history)]
        random.shuffle(rows)
        assert_is(cards.card_of(rows), reference(*((days, ratings[outcome]) for days, outcome, _ in history)))


def test_the_result_does_not_depend_on_the_order_of_delivery() -> None:
    rows = [row(MISTAKE, 0), row(ATTEMPT, 1, 1, "right", "p"), row(MISTAKE, 5, 2), row(UPTAKE, 8, 3)]
    made = {
        (card.due, card.stability, card.mistakes, card.message)
        for order in itertools.permutations(rows)
        if (card := cards.card_of(order))
    }
    assert len(made) == 1


def test_a_mistake_is_gone_after_reviews_and_can_come_back() -> None:
    rows = [row(MISTAKE, 0)] + [row(ATTEMPT, day, 1, "right", f"p{day}") for day in (0.1, 3, 14)]
    card = cards.card_of(rows)
    assert card
    assert card.gone_at == AT + timedelta(days=14)
    assert card.due - card.gone_at >= cards.GONE_AFTER
    back = cards.card_of([*rows, row(MISTAKE, 20, 2)])
    assert back
    assert (back.gone_at, back.returned_at) == (None, AT + timedelta(days=20))


def test_a_report_is_noted() -> None:
    card = cards.card_of([row(MISTAKE, 0, reported=True), row(MISTAKE, 3, 1)])
    assert card
    assert card.reported_at == AT
