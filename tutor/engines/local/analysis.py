"""What can be said of a whole talk by counting. Nothing is understood, and nothing guessed: a figure is what was counted, against
what our own yardstick expects at the level (70 of 100), and where there was too little to count there is none.

The yardsticks are no examination's. Texts are in English, whatever language was asked for: the corrector's reasons are, too.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tutor.analysis import (
    COMPONENTS,
    EXPECTED,
    NOT_TIMED,
    NOTHING_SAID,
    WORDS_PER_MINUTE,
    turns_of,
    unmeasured,
)
from tutor.engines.base import Analysis, Correction, Line
from tutor.engines.local import corrector

MISTAKES_PER_100_WORDS = {"A1": 12, "A2": 9, "B1": 6, "B2": 4, "C1": 2.5}  # what the corrector finds; there are more
WORDS_PER_TURN = {"A1": 5, "A2": 8, "B1": 12, "B2": 16, "C1": 20}
VARIETY = {"A1": 0.60, "A2": 0.64, "B1": 0.68, "B2": 0.72, "C1": 0.75}  # of different words among WINDOW in a row
WINDOW = 40  # words: a share of different words falls with the length of a text, unless it is taken of equal pieces
FEWEST_WORDS = 20
FEWEST_SECONDS = 10.0
FEWEST_TURNS = 3
MOST_SUGGESTIONS = 8
GOOD, POOR = 80, 60

UNHEARD = "Pronunciation was not measured: the embedded engine cannot judge how words sound."
TOO_FEW_WORDS = "{name} was not measured: that takes {fewest} words, and you said {words}."
TOO_FEW_TURNS = "Content was not measured: that takes {fewest} answers, and you gave {turns}."
TOO_SHORT = "Fluency was not measured: that takes {fewest} seconds of speech."
FOUND = "{said} The automatic check found {mistakes} in your sentences; it does not find all of them, and it can err."
SAID = "You said {words} in {turns}, about {mean} each time."
COUNTED = "The scores are counted, not judged: {expected} is what we expect at level {level}."


@dataclass(frozen=True, slots=True)
class Counted:
    turns: int
    words: int
    variety: float | None  # None: fewer words than WINDOW
    mistakes: int
    seconds: float | None


def analyse(lines: Sequence[Line], *, level: str, seconds: float | None = None) -> Analysis:
    """Blocks for some milliseconds a turn; for a talk of LONGEST_TALK, some seconds."""
    turns = turns_of(lines)
    if not turns:
        return unmeasured(NOTHING_SAID)
    found = [one for line in lines if line.role == "user" for one in corrector.correct(line.text)]
    words = [word for turn in turns for word in turn]
    counted = Counted(len(turns), len(words), variety(words), len(found), seconds)
    reasons = _not_measurable(counted)
    scores = {name: None if name in reasons else _SCORES[name](counted, level) for name in COMPONENTS}
    return Analysis(
        scores=scores,
        feedback=_feedback(counted, level, is_scored=any(score is not None for score in scores.values())),
        strengths=tuple(_STRENGTHS[name] for name, score in scores.items() if score is not None and score >= GOOD),
        improvements=_improvements(scores, found),
        suggestions=tuple(_suggestion(one) for one in _without_repetitions(found)[:MOST_SUGGESTIONS]),
        unmeasured=reasons,
    )


def variety(words: Sequence[str]) -> float | None:
    """The mean share of different words in all pieces of WINDOW words (the moving-average type-token ratio)."""
    if len(words) < WINDOW:
        return None
    pieces = [words[start : start + WINDOW] for start in range(len(words) - WINDOW + 1)]
    return sum(len(set(piece)) for piece in pieces) / (WINDOW * len(pieces))


def _not_measurable(counted: Counted) -> dict[str, str]:
    """Component → why it is not measured."""
    reasons = {"pronunciation": UNHEARD}
    if counted.seconds is None:
        reasons["fluency"] = NOT_TIMED
    elif counted.seconds < FEWEST_SECONDS:
        reasons["fluency"] = TOO_SHORT.format(fewest=round(FEWEST_SECONDS))
    if counted.words < FEWEST_WORDS:
        reasons["grammar"] = TOO_FEW_WORDS.format(name="Grammar", fewest=FEWEST_WORDS, words=counted.words)
    if counted.variety is None:
        reasons["vocabulary"] = TOO_FEW_WORDS.format(name="Vocabulary", fewest=WINDOW, words=counted.words)
    if counted.turns < FEWEST_TURNS:
        reasons["contentRichness"] = TOO_FEW_TURNS.format(fewest=FEWEST_TURNS, turns=counted.turns)
    return reasons


def _fluency(counted: Counted, level: str) -> float:
    assert counted.seconds
    return _share(counted.words * 60 / counted.seconds, WORDS_PER_MINUTE[level])


def _grammar(counted: Counted, level: str) -> float:
    """100 where no mistake is found, 70 at as many as the level expects."""
    per_100 = 100 * counted.mistakes / counted.words
    return _within(100 - (100 - EXPECTED) * per_100 / MISTAKES_PER_100_WORDS[level])


def _vocabulary(counted: Counted, level: str) -> float:
    """A hundredth more of variety is 2.5 points."""
    assert counted.variety is not None
    return _within(EXPECTED + 250 * (counted.variety - VARIETY[level]))


def _content(counted: Counted, level: str) -> float:
    return _share(counted.words / counted.turns, WORDS_PER_TURN[level])


_SCORES = {"fluency": _fluency, "grammar": _grammar, "vocabulary": _vocabulary, "contentRichness": _content}
_STRENGTHS = {
    "fluency": "You spoke at a good pace for your level.",
    "grammar": "The automatic check found few mistakes for the number of words you said.",
    "vocabulary": "You used many different words.",
    "contentRichness": "You gave long answers.",
}
_IMPROVEMENTS = {
    "fluency": "Try to speak in longer stretches, with fewer pauses.",
    "grammar": "Say a corrected sentence aloud once or twice, the way it is written beside your words.",
    "vocabulary": "Many words came again and again: try another word for the same thing.",
    "contentRichness": 'Make your answers longer: add a reason with "because", or an example.',
}


def _share(value: float, expected: float) -> float:
    return _within(EXPECTED * value / expected)


def _within(score: float) -> float:
    return float(round(max(0.0, min(100.0, score))))


def _improvements(scores: dict[str, float | None], found: Sequence[Correction]) -> tuple[str, ...]:
    advice = [_IMPROVEMENTS[name] for name, score in scores.items() if score is not None and score < POOR]
    if found:
        category, times = Counter(one.category for one in found).most_common(1)[0]
        if times > 1:
            advice.append(f"Most of the mistakes that were found are of one kind: {category}.")
    return tuple(advice)


def _feedback(counted: Counted, level: str, *, is_scored: bool) -> str:
    said = SAID.format(
        words=_number(counted.words, "word"),
        turns=_number(counted.turns, "turn"),
        mean=_number(round(counted.words / counted.turns), "word"),
    )
    found = FOUND.format(said=said, mistakes=_number(counted.mistakes, "mistake"))
    return f"{found} {COUNTED.format(expected=EXPECTED, level=level)}" if is_scored else found


def _number(number: int, of_what: str) -> str:
    return f"{number or 'no'} {of_what}{'' if number == 1 else 's'}"


def _without_repetitions(found: Sequence[Correction]) -> list[Correction]:
    return list({(one.said.lower(), one.better.lower()): one for one in reversed(found)}.values())[::-1]


def _suggestion(one: Correction) -> dict[str, str]:
    kind = "vocabulary" if one.category == "word choice" else "grammar"
    return {
        **{"type": kind, "original": one.said, "alternative": one.better},
        **{"explanation": one.why, "category": one.category},
    }
