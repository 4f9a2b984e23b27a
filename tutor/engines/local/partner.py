"""The guided partner: what the embedded engine says next.

Pure functions. All state is read from the transcript, so a talk can be taken up again after a restart, and an answer cut
short by an interruption is simply not there. What could be chosen freely is chosen by the brief's seed.
"""

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

from tutor import scenario
from tutor.engines.base import Correction, Line
from tutor.engines.local import smalltalk
from tutor.engines.local.smalltalk import Intent, Remark
from tutor.scenario import Brief, FollowUp

_ENOUGH_TURNS = 8  # of the learner: after these a talk whose goals are reached may end
_USUAL_TURNS = 12  # after these it ends, unless the learner has just said something there is a question about
_LONGEST_TALK = 16
_LONG_ANSWER = 25  # words
_LONGEST_OWN_WORDS = 80  # characters of the learner's own topic, goal or rules that are spoken back

_NEGATION = re.compile(r"(?:\b(?:not|never|no|nobody|nothing|without|hate)\b|n't\b)[^.!?;]*$", re.IGNORECASE)
_CONTRAST = re.compile(r"\b(?:but|however|instead)\b", re.IGNORECASE)
_NOT_A_NAME = frozenset(
    "i i'm mr mrs english monday tuesday wednesday thursday friday saturday sunday january february march april may june july"
    " august september october november december christmas easter god internet".split()
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the partner says, sentence by sentence; `ended`: the talk is over."""

    sentences: tuple[str, ...]
    ended: bool


@dataclass(frozen=True, slots=True)
class _Question:
    """A follow-up ready to be asked: `take` acknowledges what it takes up, "" if it takes up nothing."""

    take: str
    ask: str


class _Talk:
    """The dialogue so far, as the partner needs to see it."""

    def __init__(self, brief: Brief, transcript: Sequence[Line]) -> None:
        self.brief = brief
        self.spoken = [_plain(line.text) for line in transcript if line.role == "assistant"]
        self.heard = [line.text for line in transcript if line.role == "user"]

    @cached_property
    def over(self) -> bool:
        return any(_plain(closing) in line for closing in self.brief.scenario.closings for line in self.spoken)

    @cached_property
    def own_words(self) -> Mapping[str, str]:
        words = {name: _speakable(getattr(self.brief, name)) for name in scenario.OWN_WORDS}
        return {name: text for name, text in words.items() if text}

    @cached_property
    def open_question(self) -> tuple[str, FollowUp | None]:
        """The question that waits for an answer, as it was asked, and what it was made from; "" if it was cut short."""
        for line in reversed(self.spoken):
            if "?" not in line:
                break
            for one in self.brief.scenario.follow_ups:
                if asked := one.found_in(line):
                    return asked, one
            for opening in _openings(self.brief):
                if asked := scenario.found(scenario.sentences(opening)[-1], line):
                    return asked, None
        return "", None

    def said(self, sentence: str) -> bool:
        return any(_plain(sentence) in line for line in self.spoken)

    def choose(self, options: Iterable[str]) -> str:
        """One of these that has not been said yet, "" when all have been."""
        options = list(options)
        first = crc32(f"{self.brief.seed} {options[0]}".encode()) % len(options) if options else 0
        return next((one for one in [*options[first:], *options[:first]] if not self.said(one)), "")


def opening(brief: Brief) -> str:
    """The agent's first words, the first question among them."""
    first = next(
        opening for opening in _openings(brief) if scenario.slots(opening) <= _Talk(brief, ()).own_words.keys()
    )
    return scenario.fill(first, _Talk(brief, ()).own_words)


def resume(brief: Brief, transcript: Sequence[Line]) -> str:
    """The agent's words to a learner who comes back: a welcome, and the question that is still open."""
    if not transcript:
        return opening(brief)
    talk = _Talk(brief, transcript)
    if talk.over:
        return smalltalk.WELCOME_BACK_TO_THE_END
    welcome = talk.choose(smalltalk.WELCOME_BACK)
    if transcript[-1].role == "user":  # it was never answered
        unanswered = answer(brief, transcript[:-1], transcript[-1].text, ())
        return _joined(welcome, *unanswered.sentences)
    return _joined(welcome, *(_open_question_again(talk, smalltalk.ASK_AGAIN) or _go_on(talk, "", "", "").sentences))


def answer(brief: Brief, transcript: Sequence[Line], heard: str, corrections: Sequence[Correction]) -> Answer:
    """The reply to what was heard, which is not yet in the transcript."""
    talk = _Talk(brief, transcript)
    if talk.over:
        return Answer(_after_the_end(talk), ended=True)
    remark = smalltalk.understand(heard)
    if remark.intent is Intent.GOODBYE or len(talk.heard) + 1 >= _LONGEST_TALK:
        return _close(talk, heard)
    if remark.intent in _SMALL_TALK and len(smalltalk.words(remark.answer)) < 3:
        return _small_talk(talk, remark, heard)
    return _take_up(talk, remark, heard, _recast(talk, heard, corrections))


_SMALL_TALK = frozenset(smalltalk.LEADS) - {Intent.AND_YOU}
_ABOUT_THE_QUESTION = frozenset({Intent.MEANING, Intent.UNCLEAR, Intent.HELP})


def _small_talk(talk: _Talk, remark: Remark, heard: str) -> Answer:
    lead = talk.choose(smalltalk.LEADS[remark.intent])
    if remark.intent in (Intent.SKIP, Intent.DONT_KNOW):
        return _go_on(talk, lead, "", heard)
    if remark.intent in _ABOUT_THE_QUESTION:
        rest = _explained(talk, easier=remark.intent is not Intent.HELP)
    elif remark.intent in (Intent.REPEAT, Intent.SLOWER, Intent.NOTHING):
        rest = _open_question_again(talk, smalltalk.ASK_AGAIN)
    else:
        rest = _open_question_again(talk, smalltalk.BACK_TO_QUESTION)
    return Answer(_spoken(lead, *rest), ended=False) if rest else _go_on(talk, lead, "", heard)


def _take_up(talk: _Talk, remark: Remark, heard: str, recast: str) -> Answer:
    if remark.intent is Intent.SAD:
        return _go_on(talk, talk.choose(smalltalk.SORRY), recast, "")
    lead = talk.choose(smalltalk.LEADS[remark.intent]) if remark.intent in (Intent.AND_YOU, Intent.QUESTION) else ""
    return _go_on(talk, lead, recast, heard)


def _go_on(talk: _Talk, lead: str, recast: str, heard: str) -> Answer:
    """The next question, taking up what was heard; the end of the talk where there is nothing more to ask."""
    follow_up = _best_match(talk, heard)
    if _is_time_to_close(talk, heard, follow_up):
        return _close(talk, heard)
    if follow_up is None and not lead and (more := _ask_for_more(talk, heard)):
        return Answer(_spoken(recast, more), ended=False)
    question = follow_up or _next_general(talk, heard)
    if question is None:
        return _close(talk, heard)
    acknowledgement = lead or question.take or _acknowledgement(talk, heard)
    return Answer(_spoken(acknowledgement, recast, question.ask), ended=False)


def _is_time_to_close(talk: _Talk, heard: str, follow_up: _Question | None) -> bool:
    turns = len(talk.heard) + 1
    if turns > _USUAL_TURNS:
        return follow_up is None
    reached = scenario.goals(talk.brief, [Line("user", text) for text in (*talk.heard, heard)])
    return turns > _ENOUGH_TURNS and all(done for _, done in reached)


def _acknowledgement(talk: _Talk, heard: str) -> str:
    said = smalltalk.words(heard)
    if not said:
        return ""
    if "because" in said and (thanks := talk.choose(smalltalk.REASON_GIVEN)):
        return thanks
    if len(said) >= _LONG_ANSWER and (thanks := talk.choose(smalltalk.LONG_ANSWER)):
        return thanks
    return talk.choose(smalltalk.NEUTRAL)


def _ask_for_more(talk: _Talk, heard: str) -> str:
    """A request for more after an answer of a word or two, at most once for each question."""
    said = smalltalk.words(heard)
    requests = (*smalltalk.MORE_THAN_YES, *smalltalk.MORE_THAN_A_WORD)
    if not 0 < len(said) <= 2 or (talk.spoken and any(_plain(one) in talk.spoken[-1] for one in requests)):
        return ""
    yes_or_no = said[0] in ("yes", "yeah", "yep", "no", "nope", "maybe", "sure", "sometimes", "okay", "ok")
    return talk.choose(smalltalk.MORE_THAN_YES if yes_or_no else smalltalk.MORE_THAN_A_WORD)


def _best_match(talk: _Talk, heard: str) -> _Question | None:
    """The follow-up about the most of what was said, the earlier one of the file where two match as much."""
    best: tuple[int, _Question] | None = None
    for one in _unasked(talk):
        matches = [match for pattern in one.when if (match := _affirmed(pattern, heard))]
        score = sum(len(match[0]) for match in matches)
        if matches and (best is None or score > best[0]):
            words = {name: text for name, text in matches[0].groupdict().items() if text}
            best = score, _Question(scenario.fill(one.take, words), scenario.fill(_wording(talk.brief, one), words))
    return best[1] if best else None


def _next_general(talk: _Talk, heard: str) -> _Question | None:
    told = [*talk.heard, heard]
    general = [one for one in _unasked(talk) if not one.when and scenario.slots(one.ask) <= talk.own_words.keys()]
    wanted = [one for one in general if not any(pattern.search(text) for pattern in one.unless for text in told)]
    if not wanted:
        return None
    return _Question("", scenario.fill(_wording(talk.brief, wanted[0]), talk.own_words))


def _unasked(talk: _Talk) -> list[FollowUp]:
    """In the file's order, from easy to deep, but a little different from talk to talk."""
    questions = list(talk.brief.scenario.follow_ups)
    shuffle = random.Random(talk.brief.seed).shuffle
    ordered = []
    for start in range(0, len(questions), 3):
        group = questions[start : start + 3]
        shuffle(group)
        ordered += group
    return [one for one in ordered if not any(one.found_in(line) for line in talk.spoken)]


def _affirmed(pattern: re.Pattern[str], heard: str) -> re.Match[str] | None:
    """A match that is not denied ("I don't like the beach"), and whose names are names."""
    heard = heard.replace("\u2019", "'")
    for match in pattern.finditer(heard):
        clause = _CONTRAST.split(heard[: match.start()])[-1]
        names = (text.casefold() for text in match.groupdict().values() if text)
        if not _NEGATION.search(clause) and not _NOT_A_NAME.intersection(names):
            return match
    return None


def _open_question_again(talk: _Talk, frames: Sequence[str]) -> tuple[str, ...]:
    question, _ = talk.open_question
    if not question or sum(question in line for line in talk.spoken) > 2:
        return ()
    again = talk.choose(scenario.fill(frame, {"question": question}) for frame in frames)
    return (again,) if again else ()


def _explained(talk: _Talk, *, easier: bool) -> tuple[str, ...]:
    """The open question in simpler words, or help to answer it."""
    question, made_from = talk.open_question
    if not question:
        return ()
    simpler = made_from.easy if made_from else talk.brief.scenario.opening_easy
    simpler = scenario.sentences(simpler)[-1] if simpler else ""
    if easier and simpler and not talk.said(simpler) and scenario.slots(simpler) <= talk.own_words.keys():
        return (talk.choose(scenario.fill(frame, {"question": simpler}) for frame in smalltalk.IN_OTHER_WORDS),)
    transcript = [Line("assistant", line) for line in talk.spoken]
    hints = [scenario.hint(talk.brief, transcript, nth) for nth in range(len(talk.brief.scenario.hints) + 1)]
    hint, request = talk.choose(hints), talk.choose(smalltalk.TRY_NOW)
    return (hint, request) if hint and request else ()


def _recast(talk: _Talk, heard: str, corrections: Sequence[Correction]) -> str:
    sure = next((one for one in corrections if one.sure and one.better.strip()), None)
    if sure is None:
        return ""
    better = _in_context(heard, sure)
    return talk.choose(scenario.fill(frame, {"better": better}) for frame in smalltalk.RECASTS)


def _in_context(heard: str, correction: Correction) -> str:
    """The better words, a single one with its neighbour: "has" alone teaches little, "she has" does."""
    better = correction.better.strip(' .,!?"')
    if " " in better:
        return better
    before, after = heard[: correction.start].split(), heard[correction.end :].split()
    if before and before[-1][-1].isalnum():
        return f"{before[-1]} {better}"
    if after and not heard[correction.end :].startswith((".", ",", "!", "?")):
        return f"{better} {after[0].strip('.,!?')}"
    return better


def _close(talk: _Talk, heard: str) -> Answer:
    closings = talk.brief.scenario.closings
    closing = talk.choose(closings) or closings[0]
    return Answer(_spoken(_what_was_done(talk, heard), *scenario.sentences(closing)), ended=True)


def _what_was_done(talk: _Talk, heard: str) -> str:
    lines = [Line("user", text) for text in (*talk.heard, heard)]
    reached = [done for _, done in scenario.goals(talk.brief, lines)]
    deeds = [goal.deed for goal, done in zip(talk.brief.scenario.goals, reached, strict=True) if done]
    if deeds:
        return f"Today you {' and '.join(deeds[:2])}."
    return "Thank you for speaking English with me today." if len(lines) > 2 else ""


def _after_the_end(talk: _Talk) -> tuple[str, ...]:
    """A polite word, another each time; after a great many the first ones come again."""
    first, then = smalltalk.AFTER_THE_END_FIRST, smalltalk.AFTER_THE_END_THEN
    return _spoken(talk.choose(first), talk.choose(then)) or (first[0],)


def _openings(brief: Brief) -> list[str]:
    """The openings that fit, the best one first."""
    one = brief.scenario
    ordinary = [one.opening_easy, one.opening] if _should_be_easy(brief) else [one.opening, one.opening_easy]
    return [text for text in (one.opening_topic, *ordinary) if text]


def _wording(brief: Brief, one: FollowUp) -> str:
    return one.easy if one.easy and _should_be_easy(brief) else one.ask


def _should_be_easy(brief: Brief) -> bool:
    levels = scenario.LEVELS
    return levels.index(brief.level) < levels.index(brief.scenario.level)


def _speakable(text: str) -> str:
    """The learner's own words as part of one of our sentences: one line, a few words, nothing that ends a sentence."""
    words = re.sub(r"[^\w\s,'%&+-]|_", " ", re.sub(r"[.!?:;]+(?=\s)", ",", text)).split()
    short = ""
    for word in words:
        if len(short) + len(word) >= _LONGEST_OWN_WORDS:
            break
        short = f"{short} {word}".strip()
    return short.strip(" ,-'")


def _plain(text: str) -> str:
    return " ".join(text.split())


def _spoken(*parts: str) -> tuple[str, ...]:
    return tuple(part for part in parts if part)


def _joined(*parts: str) -> str:
    return " ".join(_spoken(*parts))
