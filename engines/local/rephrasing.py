"""Ask the open question once more: unchanged, in simpler words, or with help to answer it."""

from collections.abc import Sequence

from engines.local import phrases
from engines.local.questions import DialogueState
from tutor import hints, scenario
from tutor.domain import Line

# After this many times the question is dropped, and another one is asked.
ASKED_OFTEN_ENOUGH = 3


def again(talk: DialogueState, frames: Sequence[str]) -> str:
    """Return the open question once more, or "" if there is none."""
    if not talk.open_question:
        return ""
    return talk.choose(scenario.fill(frame, {"question": talk.open_question}) for frame in frames)


def times_asked(talk: DialogueState) -> int:
    """Return how often the open question has been asked."""
    asked = talk.open_question
    return sum(asked in line for line in talk.spoken) if asked else 0


def simpler(talk: DialogueState) -> str:
    """Return the open question in simpler words, or "" if none are left that were not said yet."""
    easy = talk.easier_question
    if not easy or talk.said(easy):
        return ""
    return talk.choose(scenario.fill(frame, {"question": easy}) for frame in phrases.IN_OTHER_WORDS)


def hint(talk: DialogueState) -> str:
    """Return how an answer to the open question may begin, or "" if it was said already or there is none."""
    found = hints.hint(talk.brief, [Line("assistant", line) for line in talk.spoken])
    return "" if talk.said(found) or found in talk.brief.scenario.hints else found


def explained(talk: DialogueState, *, easier: bool) -> tuple[str, ...]:
    """Return the open question in simpler words, or help to answer it, or nothing if both were given already."""
    if not talk.open_question:
        return ()
    if easier and (asked := simpler(talk)):
        return (asked,)
    lines = [Line("assistant", line) for line in talk.spoken]
    offered = [hints.hint(talk.brief, lines, nth) for nth in range(len(talk.brief.scenario.hints) + 1)]
    helping, request = talk.first_unsaid(offered), talk.choose(phrases.NOW_YOU)
    return (helping, request) if helping and request else ()
