"""Suggest what to do today: one talk, one review, and why."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from django.db.models import Max

from conversations.levels import LEVELS
from conversations.lookup import reaching
from learning import progress
from learning.models import Card, TalkFigures
from tutor import scenario
from tutor.scenario import Scenario

# Cards in one short review.
A_REVIEW = 5
# These are offered only to those who want them.
SPECIAL = ("own", "placement", "exam")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Hold a talk, and the reason for it in one sentence."""

    scenario: Scenario
    why: str


@dataclass(frozen=True, slots=True)
class Today:
    talk: Suggestion
    # Mistakes that are due for review, and the reason in one sentence, "" if none are.
    due: int
    why_review: str
    has_talked: bool
    days: list[tuple[date, bool]]
    # Whether the learner has ever had a placement talk.
    is_placed: bool


def of(learner: uuid.UUID | None, goal: str, level: str, place: tzinfo, now: datetime) -> Today:
    """Return the suggestions for a learner, None for one who is new. Call `projection.refresh` before.

    Raises cloud.Unavailable.
    """
    due, latest, recent = 0, dict[str, datetime](), list[TalkFigures]()
    if learner:
        with reaching() as using:
            due = Card.objects.using(using).filter(learner=learner, reported_at=None, due__lte=now).count()
            talks = TalkFigures.objects.using(using).filter(learner=learner).order_by()
            latest = dict(talks.values_list("scenario").annotate(at=Max("began_at")))
            recent = list(talks.filter(last_at__gte=now - progress.RECENT))
    days = progress.practised(recent, place, now)
    return Today(
        talk=suggest(goal, level, latest, place),
        due=due,
        why_review=_why_review(due),
        has_talked=days[-1][1],
        days=days,
        is_placed="placement" in latest,
    )


def suggest(goal: str, level: str, latest: Mapping[str, datetime], place: tzinfo) -> Suggestion:
    """Return a talk for this goal and about this level that the learner has not had yet, or had the longest time ago.

    `latest` says when the learner last had a talk of each scenario.
    """
    every = scenario.load_all().values()
    fitting = [one for one in every if goal in one.suits] or [one for one in every if one.kind not in SPECIAL]

    def order(one: Scenario) -> tuple[bool, datetime | int, int]:
        distance = abs(LEVELS.index(one.level) - LEVELS.index(level))
        return (one.id in latest, latest.get(one.id, distance), distance)

    chosen = min(fitting, key=order)
    fits = f"It suits your goal, {goal}" if goal in chosen.suits else f"It is a talk at level {chosen.level}"
    at = latest.get(chosen.id)
    since = f", and you last had it on {at.astimezone(place):%-d %B}" if at else ", and you have not had it yet"
    return Suggestion(chosen, f"{fits}{since}.")


def _why_review(due: int) -> str:
    if not due:
        return ""
    many = "One of your mistakes is" if due == 1 else f"{due} of your mistakes are"
    first = f" The {A_REVIEW} oldest come first." if due > A_REVIEW else ""
    return f"{many} due: a reminder now keeps the right form in mind.{first}"
