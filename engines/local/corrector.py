"""Find the mistakes in a learner's words, with Harper and our own rules. `correct` blocks for some 10 ms."""

import re
import threading
from collections import Counter
from collections.abc import Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from engines.local import harper_rules, mistakes
from engines.local.grammar import agreement, inflection, token_patterns
from engines.packages import optional_packages
from tutor.domain import Correction
from tutor.toml_tables import DataFileError

if TYPE_CHECKING:
    from harper import Lint, Linter

_SPELLING = "SpellCheck"
# A long text without a full stop is cut between words, because the time for a check grows with the square of the
# length.
_SENTENCE = re.compile(r"(?:\b(?:St|Mr|Mrs|Ms|Dr|Prof)\.(?= )|[^.!?]){1,300}(?=[\s.!?]|$)[.!?]*\s*|[^\s.!?]{1,300}")
_ON_SECOND_THOUGHT = re.compile(
    r"(?: [\w']+){0,3}[,.]? (?:I mean|I meant|sorry|no wait|or rather|no|uh no)\b,?", re.IGNORECASE
)
_SECOND_THOUGHT = 4  # words

# For the words of a talk. That takes milliseconds, or a second while the models are being loaded.
EXECUTOR = ThreadPoolExecutor(1, thread_name_prefix="corrector")
# For work outside a talk. It may take seconds, and no talk should wait for it.
BESIDE = ThreadPoolExecutor(1, thread_name_prefix="beside")

# A Linter raises when two threads use it at once.
_lock = threading.Lock()


def correct(text: str) -> tuple[Correction, ...]:
    """Return the mistakes in their order, none overlapping another.

    `start` and `end` are character positions in `text`.
    """
    text = text.replace("\u2019", "'")
    found = []
    for sentence in _SENTENCE.finditer(text):
        at = sentence.start()
        found += [replace(one, start=at + one.start, end=at + one.end) for one in _in_sentence(sentence.group())]
    return tuple(one for one in found if not _put_right_at_once(one, text))


def load() -> None:
    """Read the rules and create the linter, once for the whole process (0.8 s). Raises DataFileError."""
    # An unknown word loads more of the lexicon than a known one.
    correct("She have a dog called Zyxo.")


def is_english(text: str) -> bool:
    """Return whether most words of the text are in an English dictionary."""
    with _lock:
        return bool(_linter().is_likely_english(text))


def _in_sentence(sentence: str) -> list[Correction]:
    return _confirmed(sentence, _found(sentence))


def _found(sentence: str) -> list[Correction]:
    lints = _lint(sentence)
    before = _complaints(sentence, lints)
    found = [[one] for rule in token_patterns.load_all() for one in rule.find(sentence)]
    found += [[one] for mistake in mistakes.load_all() for one in mistake.find(sentence)]
    found += [[one] for one in agreement.find(sentence)]
    rules = harper_rules.load_all()
    found += [list(rules[name].candidates(sentence, lint)) for name, lint in lints if name != _SPELLING]
    chosen: list[Correction] = []
    # Harper may notice another mistake only after a correction. It is no new one.
    said = {one.said.lower() for candidates in found for one in candidates}
    for candidates in found:
        for one in candidates:
            is_apart = all(one.end <= other.start or other.end <= one.start for other in chosen)
            if is_apart and _improves(sentence, one, before, said):
                chosen.append(one)
                break
    return sorted(chosen, key=lambda one: one.start)


def _confirmed(sentence: str, chosen: list[Correction]) -> list[Correction]:
    """Return the corrections. One is sure only if the corrected sentence has no mistake in or beside its words."""
    if not any(one.sure for one in chosen):
        return chosen
    places, corrected, end = [], "", 0
    for one in chosen:
        corrected += sentence[end : one.start]
        places.append((len(corrected), len(corrected) + len(one.better)))
        corrected, end = corrected + one.better, one.end
    again = _found(corrected + sentence[end:])
    return [
        replace(one, sure=one.sure and not any(start - 1 <= other.end and other.start <= stop + 1 for other in again))
        for one, (start, stop) in zip(chosen, places, strict=True)
    ]


def _put_right_at_once(one: Correction, text: str) -> bool:
    """Return whether the learner corrected the mistake at once: "She don't, I mean, she doesn't"."""
    again = _ON_SECOND_THOUGHT.match(text[one.end :])
    last = one.better.split()[-1].strip(".,!?").lower()
    return again is not None and last in re.findall(r"[\w']+", text[one.end + again.end() :].lower())[:_SECOND_THOUGHT]


def _improves(sentence: str, one: Correction, before: Counter[tuple[str, str]], known: Set[str]) -> bool:
    """Return whether the correction improves the sentence: no new complaint, and no word that does not exist."""
    if one.better.lower() in ("", one.said.lower()):
        return False
    corrected = sentence[: one.start] + one.better + sentence[one.end :]
    after = _complaints(corrected, _lint(corrected))
    misspelt = {word for name, word in after if name == _SPELLING}
    new = {text for _, text in after - before} - known
    # Harper's dictionary is American and lacks "practise".
    unknown = {word for word in misspelt if not inflection.is_word(word)}
    return not new and unknown.isdisjoint(one.better.lower().split())


def _complaints(sentence: str, lints: "list[tuple[str, Lint]]") -> Counter[tuple[str, str]]:
    rules = harper_rules.load_all()
    return Counter(
        (name, lint.problem_text.lower())
        for name, lint in lints
        if name == _SPELLING or next(rules[name].candidates(sentence, lint), None)
    )


def _lint(text: str) -> "list[tuple[str, Lint]]":
    with _lock:
        found = _linter().organized_lints(text, language="plaintext", dedup=False)
    return sorted(((name, lint) for name, lints in found.items() for lint in lints), key=lambda one: one[1].span.start)


@cache
def _linter() -> "Linter":
    with optional_packages():
        from harper import Dialect, Linter
    linter = Linter(Dialect.AMERICAN)
    rules, known = harper_rules.load_all(), linter.get_default_lint_config()
    if unknown := rules.keys() - known.keys():
        raise DataFileError(f"{rules[min(unknown)].file}: name: Harper has no rule {min(unknown)!r}")
    linter.set_lint_config({name: name in rules or name == _SPELLING for name in known})
    return linter
