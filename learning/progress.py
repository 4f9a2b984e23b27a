"""Report how a learner develops: time, fluency, words, mistakes, each against the learner's own earlier talks."""

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from conversations.levels import LEVELS
from conversations.lookup import reaching
from learning import charts, days, due, trends
from learning.charts import Bar
from learning.models import TalkFigures
from learning.trends import WINDOW, Sample, Trend

WEEKS = 8
# Holds the last seven days of every time zone.
RECENT = timedelta(days=days.WEEK + 1)


@dataclass(frozen=True, slots=True)
class Measure:
    """Describe one figure: the ratio of `amount` to `per`, over some talks. With `spoken`, only spoken turns count."""

    name: str
    title: str
    unit: str
    about: str
    amount: Callable[[TalkFigures], float]
    per: Callable[[TalkFigures], float]
    spoken: bool = True
    # Whether a higher figure usually comes with better English, None if neither is better.
    higher_is_better: bool | None = None


def _above_a2(figures: TalkFigures) -> int:
    return sum(count for level, count in figures.used.items() if level > "A2")


MEASURES = (
    Measure(
        name="articulationRate",
        title="Pace",
        unit="syllables a second",
        about="How fast you speak, without your pauses.",
        amount=lambda one: one.syllables,
        per=lambda one: one.speech_s,
    ),
    Measure(
        name="meanLengthOfRun",
        title="Words without a pause",
        unit="words",
        about="How many words you say from one pause to the next.",
        amount=lambda one: one.spoken_words,
        per=lambda one: one.runs,
        higher_is_better=True,
    ),
    Measure(
        name="pausesPerMinute",
        title="Pauses",
        unit="a minute",
        about="How often you are silent for a quarter of a second or longer within a turn.",
        amount=lambda one: one.pauses * 60,
        per=lambda one: one.speech_s + one.pause_s,
        higher_is_better=False,
    ),
    Measure(
        name="pauseLength",
        title="Length of a pause",
        unit="seconds",
        about="How long your pauses are, on average.",
        amount=lambda one: one.pause_s,
        per=lambda one: one.pauses,
        higher_is_better=False,
    ),
    Measure(
        name="correctionsPer100Words",
        title="Corrections",
        unit="in 100 words",
        about="How many mistakes are found in 100 of your words. Not every mistake is found.",
        amount=lambda one: one.corrections * 100,
        per=lambda one: one.words,
        spoken=False,
        higher_is_better=False,
    ),
    Measure(
        name="wordsAboveA2",
        title="Words above A2",
        unit="in 100 different words",
        about="How many of your different words belong to level B1 or higher.",
        amount=lambda one: 100 * _above_a2(one),
        per=lambda one: sum(one.used.values()),
        spoken=False,
        higher_is_better=True,
    ),
)


@dataclass(frozen=True, slots=True)
class MeasuredTrend:
    measure: Measure
    trend: Trend
    svg: str
    # Why there is no estimate, "" if there is one.
    unmeasured: str


@dataclass(frozen=True, slots=True)
class LevelWords:
    """Hold how many different words of a level the learner used in a talk, and met in the agent's words, on average."""

    level: str
    used: float
    met: float


@dataclass(frozen=True, slots=True)
class Week:
    monday: date
    minutes: float
    turns: int


@dataclass(frozen=True, slots=True)
class Mistakes:
    """Count the learner's mistakes: still coming back, gone, and gone but made again."""

    learning: int
    gone: int
    returned: int


@dataclass(frozen=True, slots=True)
class ProgressReport:
    talks: int
    minutes: float
    turns: int
    days: list[tuple[date, bool]]
    weeks: list[Week]
    weeks_svg: str
    measures: list[MeasuredTrend]
    levels: list[LevelWords]
    mistakes: Mistakes


def of(learner: uuid.UUID | None, zone: tzinfo, now: datetime) -> ProgressReport:
    """Return the progress of a learner, None for one who is new. Call `projection.refresh` before. Raises cloud.Unavailable."""
    figures, mistakes = list[TalkFigures](), Mistakes(0, 0, 0)
    if learner:
        with reaching() as using:
            figures = list(TalkFigures.objects.using(using).filter(learner=learner).order_by("began_at", "pk"))
            mistakes = _mistakes(using, learner)
    talks = [one for one in figures if one.is_talk]
    weeks = _weeks(talks, zone, now)
    return ProgressReport(
        talks=len(talks),
        minutes=round(sum(one.minutes for one in talks), 1),
        turns=sum(one.turns for one in talks),
        days=practised(figures, zone, now),
        weeks=weeks,
        weeks_svg=_weeks_chart(weeks),
        measures=[_measured(each, talks) for each in MEASURES],
        levels=_levels(talks[-WINDOW:]),
        mistakes=mistakes,
    )


def practised(figures: Sequence[TalkFigures], zone: tzinfo, now: datetime) -> list[tuple[date, bool]]:
    """Return the last seven days, each with whether the learner practised on it. Reviews count, too."""
    week = days.week(now, zone)
    since = int((now - RECENT).timestamp()) // days.QUARTER
    found = days.practised((each for one in figures for each in one.quarters if each >= since), zone)
    return [(day, day in found) for day in week]


def _measured(measure: Measure, talks: Sequence[TalkFigures]) -> MeasuredTrend:
    found = trends.trend([Sample(one.began_at, measure.amount(one), measure.per(one)) for one in talks])
    latest = found.latest
    if latest is None:
        said = "in which you spoke" if measure.spoken else "in which you said something"
        so_far = {0: "So far there are none", 1: "So far there is one"}.get(
            found.talks, f"So far there are {found.talks}"
        )
        typed = " Typed words do not count here." if measure.spoken else ""
        return MeasuredTrend(measure, found, "", f"This takes {trends.FEWEST} talks {said}. {so_far}.{typed}")
    description = (
        f"{measure.about} From {found.points[0].at:%B %Y} to {latest.at:%B %Y}. At the end it is about {latest.value:.3g} "
        f"{measure.unit}, between {latest.low:.3g} and {latest.high:.3g}. The table has all figures."
    )
    return MeasuredTrend(measure, found, charts.trend(measure.name, measure.title, description, found.points), "")


def _levels(talks: Sequence[TalkFigures]) -> list[LevelWords]:
    """Return the different words of each level in one of these talks, on average."""
    used, met = Counter[str](), Counter[str]()
    for one in talks:
        used.update(one.used)
        met.update(one.met)
    count = len(talks) or 1
    return [LevelWords(level, round(used[level] / count, 1), round(met[level] / count, 1)) for level in LEVELS]


def _weeks(talks: Sequence[TalkFigures], zone: tzinfo, now: datetime) -> list[Week]:
    today = now.astimezone(zone).date()
    newest = today - timedelta(days=today.weekday())
    mondays = [newest - timedelta(weeks=back) for back in reversed(range(WEEKS))]
    minutes, turns = Counter[date](), Counter[date]()
    for one in talks:
        if one.began_at < now - timedelta(weeks=WEEKS + 1):
            continue
        day = one.began_at.astimezone(zone).date()
        monday = day - timedelta(days=day.weekday())
        minutes[monday] += one.minutes  # type: ignore[assignment]
        turns[monday] += one.turns
    return [Week(monday, round(minutes[monday], 1), turns[monday]) for monday in mondays]


def _weeks_chart(weeks: Sequence[Week]) -> str:
    if not any(each.minutes for each in weeks):
        return ""
    total = sum(each.minutes for each in weeks)
    description = f"{total:.0f} minutes in the last {WEEKS} weeks. The table has the minutes and turns of each week."
    found = [Bar(f"{each.monday.day} {each.monday:%b}", each.minutes) for each in weeks]
    return charts.bars("weeks", "Minutes of talks a week", description, found)


def _mistakes(using: str, learner: uuid.UUID) -> Mistakes:
    cards = due.open_cards(learner, using)
    open_ones = cards.filter(gone_at=None)
    learning = open_ones.count()
    return Mistakes(learning, cards.count() - learning, open_ones.exclude(returned_at=None).count())
