"""The guided partner: what the embedded engine says next.

Pure functions. All state is read from the transcript, so a talk can be taken up again after a restart, and a question
cut short by an interruption was not asked. What could be chosen freely is chosen by the brief's seed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tutor import scenario, sorrow
from tutor.engines.base import Correction, Line
from tutor.engines.local import phrases, remarks
from tutor.engines.local.questions import (
    Question,
    SoFar,
    best_match,
    from_earlier,
    next_general,
    opening_template,
    plain,
)
from tutor.engines.local.recast import recasts
from tutor.engines.local.remarks import Intent, Remark
from tutor.scenario import Brief

_ENOUGH_TURNS = 8  # of the learner: after these a talk whose goals are reached may end
_USUAL_TURNS = 12  # after these it ends, unless the learner has just said something there is a question about
_LONGEST_TALK = 16
_LONG_ANSWER = 25  # words

_ASKED_OFTEN_ENOUGH = 3  # then the same question is left, and another one asked


@dataclass(frozen=True, slots=True)
class Answer:
    """What the partner says, sentence by sentence; `ended`: the talk is over."""

    sentences: tuple[str, ...]
    ended: bool


def opening(brief: Brief) -> str:
    """The agent's first words, the first question among them."""
    talk = SoFar(brief, ())
    *greeting, question = scenario.sentences(opening_template(talk))
    goal = phrases.YOUR_GOAL if "goal" in talk.own_words else ""
    return scenario.fill(_joined(*greeting, goal, question), talk.own_words)


def resume(brief: Brief, transcript: Sequence[Line]) -> str:
    """The agent's words to a learner who comes back: a welcome, and the question that is still open."""
    if not transcript:
        return opening(brief)
    talk = SoFar(brief, transcript)
    if talk.over:
        return phrases.WELCOME_BACK_TO_THE_END
    welcome = talk.choose(phrases.WELCOME_BACK)
    if transcript[-1].role == "user":  # it was never answered
        return _joined(welcome, *answer(brief, transcript[:-1], transcript[-1].text, ()).sentences)
    return _joined(welcome, _again(talk, phrases.ASK_AGAIN) or _joined(*_go_on(talk, "", "", "").sentences))


def answer(brief: Brief, transcript: Sequence[Line], heard: str, corrections: Sequence[Correction]) -> Answer:
    """The reply to what was heard, which is not yet in the transcript."""
    talk = SoFar(brief, transcript)
    remark = _understood(talk, heard)
    if remark.intent is Intent.DISTRESS:
        return Answer(phrases.DISTRESS, ended=talk.over)
    if talk.over:
        return Answer(_after_the_end(talk), ended=True)
    if remark.intent is Intent.GOODBYE:
        return _close(talk, heard)
    if len(talk.heard) + 1 >= _LONGEST_TALK:
        return _close(talk, heard, _lead(talk, remark))
    if _waits_after_distress(talk, heard):
        return Answer(phrases.AFTER_DISTRESS, ended=False)
    if _follows_distress(talk) and remark.intent is Intent.ANSWER:
        return _go_on(talk, phrases.GOING_ON, "", "")
    if remark.intent in _SMALL_TALK and len(remarks.words(remark.answer)) < 3:
        return _small_talk(talk, remark)
    return _take_up(talk, remark, heard, talk.choose(recasts(heard, corrections)))


_SAD_NEWS = frozenset({Intent.LOSS, Intent.SAD})
_SMALL_TALK = frozenset(phrases.LEADS) - {Intent.AND_YOU} - _SAD_NEWS
_ABOUT_THE_QUESTION = frozenset({Intent.MEANING, Intent.UNCLEAR, Intent.HELP})
# These want an answer of their own, so the talk is not ended with one
_WANTS_AN_ANSWER = frozenset(
    {
        Intent.AND_YOU,
        Intent.QUESTION,
        Intent.REQUEST,
        Intent.OTHER_TOPIC,
        Intent.SKIP,
        Intent.ROLE,
        Intent.CORRECTING,
        Intent.LIFE,
    }
    | {Intent.WHO_ARE_YOU, Intent.HOW_ARE_YOU, Intent.INSULT, *_SAD_NEWS}
)
_GOES_ON = re.compile(r"\b(?:yes|ok|okay|go on|continue|next|let's|i'm fine|i am fine)\b", re.IGNORECASE)
_INVITES_QUESTIONS = re.compile(r"\b(?:ask|say|know before|want to know)\b", re.IGNORECASE)


def _understood(talk: SoFar, heard: str) -> Remark:
    """What was heard as a remark; where the partner had asked for a question, a question is an answer."""
    remark = remarks.understand(heard)
    invited = talk.open_question and _INVITES_QUESTIONS.search(talk.open_question[0])
    own = talk.brief.scenario.kind == "own"
    if (remark.intent in (Intent.QUESTION, Intent.REQUEST) and invited and not own) or (
        remark.intent is Intent.OTHER_TOPIC and own
    ):
        return Remark(Intent.ANSWER, heard)
    if remark.intent is Intent.REQUEST and not own:
        return Remark(Intent.QUESTION, remark.answer)
    return remark


def _waits_after_distress(talk: SoFar, heard: str) -> bool:
    """Whether the talk is not to go on yet: the learner has not said so since the last words, which were grave."""
    return _follows_distress(talk) and phrases.AFTER_DISTRESS[0] not in talk.spoken[-1] and not _GOES_ON.search(heard)


def _follows_distress(talk: SoFar) -> bool:
    return bool(talk.spoken) and any(one in talk.spoken[-1] for one in (phrases.DISTRESS[0], phrases.AFTER_DISTRESS[0]))


def _lead(talk: SoFar, remark: Remark) -> str:
    """What is said to a remark that wants an answer of its own, sympathy if need be again; "" to any other."""
    if remark.intent not in _WANTS_AN_ANSWER or remark.intent not in phrases.LEADS:
        return ""
    leads = phrases.LEADS[remark.intent]
    return talk.choose(leads) or (leads[0] if remark.intent in _SAD_NEWS else "")


def _small_talk(talk: SoFar, remark: Remark) -> Answer:
    lead = talk.choose(phrases.LEADS[remark.intent])
    if remark.intent in (Intent.SKIP, Intent.OTHER_TOPIC, Intent.DONT_KNOW):
        rest: tuple[str, ...] = ()
    elif remark.intent in _ABOUT_THE_QUESTION:
        rest = _explained(talk, easier=remark.intent is not Intent.HELP)
    elif _times_asked(talk) >= _ASKED_OFTEN_ENOUGH:
        rest = ()
    elif remark.intent is Intent.OTHER_LANGUAGE:
        rest = (_simpler(talk) or _again(talk, phrases.ASK_AGAIN),)
    elif remark.intent in (Intent.REPEAT, Intent.SLOWER, Intent.NOTHING):
        rest = (_again(talk, phrases.ASK_AGAIN),)
    else:
        rest = (_again(talk, phrases.BACK_TO_QUESTION),)
    return (
        Answer(_spoken(lead, *rest), ended=False) if any(rest) else _go_on(talk, lead, "", remark.answer, remark.intent)
    )


def _take_up(talk: SoFar, remark: Remark, heard: str, recast: str) -> Answer:
    if remark.intent in _SAD_NEWS:
        return _go_on(talk, _lead(talk, remark), "", "", remark.intent, lost=sorrow.mourned(heard))
    if remark.intent is Intent.REQUEST and (more := _about_the_request(talk, heard)):
        return Answer(_spoken(recast, more), ended=False)
    lead = talk.choose(phrases.LEADS[remark.intent]) if remark.intent in (Intent.AND_YOU, Intent.QUESTION) else ""
    return _go_on(talk, lead, recast, heard, remark.intent)


def _about_the_request(talk: SoFar, heard: str) -> str:
    why = () if "because" in remarks.words(heard) else (phrases.REQUESTED_WITHOUT_A_REASON,)
    return talk.first_unsaid([*why, *phrases.REQUESTED])


def _go_on(
    talk: SoFar,
    lead: str,
    recast: str,
    heard: str,
    intent: Intent = Intent.ANSWER,
    *,
    lost: frozenset[str] = frozenset(),
) -> Answer:
    """The next question, taking up what was heard; the end of the talk where there is nothing more to ask."""
    follow_up = best_match(talk, heard)
    if intent not in _WANTS_AN_ANSWER and _is_time_to_close(talk, heard, follow_up):
        return _close(talk, heard)
    if follow_up is None and not lead and (more := _ask_for_more(talk, heard)):
        return Answer(_spoken(recast, more), ended=False)
    question = follow_up or from_earlier(talk, lost) or next_general(talk, heard, lost)
    if question is None:
        return _close(talk, heard, lead)
    acknowledgement = lead or question.take or _acknowledgement(talk, heard)
    return Answer(_spoken(acknowledgement, recast, question.ask), ended=False)


def _is_time_to_close(talk: SoFar, heard: str, follow_up: Question | None) -> bool:
    turns = len(talk.heard) + 1
    if turns > _USUAL_TURNS:
        return follow_up is None
    reached = scenario.goals(talk.brief, [Line("user", text) for text in (*talk.heard, heard)])
    return turns > _ENOUGH_TURNS and all(done for _, done in reached)


def _acknowledgement(talk: SoFar, heard: str) -> str:
    said = remarks.words(heard)
    if not said:
        return ""
    if "because" in said and (thanks := talk.choose(phrases.REASON_GIVEN)):
        return thanks
    if len(said) >= _LONG_ANSWER and (thanks := talk.choose(phrases.LONG_ANSWER)):
        return thanks
    return talk.choose(phrases.NEUTRAL)


def _ask_for_more(talk: SoFar, heard: str) -> str:
    """A request for more after an answer of a word or two, at most once for each question."""
    said = remarks.words(heard)
    requests = (*phrases.MORE_THAN_YES, *phrases.MORE_THAN_A_WORD)
    if (
        not 0 < len(said) <= 2
        or talk.open_question is None
        or (talk.spoken and any(plain(one) in talk.spoken[-1] for one in requests))
    ):
        return ""
    yes_or_no = said[0] in ("yes", "yeah", "yep", "no", "nope", "maybe", "sure", "sometimes", "okay", "ok")
    return talk.choose(phrases.MORE_THAN_YES if yes_or_no else phrases.MORE_THAN_A_WORD)


def _again(talk: SoFar, frames: Sequence[str]) -> str:
    """The open question once more, "" if there is none."""
    if talk.open_question is None:
        return ""
    return talk.choose(scenario.fill(frame, {"question": talk.open_question[0]}) for frame in frames)


def _times_asked(talk: SoFar) -> int:
    asked = talk.open_question
    return sum(asked[0] in line for line in talk.spoken) if asked else 0


def _simpler(talk: SoFar) -> str:
    """The open question in simpler words, "" if there are none that were not yet said."""
    easy = talk.open_question[1].easy if talk.open_question else ""
    if not easy or scenario.slots(easy) or talk.said(easy):
        return ""
    return talk.choose(scenario.fill(frame, {"question": easy}) for frame in phrases.IN_OTHER_WORDS)


def _explained(talk: SoFar, *, easier: bool) -> tuple[str, ...]:
    """The open question in simpler words, or help to answer it; nothing if both have been given."""
    if talk.open_question is None:
        return ()
    if easier and (simpler := _simpler(talk)):
        return (simpler,)
    asked = [Line("assistant", line) for line in talk.spoken]
    hints = [scenario.hint(talk.brief, asked, nth) for nth in range(len(talk.brief.scenario.hints) + 1)]
    hint, request = talk.first_unsaid(hints), talk.choose(phrases.NOW_YOU)
    return (hint, request) if hint and request else ()


def _close(talk: SoFar, heard: str, lead: str = "") -> Answer:
    closings = talk.brief.scenario.closings
    closing = talk.choose(closings) or closings[0]
    return Answer(_spoken(lead, _what_was_done(talk, heard), *scenario.sentences(closing)), ended=True)


def _what_was_done(talk: SoFar, heard: str) -> str:
    lines = [Line("user", text) for text in (*talk.heard, heard)]
    reached = [done for _, done in scenario.goals(talk.brief, lines)]
    deeds = [goal.deed for goal, done in zip(talk.brief.scenario.goals, reached, strict=True) if done]
    if deeds:
        return f"Today you {_enumerated(deeds[:2])}."
    return "Thank you for speaking English with me today." if len(lines) > 2 else ""


def _enumerated(deeds: Sequence[str]) -> str:
    """They follow "you"; a verb they share is said only once: "said where you live and who with"."""
    verb, _, _ = deeds[0].partition(" ")
    return deeds[0] + "".join(
        f" and {deed.removeprefix(f'{verb} ')}" if deed.startswith(f"{verb} ") else f", and you {deed}"
        for deed in deeds[1:]
    )


def _after_the_end(talk: SoFar) -> tuple[str, ...]:
    """A polite word, another each time; after a great many the first ones come again."""
    first, then = phrases.AFTER_THE_END_FIRST, phrases.AFTER_THE_END_THEN
    return _spoken(talk.choose(first), talk.choose(then)) or (first[0],)


def _spoken(*parts: str) -> tuple[str, ...]:
    return tuple(part for part in parts if part)


def _joined(*parts: str) -> str:
    return " ".join(_spoken(*parts))
