"""Provide the partner's own phrases, from `data/phrases.toml`.

The file is read and checked when this module is imported. Raises DataFileError for the first invalid field.
"""

from engines.local import vocabulary
from engines.local.remarks import Intent
from tutor import redirection
from tutor.toml_tables import Table, read

_TABLE = read(vocabulary.DATA / "phrases.toml")


def _said(key: str, slot: str = "", *, questions: bool = False, table: Table = _TABLE) -> tuple[str, ...]:
    """Return the phrases under a key. Each holds the slot, if one is given, and no other."""
    lines = table.says(key, questions=questions, slot=slot)
    if not lines:
        raise table.error(key, "is empty")
    return lines


def _asked(key: str, slot: str = "") -> tuple[str, ...]:
    return _said(key, slot, questions=True)


YOUR_GOAL = _TABLE.spoken("your_goal")
NEUTRAL = _said("neutral")
REASON_GIVEN = _said("reason_given")
LONG_ANSWER = _said("long_answer")
BACK_TO_WHAT_YOU_SAID = _said("back_to_what_you_said")
DISTRESS = redirection.caring()
AFTER_DISTRESS = _said("after_distress")
GOING_ON = _TABLE.spoken("going_on")

MORE_THAN_YES = _asked("more_than_yes")
MORE_THAN_A_WORD = _asked("more_than_a_word")
REQUESTED_WITHOUT_A_REASON = _TABLE.spoken("requested_without_a_reason", question=True)
REQUESTED = _asked("requested")
RECASTS = _said("recasts", "better")
ELICITS = _asked("elicits", "said")
REMINDERS = _asked("reminders", "said")
ELICITED = _said("elicited", "better")

ASK_AGAIN = _asked("ask_again", "question")
BACK_TO_QUESTION = _asked("back_to_question", "question")
IN_OTHER_WORDS = _asked("in_other_words", "question")
NOW_YOU = _asked("now_you")
HARD_TO_HEAR = _said("hard_to_hear")
LAST_QUESTION = _asked("last_question", "question")

SHALL_WE_STOP = _asked("shall_we_stop")
TIRED = _said("tired")
NOT_STOPPING = _said("not_stopping")
ELICITING_QUESTIONS = tuple(one.rpartition('". ')[2] for one in ELICITS)
REMINDING_QUESTIONS = tuple(one.rpartition('". ')[2] for one in REMINDERS)
# Questions about the talk itself. After them, the previous question is still open.
SIDE_QUESTIONS = (
    *ELICITING_QUESTIONS,
    *REMINDING_QUESTIONS,
    *SHALL_WE_STOP,
    *NOW_YOU,
    *MORE_THAN_YES,
    *MORE_THAN_A_WORD,
)
REPEATS = (*ASK_AGAIN, *BACK_TO_QUESTION, *IN_OTHER_WORDS, *LAST_QUESTION)

NEW_TOPIC = _said("new_topic", "topic")
WHICH_TOPIC = _said("which_topic")
WHICH_TOPIC_ASKED = _asked("which_topic_asked")
UNKNOWN_WORD = _said("unknown_word")
EXPLAINED = _said("explained")
SPELLED = _said("spelled", "letters")
HOW_TO_SAY = _said("how_to_say")
HOW_TO_SAY_ENGLISH = _said("how_to_say_english")

WELCOME_BACK = _said("welcome_back")
WELCOME_BACK_TO_THE_END = _TABLE.spoken("welcome_back_to_the_end")
AFTER_THE_END_FIRST = _said("after_the_end_first")
AFTER_THE_END_THEN = _said("after_the_end_then")
TODAY_YOU = _TABLE.spoken("today_you")
THANKS_FOR_TALKING = _TABLE.spoken("thanks_for_talking")

_LEADS = _TABLE.table("leads")
# The first sentence of the reply to a remark of this intent.
LEADS = {
    intent: _said(intent.name, table=_LEADS)
    for intent in (
        *(Intent.REPEAT, Intent.SLOWER, Intent.FASTER, Intent.UNCLEAR, Intent.HELP),
        *(Intent.OTHER_LANGUAGE, Intent.MISHEARD, Intent.ROLE, Intent.INSULT, Intent.CORRECTING, Intent.SKIP),
        *(Intent.HOW_ARE_YOU, Intent.AND_YOU, Intent.QUESTION, Intent.DONT_KNOW),
        *(Intent.THANKS, Intent.GREETING, Intent.NOTHING),
    )
}
_TABLE.refuse_unknown()
