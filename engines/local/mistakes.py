"""Find frequent mistakes that Harper does not find, by the rules in `data/mistakes/`.

Precision comes first, so each rule names its words. Files are read in the order of their names, and of two corrections
that overlap the first one counts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from engines.local import vocabulary
from tutor.domain import Correction
from tutor.toml_tables import Table, read, with_lists
from tutor.verb_forms import BY_PAST

CATEGORIES = (
    *(
        "adverb",
        "agreement",
        "article",
        "comparison",
        "conjunction",
        "noun",
        "preposition",
        "pronoun",
        "quantity",
        "tense",
    ),
    *("verb form", "word choice", "word order"),
)
# Kinds of explanations that quote the learner's words
EXPLANATIONS = ("agreement", "finished time")
# A pattern at the end of the text before a mistake.
AT_END = "(?:%s)$"
_FOLDER = vocabulary.DATA / "mistakes"
_PRONOUN = re.compile(r"\b(I|you|we|they|he|she|it)(?: \w+)? $", re.IGNORECASE)
# "The verb takes -s" does not explain these.
_UNLIKE_OTHER_VERBS = frozenset("am is are was were do don't doesn't".split())  # noqa: SIM905
_SLOT = re.compile(r"\{(\d+)(?::([a-z_]+))?\}")


@dataclass(frozen=True, slots=True)
class Example:
    """Hold a wrong sentence and its right form, which must not be marked."""

    said: str
    better: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Hold the fields of a rule that learners see, and its examples."""

    name: str
    why: str
    category: str
    # Only a correction that is sure is spoken.
    sure: bool
    # One of EXPLANATIONS, or "".
    explain: str
    examples: tuple[Example, ...]
    # More sentences that must not be marked.
    right: tuple[str, ...]

    def correction(self, text: str, better: str, start: int, end: int) -> Correction:
        why = self.why.replace("{better}", better)
        one = Correction(text[start:end], better, why, self.category, start, end, self.sure)
        return _explained(one, text, self.explain)


@dataclass(frozen=True, slots=True)
class Mistake:
    """Hold a rule: a match of `wrong` is replaced by `better`, whose slots are groups of the match.

    The text before it must match `after` and must not match `unless`. Both match at the end of that text.
    """

    reason: Reason
    wrong: re.Pattern[str]
    better: str
    after: re.Pattern[str] | None
    unless: re.Pattern[str] | None

    def find(self, text: str) -> Iterator[Correction]:
        for match in self.wrong.finditer(text):
            before = text[: match.start()]
            if (self.unless and self.unless.search(before)) or (self.after and not self.after.search(before)):
                continue
            better = self._filled(match)
            if better and match[0][0].isupper():
                better = better[0].upper() + better[1:]
            if better and better.lower() != match[0].lower():
                yield self.reason.correction(text, better, match.start(), match.end())

    def _filled(self, match: re.Match[str]) -> str:
        """Return the better words, or "" if they need a form of a verb that is not listed."""
        words = vocabulary.load()

        def fill(slot: re.Match[str]) -> str:
            word = match[int(slot[1])] or ""
            return words.in_form(word, slot[2]) if slot[2] and word else word

        try:
            return _SLOT.sub(fill, self.better)
        except KeyError:
            return ""


@cache
def load_all() -> tuple[Mistake, ...]:
    """Return the rules of all files. Raises DataFileError for the first invalid field, and names it."""
    return tuple(one for path in sorted(_FOLDER.glob("*.toml")) for one in load(path))


def load(path: Path) -> tuple[Mistake, ...]:
    with read(path) as table:
        words = vocabulary.load()
        found = []
        for entry in table.tables("mistakes"):
            mistake = Mistake(
                reason=reason(entry),
                wrong=entry.pattern("wrong", words.lists),
                better=entry.text("better"),
                after=entry.optional_pattern("after", words.lists, AT_END),
                unless=entry.optional_pattern("unless", words.lists, AT_END),
            )
            for number, form in _SLOT.findall(mistake.better):
                if int(number) > mistake.wrong.groups:
                    raise entry.error("better", f"`wrong` has no group {number}")
                if form and not words.knows(form):
                    raise entry.error("better", f"there is no form {form!r}")
            if "{" in _SLOT.sub("", mistake.better):
                raise entry.error("better", "a slot is a number, or a number and a form: {1} or {2:past}")
            found.append(mistake)
    refuse_duplicates(table, "mistakes", [one.reason for one in found])
    return tuple(found)


def reason(entry: Table) -> Reason:
    """Read the fields that all kinds of rules have."""
    why = entry.text("why")
    if not why.endswith((".", '."')):
        raise entry.error("why", "must end with a full stop")
    explain = entry.text("explain", optional=True)
    if explain and explain not in EXPLANATIONS:
        raise entry.error("explain", f"must be one of {', '.join(EXPLANATIONS)}, not {explain!r}")
    return Reason(
        name=entry.text("name"),
        why=why,
        category=entry.choice("category", CATEGORIES),
        sure=entry.flag("sure"),
        explain=explain,
        examples=tuple(_example(entry, text) for text in entry.texts("examples")),
        right=entry.texts("right", optional=True),
    )


def refuse_duplicates(table: Table, key: str, reasons: list[Reason]) -> None:
    names = [one.name for one in reasons]
    if twice := [name for name in names if names.count(name) > 1]:
        raise table.error(key, f"two rules have the name {twice[0]!r}")
    if bare := [one.name for one in reasons if not one.examples]:
        raise table.error(key, f"{bare[0]!r} has no examples")


def _example(entry: Table, text: str) -> Example:
    said, bar, better = (part.strip() for part in text.partition("|"))
    if not (said and bar and better):
        raise entry.error("examples", f"must be 'wrong sentence | right sentence', not {text!r}")
    return Example(said, better)


def _explained(one: Correction, sentence: str, kind: str) -> Correction:
    """Return the correction with an explanation of this kind, or unchanged if the kind is ""."""
    if kind == "agreement" and " " not in one.better and (pronoun := _PRONOUN.search(sentence[: one.start])):
        who = "I" if pronoun[1].lower() == "i" else pronoun[1].lower()
        if one.better in _UNLIKE_OTHER_VERBS:
            return replace(one, why=f'With "{who}" say "{one.better}": {who} {one.better}.')
        rule = "takes -s" if who in ("he", "she", "it") else "has no -s"
        return replace(one, why=f'With "{who}" the verb {rule}: {who} {one.better}.')
    if kind == "finished time":
        times = with_lists("{finished_time}", vocabulary.load().lists)
        if time := re.search(times, sentence, re.IGNORECASE):
            # "has gone" is better than "has went", but not yet right with a finished time. So it is not spoken. If the
            # learner said a form of the simple past, the reason names it.
            past = one.said.split()[-1].lower()
            hint = f' With "{time[0].lower()}", say "{past}".' if past in BY_PAST else ""
            return replace(one, why=f"{one.why}{hint}", sure=False)
    return one
