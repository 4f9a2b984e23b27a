"""Compute the word error rate: the inserted, deleted and changed words for each word that was said."""

import re

_SAME = {"mr": "mister", "mrs": "missus", "dr": "doctor"}


def words(text: str) -> list[str]:
    """Split text into words without case and punctuation. A hyphen separates two words."""
    plain = re.sub(r"[^\w\s']", " ", text.lower().replace("\u2019", "'")).split()
    return [_SAME.get(word, word) for word in plain]


def word_errors(said: str, heard: str) -> int:
    """Return the Levenshtein distance in words."""
    heard_words = words(heard)
    row = list(range(len(heard_words) + 1))
    for i, one in enumerate(words(said), 1):
        above, row = row, [i]
        for j, other in enumerate(heard_words, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (one != other)))
    return row[-1]


def word_error_rate(said: str, heard: str) -> float:
    return word_errors(said, heard) / max(1, len(words(said)))
