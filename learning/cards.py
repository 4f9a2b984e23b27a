"""Compute a card from everything that happened with its kind of mistake, by FSRS.

The result depends only on what happened and when, not on the order in which servers learned of it.

- The first talk with the mistake makes the card. It is due at once.
- The same mistake in a later talk is rated Again, once a talk.
- A review is rated by its attempts: Good if the first was right, Hard if the second was, else Again. Attempts that may
  have been misheard do not count.
- The correct form in a later talk is rated Good, once a talk. In the talk with the mistake it changes nothing: saying
  again what was just heard shows no memory.

Without learning steps, FSRS counts in whole days, which fits one short review a day.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import fsrs
from fsrs import Rating, Scheduler

from learning.models import Card, Occurrence

# Raise it when the rules above change.
VERSION = 1
SCHEDULER = Scheduler(learning_steps=(), relearning_steps=(), enable_fuzzing=False)
# An interval at which a mistake counts as gone.
GONE_AFTER = timedelta(days=21)
RIGHT, WRONG, UNSURE, SHOWN = "right", "wrong", "unsure", "shown"

_Event = tuple[datetime, Rating]


def card_of(occurrences: Iterable[Occurrence]) -> Card | None:
    """Return the card of these occurrences, which are all of one kind of mistake, or None if the mistake was never made."""
    rows = sorted(occurrences, key=lambda row: (row.moment, row.message, row.number))
    made = [row for row in rows if row.kind == Occurrence.Kind.MISTAKE]
    if not made:
        return None
    first, last = made[0], made[-1]
    card = Card(
        id=first.card,
        learner=first.learner,
        category=last.category,
        message=last.message,
        number=last.number,
        due=_utc(first.moment),
        mistakes=len(made),
        first_at=_utc(first.moment),
        last_at=_utc(last.moment),
        reported_at=max((_utc(row.reported_at) for row in made if row.reported_at), default=None),
    )
    later = [row for row in rows if row.moment >= first.moment]
    mistakes = [each for each in _mistakes(made) if each[0] > first.moment]
    reviews, uptakes = list(_reviews(later)), list(_uptakes(later, {row.conversation for row in made}))
    card.reviews = len(reviews)
    card.uptakes = sum(row.kind == Occurrence.Kind.UPTAKE for row in later)
    _schedule(card, sorted([*mistakes, *reviews, *uptakes]), {moment for moment, _ in mistakes})
    return card


def _schedule(card: Card, events: Sequence[_Event], mistakes: set[datetime]) -> None:
    """Replay the ratings in their order."""
    # With a key of its own, no sleep of a millisecond for a new one.
    state = fsrs.Card(card_id=1, due=card.due)
    for moment, rating in events:
        if moment in mistakes and card.gone_at:
            card.gone_at, card.returned_at = None, moment
        state, _ = SCHEDULER.review_card(state, rating, moment)
        if rating == Rating.Again:
            card.gone_at = None
        elif card.gone_at is None and state.due - moment >= GONE_AFTER:
            card.gone_at = moment
    card.stability, card.difficulty = state.stability, state.difficulty
    card.reviewed_at, card.due = state.last_review, state.due


def _mistakes(made: Iterable[Occurrence]) -> Iterator[_Event]:
    """Yield the first mistake of each talk but the first."""
    seen: set[uuid.UUID] = set()
    for row in made:
        if row.conversation not in seen:
            if seen:
                yield _utc(row.moment), Rating.Again
            seen.add(row.conversation)


def _reviews(rows: Iterable[Occurrence]) -> Iterator[_Event]:
    """Yield a rating for each prompt that was attempted."""
    attempts: dict[str, list[Occurrence]] = {}
    for row in rows:
        if row.kind == Occurrence.Kind.ATTEMPT and row.outcome != UNSURE:
            attempts.setdefault(row.prompt or str(row.conversation), []).append(row)
    for tries in attempts.values():
        outcomes = [row.outcome for row in tries[:2]]
        if outcomes[0] == RIGHT:
            yield _utc(tries[0].moment), Rating.Good
        elif outcomes == [WRONG, RIGHT]:
            yield _utc(tries[1].moment), Rating.Hard
        else:
            yield _utc(tries[-1].moment), Rating.Again


def _uptakes(rows: Iterable[Occurrence], talks_with_mistakes: set[uuid.UUID]) -> Iterator[_Event]:
    seen = set(talks_with_mistakes)
    for row in rows:
        if row.kind == Occurrence.Kind.UPTAKE and row.conversation not in seen:
            seen.add(row.conversation)
            yield _utc(row.moment), Rating.Good


def _utc(moment: datetime) -> datetime:
    # FSRS takes no other object for UTC.
    return moment.astimezone(UTC)
