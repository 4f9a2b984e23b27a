"""Decide when a talk ends, announce its last question, and say goodbye."""

from engines.local import exam_parts, phrases
from engines.local.questions import DialogueState, Question
from tutor import scenario
from tutor.domain import Line

# Turns of the learner. After these, a talk whose goals are reached may end.
_ENOUGH_TURNS = 8
# After these turns the talk ends, unless there is a question about the learner's latest words.
_USUAL_TURNS = 12
_LONGEST_TALK = 16
# An exam ends after so many turns more than its parts have. These turns are wishes, such as to hear a question again.
_WISHES_IN_EXAM = 6


def is_last_turn(talk: DialogueState, *, waits: bool) -> bool:
    """Return whether the talk ends with this turn.

    It does if its last question was announced and this turn answers it. `waits` means that the turn wishes for
    something else first.
    """
    parts = talk.brief.scenario.parts
    longest = sum(part.turns for part in parts) + _WISHES_IN_EXAM if parts else _LONGEST_TALK
    if len(talk.heard) + 1 >= longest:
        return True
    if parts:
        return talk.part == len(parts) and exam_parts.has_ended(talk) and not waits
    return talk.last_question_asked and not waits


def is_time_to_close(talk: DialogueState, heard: str, follow_up: Question | None) -> bool:
    """Return whether the next question is the last one."""
    # The parts of an exam end it.
    if talk.brief.scenario.parts:
        return False
    turns = len(talk.heard) + 1
    if talk.last_question_asked or turns + 1 >= _LONGEST_TALK:
        return not talk.last_question_asked
    if turns >= _USUAL_TURNS:
        return follow_up is None
    return turns >= _ENOUGH_TURNS and all(_reached(talk, heard))


def goodbye(talk: DialogueState, heard: str) -> tuple[str, ...]:
    """Return the last words of the talk: the learner's achievements, and the scenario's goodbye."""
    goals = zip(talk.brief.scenario.goals, _reached(talk, heard), strict=True)
    deeds = [goal.deed for goal, done in goals if done]
    achieved = phrases.THANKS_FOR_TALKING if len(talk.heard) > 1 else ""
    if deeds:
        first, *others = deeds[:2]
        # A verb that both share is said only once: "said where you live and who with".
        verb = f"{first.partition(' ')[0]} "
        rest = [f" and {one.removeprefix(verb)}" if one.startswith(verb) else f", and you {one}" for one in others]
        achieved = scenario.fill(phrases.TODAY_YOU, {"deeds": "".join([first, *rest])})
    closings = talk.brief.scenario.closings
    closing = talk.choose(closings) or closings[0]
    return (*([achieved] if achieved else []), *scenario.sentences(closing))


def _reached(talk: DialogueState, heard: str) -> list[bool]:
    return [done for _, done in scenario.goals(talk.brief, [Line("user", text) for text in (*talk.heard, heard)])]


def after_the_end(talk: DialogueState) -> tuple[str, ...]:
    """Return a polite phrase, a different one each time. The first ones come again when all have been said."""
    first, then = phrases.AFTER_THE_END_FIRST, phrases.AFTER_THE_END_THEN
    return tuple(one for one in (talk.choose(first), talk.choose(then)) if one) or (first[0],)
