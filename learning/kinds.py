"""Decide which mistakes are of the same kind, so that one card stands for all of them.

A kind is the words that change: "he work" and "My sister work here" are both "work → works". If these words alone say too
little (a preposition, an article), the kind is all that the engine marked: "in Monday → on Monday". The category does
not count, because engines name it differently.
"""

import re
import unicodedata
import uuid
from dataclasses import dataclass

# These say nothing without their neighbours.
_FUNCTION_WORDS = frozenset(
    (  # noqa: SIM905
        "a an the this that these those my your his her its our their i you he she it we they me him us them "
        "in on at to for from of with by about into onto over under after before since during until as than "
        "and or but so because if when while there here not no"
    ).split()
)
_AUXILIARIES = frozenset("am is are was were be been being do does did have has had will would can could".split())  # noqa: SIM905
_CONTRACTED = {"can't": "can not", "won't": "will not", "cannot": "can not", "let's": "let us", "shan't": "shall not"}
_ENDINGS = (("n't", " not"), ("'m", " am"), ("'re", " are"), ("'ve", " have"), ("'ll", " will"))
_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
# Words of a correction that is compared as a whole. Later ones are ignored.
_MOST_WORDS = 12


@dataclass(frozen=True, slots=True)
class MistakeKind:
    """Hold the words of a kind of mistake, in lower case and without punctuation."""

    said: tuple[str, ...]
    better: tuple[str, ...]

    def card(self, learner: uuid.UUID) -> uuid.UUID:
        """Return the key of the learner's card of this kind."""
        return uuid.uuid5(learner, f"{' '.join(self.said)}\N{RIGHTWARDS ARROW}{' '.join(self.better)}")


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text in lower case, without punctuation."""
    plain = unicodedata.normalize("NFKC", text).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").lower()
    return tuple(_WORD.findall(plain))


def written_out(text: str) -> tuple[str, ...]:
    """Return the words of a text with contractions written out: "he doesn't" becomes "he does not"."""
    found: list[str] = []
    for word in words(text):
        long = _CONTRACTED.get(word, word)
        for ending, full in _ENDINGS:
            if long == word and word.endswith(ending):
                long = word.removesuffix(ending) + full
        found += long.split()
    return tuple(found)


def kind_of(said: str, better: str) -> MistakeKind:
    """Return the kind of a correction."""
    old, new = words(said), words(better)
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    changed = MistakeKind(old[start : len(old) - end], new[start : len(new) - end])
    whole = MistakeKind(old[:_MOST_WORDS], new[:_MOST_WORDS])
    return changed if _says_enough(changed) else whole


def _says_enough(kind: MistakeKind) -> bool:
    """Return whether both sides have a word that means something alone.

    An auxiliary verb does so only if both sides are single words, as in "was → were".
    """
    means_little = _FUNCTION_WORDS if len(kind.said) == len(kind.better) == 1 else _FUNCTION_WORDS | _AUXILIARIES
    return not means_little.issuperset(kind.said) and not means_little.issuperset(kind.better)
