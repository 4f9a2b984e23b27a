"""Agree on one transcript of two models: the text with the fewest expected word errors (minimum Bayes risk)."""

import math
import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from engines.local.whisper import Guess

# The second model is larger, and right more often.
_WEIGHTS = (1.0, 1.5)
_WORD = re.compile(r"[\w']+")


def words(text: str) -> list[str]:
    """Split text into words without case and punctuation."""
    return _WORD.findall(text.lower())


def edit_distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Count the words to insert, delete or change. Two words that are one when they are joined are no difference."""
    above, row = list[int](), list(range(len(other) + 1))
    for i, word in enumerate(one, 1):
        before, above, row = above, row, [i]
        for j, compared in enumerate(other, 1):
            cost = min(above[j] + 1, row[-1] + 1, above[j - 1] + (word != compared))
            if i > 1 and one[i - 2] + word == compared:
                cost = min(cost, before[j - 1])
            if j > 1 and other[j - 2] + compared == word:
                cost = min(cost, above[j - 2])
            row.append(cost)
    return row[-1]


def disagreement(one: str, other: str) -> float:
    """Return the differing words for each word, from 0."""
    ours, theirs = words(one), words(other)
    return edit_distance(ours, theirs) / max(1.0, (len(ours) + len(theirs)) / 2)


def consensus(first: Sequence[Guess], second: Sequence[Guess]) -> str:
    """Return the text that is nearest to the best guesses of both models, weighted by their probability."""
    weighted = list[tuple[str, float]]()
    for guesses, weight in zip((first, second), _WEIGHTS, strict=True):
        chances = [math.exp(each.likelihood) for each in guesses]
        weighted += [(each.text, weight * chance / sum(chances)) for each, chance in zip(guesses, chances, strict=True)]
    split = [(words(text), weight) for text, weight in weighted]
    risks = [sum(weight * edit_distance(each, other) for other, weight in split) for each, _ in split]
    return weighted[risks.index(min(risks))][0]


def differing(text: str, other: str) -> list[tuple[int, int]]:
    """Return the words of `text` that are not in `other` at their place, as spans of characters."""
    found = list(_WORD.finditer(text))
    matcher = SequenceMatcher(None, [word[0].lower() for word in found], words(other), autojunk=False)
    agreed = {number for start, _, length in matcher.get_matching_blocks() for number in range(start, start + length)}
    return [word.span() for number, word in enumerate(found) if number not in agreed]
