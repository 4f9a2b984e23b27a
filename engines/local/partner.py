"""Decide what the embedded engine says next: the guided partner.

All functions are pure. All state is read from the transcript, so a talk can continue after a restart, and a question
that an interruption cut short counts as not asked. Free choices depend on the brief's seed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engines.local import (
    closing,
    corrector,
    exam_parts,
    normalizing,
    phrases,
    questions,
    remarks,
    rephrasing,
    replies,
    rules,
    tagging,
    taking_up,
    wishes,
)
from engines.local.questions import DialogueState, is_about, plain
from engines.local.recast import first_recast, put_right, recasts
from engines.local.remarks import Intent, Remark
from tutor import moderation, redirection, safety, scenario
from tutor.domain import Correction, Line
from tutor.scenario import Brief
from tutor.transcripts import Doubt

# Shares of the chosen speed: the factor for each time that the learner asks, and the minimum.
_SLOWER, _SLOWEST = 0.75, 0.6


@dataclass(frozen=True, slots=True)
class PartnerAnswer:
    """Hold the partner's words, sentence by sentence. `ended` means that the talk is over."""

    sentences: tuple[str, ...]
    ended: bool


def load() -> None:
    """Load the partner's rules and the tagger, once for the whole process (some 1.5 s)."""
    rules.load()
    tagging.load()


def opening(brief: Brief) -> str:
    """Return the agent's first words, including the first question."""
    talk = DialogueState(brief, ())
    *greeting, question = scenario.sentences(questions.opening_template(talk))
    goal = phrases.YOUR_GOAL if "goal" in talk.own_words else ""
    return scenario.fill(_joined(*greeting, goal, question), talk.own_words)


def resume(brief: Brief, transcript: Sequence[Line]) -> str:
    """Return the agent's words to a learner who comes back: a welcome, and the question that is still open."""
    if not transcript:
        return opening(brief)
    talk = DialogueState(brief, transcript)
    if talk.over:
        return phrases.WELCOME_BACK_TO_THE_END
    # A client may ask for words several times before the learner says anything.
    is_welcomed = transcript[-1].text.startswith(phrases.WELCOME_BACK)
    welcome = "" if is_welcomed else talk.choose(phrases.WELCOME_BACK)
    # The learner's last line was never answered.
    if transcript[-1].role == "user":
        return _joined(welcome, *answer(brief, transcript[:-1], transcript[-1].text, ()).sentences)
    return _joined(welcome, rephrasing.again(talk, phrases.ASK_AGAIN) or _joined(*_go_on(talk).sentences))


def pace(texts: Sequence[str]) -> float:
    """Return the share of the chosen speed to speak at. Wishes for slower speech lower it, for faster raise it, up to 1."""
    share = 1.0
    for text in texts:
        intent = remarks.understand(text).intent
        if intent is Intent.SLOWER:
            share = max(_SLOWEST, share * _SLOWER)
        elif intent is Intent.FASTER:
            share = min(1.0, share / _SLOWER)
    return share


def answer(
    brief: Brief,
    transcript: Sequence[Line],
    heard: str,
    corrections: Sequence[Correction],
    doubt: Doubt | None = None,
) -> PartnerAnswer:
    """Return the reply to the learner's words, which are not in the transcript yet.

    `heard` holds only the words that were certainly said.
    """
    talk = DialogueState(brief, transcript)
    # The partner repeats the corrected words, because learners imitate it.
    right = put_right(heard, corrections)
    if not brief.takes_up_mistakes:
        corrections = ()
    if doubt and not heard:
        remark = Remark(Intent.OTHER_LANGUAGE if doubt is Doubt.NOT_ENGLISH else Intent.MISHEARD, "")
    else:
        remark = _understood(talk, right)
    if remark.intent is Intent.DISTRESS:
        return _say(*phrases.DISTRESS, ended=talk.over)
    if stopped := moderation.found(heard):
        return _say(*redirection.of_learner(brief, transcript, heard, stopped), ended=talk.over)
    if talk.over:
        return _say(*closing.after_the_end(talk), ended=True)
    offers_to_stop = any(one in talk.last_spoken for one in phrases.SHALL_WE_STOP)
    if remark.intent is Intent.GOODBYE or (offers_to_stop and _YES.search(heard) and not _NO.search(heard)):
        return _close(talk, heard)
    waits = remark.intent in _WISHES | _ABOUT_THE_QUESTION | {Intent.NOTHING, Intent.SAD}
    if closing.is_last_turn(talk, waits=waits):
        return _close(talk, heard, _lead(talk, remark, heard)[0])
    waited = phrases.AFTER_DISTRESS[0] in talk.last_spoken
    follows_distress = waited or phrases.DISTRESS[0] in talk.last_spoken
    # After words of distress the talk waits until the learner asks to go on.
    if follows_distress and not waited and not _GOES_ON.search(heard):
        return _say(*phrases.AFTER_DISTRESS)
    if follows_distress and remark.intent is Intent.ANSWER:
        return _go_on(talk, lead=phrases.GOING_ON)
    recast = talk.choose(recasts(heard, corrections))
    if remark.intent is Intent.SAD:
        return _console(talk, remark, heard)
    if remark.intent is Intent.ANSWER and (aside := _after_an_aside(talk, heard, recast)):
        return aside
    if remark.intent is Intent.ANSWER and (elicited := _elicit(talk, heard, corrections)):
        return _say(elicited)
    reminds = remark.intent is Intent.ANSWER and brief.takes_up_mistakes and not corrections
    if reminds and (reminder := _remind(talk, heard)):
        return _say(taking_up.acknowledgement(talk, heard), reminder)
    if remark.intent is Intent.MEANING and not (remark.groups or _ASKS_FOR_A_WORD.search(heard)):
        remark = Remark(Intent.UNCLEAR, "")
    if remark.intent in _WISHES:
        lead, then = wishes.follow(talk, remark, heard)
        return _say(lead, *then) if then else _go_on(talk, lead=lead, intent=remark.intent)
    if remark.intent in _SMALL_TALK and len(remarks.words(remark.answer)) < 3:
        return _small_talk(talk, remark)
    if begins := exam_parts.next_opening(talk):
        return _say(*begins)
    return _take_up(talk, remark, right, recast)


_WISHES = frozenset(
    {Intent.SLOWER, Intent.FASTER, Intent.REPEAT, Intent.MEANING, Intent.HOW_TO_SAY, Intent.SPELL}
    | {Intent.OTHER_TOPIC, Intent.TIRED, Intent.OTHER_LANGUAGE, Intent.MISHEARD}
)
_ASKING = frozenset({Intent.QUESTION, Intent.AND_YOU, Intent.CORRECTING, Intent.HOW_ARE_YOU, Intent.REQUEST})
_SMALL_TALK = frozenset(phrases.LEADS) - _WISHES - {Intent.QUESTION, Intent.AND_YOU}
_ABOUT_THE_QUESTION = frozenset({Intent.UNCLEAR, Intent.HELP})
# These need an answer of their own, so the talk does not end with one.
_WANTS_AN_ANSWER = frozenset(
    {*_ASKING, *_WISHES, *_ABOUT_THE_QUESTION, Intent.SKIP, Intent.ROLE, Intent.INSULT, Intent.SAD}
)
# Between what was said and what is better, in the brief.
_ARROW = " \u2192 "
_ANSWERS_BEFORE_A_REMINDER = 2
_LONGEST_REMINDER = 8  # words
_GOES_ON = re.compile(r"\b(?:yes|ok|okay|go on|continue|next|let's|i'm fine|i am fine)\b", re.IGNORECASE)
_YES = re.compile(
    r"^\W*(?:yes|yeah|yep|sure|ok|okay|please|of course|better|i (?:want|do|would|think so)|let's|stop|finish|it is)\b",
    re.IGNORECASE,
)
_NO = re.compile(r"\b(?:no|not|don't|go on|continue|more|another|something else|leave)\b", re.IGNORECASE)
_INVITES_QUESTIONS = re.compile(r"\b(?:ask|say|know before|want to know)\b", re.IGNORECASE)
_ASKS_FOR_A_WORD = re.compile(r"\bword\b", re.IGNORECASE)
_MINE = re.compile(r"\b(?:I|me|my|we|our)\b", re.IGNORECASE)
_CUT = re.compile(r"[^.!?\"']\s*$")


def _understood(talk: DialogueState, heard: str) -> Remark:
    """Return the learner's words as a remark. If the partner had asked for a question, a question is an answer."""
    remark = remarks.understand(heard)
    invited = talk.open_question and _INVITES_QUESTIONS.search(talk.open_question)
    own = talk.brief.scenario.kind == "own"
    if remark.intent in (Intent.QUESTION, Intent.REQUEST, Intent.MEANING) and invited and not own:
        return Remark(Intent.ANSWER, heard)
    if remark.intent is Intent.OTHER_TOPIC:
        against = remark.groups.get("against", "")
        # "No more sugar" is a wish for another topic only if the talk is about sugar.
        is_another = not against or against in talk.brief.scenario.title.lower() or "topic" in remark.groups
        if (own and not talk.brief.topic) or not is_another:
            return Remark(Intent.ANSWER, heard)
    if remark.intent is Intent.SAD and talk.in_film and not _MINE.search(heard) and not safety.mourned(heard):
        return Remark(Intent.ANSWER, heard)
    if remark.intent is Intent.REQUEST and not own:
        return Remark(Intent.QUESTION, remark.answer, remark.question)
    return remark


def _lead(talk: DialogueState, remark: Remark, heard: str) -> tuple[str, tuple[str, ...]]:
    """Return the partner's reply to a question of the learner, and the questions that can follow it."""
    if remark.intent not in _ASKING:
        return "", ()
    statements = [*talk.statements, remark.answer or heard]
    if remark.intent in (Intent.QUESTION, Intent.CORRECTING, Intent.AND_YOU) and (
        found := replies.reply(remark.question, talk.brief, statements, heard)
    ):
        said = talk.first_unsaid(found.say) or talk.choose(phrases.LEADS[remark.intent])
        return said, found.ask
    return talk.choose(phrases.LEADS.get(remark.intent, ())), ()


def _console(talk: DialogueState, remark: Remark, heard: str) -> PartnerAnswer:
    """Reply to a sad feeling, without a question about the topic."""
    kind = remarks.sad_about(remark.answer or heard) or rules.feelings().kinds[0]
    lost = talk.mourned | safety.mourned(heard)
    say = talk.first_unsaid(kind.say) or kind.say[0]
    asks = [one for one in (*kind.ask, *rules.feelings().ask) if not is_about(one, lost)]
    asked = talk.first_unsaid(asks) if not lost else talk.first_unsaid(rules.feelings().ask)
    if not asked:
        return _go_on(talk, lead=say, intent=Intent.SAD, lost=safety.mourned(heard))
    question = Remark(Intent.QUESTION, remark.answer, remark.question)
    return _say(_lead(talk, question, heard)[0] if remark.question else "", say, asked)


def _after_an_aside(talk: DialogueState, heard: str, recast: str) -> PartnerAnswer | None:
    """Return the reply to the answer to an offer to stop, to comfort, or to an interrupted question, or else None."""
    last, length = talk.last_spoken, len(remarks.words(heard))
    if any(one in last for one in phrases.ELICITING_QUESTIONS) and talk.heard:
        return _after_eliciting(talk, heard)
    if any(one in last for one in phrases.REMINDING_QUESTIONS) and talk.heard:
        return _after_reminding(talk, heard)
    if any(one in last for one in phrases.SHALL_WE_STOP):
        lead, again = talk.choose(phrases.NOT_STOPPING), _back_to_question(talk)
        return _say(lead, again) if again else _go_on(talk, heard, lead=lead)
    found = rules.feelings()
    if any(one in last for kind in found.kinds if kind.heavy for one in (*kind.say, *found.ask)) and "?" in last:
        if length < 3 and _YES.search(heard) and (more := talk.first_unsaid(found.more)):
            return _say(more)
        listening = talk.choose(found.listening) if length > 2 else ""
        back = talk.choose((phrases.GOING_ON,) if _NO.search(heard) else found.back)
        return _go_on(talk, lead=_joined(listening, back) or phrases.NEUTRAL[0], recast=recast)
    if last and "?" not in last and _CUT.search(last) and (asked := _cut_short(talk)):
        return _say(taking_up.acknowledgement(talk, heard), recast, asked)
    return None


def _elicit(talk: DialogueState, heard: str, corrections: Sequence[Correction]) -> str:
    """Return a question for the corrected words, or "". The partner tells and asks in turns, and tells first."""
    told = sum(any(one.partition("{")[0] in line for one in phrases.RECASTS) for line in talk.spoken)
    asked = sum(any(one in line for one in phrases.ELICITING_QUESTIONS) for line in talk.spoken)
    first = first_recast(heard, corrections)
    if first is None or asked >= told:
        return ""
    return talk.choose(scenario.fill(frame, {"said": first.said}) for frame in phrases.ELICITS)


def _remind(talk: DialogueState, heard: str) -> str:
    """Return a question for the correct form of a mistake of an earlier talk, once in a talk, or ""."""
    is_asked = any(one in line for one in phrases.REMINDING_QUESTIONS for line in talk.spoken)
    if is_asked or len(talk.heard) < _ANSWERS_BEFORE_A_REMINDER or talk.last_question_asked:
        return ""
    said = f" {' '.join(map(normalizing.without_punctuation, (*talk.heard, heard)))} "
    for mistake in talk.brief.mistakes:
        wrong, _, better = mistake.partition(_ARROW)
        is_short = 0 < len(wrong.split()) <= _LONGEST_REMINDER and '"' not in wrong
        if is_short and better and f" {normalizing.without_punctuation(better)} " not in said:
            return talk.choose(scenario.fill(frame, {"said": wrong}) for frame in phrases.REMINDERS)
    return ""


def _after_reminding(talk: DialogueState, heard: str) -> PartnerAnswer:
    """Say whether the learner found the correct form, and go on from the words before."""
    found = (scenario.words_found(frame, talk.last_spoken) for frame in phrases.REMINDERS)
    wrong = next((words["said"] for words in found if words), "")
    pairs = (mistake.partition(_ARROW) for mistake in talk.brief.mistakes)
    better = next((right for said, _, right in pairs if plain(said) == wrong), "")
    lead = phrases.NEUTRAL[0]
    if better:
        form, said = (f" {normalizing.without_punctuation(text)} " for text in (better, heard))
        frames = phrases.ELICITED if _is_said(form, said) else phrases.RECASTS
        lead = talk.choose(scenario.fill(frame, {"better": better}) for frame in frames)
    before = max(number for number, line in enumerate(talk.lines) if line.role == "user")
    earlier = DialogueState(talk.brief, talk.lines[:before])
    previous = talk.heard[-1]
    return _say(lead, *_take_up(earlier, _understood(earlier, previous), previous, "").sentences)


def _is_said(form: str, said: str) -> bool:
    """Return whether the learner said these words, or the last one, which is corrected: "he works" for "my brother works"."""
    return form in said or f" {' '.join(form.split()[-1:])} " in said


def _after_eliciting(talk: DialogueState, heard: str) -> PartnerAnswer:
    """Say whether the learner found the corrected words, and reply to the words that had the mistake."""
    previous = talk.heard[-1]
    first = first_recast(previous, corrector.correct(previous))
    if first is None:
        lead = phrases.NEUTRAL[0]
    else:
        better, said = (f" {normalizing.without_punctuation(text)} " for text in (first.better, heard))
        frames = phrases.ELICITED if better in said else phrases.RECASTS
        lead = talk.choose(scenario.fill(frame, {"better": first.better}) for frame in frames)
    before = max(number for number, line in enumerate(talk.lines) if line.role == "user")
    earlier = DialogueState(talk.brief, talk.lines[:before])
    return _say(lead, *_take_up(earlier, _understood(earlier, previous), previous, "").sentences)


def _cut_short(talk: DialogueState) -> str:
    """Return the question that the partner was about to ask when the learner interrupted, or "" if there is none."""
    cut = max(number for number, line in enumerate(talk.lines) if line.role == "assistant")
    heard = [number for number, line in enumerate(talk.lines[:cut]) if line.role == "user"]
    if not heard:
        return ""
    asked = answer(talk.brief, talk.lines[: heard[-1]], talk.lines[heard[-1]].text, ()).sentences[-1]
    return asked if asked.endswith("?") and not talk.said(asked) else ""


def _small_talk(talk: DialogueState, remark: Remark) -> PartnerAnswer:
    lead = talk.choose(phrases.LEADS[remark.intent])
    rest: tuple[str, ...] = ()
    if remark.intent in _ABOUT_THE_QUESTION:
        rest = rephrasing.explained(talk, easier=remark.intent is not Intent.HELP)
    elif remark.intent not in (Intent.SKIP, Intent.DONT_KNOW):
        frames = phrases.ASK_AGAIN if remark.intent is Intent.NOTHING else phrases.BACK_TO_QUESTION
        rest = (_back_to_question(talk, frames),)
    return _say(lead, *rest) if any(rest) else _go_on(talk, remark.answer, lead=lead, intent=remark.intent)


def _take_up(talk: DialogueState, remark: Remark, heard: str, recast: str) -> PartnerAnswer:
    if remark.intent is Intent.REQUEST:
        why = () if "because" in remarks.words(heard) else (phrases.REQUESTED_WITHOUT_A_REASON,)
        if more := talk.first_unsaid([*why, *phrases.REQUESTED]):
            return _say(recast, more)
    if remark.intent not in _ASKING:
        return _go_on(talk, remark.answer or heard, recast=recast, intent=remark.intent)
    lead, asks = _lead(talk, remark, heard)
    if asked := next((one for one in asks if not talk.said(one) and not is_about(one, talk.mourned)), ""):
        return _say(lead, recast, asked)
    nothing_lost: frozenset[str] = frozenset()
    follow_up = remark.answer and (
        taking_up.follow_up(talk, remark.answer) or questions.from_words(talk, remark.answer, nothing_lost, weak=True)
    )
    if follow_up:
        return _say(lead, recast, follow_up.take, follow_up.ask)
    if lead and (again := _back_to_question(talk)):
        return _say(lead, recast, again)
    return _go_on(talk, remark.answer, lead=lead, recast=recast, intent=remark.intent)


def _back_to_question(talk: DialogueState, frames: Sequence[str] = phrases.BACK_TO_QUESTION) -> str:
    """Return the open question once more, or "" if there is none or it was asked often enough."""
    return rephrasing.again(talk, frames) if rephrasing.times_asked(talk) < rephrasing.ASKED_OFTEN_ENOUGH else ""


def _go_on(
    talk: DialogueState,
    heard: str = "",
    *,
    lead: str = "",
    recast: str = "",
    intent: Intent = Intent.ANSWER,
    lost: frozenset[str] = frozenset(),
) -> PartnerAnswer:
    """Return the next question, taking up the learner's words, or the end of the talk if nothing is left to ask."""
    follow_up = taking_up.follow_up(talk, heard, lost) if heard else None
    if follow_up is None and not lead and (more := taking_up.ask_for_more(talk, heard)):
        return _say(recast, more)
    question = (
        follow_up
        or questions.from_earlier(talk, lost)
        or (questions.from_words(talk, heard, lost, weak=True) if taking_up.may_ask_from_a_noun(talk, heard) else None)
        or questions.next_general(talk, heard, lost)
    )
    if question is None:
        return _close(talk, heard, lead)
    acknowledgement = (
        lead
        or question.take
        or (questions.take_of(talk, heard, lost) if heard else "")
        or taking_up.acknowledgement(talk, heard)
    )
    asked = question.ask
    if intent not in _WANTS_AN_ANSWER and closing.is_time_to_close(talk, heard, follow_up):
        asked = talk.choose(scenario.fill(frame, {"question": asked}) for frame in phrases.LAST_QUESTION) or asked
    return _say(acknowledgement, recast, asked)


def _close(talk: DialogueState, heard: str, lead: str = "") -> PartnerAnswer:
    return _say(lead, *closing.goodbye(talk, heard), ended=True)


def _say(*parts: str, ended: bool = False) -> PartnerAnswer:
    return PartnerAnswer(tuple(part for part in parts if part), ended)


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
