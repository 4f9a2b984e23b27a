"""Finds the mistakes in what a learner said, with Harper and rules of our own. `correct` blocks for some 10 ms."""

import re
import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from tutor.engines.base import Correction
from tutor.engines.local import mistakes_verbs, mistakes_words
from tutor.engines.local.harper_rules import RULES
from tutor.packages import optional_packages

if TYPE_CHECKING:
    from harper import Lint, Linter

_SPELLING = "SpellCheck"
_SENTENCE = re.compile(r"[^.!?]+[.!?]*\s*")
_INSERT_AFTER = 2  # harper.SuggestionKind.INSERT_AFTER

_lock = threading.Lock()  # a Linter raises when two threads are in it at once
_linter: "Linter | None" = None


def correct(text: str) -> tuple[Correction, ...]:
    """The mistakes in their order, none overlapping another. `start` and `end` are characters of `text`."""
    found = []
    for sentence in _SENTENCE.finditer(text.replace("’", "'")):
        found += [_moved(one, sentence.start()) for one in _in_sentence(sentence.group())]
    return tuple(found)


def load() -> None:
    """Makes the linter, once for the whole process (0.8 s)."""
    _lint("She have a dog.")


def _in_sentence(sentence: str) -> list[Correction]:
    known = _lint(sentence)
    own = [one for mistake in (*mistakes_verbs.MISTAKES, *mistakes_words.MISTAKES) for one in mistake.find(sentence)]
    complaints = _complaints(known)
    chosen: list[Correction] = []
    for candidates in ([[one] for one in own] + [list(_candidates(sentence, *lint)) for lint in known]):
        if any(one.start < other.end and other.start < one.end for one in candidates[:1] for other in chosen):
            continue
        chosen += [one for one in candidates if _mends(sentence, one, complaints)][:1]
    return sorted(chosen, key=lambda one: one.start)


def _candidates(sentence: str, name: str, lint: "Lint") -> Iterator[Correction]:
    """One for each suggestion Harper makes, the best one for a learner first."""
    if name == _SPELLING:
        return
    rule = RULES[name]
    suggestions = sorted(lint.suggestions, key=lambda one: not one.replacement_text.startswith("some "))
    for suggestion in suggestions:
        start, end, better = lint.span.start, lint.span.end, suggestion.replacement_text
        if suggestion.kind == _INSERT_AFTER:
            better = sentence[start:end] + better
        start, end = _with_context(sentence, start, end, before=rule.context, widen=not better.strip() or suggestion.kind == 2)
        better = sentence[start : lint.span.start] + better + sentence[lint.span.end : end]
        said = sentence[start:end]
        stripped = " ".join(better.split())
        yield Correction(said.strip(), stripped, rule.why.format(better=stripped), rule.category, start, end, rule.sure)
