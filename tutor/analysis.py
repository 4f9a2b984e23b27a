"""Build the analysis of a talk in the contract's shape, from an engine's scores, and say which were not measured."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.json_types import Json
from tutor import moderation
from tutor.domain import Analysis, Line
from tutor.yardsticks import WORDS_PER_MINUTE

COMPONENTS = ("fluency", "pronunciation", "grammar", "vocabulary", "contentRichness")
# Of 100. Every engine gives this score for a performance that the level expects.
EXPECTED = 70
# Characters of dialogue, which are some hours of talk. Only the end of a longer talk is analysed.
LONGEST_TALK = 60_000
MOST_BONUS = 5.0  # points
# The learner's share of the time of a talk. The rest is the agent's.
LEARNERS_SHARE = 0.5

NOTHING_SAID = "You have not said anything yet that could be measured."
# Said before the feedback to a learner who was in danger or despair.
SERIOUS = (
    "Some of what you said sounded very serious, and it is not judged here. Please talk to someone you trust about it."
)
PARTLY = "This is about the newest {newest:,} of your {all:,} turns: the talk is too long to be looked at as a whole."
NOT_TIMED = "Fluency was not measured: it is not known how long you spoke."

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*|\d+(?:[.,:]\d+)*")


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case. Numbers count as words."""
    return [word.lower() for word in _WORD.findall(text)]


def turns_of(lines: Sequence[Line]) -> list[list[str]]:
    """Return the words of each of the learner's turns. Turns without words are left out."""
    return [words for line in lines if line.role == "user" and (words := words_of(line.text))]


@dataclass(frozen=True, slots=True)
class TimedSpeech:
    """Hold how many words the learner said in turns of known length, and how many seconds these turns took."""

    words: int
    seconds: float


def timed_speech(lines: Sequence[Line]) -> TimedSpeech:
    """Add up the learner's lines that have `seconds`. Typed turns and turns without words do not count."""
    timed = [
        (words, line.seconds)
        for line in lines
        if line.role == "user" and line.seconds and (words := words_of(line.text))
    ]
    return TimedSpeech(sum(len(words) for words, _ in timed), sum(seconds for _, seconds in timed))


def newest(lines: Sequence[Line]) -> list[Line]:
    """Return the newest lines, as many as are analysed: up to LONGEST_TALK characters, in their order.

    A model can read these in time, and the embedded engine can check them in some seconds. The text of the newest line
    is cut if it is longer by itself.
    """
    found: list[Line] = []
    left = LONGEST_TALK
    for line in reversed(lines):
        if len(line.text) > left and found:
            break
        found.append(replace(line, text=line.text[:left]))
        left -= len(line.text)
    return found[::-1]


def may_be_scored(line: Line) -> bool:
    """Return whether a line may be judged: not a learner's words of despair, and none that the agent leads away from."""
    return line.role != "user" or moderation.found_in_learners(line.text) is None


def unmeasured(why: str) -> Analysis:
    """Return the analysis of a talk in which nothing can be measured."""
    return Analysis(dict.fromkeys(COMPONENTS), why, unmeasured=dict.fromkeys(COMPONENTS, why))


def wire(
    analysis: Analysis,
    lines: Sequence[Line],
    *,
    engine: str,
    level: str,
    time_limit: float | None,
) -> Json:
    """Return the contract's `analysis` of the `newest` of these lines, with three fields of our own.

    These are `unmeasured` ({component: why it is null}), `judgedTurns` ({newest, all}) and `engine`, which made the
    analysis. `time_limit` is in minutes, None if the talk had none. The fields that need an explanation:

    componentScores   0..100 as the engine gave them; null: not measured
    baseScore         the mean of the measured scores; null without any
    totalWords        words in the learner's lines
    estimatedSeconds  the length of the recordings, plus the other words at the pace of the level
    idealSeconds      the learner's half of the time limit; null without one
    speakingRatio     estimatedSeconds / idealSeconds; null without a limit
    lengthBonus       up to 5 points, in proportion to the ratio, all 5 from a ratio of 1 on; 0 without a limit
    rawScore          baseScore + lengthBonus
    finalScore        rawScore as a whole number, 100 at most
    expectationScore  1..10: a tenth of baseScore; the level expects 7
    metExpectations   baseScore is 70 or more
    """
    measured = [score for score in analysis.scores.values() if score is not None]
    base = round(sum(measured) / len(measured), 1) if measured else None
    judged = newest(lines)
    turns = {"newest": _spoken(judged), "all": _spoken(lines)}
    note = [] if turns["newest"] == turns["all"] else [PARTLY.format(**turns)]
    metrics = _speaking(judged, level, time_limit)
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
        "feedback": " ".join([*note, analysis.feedback]),
        "suggestions": list(analysis.suggestions),
        "unmeasured": dict(analysis.unmeasured),
        "judgedTurns": turns,
        "engine": engine,
    }


def _spoken(lines: Sequence[Line]) -> int:
    return sum(line.role == "user" and bool(line.text.strip()) for line in lines)


def _speaking(lines: Sequence[Line], level: str, time_limit: float | None) -> dict[str, float | None]:
    words, timed = sum(map(len, turns_of(lines))), timed_speech(lines)
    spoken = timed.seconds + (words - timed.words) * 60 / WORDS_PER_MINUTE[level]
    ideal = time_limit * 60 * LEARNERS_SHARE if time_limit else None
    return {
        "totalWords": words,
        "estimatedSeconds": round(spoken, 1),
        "idealSeconds": None if ideal is None else round(ideal, 1),
        "speakingRatio": None if ideal is None else round(spoken / ideal, 2),
    }
