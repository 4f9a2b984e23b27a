"""Scenarios: what a talk is about. One TOML file each, in `scenarios/`, checked when loaded.

A text may hold slots, `{place}`: in a follow-up they are filled with the groups of the pattern that matched, in the
scenario of kind "own" with the learner's own words. They are filled by `fill`, never by `str.format`: what a learner
says may hold braces too. Patterns ignore case; one that needs a capital letter says so: `(?-i:[A-Z])`.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tutor import sorrow

if TYPE_CHECKING:
    from tutor.engines.base import Line

LEVELS = ("A1", "A2", "B1", "B2", "C1")
KINDS = ("chat", "adventure", "lesson", "interview", "own")
OWN_WORDS = frozenset({"topic", "goal", "rules", "expectations"})

_FOLDER = Path(__file__).parent / "scenarios"
_LONGEST_SPOKEN = 220  # characters: about 15 seconds of speech, all that a learner can be asked to listen to
_FEWEST_GENERAL = 10  # a learner who only ever says "yes" still gets a talk of eight turns without a repetition
_FEWEST_TAKING_UP = 5
_FEWEST = {"goals": 2, "hints": 3, "closings": 2}
_SLOT = re.compile(r"\{(\w+)\}")
_BADLY_SPOKEN = re.compile(r"[*_#`<>\[\]|\\…—]|\.\.|\s\s|\n|[\U00002190-\U0010ffff]")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")

_QUESTION = re.compile(r"\?$|^(?:can|could|shall|may|let's|what do you think)\b", re.IGNORECASE)
_REQUEST = re.compile(r"(?:\w+, )?(?:can|could|may|might) (?:I|we)\b", re.IGNORECASE)

# A goal is shown as a wish ("Say where you went") and told at the end as done ("You said where you went").
_DEEDS = {
    "Argue": "argued",
    "Ask": "asked",
    "Compare": "compared",
    "Describe": "described",
    "Explain": "explained",
    "Give": "gave",
    "Name": "named",
    "Say": "said",
    "Talk": "talked",
    "Tell": "told",
}


class ScenarioError(Exception):
    """A scenario is unknown, or its file is not fit for use; the text names the file and the field."""


@dataclass(frozen=True, slots=True)
class Goal:
    text: str
    patterns: tuple[re.Pattern[str], ...]

    @property
    def asks(self) -> bool:
        """Whether a question of the learner can reach it."""
        return self.text.startswith("Ask ")

    @property
    def deed(self) -> str:
        """The goal as something done, to follow "You": "said where you went"."""
        verb, _, rest = self.text.partition(" ")
        return f"{_DEEDS[verb]} {rest}"


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A question. With `when`, it takes up what the learner said; without, it can be asked at any time.

    `take` acknowledges what matched, `easy` asks the same in simpler words, `hint` helps to answer, and `unless`
    matches what makes the question superfluous once the learner has said it.
    """

    ask: str
    when: tuple[re.Pattern[str], ...] = ()
    unless: tuple[re.Pattern[str], ...] = ()
    take: str = ""
    easy: str = ""
    hint: str = ""

    def found_in(self, spoken: str) -> str:
        """The question as it was asked in these words of the agent, or "": a question cut short was not asked."""
        return found(self.ask, spoken) or (found(self.easy, spoken) if self.easy else "")


@dataclass(frozen=True, slots=True)
class Scenario:
    id: str
    title: str
    kind: str
    level: str
    summary: str
    icon: str  # a symbol of static/icons/sprite.svg
    opening: str
    goals: tuple[Goal, ...]
    follow_ups: tuple[FollowUp, ...]
    hints: tuple[str, ...]
    closings: tuple[str, ...]
    opening_easy: str = ""
    opening_topic: str = ""  # kind "own": the opening when the learner has named a topic
    opening_hint: str = ""


@dataclass(frozen=True, slots=True)
class Brief:
    """What an engine is told of a talk before it begins."""

    scenario: Scenario
    level: str
    seed: str  # the conversation's id: the same talk makes the same choices again
    topic: str = ""  # these four are the learner's own words, for the scenario "own-topic"
    goal: str = ""
    rules: str = ""
    expectations: str = ""
    language: str = "en"  # that mistakes are explained in
    mistakes: tuple[str, ...] = ()  # the learner's latest, "said \u2192 better", the newest first


@cache
def load_all() -> dict[str, Scenario]:
    """All scenarios by id: by kind, quick chats first and the learner's own topic last; easy ones first."""
    scenarios = [load(path) for path in _FOLDER.glob("*.toml")]
    scenarios.sort(key=lambda one: (KINDS.index(one.kind), LEVELS.index(one.level), one.title))
    return {one.id: one for one in scenarios}


def get(scenario_id: str) -> Scenario:
    try:
        return load_all()[scenario_id]
    except KeyError:
        raise ScenarioError(f"There is no scenario {scenario_id!r}.") from None


def goals(brief: Brief, transcript: "Sequence[Line]") -> list[tuple[str, bool]]:
    """The scenario's goals, each with whether the learner has reached it by what was said so far."""
    heard = [line.text for line in transcript if line.role == "user"]
    told = [_told(text, brief.scenario.kind) for text in heard]
    return [
        (goal.text, any(_matches(goal.patterns, text) for text in (heard if goal.asks else told)))
        for goal in brief.scenario.goals
    ]


def hint(brief: Brief, transcript: "Sequence[Line]", nth: int = 0) -> str:
    """Help with the agent's latest question; `nth` counts the hints already given for it: the next one differs."""
    spoken = [line.text for line in transcript if line.role == "assistant"]
    general = brief.scenario.hints
    turn = len(spoken) % len(general)
    choices = [*_hints_for_latest(brief.scenario, spoken), *general[turn:], *general[:turn]]
    return choices[nth % len(choices)]


def found(template: str, spoken: str) -> str:
    """The words of `spoken` that are this text with its slots filled, or ""."""
    match = _recogniser(template).search(spoken)
    return match[0] if match else ""


def fill(template: str, words: Mapping[str, str]) -> str:
    return _SLOT.sub(lambda slot: words[slot[1]], template)


def slots(template: str) -> frozenset[str]:
    return frozenset(_SLOT.findall(template))


def sentences(text: str) -> list[str]:
    return [sentence for sentence in _SENTENCE_END.split(text.strip()) if sentence]


def load(path: Path) -> Scenario:
    """The scenario in this file. Raises ScenarioError, naming the field, for the first thing that is wrong with it."""
    try:
        table = _Table(path.name, tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path.name}: is not valid TOML: {error}") from error
    scenario = Scenario(
        id=path.stem,
        title=table.text("title"),
        kind=table.choice("kind", KINDS),
        level=table.choice("level", LEVELS),
        summary=table.text("summary"),
        icon=table.text("icon"),
        opening=table.spoken("opening", question=True),
        opening_easy=table.spoken("opening_easy", question=True, optional=True),
        opening_topic=table.spoken("opening_topic", question=True, optional=True),
        opening_hint=table.spoken("opening_hint", optional=True),
        goals=tuple(_goal(entry) for entry in table.tables("goals")),
        follow_ups=tuple(_follow_up(entry) for entry in table.tables("follow_ups")),
        hints=table.lines("hints"),
        closings=table.lines("closings"),
    )
    table.refuse_unknown()
    _check_enough(path.name, scenario)
    _check_duplicates(path.name, scenario)
    _check_slots(path.name, scenario)
    return scenario


class _Table:
    """One table of a file. Every verb takes a key and raises a ScenarioError that names it if its value is unfit."""

    def __init__(self, place: str, values: dict[str, Any], prefix: str = "") -> None:
        self._place = place
        self._values = values
        self._prefix = prefix
        self._known: set[str] = set()

    def error(self, key: str, what: str) -> ScenarioError:
        return ScenarioError(f"{self._place}: {self._prefix}{key}: {what}")

    def text(self, key: str, *, optional: bool = False) -> str:
        value = self._value(key, str, "a text", "" if optional else None)
        if not optional and not value.strip():
            raise self.error(key, "is empty")
        return str(value)

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        value = self.text(key)
        if value not in allowed:
            raise self.error(key, f"must be one of {', '.join(allowed)}, not {value!r}")
        return value

    def spoken(self, key: str, *, question: bool = False, optional: bool = False) -> str:
        value = self.text(key, optional=optional)
        if value:
            self._check_spoken(key, value)
            if question and not (value.endswith("?") and value.count("?") == 1):
                raise self.error(key, "must be one question and end with its question mark")
        return value

    def lines(self, key: str) -> tuple[str, ...]:
        lines = self._list_of_texts(key)
        for line in lines:
            self._check_spoken(key, line)
            if slots(line) or "?" in line:
                raise self.error(key, f"must be plain statements, without slots or questions: {line!r}")
        return lines

    def patterns(self, key: str, *, optional: bool = False) -> tuple[re.Pattern[str], ...]:
        return tuple(self._compiled(key, pattern) for pattern in self._list_of_texts(key, optional=optional))

    def tables(self, key: str) -> "list[_Table]":
        entries = self._value(key, list, "a list of tables")
        if not all(isinstance(entry, dict) for entry in entries):
            raise self.error(key, "must be a list of tables")
        return [_Table(self._place, entry, f"{key}[{number}].") for number, entry in enumerate(entries, 1)]

    def refuse_unknown(self) -> None:
        for key in self._values.keys() - self._known:
            raise self.error(key, "is not a known field")

    def _value(self, key: str, kind: type, name: str, default: Any = None) -> Any:
        self._known.add(key)
        value = self._values.get(key, default)
        if value is None:
            raise self.error(key, "is missing")
        if not isinstance(value, kind):
            raise self.error(key, f"must be {name}")
        return value

    def _list_of_texts(self, key: str, *, optional: bool = False) -> tuple[str, ...]:
        values = self._value(key, list, "a list of texts", [] if optional else None)
        if not all(isinstance(value, str) and value for value in values):
            raise self.error(key, "must be a list of texts")
        return tuple(values)

    def _compiled(self, key: str, pattern: str) -> re.Pattern[str]:
        try:
            return re.compile(pattern, re.IGNORECASE)
        except re.error as error:
            raise self.error(key, f"{pattern!r} is not a regular expression: {error}") from error

    def _check_spoken(self, key: str, text: str) -> None:
        if len(text) > _LONGEST_SPOKEN:
            raise self.error(key, f"is too long to be spoken ({len(text)} characters, at most {_LONGEST_SPOKEN})")
        if bad := _BADLY_SPOKEN.search(text):
            raise self.error(key, f"holds {bad[0]!r}, which cannot be spoken well")
        if not text.endswith((".", "?", "!", '."', '?"')):
            raise self.error(key, "must end like a sentence")


def _goal(table: _Table) -> Goal:
    goal = Goal(text=table.text("text"), patterns=table.patterns("patterns"))
    table.refuse_unknown()
    if goal.text.partition(" ")[0] not in _DEEDS or goal.text.endswith("."):
        raise table.error("text", f"must begin with one of {', '.join(_DEEDS)} and have no full stop")
    if not goal.patterns:
        raise table.error("patterns", "is empty")
    return goal


def _follow_up(table: _Table) -> FollowUp:
    follow_up = FollowUp(
        ask=table.spoken("ask", question=True),
        when=table.patterns("when", optional=True),
        unless=table.patterns("unless", optional=True),
        take=table.spoken("take", optional=True),
        easy=table.spoken("easy", question=True, optional=True),
        hint=table.spoken("hint", optional=True),
    )
    table.refuse_unknown()
    if bool(follow_up.when) != bool(follow_up.take):
        raise table.error("take", "belongs to `when`: give both or neither")
    for key, text in (("ask", follow_up.ask), ("easy", follow_up.easy)):
        if len(sentences(text)) > 1:
            raise table.error(key, "must be a single sentence")
    if "?" in follow_up.take:
        raise table.error("take", "must not ask anything: `ask` does")
    return follow_up


def _check_enough(place: str, scenario: Scenario) -> None:
    for field, fewest in _FEWEST.items():
        if len(getattr(scenario, field)) < fewest:
            raise ScenarioError(f"{place}: {field}: needs at least {fewest}")
    general = sum(not (one.when or slots(one.ask)) for one in scenario.follow_ups)
    if general < _FEWEST_GENERAL:
        raise ScenarioError(f"{place}: follow_ups: needs at least {_FEWEST_GENERAL} without `when`, has {general}")
    if sum(bool(one.when) for one in scenario.follow_ups) < _FEWEST_TAKING_UP:
        raise ScenarioError(f"{place}: follow_ups: needs at least {_FEWEST_TAKING_UP} with `when`")


def _check_duplicates(place: str, scenario: Scenario) -> None:
    # The openings stand for one another, so they may share a greeting.
    openings = (scenario.opening, scenario.opening_easy, scenario.opening_topic)
    seen = {sentence.casefold() for opening in openings for sentence in sentences(opening)}
    asked = [text for one in scenario.follow_ups for text in (one.ask, one.easy, one.take, one.hint)]
    others = [scenario.opening_hint, *asked, *scenario.hints, *scenario.closings, *(one.text for one in scenario.goals)]
    for sentence in (sentence for text in others for sentence in sentences(text)):
        if sentence.casefold() in seen:
            raise ScenarioError(f"{place}: says {sentence!r} twice")
        seen.add(sentence.casefold())


def _check_slots(place: str, scenario: Scenario) -> None:
    own = OWN_WORDS if scenario.kind == "own" else frozenset()
    if (scenario.kind == "own") != bool(scenario.opening_topic):
        raise ScenarioError(f"{place}: opening_topic: belongs to kind own, and only there")
    for text in (scenario.opening, scenario.opening_easy, scenario.opening_hint):
        _refuse_slots(place, "opening", slots(text))
    _refuse_slots(place, "opening_topic", slots(scenario.opening_topic) - {"topic"})
    for number, one in enumerate(scenario.follow_ups, 1):
        filled = frozenset.intersection(*(frozenset(pattern.groupindex) for pattern in one.when)) if one.when else own
        for key, text in (("ask", one.ask), ("easy", one.easy), ("take", one.take), ("hint", one.hint)):
            _refuse_slots(
                place, f"follow_ups[{number}].{key}", slots(text) - (filled if key != "hint" else frozenset())
            )


def _refuse_slots(place: str, field: str, unfilled: frozenset[str]) -> None:
    if unfilled:
        raise ScenarioError(f"{place}: {field}: nothing fills {{{min(unfilled)}}}")


@cache
def _recogniser(template: str) -> re.Pattern[str]:
    constant = _SLOT.split(template)[::2]
    return re.compile(".+?".join(re.escape(part) for part in constant), re.IGNORECASE)


def _hints_for_latest(scenario: Scenario, spoken: Sequence[str]) -> list[str]:
    for line in reversed(spoken):
        for one in scenario.follow_ups:
            if one.found_in(line):
                return [one.hint] if one.hint else []
    return [scenario.opening_hint] if spoken and scenario.opening_hint else []


def _told(text: str, kind: str) -> str:
    """What tells something: a question does not, nor is anybody to be ticked off for grief. On a topic of their own a
    learner may practise asking for something."""
    if sorrow.in_distress(text) or sorrow.mourned(text):
        return ""
    request = _REQUEST if kind == "own" else None
    return " ".join(one for one in sentences(text) if not _QUESTION.search(one) or (request and request.match(one)))


def _matches(patterns: tuple[re.Pattern[str], ...], text: str) -> bool:
    return any(pattern.search(text.replace("\u2019", "'")) for pattern in patterns)
