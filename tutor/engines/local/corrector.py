"""Finds the mistakes in what a learner said, with Harper and rules of our own. `correct` blocks for some 10 ms."""

import itertools
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from tutor.engines.base import Correction
from tutor.engines.local.explained import explained
from tutor.engines.local.harper_rules import RULES, Rule
from tutor.engines.local.mistakes_verbs import MISTAKES as VERB_MISTAKES
from tutor.engines.local.mistakes_words import MISTAKES as WORD_MISTAKES
from tutor.engines.local.verbs import BY_PARTICIPLE, BY_PAST
from tutor.packages import optional_packages

if TYPE_CHECKING:
    from harper import Lint, Linter, Suggestion

MISTAKES = (*VERB_MISTAKES, *WORD_MISTAKES)

_SPELLING = "SpellCheck"
_HAVE = re.compile(r"\b(?:have|has|had|having|\w+'ve)(?: \w+)? $|\b(?:have|has|had)n't $", re.IGNORECASE)
# Where there is no full stop for long it is cut between words: the time it takes to check grows with the square of the length.
_SENTENCE = re.compile(r"[^.!?]{1,300}(?=[\s.!?]|$)[.!?]*\s*|[^\s.!?]{1,300}")
_ON_SECOND_THOUGHT = re.compile(
    r"(?: [\w']+){0,3}[,.]? (?:I mean|I meant|sorry|no wait|or rather|no|uh no)\b,?", re.IGNORECASE
)
_SECOND_THOUGHT = 4  # words
_INSERT_AFTER = 2  # harper.SuggestionKind.INSERT_AFTER

EXECUTOR = ThreadPoolExecutor(1, thread_name_prefix="corrector")

_lock = threading.Lock()  # a Linter raises when two threads are in it at once
_linter: "Linter | None" = None


def correct(text: str) -> tuple[Correction, ...]:
    """The mistakes in their order, none overlapping another. `start` and `end` are characters of `text`."""
    text = text.replace("\u2019", "'")
    found = []
    for sentence in _SENTENCE.finditer(text):
        found += [_moved(one, sentence.start()) for one in _in_sentence(sentence.group())]
    return tuple(one for one in found if not _put_right_at_once(one, text))


def load() -> None:
    """Makes the linter, once for the whole process (0.8 s)."""
    _lint("She have a dog.")


def _in_sentence(sentence: str) -> list[Correction]:
    lints = _lint(sentence)
    before = _complaints(lints)
    found = [[one] for mistake in MISTAKES for one in mistake.find(sentence)]
    found += [list(_candidates(sentence, name, lint)) for name, lint in lints if name != _SPELLING]
    chosen: list[Correction] = []
    for candidates in found:
        mending = (one for one in candidates if not _overlaps(one, chosen) and _mends(sentence, one, before))
        chosen.extend(itertools.islice(mending, 1))
    return sorted((explained(one, sentence) for one in chosen), key=lambda one: one.start)


def _put_right_at_once(one: Correction, text: str) -> bool:
    """Whether the learner noticed it, too: "She don't, I mean, she doesn't"."""
    again = _ON_SECOND_THOUGHT.match(text[one.end :])
    last = one.better.split()[-1].strip(".,!?").lower()
    return again is not None and last in re.findall(r"[\w']+", text[one.end + again.end() :].lower())[:_SECOND_THOUGHT]


def _candidates(sentence: str, name: str, lint: "Lint") -> Iterator[Correction]:
    """One for each of Harper's suggestions, the best one for a learner first."""
    rule = RULES[name]
    if rule.unless and re.search(rf"(?:{rule.unless})$", sentence[: lint.span.start], re.IGNORECASE):
        return
    after_have = bool(_HAVE.search(sentence[: lint.span.start]))
    for suggestion in sorted(lint.suggestions, key=lambda one: _rank(one.replacement_text, after_have)):
        start, end, better = _edit(sentence, lint, suggestion, rule)
        said = sentence[start:end]
        if not rule.only or re.fullmatch(rule.only, said, re.IGNORECASE):
            yield Correction(said, better, rule.why.format(better=better), rule.category, start, end, rule.sure)


def _rank(better: str, after_have: bool) -> int:
    """ "some advice" before "advice"; "ate" before "eaten", but not after "have": Harper's own order is any."""
    if better.startswith("some "):
        return 0
    forms = (BY_PARTICIPLE, BY_PAST) if after_have else (BY_PAST, BY_PARTICIPLE)
    return next((rank for rank, table in enumerate(forms, 1) if better in table), 1)


def _edit(sentence: str, lint: "Lint", suggestion: "Suggestion", rule: Rule) -> tuple[int, int, str]:
    """Start, end and what to put there, with the words around it that belong to it: a lone "an" teaches nothing."""
    start, end, new = lint.span.start, lint.span.end, suggestion.replacement_text
    context, following = rule.context, rule.following
    if suggestion.kind == _INSERT_AFTER:
        new, following = sentence[start:end] + new, 1
    elif not new.strip():
        context, following = max(context, 1), 1
    elif rule.category == "preposition" and " " not in new:
        context = max(context, 1)
    mended = sentence[:start] + new + sentence[end:]
    tail = len(sentence) - end
    if words := re.search(rf"(?:[\w']+ +){{0,{context}}}$", sentence[:start]):
        start = words.start()
    if words := re.match(rf"(?: *[\w']+){{0,{following}}}", sentence[end:]):
        tail -= words.end()
    return start, len(sentence) - tail, mended[start : len(mended) - tail]


def _mends(sentence: str, one: Correction, before: Counter[tuple[str, str]]) -> bool:
    """Whether the sentence is better with it: no new complaint, no word that does not exist."""
    if one.better.lower() in ("", one.said.lower()):
        return False
    mended = sentence[: one.start] + one.better + sentence[one.end :]
    after = _complaints(_lint(mended))
    misspelt = {word for name, word in after if name == _SPELLING}
    return not after - before and misspelt.isdisjoint(one.better.lower().split())


def _overlaps(one: Correction, others: Iterable[Correction]) -> bool:
    return any(one.start < other.end and other.start < one.end for other in others)


def _moved(one: Correction, by: int) -> Correction:
    return replace(one, start=one.start + by, end=one.end + by)


def _complaints(lints: "list[tuple[str, Lint]]") -> Counter[tuple[str, str]]:
    return Counter((name, lint.problem_text.lower()) for name, lint in lints)


def _lint(text: str) -> "list[tuple[str, Lint]]":
    global _linter
    with _lock:
        if _linter is None:
            _linter = _make_linter()
        found = _linter.organized_lints(text, language="plaintext", dedup=False)
    return sorted(((name, lint) for name, lints in found.items() for lint in lints), key=lambda one: one[1].span.start)


def _make_linter() -> "Linter":
    with optional_packages():
        from harper import Dialect, Linter
    linter = Linter(Dialect.AMERICAN)
    linter.set_lint_config({name: name in RULES or name == _SPELLING for name in linter.get_default_lint_config()})
    return linter
