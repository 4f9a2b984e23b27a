"""Find the level of words, A1 to C1, and count their syllables.

The levels are those of the Words-CEFR-Dataset, which the package cefrpy brings. It knows 99.7 % of the words of ordinary English.
Words that it does not know, numbers and names have no level.
"""

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache, lru_cache

from cefrpy import CEFRAnalyzer

from conversations.levels import LEVELS
from tutor.sentences import split as sentences

_WORD = re.compile(r"[A-Za-z]+(?:['\u2019][a-z]+)?")
# "I'm" and "don't" have no entry, and all are words of a beginner.
_CONTRACTION = re.compile(r"['\u2019]")
_VOWELS = re.compile(r"[aeiouy]+")
# A last e that is not spoken: "like", "likes", "liked", but not "table", "boxes", "wanted".
_SILENT_E = re.compile(r"(?<![aeiouyl])e$|(?<=[aeiouy]l)e$|(?<![aeioulyscxzgh])es$|(?<![aeiouytd])ed$")
# "Didn't" and "isn't" have a syllable without a vowel.
_SPOKEN_NT = re.compile(r"[ds]n['\u2019]t$")


def levels_of(texts: Iterable[str]) -> dict[str, int]:
    """Return how many different words of each level there are in these texts. A level without words is left out."""
    different = {word for text in texts for word in _words(text)}
    counts = Counter(level for word in different if (level := level_of(word)))
    return {level: counts[level] for level in LEVELS if level in counts}


@lru_cache(maxsize=20_000)
def level_of(word: str) -> str | None:
    """Return the level of a word in lower case. C2 counts as C1, the highest level here."""
    analyzer = _analyzer()
    if not analyzer.is_word_in_database(word):
        return None
    level = analyzer.get_average_word_level_CEFR(word)
    return None if level is None else LEVELS[min(int(level), len(LEVELS)) - 1]


@lru_cache(maxsize=20_000)
def syllables(word: str) -> int:
    """Estimate how many syllables a word has, by its spelling. Over a whole text the errors are a few percent."""
    word = word.lower()
    spoken = len(_VOWELS.findall(word)) - bool(_SILENT_E.search(word)) + bool(_SPOKEN_NT.search(word))
    return max(1, spoken)


def _words(text: str) -> Iterable[str]:
    """Yield the words of a text in lower case, without names: a capital within a sentence shows them."""
    for sentence in sentences(text):
        for number, found in enumerate(_WORD.findall(sentence)):
            is_name = found[0].isupper() and number > 0
            if not is_name and not _CONTRACTION.search(found):
                yield found.lower()


@cache
def _analyzer() -> CEFRAnalyzer:
    """Return the table of levels. Blocks for half a second the first time, and takes 8 MB."""
    return CEFRAnalyzer()
