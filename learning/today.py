"""Suggest what to do today: one talk, one review, and why."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db.models import Max

from conversations.levels import LEVELS
from conversations.lookup import reaching
from learning import due, progress
from learning.models import TalkFigures
from tutor import scenario
from tutor.scenario import Scenario

# These are offered only to those who want them.
SPECIAL = ("own", "placement", "exam")


@dataclass(frozen=True, slots=True)
class SuggestedTalk:
    """Hold a talk, and the reason for it in one sentence."""

    scenario: Scenario
    why: str


@dataclass(frozen=True, slots=True)
class Today:
    talk: SuggestedTalk
    # Mistakes that are due for review, and the reason in one sentence, "" if none are.
    due: int
    why_review: str
    has_talked: bool
    days: list[tuple[date, bool]]
    # Whether the learner has ever had a placement talk.
    is_placed: bool


def of(learner: uuid.UUID | None, goal: str, level: str, zone: ZoneInfo, now: datetime) -> Today:
    """Return the suggestions for a learner, None for one who is new. Call `projection.refresh` before.

    Raises cloud.Unavailable.
    """
    count, latest, recent = 0, dict[str, datetime](), list[TalkFigures]()
    if learner:
        with reaching() as using:
            count = due.due_cards(learner, using, zone, now).count()
            talks = TalkFigures.objects.using(using).filter(learner=learner).order_by()
            latest = dict(talks.values_list("scenario").annotate(at=Max("began_at")))
            recent = list(talks.filter(last_at__gte=now - progress.RECENT))
    days = progress.practised(recent, zone, now)
    return Today(
        talk=suggest(goal, level, latest, zone),
        due=count,
        why_review=_why_review(count),
        has_talked=days[-1][1],
        days=days,
        is_placed="placement" in latest,
    )


def suggest(goal: str, level: str, latest: Mapping[str, datetime], zone: ZoneInfo) -> SuggestedTalk:
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
    since = f", and you last had it on {at.astimezone(zone):%-d %B}" if at else ", and you have not had it yet"
    return SuggestedTalk(chosen, f"{fits}{since}.")


def _why_review(count: int) -> str:
    if not count:
        return ""
    many = "One of your mistakes is" if count == 1 else f"{count} of your mistakes are"
    return f"{many} due: a reminder now keeps the right form in mind."
