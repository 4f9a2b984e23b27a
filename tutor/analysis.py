"""The analysis of a talk in the contract's shape: figures that follow from what an engine measured, and what of it was not."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tutor.engines.base import Analysis, Line

COMPONENTS = ("fluency", "pronunciation", "grammar", "vocabulary", "contentRichness")
EXPECTED = 70  # of 100: every engine gives it for what the level expects
LONGEST_TALK = 60_000  # characters of dialogue, some hours of it; of a longer one the end is looked at
MOST_BONUS = 5.0  # points
LEARNERS_SHARE = 0.5  # of the time of a talk; the rest is the agent's
# How fast learners of a level speak in a conversation, pauses included. A yardstick of our own, not an examination's.
WORDS_PER_MINUTE = {"A1": 60, "A2": 75, "B1": 95, "B2": 115, "C1": 130}

NOTHING_SAID = "You have not said anything yet that could be measured."
PARTLY = "This is about the newest {newest:,} of your {all:,} turns: the talk is too long to be looked at as a whole."
NOT_TIMED = "Fluency was not measured: it is not known how long you spoke."

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*|\d+(?:[.,:]\d+)*")


def words_of(text: str) -> list[str]:
    """In small letters; numbers are words, too."""
    return [word.lower() for word in _WORD.findall(text)]


def turns_of(lines: Sequence[Line]) -> list[list[str]]:
    """The words of each of the learner's turns that has any."""
    return [words for line in lines if line.role == "user" and (words := words_of(line.text))]


def newest(lines: Sequence[Line]) -> list[Line]:
    """As many of the newest as are looked at: what a model reads in time, and the embedded engine checks in some seconds."""
    found: list[Line] = []
    left = LONGEST_TALK
    for line in reversed(lines):
        if len(line.text) > left and found:
            break
        found.append(Line(line.role, line.text[:left]))
        left -= len(line.text)
    return found[::-1]


def unmeasured(why: str) -> Analysis:
    """Of a talk in which nothing can be measured."""
    return Analysis(dict.fromkeys(COMPONENTS), why, unmeasured=dict.fromkeys(COMPONENTS, why))


def wire(
    analysis: Analysis,
    lines: Sequence[Line],
    *,
    engine: str,
    level: str,
    time_limit: float | None,
    seconds: float | None = None,
) -> dict[str, Any]:
    """The contract's `analysis`, of the `newest` of these lines, and besides it `unmeasured`: {component: why it is null},
    `judgedTurns`: {newest, all}, and the engine that made it. `time_limit`: minutes, if the talk had one; `seconds`: how long
    the learner spoke in those lines, if known.

    componentScores   0..100 as the engine gave them; null: not measured
    baseScore         the mean of those that were measured; null if none was
    totalWords        words in the learner's lines
    estimatedSeconds  `seconds`, else totalWords at the pace of the level
    idealSeconds      the learner's half of the time limit; null without one
    speakingRatio     estimatedSeconds / idealSeconds; null without a limit
    lengthBonus       up to 5 points, in proportion to the ratio, all from 1 on; 0 without a limit
    rawScore          baseScore + lengthBonus
    finalScore        rawScore as a whole number, 100 at most
    expectationScore  1..10: a tenth of baseScore, of which 7 is what the level expects
    metExpectations   baseScore is 70 or more
    """
    base = _mean(analysis.scores)
    judged = newest(lines)
    turns = {"newest": _spoken(judged), "all": _spoken(lines)}
    told = [] if turns["newest"] == turns["all"] else [PARTLY.format(**turns)]
    metrics = _speaking(sum(map(len, turns_of(judged))), level, time_limit, seconds)
    bonus = round(MOST_BONUS * min(1.0, metrics["speakingRatio"] or 0.0), 1)
    raw = None if base is None else round(base + bonus, 1)
    return {
        "componentScores": {name: analysis.scores.get(name) for name in COMPONENTS},
        "baseScore": base,
        "lengthBonus": bonus,
        "rawScore": raw,
        "finalScore": None if raw is None else min(100, round(raw)),
        "expectationScore": None if base is None else min(10, max(1, round(base / 10))),
        "metExpectations": None if base is None else base >= EXPECTED,
        "speakingMetrics": metrics,
        "strengths": list(analysis.strengths),
        "improvements": list(analysis.improvements),
        "feedback": " ".join([*told, analysis.feedback]),
        "suggestions": list(analysis.suggestions),
        "unmeasured": dict(analysis.unmeasured),
        "judgedTurns": turns,
        "engine": engine,
    }


def _spoken(lines: Sequence[Line]) -> int:
    return sum(line.role == "user" and bool(line.text.strip()) for line in lines)


def _mean(scores: Mapping[str, float | None]) -> float | None:
    measured = [score for score in scores.values() if score is not None]
    return round(sum(measured) / len(measured), 1) if measured else None


def _speaking(words: int, level: str, time_limit: float | None, seconds: float | None) -> dict[str, Any]:
    spoken = words * 60 / WORDS_PER_MINUTE[level] if seconds is None else seconds
    ideal = time_limit * 60 * LEARNERS_SHARE if time_limit else None
    return {
        "totalWords": words,
        "estimatedSeconds": round(spoken, 1),
        "idealSeconds": None if ideal is None else round(ideal, 1),
        "speakingRatio": None if ideal is None else round(spoken / ideal, 2),
    }
