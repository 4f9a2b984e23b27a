"""What the partner can ask: the dialogue so far as it needs to see it, and which question comes next."""

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

from tutor import scenario, sorrow
from tutor.engines.base import Line
from tutor.engines.local import phrases, remarks
from tutor.engines.local.remarks import Intent
from tutor.scenario import Brief, FollowUp

_LONGEST_OWN_WORDS = 80  # characters of the learner's own topic, goal or rules that are spoken back
_NEGATION = re.compile(r"(?:\b(?:not|never|no(?!,)|nobody|nothing|without|hate)\b|n't\b)[^.!?;]*$", re.IGNORECASE)
_CONTRAST = re.compile(r"\b(?:but|however|instead)\b", re.IGNORECASE)
_NOT_A_NAME = frozenset(
    (  # noqa: SIM905
        "i i'm mr mrs english god internet christmas easter monday tuesday wednesday thursday friday saturday sunday"
        " january february march april may june july august september october november december"
    ).split()
)
_SHUFFLED_TOGETHER = 3  # questions
_UNNAMED = frozenset(
    {"two", "that friend", "this friend", "together", "he", "she", "him", "her", "his", "other", "touch"}
)


@dataclass(frozen=True, slots=True)
class Question:
    """A follow-up ready to be asked: `take` acknowledges what it takes up, "" if it takes up nothing."""

    take: str
    ask: str


class SoFar:
    """The dialogue so far, as the partner needs to see it."""

    def __init__(self, brief: Brief, transcript: Sequence[Line]) -> None:
        self.brief = brief
        self.spoken = [plain(line.text) for line in transcript if line.role == "assistant"]
        self.heard = [line.text for line in transcript if line.role == "user"]

    @cached_property
    def over(self) -> bool:
        return any(plain(closing) in line for closing in self.brief.scenario.closings for line in self.spoken)

    @cached_property
    def mourned(self) -> frozenset[str]:
        """The words for those the learner has lost."""
        return frozenset[str]().union(*(sorrow.mourned(text) for text in self.heard))

    @cached_property
    def own_words(self) -> Mapping[str, str]:
        words = {name: _speakable(getattr(self.brief, name)) for name in scenario.OWN_WORDS}
        return {name: text for name, text in words.items() if text}

    @cached_property
    def questions(self) -> list[FollowUp]:
        """All that can be asked, the opening's question first: it too may have been cut short."""
        return [_opening_question(self), *self.brief.scenario.follow_ups]

    @cached_property
    def open_question(self) -> tuple[str, FollowUp] | None:
        """The question that waits for an answer, as it was asked, and what it was made from; None if it was cut short."""
        for line in reversed(self.spoken):
            if "?" not in line:
                return None
            for one in self.questions:
                if asked := one.found_in(line):
                    return asked, one
        return None

    def said(self, sentence: str) -> bool:
        return any(plain(sentence) in line for line in self.spoken)

    def choose(self, options: Iterable[str]) -> str:
        """One of these that has not been said yet, "" when all have been."""
        options = list(options)
        if not options:
            return ""
        first = crc32(f"{self.brief.seed} {options[0]}".encode()) % len(options)
        return self.first_unsaid([*options[first:], *options[:first]])

    def first_unsaid(self, options: Sequence[str]) -> str:
        return next((one for one in options if not self.said(one)), "")


def best_match(talk: SoFar, heard: str, *, only_naming: bool = False) -> Question | None:
    """The follow-up about the most of what was said, the earlier one of the file where two match as much."""
    best: tuple[int, Question] | None = None
    for one in _unasked(talk):
        if only_naming and not scenario.slots(_wording(talk.brief, one)):
            continue
        matches = [match for pattern in one.when if (match := _affirmed(pattern, heard))]
        score = sum(len(match[0]) for match in matches)
        if matches and (best is None or score > best[0]):
            words = {name: _inside_a_sentence(matches[0], name) for name in matches[0].groupdict()}
            question = Question(scenario.fill(one.take, words), scenario.fill(_wording(talk.brief, one), words))
            if not _is_about(question, talk.mourned):
                best = score, question
    return best[1] if best else None


def from_earlier(talk: SoFar, lost: frozenset[str]) -> Question | None:
    """A question about something said before and not yet taken up, if it names the thing and so can be asked later."""
    back = talk.choose(phrases.BACK_TO_WHAT_YOU_SAID)
    if any(sorrow.in_distress(heard) for heard in talk.heard):  # what was said before may belong to it
        return None
    for heard in reversed(talk.heard if back else []):
        if remarks.understand(heard).intent not in (Intent.ANSWER, Intent.AND_YOU):
            continue
        question = best_match(talk, heard, only_naming=True)
        if question is not None and not _is_about(question, lost):
            return Question(back, question.ask)
    return None


def next_general(talk: SoFar, heard: str, lost: frozenset[str]) -> Question | None:
    """The next question that takes up nothing, and that what was told has not answered already."""
    told = [*talk.heard, heard]
    general = [one for one in _unasked(talk) if not one.when and scenario.slots(one.ask) <= talk.own_words.keys()]
    wanted = (one for one in general if not any(pattern.search(text) for pattern in one.unless for text in told))
    asked = (Question("", scenario.fill(_wording(talk.brief, one), talk.own_words)) for one in wanted)
    return next((one for one in asked if not _is_about(one, talk.mourned | lost)), None)


def opening_template(talk: SoFar) -> str:
    one = talk.brief.scenario
    if one.opening_topic and "topic" in talk.own_words:
        return one.opening_topic
    return one.opening_easy if one.opening_easy and _should_be_easy(talk.brief) else one.opening


def plain(text: str) -> str:
    return " ".join(text.split())


def _is_about(question: Question, people: frozenset[str]) -> bool:
    """Whether it names one of these people, or could mean one of them."""
    words = f" {' '.join(remarks.words(f'{question.take} {question.ask}'))} "
    return any(f" {one} " in words for one in (people | _UNNAMED if people else ()))


def _unasked(talk: SoFar) -> list[FollowUp]:
    """In the file's order, from easy to deep, but a little different from talk to talk."""
    first, *others = talk.questions
    shuffle = random.Random(talk.brief.seed).shuffle
    ordered = [first]
    taking_up = [one for one in others if one.when]
    general = [one for one in others if not one.when]
    for start in range(0, len(general), _SHUFFLED_TOGETHER):
        group = general[start : start + _SHUFFLED_TOGETHER]
        shuffle(group)
        ordered += group
    return [one for one in (*taking_up, *ordered) if not any(one.found_in(line) for line in talk.spoken)]


def _affirmed(pattern: re.Pattern[str], heard: str) -> re.Match[str] | None:
    """A match that is not denied ("I don't like the beach"), and whose names are names."""
    heard = heard.replace("\u2019", "'")
    for match in pattern.finditer(heard):
        clause = _CONTRAST.split(heard[: match.start()])[-1]
        names = (text.casefold() for text in match.groupdict().values() if text)
        if not _NEGATION.search(clause) and not _NOT_A_NAME.intersection(names):
            return match
    return None


def _inside_a_sentence(match: re.Match[str], group: str) -> str:
    """What a group matched, without a capital that only the beginning of a sentence gave it ("Summer is nice")."""
    begins = re.search(r"(?:^|[.!?])\s*$", match.string[: match.start(group)])
    small = match.string[: match.start(group)] + match.string[match.start(group) :].lower()
    again = match.re.search(small, match.start()) if begins else None
    return again[group] or "" if again else match[group] or ""


def _opening_question(talk: SoFar) -> FollowUp:
    one = talk.brief.scenario
    if one.opening_topic and "topic" in talk.own_words:
        return FollowUp(ask=scenario.sentences(one.opening_topic)[-1], hint=one.opening_hint)
    easy = scenario.sentences(one.opening_easy)[-1] if one.opening_easy else ""
    return FollowUp(ask=scenario.sentences(one.opening)[-1], easy=easy, hint=one.opening_hint)


def _wording(brief: Brief, one: FollowUp) -> str:
    return one.easy if one.easy and _should_be_easy(brief) else one.ask


def _should_be_easy(brief: Brief) -> bool:
    levels = scenario.LEVELS
    return levels.index(brief.level) < levels.index(brief.scenario.level)


def _speakable(text: str) -> str:
    """The learner's own words as part of one of our sentences: a few words, and nothing that would end the sentence."""
    words = re.sub(r"[^A-Za-z0-9\u00c0-\u024f\s,'%&+-]", " ", re.sub(r"[.!?:;]+(?=\s)", ",", text)).split()
    short = ""
    for word in words:
        if len(short) + len(word) >= _LONGEST_OWN_WORDS:
            break
        short = f"{short} {word}".strip()
    return short.strip(" ,-'")
