"""Choose the partner's next question, from its view of the dialogue so far."""

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

from engines.local import known_answers, parsing, phrases, remarks, topics, uptake
from engines.local.remarks import Intent
from tutor import moderation, safety, scenario
from tutor.domain import Line
from tutor.scenario import Brief, FollowUp

# Characters of the learner's own topic, goal or rules that are spoken back.
_LONGEST_OWN_WORDS = 80
_NEGATION = re.compile(r"(?:\b(?:not|never|no(?!,)|nobody|nothing|without|hate)\b|n't\b)[^.!?;]*$", re.IGNORECASE)
_CONTRAST = re.compile(r"\b(?:but|however|instead)\b", re.IGNORECASE)
_NOT_A_NAME = frozenset(
    (  # noqa: SIM905
        "i i'm mr mrs english god internet christmas easter monday tuesday wednesday thursday friday saturday sunday"
        " january february march april may june july august september october november december"
    ).split()
)
_FILM = re.compile(r"\b(?:films?|movies?|series|novels?|episodes?|(?:a|the) book)\b", re.IGNORECASE)
_SHUFFLED_TOGETHER = 3  # questions
_UNNAMED = frozenset(
    {"two", "that friend", "this friend", "together", "he", "she", "him", "her", "his", "other", "touch"}
)


@dataclass(frozen=True, slots=True)
class Question:
    """Hold a follow-up that is ready to be asked.

    `take` acknowledges the words that it takes up. It is "" if the question takes up nothing.
    """

    take: str
    ask: str


class DialogueState:
    """Hold the partner's view of the dialogue so far."""

    def __init__(self, brief: Brief, transcript: Sequence[Line]) -> None:
        self.brief = brief
        self.lines = list(transcript)
        self.spoken = [plain(line.text) for line in transcript if line.role == "assistant"]
        self.heard = [line.text for line in transcript if line.role == "user"]
        self.last_spoken = self.spoken[-1] if self.spoken else ""

    @cached_property
    def over(self) -> bool:
        return any(plain(closing) in line for closing in self.brief.scenario.closings for line in self.spoken)

    @cached_property
    def mourned(self) -> frozenset[str]:
        """Return the words for the people that the learner has lost."""
        return frozenset[str]().union(*(safety.mourned(text) for text in self.heard))

    @cached_property
    def own_words(self) -> Mapping[str, str]:
        words = {name: _speakable(getattr(self.brief, name)) for name in scenario.OWN_WORDS}
        return {name: text for name, text in words.items() if text}

    @cached_property
    def topic(self) -> topics.Topic | None:
        """Return the topic that the learner wished for instead of the scenario's, or None."""
        return topics.latest(self.heard)

    @cached_property
    def questions(self) -> list[FollowUp]:
        """Return all questions, the opening's first, since it too may have been cut short."""
        return list(self.topic.questions) if self.topic else self._scenarios_questions

    @cached_property
    def _scenarios_questions(self) -> list[FollowUp]:
        one = self.brief.scenario
        if one.opening_topic and "topic" in self.own_words:
            opening = FollowUp(ask=scenario.sentences(one.opening_topic)[-1], hint=one.opening_hint)
        else:
            easy = scenario.sentences(one.opening_easy)[-1] if one.opening_easy else ""
            opening = FollowUp(ask=scenario.sentences(one.opening)[-1], easy=easy, hint=one.opening_hint)
        return [opening, *(each for each in one.follow_ups if each.part in (0, self.part))]

    @cached_property
    def _part_began(self) -> tuple[int, int]:
        """Return the number of the exam's part, from 1 on, and the index of the line that began it. 0 without parts."""
        for number, part in reversed(list(enumerate(self.brief.scenario.parts, 1))):
            for at, line in enumerate(self.lines):
                if part.opening and line.role == "assistant" and plain(part.opening) in plain(line.text):
                    return number, at
        return min(1, len(self.brief.scenario.parts)), 0

    @property
    def part(self) -> int:
        return self._part_began[0]

    @cached_property
    def turns_in_part(self) -> int:
        """Return how many turns of the learner this part has so far. Those that were not understood do not count."""
        return sum(line.role == "user" and bool(line.text) for line in self.lines[self._part_began[1] :])

    @cached_property
    def unasked(self) -> list[FollowUp]:
        """Return the questions not asked yet: from easy to deep, as in the file, but a little shuffled in each talk."""
        first, *others = self.questions
        shuffle = random.Random(self.brief.seed).shuffle
        # Once the learner has said something substantial, the opening's question comes too late.
        ordered = [] if known_answers.has_begun(self.heard) else [first]
        taking_up = [one for one in others if one.when]
        general = [one for one in others if not one.when]
        for start in range(0, len(general), _SHUFFLED_TOGETHER):
            group = general[start : start + _SHUFFLED_TOGETHER]
            shuffle(group)
            ordered += group
        spoken = "\n".join(self.spoken)
        return [one for one in (*taking_up, *ordered) if not one.found_in(spoken)]

    @cached_property
    def _open(self) -> tuple[str, int]:
        """Return the question that waits for an answer, or "", and the index of its line among the spoken ones."""
        for number in range(len(self.spoken) - 1, -1, -1):
            asked = next((one for one in reversed(scenario.sentences(self.spoken[number])) if one.endswith("?")), "")
            # Remove "My question was:" and the like.
            frames = (frame.partition("{")[0] for frame in phrases.REPEATS)
            asked = asked.removeprefix(next((frame for frame in frames if asked.startswith(frame)), ""))
            if not asked or not any(plain(one) in self.spoken[number] for one in phrases.SIDE_QUESTIONS):
                return asked, number
        return "", 0

    @property
    def open_question(self) -> str:
        """Return the question that waits for an answer, or "" if there is none or it was cut short."""
        return self._open[0]

    @cached_property
    def easier_question(self) -> str:
        """Return the open question in easier words, or "" if there are none."""
        asked, number = self._open
        if not asked:
            return ""
        every = [*self._scenarios_questions, *self.questions]
        # "What is the work like?" must match its own template before "What is {place} like?".
        every.sort(key=lambda one: len(scenario.slots(one.ask)))
        made = next((one for one in every if one.found_in(asked)), None)
        if made is not None:
            words = scenario.words_found(made.ask, asked) or self.own_words
            return scenario.fill(made.easy, words) if scenario.slots(made.easy) <= words.keys() else ""
        answered = self.heard[max(0, min(number, len(self.heard)) - 1) :][:1]
        for text in (*answered, *reversed(self.heard)):
            for found in uptake.fitting(text, self.heard, in_story=True, in_film=True):
                if easy := next((easy for ask, easy in found.asks if asked in (ask, easy)), ""):
                    return easy
        return ""

    @cached_property
    def statements(self) -> list[str]:
        """Return the learner's statements, text by text."""
        return known_answers.statements_of(self.heard)

    @cached_property
    def in_story(self) -> bool:
        """Return whether one of the learner's last two statements is about the past."""
        return any(clause.tense == "past" for text in self.statements[-2:] for clause in parsing.parse(text))

    @cached_property
    def in_film(self) -> bool:
        """Return whether the learner may be telling of a film or a book, whose griefs are not the learner's own."""
        return self.brief.scenario.id == "films" or any(_FILM.search(text) for text in self.statements[-2:])

    @cached_property
    def last_question_asked(self) -> bool:
        return any(frame.partition("{")[0] in line for frame in phrases.LAST_QUESTION for line in self.spoken)

    def said(self, sentence: str) -> bool:
        return any(plain(sentence) in line for line in self.spoken)

    def choose(self, options: Iterable[str]) -> str:
        """Return an option that has not been said yet, or "" if all have been."""
        options = list(options)
        if not options:
            return ""
        first = crc32(f"{self.brief.seed} {options[0]}".encode()) % len(options)
        return self.first_unsaid([*options[first:], *options[:first]])

    def first_unsaid(self, options: Sequence[str]) -> str:
        return next((one for one in options if not self.said(one)), "")


def best_match(talk: DialogueState, heard: str, *, only_naming: bool = False) -> Question | None:
    """Return the follow-up that matches most of the learner's words. Of equal ones, the earlier in the file wins."""
    best: tuple[int, Question] | None = None
    for one in talk.unasked:
        if only_naming and not scenario.slots(_wording(talk.brief, one)):
            continue
        matches = [match for pattern in one.when if (match := _affirmed(pattern, heard))]
        score = sum(len(match[0]) for match in matches)
        if matches and (best is None or score > best[0]) and not _is_superfluous(one, [*talk.statements, heard]):
            words = {name: _inside_a_sentence(matches[0], name) for name in matches[0].groupdict()}
            take, ask = scenario.fill(one.take, words), scenario.fill(_wording(talk.brief, one), words)
            if not is_about(f"{take} {ask}", talk.mourned) and not _is_answered(talk, ask, heard):
                best = score, Question(take, ask)
    return best[1] if best else None


def from_words(
    talk: DialogueState, heard: str, lost: frozenset[str], *, first: bool = False, weak: bool = False
) -> Question | None:
    """Return a question that follows from the learner's own words, whatever the topic.

    With `first`, it must be one that comes before the scenario's questions, with `weak` one that comes after them.
    """
    if talk.brief.scenario.kind == "adventure" or heard in talk.heard:
        return None
    is_easy = talk.brief.level == scenario.LEVELS[0]
    for found in uptake.fitting(heard, talk.heard, in_story=talk.in_story, in_film=talk.in_film):
        if found.frame.weak != weak or (first and not found.frame.first):
            continue
        for ask, easy in found.asks:
            asked = easy if is_easy else ask
            if talk.said(asked) or is_about(asked, talk.mourned | lost) or _is_answered(talk, ask, heard):
                continue
            takes = [take for take in found.takes if not is_about(take, talk.mourned | lost)]
            return Question(talk.first_unsaid(takes), asked)
    return None


def take_of(talk: DialogueState, heard: str, lost: frozenset[str]) -> str:
    """Return words that take up what the learner said, before a question about something else, or ""."""
    if heard in talk.heard:
        return ""
    found = uptake.fitting(heard, talk.heard, in_story=talk.in_story, in_film=talk.in_film)
    takes = (take for one in found for take in one.takes if not talk.said(take) and take not in phrases.NEUTRAL)
    return next((take for take in takes if not is_about(take, talk.mourned | lost)), "")


def from_earlier(talk: DialogueState, lost: frozenset[str]) -> Question | None:
    """Return a question about earlier words that were not taken up yet, which names the thing that it is about."""
    back = talk.choose(phrases.BACK_TO_WHAT_YOU_SAID)
    # After words of distress, the earlier words may belong to it.
    if not back or any(safety.in_distress(heard) for heard in talk.heard):
        return None
    stated = (one for one in reversed(talk.heard) if remarks.understand(one).intent in (Intent.ANSWER, Intent.AND_YOU))
    stated = (one for one in stated if not moderation.found(one))
    found = (best_match(talk, heard, only_naming=True) for heard in stated)
    fitting = (one for one in found if one and not is_about(f"{one.take} {one.ask}", lost))
    return next((Question(back, one.ask) for one in fitting), None)


def next_general(talk: DialogueState, heard: str, lost: frozenset[str]) -> Question | None:
    """Return the next question that takes up nothing and that the learner has not answered already."""
    said = [*talk.statements, *known_answers.statements_of([heard])]
    general = [one for one in talk.unasked if not one.when and scenario.slots(one.ask) <= talk.own_words.keys()]
    wanted = (one for one in general if not _is_superfluous(one, [*said, *talk.own_words.values()]))
    asks = (scenario.fill(_wording(talk.brief, one), talk.own_words) for one in wanted)
    fitting = (ask for ask in asks if not is_about(ask, talk.mourned | lost) and not _is_answered(talk, ask, heard))
    return next((Question("", ask) for ask in fitting), None)


def opening_template(talk: DialogueState) -> str:
    one = talk.brief.scenario
    if one.opening_topic and "topic" in talk.own_words:
        return one.opening_topic
    return one.opening_easy if one.opening_easy and talk.brief.needs_easy_words else one.opening


def plain(text: str) -> str:
    return " ".join(text.split())


def is_about(text: str, people: frozenset[str]) -> bool:
    """Return whether a question names one of these people, or could mean one of them."""
    words = f" {' '.join(remarks.words(text))} "
    return any(f" {one} " in words for one in (people | _UNNAMED if people else ()))


def _is_superfluous(one: FollowUp, said: Sequence[str]) -> bool:
    return any(pattern.search(text) for pattern in one.unless for text in said)


def _is_answered(talk: DialogueState, ask: str, heard: str) -> bool:
    """Return whether the learner has answered this question before, or just now."""
    return any(known_answers.answers(ask, text) for text in (*talk.statements, *known_answers.statements_of([heard])))


def _affirmed(pattern: re.Pattern[str], heard: str) -> re.Match[str] | None:
    """Return a match that is not denied ("I don't like the beach"), and whose names are really names."""
    heard = heard.replace("\u2019", "'")
    for match in pattern.finditer(heard):
        clause = _CONTRAST.split(heard[: match.start()])[-1]
        names = (text.casefold() for text in match.groupdict().values() if text)
        if not _NEGATION.search(clause) and not _NOT_A_NAME.intersection(names):
            return match
    return None


def _inside_a_sentence(match: re.Match[str], group: str) -> str:
    """Return the text of a group, without a capital that only the start of a sentence gave it ("Summer is nice")."""
    begins = re.search(r"(?:^|[.!?])\s*$", match.string[: match.start(group)])
    small = match.string[: match.start(group)] + match.string[match.start(group) :].lower()
    again = match.re.search(small, match.start()) if begins else None
    return again[group] or "" if again else match[group] or ""


def _wording(brief: Brief, one: FollowUp) -> str:
    return one.easy if one.easy and brief.needs_easy_words else one.ask


def _speakable(text: str) -> str:
    """Return a few of the learner's own words, without signs that would end the sentence around them."""
    words = re.sub(r"[^A-Za-z0-9\u00c0-\u024f\s,'%&+-]", " ", re.sub(r"[.!?:;]+(?=\s)", ",", text)).split()
    short = ""
    for word in words:
        if len(short) + len(word) >= _LONGEST_OWN_WORDS:
            break
        short = f"{short} {word}".strip()
    return short.strip(" ,-'")
