"""Read and check the partner's data files in `data/`, once for each process."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import count

from engines.local import vocabulary
from tutor.toml_tables import DataFileError, read, slots, with_lists

_FOLDER = vocabulary.DATA
_GROUP = re.compile(r"\(\?P<([a-z]+)>")


@dataclass(frozen=True, slots=True)
class Pattern:
    """Hold alternatives as one regular expression. Groups with the same name, one in each, count as one group."""

    expression: re.Pattern[str]

    @classmethod
    def of(cls, place: str, patterns: tuple[str, ...], macros: Mapping[str, str]) -> "Pattern":
        numbers = count()
        try:
            joined = "|".join(f"(?:{with_lists(one, macros)})" for one in patterns)
            return cls(re.compile(_GROUP.sub(lambda group: f"(?P<{group[1]}_{next(numbers)}>", joined)))
        except re.error as error:
            raise DataFileError(f"{place}: not a regular expression: {error}") from error
        except KeyError as error:
            raise DataFileError(f"{place}: there is no macro {{{error.args[0]}}}") from error

    def fullmatch(self, text: str) -> dict[str, str] | None:
        """Return the groups if all of the text matches, else None."""
        return _groups(self.expression.fullmatch(text))

    def search(self, text: str) -> dict[str, str] | None:
        """Return the groups if a part of the text matches, else None."""
        return _groups(self.expression.search(text))


@dataclass(frozen=True, slots=True)
class IntentRule:
    name: str
    pattern: Pattern
    clause: bool


@dataclass(frozen=True, slots=True)
class Feeling:
    patterns: Pattern
    unless: re.Pattern[str] | None
    say: tuple[str, ...]
    ask: tuple[str, ...]
    heavy: bool


@dataclass(frozen=True, slots=True)
class Feelings:
    """Hold the rules for feelings. `ask` fits each of them. `listening` and `back` answer the learner's next words."""

    kinds: tuple[Feeling, ...]
    story: re.Pattern[str]
    ask: tuple[str, ...]
    more: tuple[str, ...]
    listening: tuple[str, ...]
    back: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReplyRule:
    """Hold the rule for answering a kind of question."""

    match: Pattern
    say: tuple[str, ...]
    ask: tuple[str, ...]
    scenarios: tuple[str, ...]
    name_only: bool
    place_only: bool
    needs_place: bool
    language: bool
    named: bool


@dataclass(frozen=True, slots=True)
class Replies:
    kinds: tuple[ReplyRule, ...]
    did: Mapping[str, str]
    tips: Mapping[str, str]
    famous: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Frame:
    """Hold questions that follow from a clause of the learner, and the conditions under which they do."""

    take: tuple[str, ...]
    ask: tuple[str, ...]
    easy: tuple[str, ...]
    match: re.Pattern[str] | None
    unless_here: re.Pattern[str] | None
    verbs: frozenset[str]
    verbs_not: frozenset[str]
    subject: tuple[str, ...]
    tense: tuple[str, ...]
    classes: frozenset[str]
    negated: bool
    either: bool
    adjective: bool
    no_object: bool
    film: bool
    story: bool
    first: bool
    weak: bool


@dataclass(frozen=True, slots=True)
class Topics:
    # A scenario -> the words that name its topic
    scenarios: Mapping[str, frozenset[str]]
    # A class of nouns -> first questions
    asks: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Classes:
    # Noun -> class
    nouns: Mapping[str, str]
    light: frozenset[str]
    # Noun -> "he" or "she"
    pronouns: Mapping[str, str]
    # Verb -> noun
    events: Mapping[str, str]
    # Adjectives that can be asked about
    telling: frozenset[str]


def load() -> None:
    """Read and check all files. Raises DataFileError, naming the file and the field."""
    for part in (intents, feelings, replies, frames, classes, topics, words):
        part()


@cache
def intents() -> tuple[IntentRule, ...]:
    with read(_FOLDER / "intents.toml") as table:
        macros = table.mapping("macros")
        found = []
        for entry in table.tables("intents"):
            name = entry.text("name")
            patterns = Pattern.of(f"intents.toml: {name}", entry.texts("whole"), macros)
            found.append(IntentRule(name, patterns, entry.flag("clause")))
    return tuple(found)


@cache
def feelings() -> Feelings:
    with read(_FOLDER / "feelings.toml") as table:
        common = table.table("words")
        return Feelings(
            kinds=tuple(
                Feeling(
                    patterns=Pattern.of(f"feelings.toml: {entry.text('name')}", entry.texts("patterns"), {}),
                    unless=entry.optional_pattern("unless"),
                    say=entry.says("say", questions=False),
                    ask=entry.says("ask", questions=True, optional=True),
                    heavy=entry.flag("heavy"),
                )
                for entry in table.tables("feelings")
            ),
            story=re.compile(common.text("story")),
            ask=common.says("ask", questions=True),
            more=common.says("more", questions=True),
            listening=common.says("listening", questions=False),
            back=common.says("back", questions=False),
        )


@cache
def replies() -> Replies:
    with read(_FOLDER / "answers.toml") as table:
        kinds = tuple(
            ReplyRule(
                match=Pattern.of(f"answers.toml: {entry.text('name')}", (entry.text("match"),), {}),
                say=entry.says("say", questions=False),
                ask=entry.says("ask", questions=True, optional=True),
                scenarios=entry.texts("scenarios", optional=True),
                **entry.flags("name_only", "place_only", "needs_place", "language", "named"),
            )
            for entry in table.tables("answers")
        )
        return Replies(kinds, table.mapping("did"), table.mapping("tips"), table.mapping("famous"))


_SLOTS = frozenset(
    {"it", "It", "who", "Who", "verb", "verbs", "rest", "person", "he", "him", "his", "adj", "Adj", "event", "object"}
    | {"is", "Is", "Does", "does", "was", "were", "bare", "whom", "Whom", "Mine"}
)


@cache
def frames() -> tuple[Frame, ...]:
    with read(_FOLDER / "frames.toml") as table:
        found = []
        for entry in table.tables("frames"):
            name = entry.text("name")
            frame = Frame(
                take=entry.says("take", questions=False),
                ask=entry.says("ask", questions=True),
                easy=entry.says("easy", questions=True),
                match=entry.optional_pattern("match"),
                unless_here=entry.optional_pattern("unless_here"),
                verbs=entry.words("verbs"),
                verbs_not=entry.words("verbs_not"),
                subject=entry.choices("subject", ("i", "we", "third", "there", "none")),
                tense=entry.choices("tense", ("past", "present", "future", "wish", "could", "none")),
                classes=frozenset(entry.texts("classes", optional=True)),
                **entry.flags("negated", "either", "adjective", "no_object", "film", "story", "first", "weak"),
            )
            if len(frame.ask) != len(frame.easy):
                raise entry.error("easy", f"must have as many questions as `ask` ({name})")
            known = _SLOTS | frozenset(frame.match.groupindex if frame.match else ())
            for text in (*frame.take, *frame.ask, *frame.easy):
                if unknown := slots(text) - known:
                    raise entry.error("ask", f"nothing fills {{{min(unknown)}}} ({name})")
            found.append(frame)
    return tuple(found)


@cache
def classes() -> Classes:
    with read(_FOLDER / "classes.toml") as table:
        return Classes(
            nouns={noun: name for name, text in table.mapping("nouns").items() for noun in text.split()},
            light=frozenset(table.mapping("verbs")["light"].split()),
            pronouns={noun: name for name, text in table.mapping("pronouns").items() for noun in text.split()},
            events=table.mapping("events"),
            telling=frozenset(table.mapping("adjectives")["telling"].split()),
        )


@cache
def topics() -> Topics:
    with read(_FOLDER / "topics.toml") as table:
        names = {name: frozenset(text.split()) for name, text in table.mapping("scenarios").items()}
        asks = table.table("asks")
        kinds = ("country", "activity", "animal", "family", "person", "default")
        return Topics(names, {kind: asks.says(kind, questions=True) for kind in kinds})


@cache
def words() -> Mapping[str, str]:
    """Return the meanings of words by their base form."""
    with read(_FOLDER / "words.toml") as table:
        return table.mapping("words")


def _groups(match: re.Match[str] | None) -> dict[str, str] | None:
    if match is None:
        return None
    return {name.rpartition("_")[0]: text.strip() for name, text in match.groupdict().items() if text and text.strip()}
