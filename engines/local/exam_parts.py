"""Follow the parts of an exam. Which part it is, and when the next one begins, follows from the transcript."""

from engines.local.questions import DialogueState
from tutor import scenario


def has_ended(talk: DialogueState) -> bool:
    """Return whether the learner's present turn is the last one of its part."""
    parts = talk.brief.scenario.parts
    return bool(parts) and talk.turns_in_part + 1 >= parts[talk.part - 1].turns


def next_opening(talk: DialogueState) -> tuple[str, ...]:
    """Return the sentences that begin the next part, if the present one ends with this turn. Empty after the last part."""
    if not has_ended(talk) or talk.part == len(talk.brief.scenario.parts):
        return ()
    return tuple(scenario.sentences(talk.brief.scenario.parts[talk.part].opening))
