"""Score a whole talk by counting.

No text is understood, and nothing is guessed. A score compares a count with what our own yardstick expects at the level
(70 of 100). If there is too little to count, there is no score.

The yardsticks are not those of an examination. Texts are in English, whatever language was requested, because the
corrector's reasons are, too.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engines.local import corrector
from tutor import analysis
from tutor.analysis import EXPECTED
from tutor.domain import Analysis, Correction, Line
from tutor.scenario import LEVELS
from tutor.yardsticks import MISTAKES_PER_100_WORDS, VARIETY, WORDS_PER_MINUTE, WORDS_PER_TURN

# Words. The share of different words falls with the length of a text, so it is taken of pieces of equal length.
WINDOW = 40
FEWEST_WORDS = 20
FEWEST_SECONDS = 10.0
FEWEST_TURNS = 3
# From these amounts on a score may reach 100.
ENOUGH_WORDS, ENOUGH_VARIED_WORDS, ENOUGH_SECONDS, ENOUGH_TURNS = 100, 200, 60.0, 8
# For each wrong word in 100.
POINTS_FOR_A_WRONG_WORD = 3
MOST_SUGGESTIONS = 8
GOOD, POOR = 80, 60
# Categories in words that a beginner knows.
CATEGORIES = {
    "agreement": 'the verb that fits the person ("he works")',
    "tense": 'the time of the verb ("yesterday I went")',
    "verb form": 'the form of the verb ("I can swim")',
    "article": '"a" and "the"',
    "preposition": 'small words such as "in", "at" and "for"',
    "word choice": "the choice of words",
    "word order": "the order of words",
    "comparison": 'comparing two things ("bigger than")',
    "adverb": 'words such as "well" and "slowly"',
    "conjunction": 'words such as "although" and "because"',
    "pronoun": 'words such as "him", "mine" and "myself"',
    "noun": 'one or more than one ("two apples")',
}

UNHEARD = "Pronunciation was not measured: the embedded engine cannot judge how words sound."
TOO_FEW_WORDS = "{name} was not measured: that takes {fewest} words, and you said {words}."


@dataclass(frozen=True, slots=True)
class Counted:
    turns: int
    words: int
    # None if there are fewer words than WINDOW.
    variety: float | None
    mistakes: int
    # The number of mistakes in the choice of words.
    word_choice: int
    timed: analysis.TimedSpeech
    goals: Sequence[bool]


def analyse(lines: Sequence[Line], *, level: str, goals: Sequence[bool] = ()) -> Analysis:
    """Score a talk. `goals` tells which goals of the scenario were reached.

    Blocks for some milliseconds a turn, and for some seconds with a talk of LONGEST_TALK.
    """
    turns = analysis.turns_of(lines)
    if not turns:
        return analysis.unmeasured(analysis.NOTHING_SAID)
    found = [one for line in lines if line.role == "user" for one in corrector.correct(line.text)]
    words = [word for turn in turns for word in turn]
    counted = Counted(
        turns=len(turns),
        words=len(words),
        variety=variety(words),
        mistakes=len(found),
        word_choice=sum(one.category == "word choice" for one in found),
        timed=analysis.timed_speech(lines),
        goals=goals,
    )
    reasons = _not_measurable(counted)
    scores = {name: None if name in reasons else _score(name, counted, level) for name in analysis.COMPONENTS}
    return Analysis(
        scores=scores,
        feedback=_feedback(counted, level, scores),
        strengths=tuple(_STRENGTHS[name] for name, score in scores.items() if score is not None and score >= GOOD),
        improvements=_next_step(found, scores),
        suggestions=_suggestions(found),
        unmeasured=reasons,
    )


def variety(words: Sequence[str]) -> float | None:
    """Return the mean share of different words in all pieces of WINDOW words, or None if there are too few words.

    This is the moving-average type-token ratio.
    """
    if len(words) < WINDOW:
        return None
    pieces = [words[start : start + WINDOW] for start in range(len(words) - WINDOW + 1)]
    return sum(len(set(piece)) for piece in pieces) / (WINDOW * len(pieces))


def _not_measurable(counted: Counted) -> dict[str, str]:
    """Return the components that are not measured, each with its reason."""
    reasons = {"pronunciation": UNHEARD}
    if not counted.timed.seconds:
        reasons["fluency"] = analysis.NOT_TIMED
    elif counted.timed.seconds < FEWEST_SECONDS:
        reasons["fluency"] = f"Fluency was not measured: that takes {FEWEST_SECONDS:.0f} seconds of speech."
    if counted.words < FEWEST_WORDS:
        reasons["grammar"] = TOO_FEW_WORDS.format(name="Grammar", fewest=FEWEST_WORDS, words=counted.words)
    if counted.variety is None:
        reasons["vocabulary"] = TOO_FEW_WORDS.format(name="Vocabulary", fewest=WINDOW, words=counted.words)
    if counted.turns < FEWEST_TURNS:
        answers = f"that takes {FEWEST_TURNS} answers, and you gave {counted.turns}"
        reasons["contentRichness"] = f"Content was not measured: {answers}."
    return reasons


def _score(component: str, counted: Counted, level: str) -> float:
    """Return the score of a component that is measurable."""
    words = counted.words
    if component == "fluency":
        pace = _share(counted.timed.words * 60 / counted.timed.seconds, WORDS_PER_MINUTE[level])
        return _borne_out(pace, counted.timed.seconds, ENOUGH_SECONDS)
    if component == "grammar":
        # 100 if no mistake is found in enough words, and 70 for as many mistakes as the level expects.
        lost = (100 - EXPECTED) * (100 * counted.mistakes / words) / MISTAKES_PER_100_WORDS[level]
        return _borne_out(100 - lost, words, ENOUGH_WORDS)
    if component == "vocabulary":
        # 2.5 points for each hundredth of variety above what is expected, and some off for each wrong word.
        assert counted.variety is not None
        wrong = POINTS_FOR_A_WRONG_WORD * 100 * counted.word_choice / words
        return _borne_out(EXPECTED + 250 * (counted.variety - VARIETY[level]) - wrong, words, ENOUGH_VARIED_WORDS)
    # contentRichness: the mean of the scores for the length of the answers and for the goals that were reached.
    length = _borne_out(_share(words / counted.turns, WORDS_PER_TURN[level]), counted.turns, ENOUGH_TURNS)
    return _within((length + 100 * sum(counted.goals) / len(counted.goals)) / 2) if counted.goals else length


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


def _borne_out(score: float, amount: float, enough: float) -> float:
    """Let a score exceed the expected one only in proportion to the evidence, since a few good words prove little."""
    over = max(0.0, score - EXPECTED)
    return _within(score - over + over * min(1.0, amount / enough))


def _within(score: float) -> float:
    return float(round(max(0.0, min(100.0, score))))


def _next_step(found: Sequence[Correction], scores: Mapping[str, float | None]) -> tuple[str, ...]:
    """Return the one thing to do next, if there is any: the weakest component, or the most frequent kind of mistake."""
    measured = [(score, name) for name, score in scores.items() if score is not None and score < POOR]
    weakest = min(measured)[1] if measured else ""
    for category, times in Counter(one.category for one in found).most_common(1):
        if times > 1 and weakest in ("", "grammar"):
            about = CATEGORIES.get(category, category)
            return (f"{times} of the {len(found)} mistakes that were found are about {about}.",)
    return (_IMPROVEMENTS[weakest],) if weakest else ()


def _fitting_levels(counted: Counted, scores: Mapping[str, float | None]) -> tuple[str, str] | None:
    """Return the lowest and the highest level that a measured component fits, or None if too little was measured.

    A component fits the highest level at which it scores what is expected there.
    """
    names = [name for name in ("fluency", "grammar", "vocabulary") if scores[name] is not None]
    if counted.words < ENOUGH_WORDS or len(names) < 2:
        return None
    fitting = [[level for level in LEVELS if _score(name, counted, level) >= EXPECTED] for name in names]
    highest = sorted(LEVELS.index(levels[-1]) if levels else 0 for levels in fitting)
    return LEVELS[highest[0]], LEVELS[highest[-1]]


def _about_the_level(counted: Counted, level: str, scores: Mapping[str, float | None]) -> str:
    """Return what the counts say about the learner's level, and whether the talk was at the wrong one, or ""."""
    levels = _fitting_levels(counted, scores)
    if levels is None:
        return ""
    lowest, highest = levels
    counts = f" What was counted fits {lowest if lowest == highest else f'{lowest} to {highest}'}."
    if LEVELS.index(level) < LEVELS.index(lowest):
        return f"{counts} This talk was at {level}: try one at {lowest}."
    if LEVELS.index(level) > LEVELS.index(highest):
        return f"{counts} This talk was at {level}: one at {highest} may help you more."
    return counts


def _feedback(counted: Counted, level: str, scores: Mapping[str, float | None]) -> str:
    words, turns = _number(counted.words, "word"), _number(counted.turns, "turn")
    said = f"You said {words} in {turns}, about {_number(round(counted.words / counted.turns), 'word')} each time."
    if all(score is None for score in scores.values()):
        return f"{said} That is too little to measure. Next time, answer a few more questions in whole sentences."
    mistakes = _number(counted.mistakes, "mistake")
    return (
        f"{said} The automatic check found {mistakes} in your sentences; it does not find all of them, and it can err."
        f" The scores are counted, not judged: {EXPECTED} is what we expect at level {level}."
        f"{_about_the_level(counted, level, scores)}"
    )


def _number(number: int, of_what: str) -> str:
    return f"{number or 'no'} {of_what}{'' if number == 1 else 's'}"


def _suggestions(found: Sequence[Correction]) -> tuple[dict[str, str], ...]:
    """Return the first corrections, each of them once."""
    once = list({(one.said.lower(), one.better.lower()): one for one in reversed(found)}.values())[::-1]
    return tuple(
        {
            "type": "vocabulary" if one.category == "word choice" else "grammar",
            "original": one.said,
            "alternative": one.better,
            "explanation": one.why,
            "category": one.category,
        }
        for one in once[:MOST_SUGGESTIONS]
    )
