"""Do what a learner wishes for: repeat, slow down, explain a word, change the topic, think of the end."""

from engines.local import meaning, phrases, remarks, rephrasing, topics
from engines.local.questions import DialogueState, is_about
from engines.local.remarks import Intent, Remark
from tutor import scenario
from tutor.domain import Line
from tutor.transcripts import doubted_in_a_row

# Turns in doubt before this one, after which the learner is offered other ways to answer.
_OFTEN = 2


def follow(talk: DialogueState, remark: Remark, heard: str) -> tuple[str, tuple[str, ...]]:
    """Return the reply to the wish, and a hint and a question to follow it. Without a question, the talk goes on."""
    helping = ""
    match remark.intent:
        case Intent.OTHER_TOPIC:
            return _change_topic(talk, remark, heard)
        case Intent.TIRED:
            return talk.choose(phrases.TIRED), (talk.choose(phrases.SHALL_WE_STOP) or phrases.SHALL_WE_STOP[0],)
        case Intent.MEANING | Intent.HOW_TO_SAY | Intent.SPELL:
            lead, again = _about_a_word(talk, remark, heard), rephrasing.again(talk, phrases.BACK_TO_QUESTION)
            if remark.intent is Intent.MEANING:
                helping = rephrasing.hint(talk)
        case Intent.OTHER_LANGUAGE | Intent.MISHEARD:
            is_third = doubted_in_a_row(talk.lines) >= _OFTEN
            lead = talk.choose(phrases.HARD_TO_HEAR if is_third else phrases.LEADS[remark.intent])
            again = "" if is_third else rephrasing.simpler(talk)
            if not again:
                helping, again = rephrasing.hint(talk), rephrasing.again(talk, phrases.ASK_AGAIN)
        case _:
            lead, again = talk.choose(phrases.LEADS[remark.intent]), rephrasing.again(talk, phrases.ASK_AGAIN)
    if not again or rephrasing.times_asked(talk) > rephrasing.ASKED_OFTEN_ENOUGH:
        return lead, ()
    return lead, (helping, again) if helping else (again,)


def _about_a_word(talk: DialogueState, remark: Remark, heard: str) -> str:
    """Return the explanation of a word, or an honest reply that there is none."""
    word = meaning.cleaned(remark.groups.get("word", ""))
    if remark.intent is Intent.SPELL and word:
        return talk.choose(scenario.fill(one, {"letters": meaning.spelled(word)}) for one in phrases.SPELLED)
    if remark.intent is Intent.HOW_TO_SAY:
        return talk.choose(phrases.HOW_TO_SAY_ENGLISH if word and meaning.is_english(word) else phrases.HOW_TO_SAY)
    # For example, "What does that mean?"
    if not word:
        alone = [one for one in scenario.sentences(heard) if len(remarks.words(one)) == 1]
        word = meaning.cleaned(alone[0]) if alone else meaning.of_question(talk.open_question)
    explained = meaning.explain(word)
    if not explained:
        return talk.choose(phrases.UNKNOWN_WORD)
    lead = "" if talk.said(explained) else talk.choose(phrases.EXPLAINED)
    return f"{lead} {explained}".strip()


def _change_topic(talk: DialogueState, remark: Remark, heard: str) -> tuple[str, tuple[str, ...]]:
    topic = topics.named(remark.groups["topic"], heard) if "topic" in remark.groups else None
    if topic is None:
        asked = talk.choose(phrases.WHICH_TOPIC_ASKED)
        return talk.choose(phrases.WHICH_TOPIC), (asked,) if asked else ()
    lead = talk.choose(scenario.fill(one, {"topic": topic.text}) for one in phrases.NEW_TOPIC)
    lost = DialogueState(talk.brief, [*talk.lines, Line("user", heard)]).mourned
    asks = (one.ask for one in topic.questions if not (one.when or talk.said(one.ask) or is_about(one.ask, lost)))
    return lead, tuple(asks)[:1]
