"""Load the scenarios that talks are about: one TOML file each, in `scenarios/`, checked when loaded.

A text may hold slots such as `{place}`. In a follow-up, the groups of the pattern that matched fill them. In the
scenario of kind "own", the learner's own words do. Use `fill` for this, never `str.format`, because a learner's words
may hold braces too. Patterns ignore case. A pattern that needs a capital letter says so: `(?-i:[A-Z])`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from conversations.levels import LEVELS
from tutor import moderation, safety, statements
from tutor.domain import Line
from tutor.sentences import split as sentences
from tutor.toml_tables import SLOT, DataFileError, Table, read, slots

KINDS = ("chat", "adventure", "lesson", "interview", "exam", "placement", "own")
# In these talks the learner shows what they can, so the agent corrects nothing aloud.
WITHOUT_CORRECTION = frozenset({"exam", "placement"})
# Reasons to practise. A scenario names the ones that it suits.
PURPOSES = ("travel", "work", "exam", "school")
OWN_WORDS = frozenset({"topic", "goal", "rules", "expectations"})

_FOLDER = Path(__file__).parent / "scenarios"
# With these, even a learner who only says "yes" gets a talk of eight turns without a repetition.
_FEWEST_GENERAL = 10
_FEWEST_TAKING_UP = 5
_FEWEST = {"goals": 2, "hints": 3, "closings": 2}

_QUESTION = re.compile(r"\?$|^(?:can|could|shall|may|let's|what do you think)\b", re.IGNORECASE)
_REQUEST = re.compile(r"(?:\w+, )?(?:can|could|may|might) (?:I|we)\b", re.IGNORECASE)

# A goal is shown as a request ("Say where you went"), and at the end of the talk as done ("You said where you went").
_DEEDS = {"Argue": "argued", "Ask": "asked", "Compare": "compared", "Describe": "described", "Explain": "explained"}
_DEEDS |= {"Give": "gave", "Name": "named", "Say": "said", "Talk": "talked", "Tell": "told"}


class ScenarioError(Exception):
    """Report that there is no scenario with this id."""


@dataclass(frozen=True, slots=True)
class Goal:
    text: str
    patterns: tuple[re.Pattern[str], ...]

    @property
    def asks(self) -> bool:
        """Return whether the learner reaches it by asking a question."""
        return self.text.startswith("Ask ")

    @property
    def deed(self) -> str:
        """Return the goal as something done, to follow "You": "said where you went"."""
        verb, _, rest = self.text.partition(" ")
        return f"{_DEEDS[verb]} {rest}"


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Hold one question. With `when`, it takes up the learner's words. Without, it can be asked at any time.

    `take` acknowledges the words that matched. `easy` asks the same in simpler words. `hint` helps to answer. `unless`
    matches words of the learner that make the question superfluous.
    """

    ask: str
    when: tuple[re.Pattern[str], ...] = ()
    unless: tuple[re.Pattern[str], ...] = ()
    take: str = ""
    easy: str = ""
    hint: str = ""
    # The number of the part that it belongs to, from 1 on. 0: any part.
    part: int = 0

    def found_in(self, spoken: str) -> str:
        """Return the question as the agent asked it in `spoken`, or "". A question that was cut short was not asked."""
        return found(self.ask, spoken) or (found(self.easy, spoken) if self.easy else "")


@dataclass(frozen=True, slots=True)
class Part:
    """Hold one part of an exam. The agent begins it with `opening`, which is "" for the first one.

    It ends after `turns` turns of the learner. `seconds` and `preparation_s`, the time to think before the first turn, are
    for the clock that the page shows.
    """

    title: str
    turns: int
    seconds: int
    opening: str = ""
    preparation_s: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    id: str
    title: str
    kind: str
    level: str
    summary: str
    # The name of a symbol in static/icons/sprite.svg.
    icon: str
    opening: str
    goals: tuple[Goal, ...]
    follow_ups: tuple[FollowUp, ...]
    hints: tuple[str, ...]
    closings: tuple[str, ...]
    opening_easy: str = ""
    # For kind "own": the opening if the learner has named a topic.
    opening_topic: str = ""
    opening_hint: str = ""
    # With AUDIENCE=children it is not offered.
    adults_only: bool = False
    # Of PURPOSES.
    suits: tuple[str, ...] = ()
    # For kind "exam", and only there.
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Brief:
    """Hold the information that an engine gets about a talk before it begins."""

    scenario: Scenario
    level: str
    # The conversation's id, or other text of the talk. The same seed makes the same choices again.
    seed: str
    # These four hold the learner's own words, for the scenario "own-topic".
    topic: str = ""
    goal: str = ""
    rules: str = ""
    expectations: str = ""
    # The code of the language that mistakes are explained in.
    language: str = "en"
    # The learner's latest mistakes, each as "said \u2192 better", the newest first.
    mistakes: tuple[str, ...] = ()

    @property
    def takes_up_mistakes(self) -> bool:
        """Return whether the agent says the learner's mistakes right. They are listed beside the talk in any case."""
        return self.scenario.kind not in WITHOUT_CORRECTION

    @property
    def needs_easy_words(self) -> bool:
        """Return whether the learner's level is below that of the scenario."""
        return LEVELS.index(self.level) < LEVELS.index(self.scenario.level)


def load_all() -> dict[str, Scenario]:
    """Return the scenarios for the audience by id: quick chats first, the own topic last, easy ones first within a kind."""
    for_children = moderation.audience() is moderation.Audience.CHILDREN
    return {name: one for name, one in _load_files().items() if not (for_children and one.adults_only)}


@cache
def _load_files() -> dict[str, Scenario]:
    scenarios = [load(path) for path in _FOLDER.glob("*.toml")]
    scenarios.sort(key=lambda one: (KINDS.index(one.kind), LEVELS.index(one.level), one.title))
    return {one.id: one for one in scenarios}


def get(scenario_id: str) -> Scenario:
    try:
        return load_all()[scenario_id]
    except KeyError:
        raise ScenarioError(f"There is no scenario {scenario_id!r}.") from None


def goals(brief: Brief, transcript: Sequence[Line]) -> list[tuple[str, bool]]:
    """Return the scenario's goals, each with whether the learner has reached it so far."""
    said = [line.text for line in transcript if line.role == "user"]
    heard = [text.replace("\u2019", "'") for text in said]
    stated = [_statements(text, brief.scenario.kind).replace("\u2019", "'") for text in said]
    return [
        (goal.text, any(pattern.search(text) for text in (heard if goal.asks else stated) for pattern in goal.patterns))
        for goal in brief.scenario.goals
    ]


def found(template: str, spoken: str) -> str:
    """Return the part of `spoken` that is this text with its slots filled, or ""."""
    match = _recogniser(template).search(spoken)
    return match[0] if match else ""


def words_found(template: str, spoken: str) -> dict[str, str]:
    """Return the words that fill the slots of this text in `spoken`, by the name of their slot."""
    match = _recogniser(template).search(spoken)
    return match.groupdict() if match else {}


def fill(template: str, words: Mapping[str, str]) -> str:
    return SLOT.sub(lambda slot: words[slot[1]], template)


def load(path: Path) -> Scenario:
    """Return the scenario in this file. Raises DataFileError for the first invalid field, and names it."""
    with read(path) as table:
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
            adults_only=table.flag("adults_only"),
            suits=table.choices("suits", PURPOSES),
            parts=tuple(_part(entry) for entry in table.tables("parts", optional=True)),
        )
    _check_enough(path.name, scenario)
    _check_duplicates(path.name, scenario)
    _check_slots(path.name, scenario)
    _check_parts(path.name, scenario)
    return scenario


def _goal(table: Table) -> Goal:
    goal = Goal(text=table.text("text"), patterns=table.patterns("patterns"))
    if goal.text.partition(" ")[0] not in _DEEDS or goal.text.endswith("."):
        raise table.error("text", f"must begin with one of {', '.join(_DEEDS)} and have no full stop")
    if not goal.patterns:
        raise table.error("patterns", "is empty")
    return goal


def _follow_up(table: Table) -> FollowUp:
    follow_up = FollowUp(
        ask=table.spoken("ask", question=True),
        when=table.patterns("when", optional=True),
        unless=table.patterns("unless", optional=True),
        take=table.spoken("take", optional=True),
        easy=table.spoken("easy", question=True, optional=True),
        hint=table.spoken("hint", optional=True),
        part=table.number("part"),
    )
    if bool(follow_up.when) != bool(follow_up.take):
        raise table.error("take", "belongs to `when`: give both or neither")
    for key, text in (("ask", follow_up.ask), ("easy", follow_up.easy)):
        if len(sentences(text)) > 1:
            raise table.error(key, "must be a single sentence")
    if "?" in follow_up.take:
        raise table.error("take", "must not ask anything: `ask` does")
    return follow_up


def _part(table: Table) -> Part:
    part = Part(
        title=table.text("title"),
        turns=table.number("turns"),
        seconds=table.number("seconds"),
        opening=table.spoken("opening", question=True, optional=True),
        preparation_s=table.number("preparation_s"),
    )
    for key in ("turns", "seconds"):
        if getattr(part, key) < 1:
            raise table.error(key, "must be 1 or more")
    return part


def _check_parts(place: str, scenario: Scenario) -> None:
    parts = scenario.parts
    if (scenario.kind == "exam") != bool(parts):
        raise DataFileError(f"{place}: parts: belong to kind exam, and only there")
    if [bool(part.opening) for part in parts] != [number > 0 for number in range(len(parts))]:
        raise DataFileError(f"{place}: parts: each but the first needs an opening")
    for number, one in enumerate(scenario.follow_ups, 1):
        if not 0 <= one.part <= len(parts):
            raise DataFileError(f"{place}: follow_ups[{number}].part: there is no part {one.part}")


def _check_enough(place: str, scenario: Scenario) -> None:
    for field, fewest in _FEWEST.items():
        if len(getattr(scenario, field)) < fewest:
            raise DataFileError(f"{place}: {field}: needs at least {fewest}")
    general = sum(not (one.when or slots(one.ask)) for one in scenario.follow_ups)
    if general < _FEWEST_GENERAL:
        raise DataFileError(f"{place}: follow_ups: needs at least {_FEWEST_GENERAL} without `when`, has {general}")
    if sum(bool(one.when) for one in scenario.follow_ups) < _FEWEST_TAKING_UP:
        raise DataFileError(f"{place}: follow_ups: needs at least {_FEWEST_TAKING_UP} with `when`")


def _check_duplicates(place: str, scenario: Scenario) -> None:
    # A talk uses only one of the openings, so they may share a greeting.
    openings = (scenario.opening, scenario.opening_easy, scenario.opening_topic)
    seen = {sentence.casefold() for opening in openings for sentence in sentences(opening)}
    asked = [text for one in scenario.follow_ups for text in (one.ask, one.easy, one.take, one.hint)]
    others = [scenario.opening_hint, *asked, *scenario.hints, *scenario.closings, *(one.text for one in scenario.goals)]
    others += [part.opening for part in scenario.parts]
    for sentence in (sentence for text in others for sentence in sentences(text)):
        if sentence.casefold() in seen:
            raise DataFileError(f"{place}: says {sentence!r} twice")
        seen.add(sentence.casefold())


def _check_slots(place: str, scenario: Scenario) -> None:
    own = OWN_WORDS if scenario.kind == "own" else frozenset()
    if (scenario.kind == "own") != bool(scenario.opening_topic):
        raise DataFileError(f"{place}: opening_topic: belongs to kind own, and only there")
    for text in (scenario.opening, scenario.opening_easy, scenario.opening_hint):
        _refuse_slots(place, "opening", slots(text))
    _refuse_slots(place, "opening_topic", slots(scenario.opening_topic) - {"topic"})
    for number, one in enumerate(scenario.follow_ups, 1):
        filled = frozenset.intersection(*(frozenset(pattern.groupindex) for pattern in one.when)) if one.when else own
        for key, text in (("ask", one.ask), ("easy", one.easy), ("take", one.take)):
            _refuse_slots(place, f"follow_ups[{number}].{key}", slots(text) - filled)
        _refuse_slots(place, f"follow_ups[{number}].hint", slots(one.hint))


def _refuse_slots(place: str, field: str, unfilled: frozenset[str]) -> None:
    if unfilled:
        raise DataFileError(f"{place}: {field}: nothing fills {{{min(unfilled)}}}")


@cache
def _recogniser(template: str) -> re.Pattern[str]:
    parts = SLOT.split(template)
    pattern = "".join(f"(?P<{part}>.+?)" if number % 2 else re.escape(part) for number, part in enumerate(parts))
    return re.compile(pattern, re.IGNORECASE)


def _statements(text: str, kind: str) -> str:
    """Return the statements in a learner's text, which can reach goals. A text about grief or distress has none.

    Questions are left out, but the part before "and you?" is kept. For kind "own", requests are kept, because a learner
    may practise asking for something.
    """
    if safety.in_distress(text) or safety.mourned(text):
        return ""
    kept = []
    for one in sentences(text):
        counts = not _QUESTION.search(one) or (kind == "own" and _REQUEST.match(one))
        kept.append(one if counts else statements.without_tag_question(one)[0])
    return " ".join(filter(None, kept))
