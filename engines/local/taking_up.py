"""Choose how the partner takes up the learner's latest words: a question from them, a request for more, an acknowledgement."""

from engines.local import phrases, remarks, rules
from engines.local.known_answers import has_begun
from engines.local.questions import DialogueState, Question, best_match, from_words, plain
from tutor import scenario

_LONG_ANSWER = 25  # words
# The number of questions from the learner's own words before one of the scenario's is asked again
_STEPS_ASIDE = {"interview": 2, "lesson": 2, "chat": 5, "own": 6, "adventure": 0, "exam": 0, "placement": 1}


def follow_up(talk: DialogueState, heard: str, lost: frozenset[str] = frozenset()) -> Question | None:
    """Return a question that takes up the learner's latest words, or None."""
    steps, most = _asides(talk), _STEPS_ASIDE[talk.brief.scenario.kind]
    return (
        (from_words(talk, heard, lost, first=True) if steps < 2 * most else None)
        or best_match(talk, heard)
        or (from_words(talk, heard, lost) if steps < most else None)
    )


def ask_for_more(talk: DialogueState, heard: str) -> str:
    """Return a request for more after an answer of one or two words, at most once for each question."""
    said = remarks.words(heard)
    requests = (*phrases.MORE_THAN_YES, *phrases.MORE_THAN_A_WORD)
    if not 0 < len(said) <= 2 or not talk.open_question or any(plain(one) in talk.last_spoken for one in requests):
        return ""
    yes_or_no = said[0] in ("yes", "yeah", "yep", "no", "nope", "maybe", "sure", "sometimes", "okay", "ok")
    return talk.choose(phrases.MORE_THAN_YES if yes_or_no else phrases.MORE_THAN_A_WORD)


def may_ask_from_a_noun(talk: DialogueState, heard: str) -> bool:
    """Return whether a question that follows only from a noun may be asked: not first, and not twice in a row."""
    if _asides(talk) >= _STEPS_ASIDE[talk.brief.scenario.kind] or not has_begun([*talk.heard, heard]):
        return False
    weak = [ask for frame in rules.frames() if frame.weak for ask in (*frame.ask, *frame.easy) if scenario.slots(ask)]
    return not any(scenario.found(ask, talk.last_spoken) for ask in weak)


def acknowledgement(talk: DialogueState, heard: str) -> str:
    """Return a short reaction to the learner's words that has not been said yet, or "" if there is none."""
    said = remarks.words(heard)
    if not said:
        return ""
    if "because" in said and (thanks := talk.choose(phrases.REASON_GIVEN)):
        return thanks
    if len(said) >= _LONG_ANSWER and (thanks := talk.choose(phrases.LONG_ANSWER)):
        return thanks
    return talk.choose(phrases.NEUTRAL)


def _asides(talk: DialogueState) -> int:
    """Return how many of the latest lines of the partner in a row held no question of the scenario."""
    steps = 0
    for line in reversed(talk.spoken):
        if any(one.found_in(line) for one in talk.questions):
            break
        steps += 1
    return steps
