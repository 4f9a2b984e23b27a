"""Turn what Harper finds into corrections for a learner, by the rules in `data/harper/`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from engines.local import vocabulary
from engines.local.mistakes import AT_END, Reason, reason, refuse_duplicates
from tutor.domain import Correction
from tutor.toml_tables import read
from tutor.verb_forms import BY_PARTICIPLE, BY_PAST

if TYPE_CHECKING:
    from harper import Lint, Suggestion

_FOLDER = vocabulary.DATA / "harper"
_HAVE = re.compile(r"\b(?:have|has|had|having|\w+'ve)(?: \w+)? $|\b(?:have|has|had)n't $", re.IGNORECASE)
_INSERT_AFTER = 2  # harper.SuggestionKind.INSERT_AFTER


@dataclass(frozen=True, slots=True)
class HarperRule:
    """Hold a rule of Harper. `only` must match all of the wrong words, `unless` must not match right before them."""

    reason: Reason
    # The name of its file, for errors.
    file: str
    # Number of words before the mistake that belong to the correction, such as "has" before "went".
    words_before: int
    # The same for words after it, such as "engineer" after "a".
    words_after: int
    only: re.Pattern[str] | None
    unless: re.Pattern[str] | None

    def candidates(self, sentence: str, lint: "Lint") -> Iterator[Correction]:
        """Yield one correction for each of Harper's suggestions, the best one for a learner first."""
        before = sentence[: lint.span.start]
        if self.unless and self.unless.search(before):
            return
        after_have = bool(_HAVE.search(before))
        for suggestion in sorted(lint.suggestions, key=lambda one: _rank(one.replacement_text, after_have)):
            start, end, better = self._edit(sentence, lint, suggestion)
            if not self.only or self.only.fullmatch(sentence[start:end]):
                yield self.reason.correction(sentence, better, start, end)

    def _edit(self, sentence: str, lint: "Lint", suggestion: "Suggestion") -> tuple[int, int, str]:
        """Return start, end and replacement of a correction, with its neighbours: a single "an" teaches nothing."""
        start, end, new = lint.span.start, lint.span.end, suggestion.replacement_text
        words_before, words_after = self.words_before, self.words_after
        if suggestion.kind == _INSERT_AFTER:
            new, words_after = sentence[start:end] + new, 1
        elif not new.strip():
            words_before, words_after = max(words_before, 1), 1
        elif self.reason.category == "preposition" and " " not in new:
            words_before = max(words_before, 1)
        corrected = sentence[:start] + new + sentence[end:]
        tail = len(sentence) - end
        if words := re.search(rf"(?:[\w']+ +){{0,{words_before}}}$", sentence[:start]):
            start = words.start()
        if words := re.match(rf"(?: *[\w']+){{0,{words_after}}}", sentence[end:]):
            tail -= words.end()
        return start, len(sentence) - tail, corrected[start : len(corrected) - tail]


@cache
def load_all() -> dict[str, HarperRule]:
    """Return the rules of all files by Harper's names. Raises DataFileError for the first invalid field, and names it."""
    found: list[HarperRule] = []
    lists = vocabulary.load().lists
    for path in sorted(_FOLDER.glob("*.toml")):
        with read(path) as table:
            for entry in table.tables("rules"):
                rule = HarperRule(
                    reason=reason(entry),
                    file=path.name,
                    words_before=entry.number("words_before"),
                    words_after=entry.number("words_after"),
                    only=entry.optional_pattern("only", lists),
                    unless=entry.optional_pattern("unless", lists, AT_END),
                )
                found.append(rule)
        refuse_duplicates(table, "rules", [one.reason for one in found])
    return {one.reason.name: one for one in found}


def _rank(better: str, after_have: bool) -> int:
    """Rank Harper's suggestions, whose order is arbitrary: "some advice" first, "eaten" before "ate" after "have"."""
    if better.startswith("some "):
        return 0
    forms = (BY_PARTICIPLE, BY_PAST) if after_have else (BY_PAST, BY_PARTICIPLE)
    return next((rank for rank, table in enumerate(forms, 1) if better in table), 1)
