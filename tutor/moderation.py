"""Judge what is said in a talk by a word list and patterns, in well under a millisecond.

A language model's provider may judge the same words too: see `engines.interface.Engine.moderate`. `stops` says which categories
must not be said to the audience. The entries and patterns are in `moderation.toml` and `wordlists/`.
"""

import csv
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from django.conf import settings

from tutor import safety
from tutor.toml_tables import Table, read

_FILE = Path(__file__).parent / "moderation.toml"
_LIST = Path(__file__).parent / "wordlists" / "profanity_en.csv"
_EDGES = ".,;:?!\"'()[]\u201c\u201d\u2018\u2019\u2026"


class Audience(StrEnum):
    GENERAL = "general"
    CHILDREN = "children"


class Category(StrEnum):
    """List what may be found in words, the gravest first."""

    SELF_HARM = "self_harm"
    # Sexual content about children.
    MINORS = "minors"
    THREAT = "threat"
    HATE = "hate"
    SEXUAL = "sexual"
    # Sex, drugs and drunkenness as a topic.
    ADULT = "adult"
    # Swearing and insults.
    RUDE = "rude"


# Categories that stop only if the audience is children.
FOR_CHILDREN = frozenset({Category.ADULT, Category.RUDE})
_PATTERNS = (Category.MINORS, Category.THREAT, Category.HATE, Category.SEXUAL, Category.ADULT)


@dataclass(frozen=True, slots=True)
class _Rules:
    # Category by entry, in lower case. An entry has up to `longest` words.
    entries: Mapping[str, Category]
    longest: int
    patterns: Mapping[Category, tuple[re.Pattern[str], ...]]
    asking: tuple[re.Pattern[str], ...]


def audience() -> Audience:
    """Return the audience of this site, by the setting AUDIENCE."""
    return Audience(settings.AUDIENCE)


def stops(category: Category) -> bool:
    """Return whether words of this category are neither said to the audience nor answered."""
    return category not in FOR_CHILDREN or audience() is Audience.CHILDREN


def found(text: str) -> Category | None:
    """Return the gravest category in a text that `stops` for the audience, or None. It does not look for SELF_HARM."""
    rules, plain = load(), _plain(text)
    words = [word.strip(_EDGES) or word for word in plain.split()]
    counts = {
        rules.entries[entry]
        for length in range(1, rules.longest + 1)
        for start in range(len(words) - length + 1)
        if (entry := " ".join(words[start : start + length])) in rules.entries
    }
    counts |= {kind for kind, some in rules.patterns.items() if any(pattern.search(plain) for pattern in some)}
    return gravest(counts)


def found_in_learners(text: str) -> Category | None:
    """Return what `found` does for the words of a learner, or SELF_HARM for a learner who is in danger or despair."""
    return Category.SELF_HARM if safety.in_distress(text) else found(text)


def gravest(categories: Collection[Category | None]) -> Category | None:
    """Return the gravest of the categories that `stops` for the audience, or None. None among them does not count."""
    return next((each for each in Category if each in categories and stops(each)), None)


def is_asking(text: str) -> bool:
    """Return whether a learner seems to ask about a word, or to tell what somebody else said, not to use it."""
    return any(pattern.search(_plain(text)) for pattern in load().asking)


@cache
def load() -> _Rules:
    """Return the rules. Raises DataFileError for the first invalid field."""
    with read(_FILE) as table:
        lists, patterns, words = table.mapping("lists"), table.table("patterns"), table.table("words")
        ordinary = _phrases(words, "ordinary")
        entries = _entries(table, ordinary, _phrases(words, "only_for_children"))
        compiled = {kind: patterns.patterns(kind.value, lists) for kind in _PATTERNS}
        asking = table.table("asking").patterns("patterns")
    return _Rules(entries, max(len(entry.split()) for entry in entries), compiled, asking)


def _entries(table: Table, ordinary: frozenset[str], only_for_children: frozenset[str]) -> dict[str, Category]:
    kinds = [
        (Category(each.choice("category", tuple(Category))), each.texts("kinds"), each.texts("severities"))
        for each in table.tables("entries")
    ]
    entries: dict[str, Category] = {}
    with _LIST.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            entry = row["text"].casefold()
            fits = (
                category
                for category, names, severities in kinds
                if row["category_1"] in names and row["severity_description"] in severities
            )
            if entry not in ordinary and (category := next(fits, None)):
                entries[entry] = Category.RUDE if entry in only_for_children else category
    return entries


def _phrases(table: Table, key: str) -> frozenset[str]:
    return frozenset(word.replace("_", " ") for word in table.words(key))


def _plain(text: str) -> str:
    return " ".join(text.replace("\u2019", "'").casefold().split())
