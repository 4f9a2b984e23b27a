"""Estimate a learner's level from one talk: A1 to C1, with an interval, and what was not measured.

Three kinds of evidence are compared with the yardsticks: words above A2, words between two pauses, and corrections in 100
words. Each gives a place on the scale of levels. How certain it is follows from leaving out each turn once (the jackknife),
from how little a yardstick can be trusted, and from how much the places differ. The estimate is their mean.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, variance

import numpy as np

from conversations.levels import LEVELS
from conversations.models import Message
from learning import figures, word_levels
from tutor import yardsticks
from tutor.analysis import words_of
from tutor.transcripts import certain_of_stored

# Below these, a talk says nothing of the level.
FEWEST_WORDS = 60
FEWEST_RUNS = 8
FEWEST_TURNS = 4
FEWEST_KINDS = 2
# The standard deviation of a yardstick, in levels: learners of one level differ, and the yardsticks are our own.
YARDSTICK_ERROR = 0.5
# Of the normal distribution: nine of ten.
NORMAL_90 = 1.645
NOT_MEASURED = ("pronunciation", "listening", "reading and writing", "whether what you said made sense")


@dataclass(frozen=True, slots=True)
class PlacedTurn:
    """Hold what one turn of the learner shows. `runs` is 0 for one that was typed or may have been misheard."""

    words: int
    levelled: int
    above_a2: int
    corrections: int
    spoken_words: int
    runs: int


@dataclass(frozen=True, slots=True)
class EvidenceKind:
    """Describe one kind of evidence. Its figure is `times` the sum of `amount` over the sum of `per`, over all turns."""

    name: str
    title: str
    unit: str
    amount: Callable[[PlacedTurn], int]
    per: Callable[[PlacedTurn], int]
    yardstick: Mapping[str, float]
    # The least sum of `per` that says something.
    fewest: int
    missing: str
    times: int = 1

    def figure(self, amount: int, per: int) -> float:
        return self.times * amount / max(1, per)


KINDS = (
    EvidenceKind(
        name="vocabulary",
        title="Words above A2",
        unit="in 100 words",
        amount=lambda turn: turn.above_a2,
        per=lambda turn: turn.levelled,
        times=100,
        yardstick=yardsticks.WORDS_ABOVE_A2,
        fewest=FEWEST_WORDS,
        missing=f"This takes {FEWEST_WORDS} words whose level is known.",
    ),
    EvidenceKind(
        name="lengthOfRun",
        title="Words without a pause",
        unit="words",
        amount=lambda turn: turn.spoken_words,
        per=lambda turn: turn.runs,
        yardstick=yardsticks.WORDS_PER_RUN,
        fewest=FEWEST_RUNS,
        missing="Too little was spoken and clearly heard. Typed words say nothing about it.",
    ),
    EvidenceKind(
        name="corrections",
        title="Corrections",
        unit="in 100 words",
        amount=lambda turn: turn.corrections,
        per=lambda turn: turn.words,
        times=100,
        yardstick=yardsticks.MISTAKES_PER_100_WORDS,
        fewest=FEWEST_WORDS,
        missing=f"This takes {FEWEST_WORDS} words that were clearly heard.",
    ),
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Hold a figure, and the level that it fits. Both are None if it was not measured."""

    kind: EvidenceKind
    value: float | None = None
    place: float | None = None
    error: float = 0.0

    @property
    def level(self) -> str | None:
        return None if self.place is None else _level(self.place)


@dataclass(frozen=True, slots=True)
class Placement:
    """Hold the level that fits best, and the lowest and highest that may. They are None if too little was measured."""

    words: int
    evidence: tuple[Evidence, ...]
    level: str | None = None
    low: str | None = None
    high: str | None = None


def of(messages: Sequence[Message]) -> Placement:
    """Return the level that these messages of a talk show."""
    turns = [_turn(row) for row in messages if row.role == Message.Role.USER and not row.erased]
    turns = [turn for turn in turns if turn.words]
    evidence = tuple(_evidence(kind, turns) for kind in KINDS)
    words = sum(turn.words for turn in turns)
    places = [(each.place, each.error) for each in evidence if each.place is not None]
    if len(places) < FEWEST_KINDS or len(turns) < FEWEST_TURNS:
        return Placement(words, evidence)
    place = fmean(place for place, _ in places)
    within = sum(error**2 + YARDSTICK_ERROR**2 for _, error in places) / len(places) ** 2
    # If the kinds of evidence disagree more than their errors explain, that counts.
    between = variance(place for place, _ in places) / len(places)
    around = NORMAL_90 * sqrt(max(within, between))
    return Placement(words, evidence, _level(place), _level(place - around), _level(place + around))


def place_on(yardstick: Mapping[str, float], value: float) -> float:
    """Return the place of a figure on the scale of levels: 0 is A1, 4 is C1. Between two levels, the scale is straight."""
    values = [yardstick[level] for level in LEVELS]
    sign = 1 if values[0] < values[-1] else -1
    return float(np.interp(sign * value, [sign * each for each in values], range(len(LEVELS))))


def _evidence(kind: EvidenceKind, turns: Sequence[PlacedTurn]) -> Evidence:
    pairs = [(kind.amount(turn), kind.per(turn)) for turn in turns]
    amount, per = sum(each for each, _ in pairs), sum(each for _, each in pairs)
    if per < kind.fewest or len(turns) < 2:
        return Evidence(kind)
    value = kind.figure(amount, per)
    without = [place_on(kind.yardstick, kind.figure(amount - its, per - its_per)) for its, its_per in pairs]
    mean, count = fmean(without), len(turns)
    error = sqrt((count - 1) / count * sum((each - mean) ** 2 for each in without))
    return Evidence(kind, value, place_on(kind.yardstick, value), error)


def _turn(row: Message) -> PlacedTurn:
    text = certain_of_stored(row.content, row.measured)
    words = words_of(text)
    levels = [level for word in words if (level := word_levels.level_of(word))]
    speech = figures.speech_of(row)
    return PlacedTurn(
        words=len(words),
        levelled=len(levels),
        above_a2=sum(level > "A2" for level in levels),
        corrections=figures.corrections_of(row),
        spoken_words=speech.words if speech else 0,
        runs=speech.runs if speech else 0,
    )


def _level(place: float) -> str:
    return LEVELS[max(0, min(len(LEVELS) - 1, round(place)))]
