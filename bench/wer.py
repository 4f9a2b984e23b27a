"""Compute the word error rate: the inserted, deleted and changed words for each word that was said.

Case and punctuation do not count, two words that are one when they are joined are no difference, and digits are the words
that come nearest to what was said: 2648 may be "two thousand six hundred forty eight", "twenty six forty eight" or "two six
four eight". Contractions are not expanded.
"""

import re
from itertools import islice, product

from num2words import num2words

from engines.local.consensus import edit_distance

_SAME = {"mr": "mister", "mrs": "missus", "dr": "doctor"}
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_NUMBER = re.compile(r"(\d{1,9})(st|nd|rd|th)?")
# Combinations of the readings of a text's numbers that are tried.
_MOST = 256


def words(text: str) -> list[str]:
    """Split text into words without case and punctuation. A hyphen separates two words."""
    plain = re.sub(r"[^\w\s']", " ", text.lower().replace("\u2019", "'")).split()
    return [_SAME.get(word, word) for word in plain]


def word_errors(said: str, heard: str) -> int:
    """Return the Levenshtein distance in words."""
    spoken = words(said)
    choices = [_readings(word) for word in words(_THOUSANDS.sub("", heard))]
    return min(
        edit_distance(spoken, [word for reading in chosen for word in reading])
        for chosen in islice(product(*choices), _MOST)
    )


def word_error_rate(said: str, heard: str) -> float:
    return word_errors(said, heard) / max(1, len(words(said)))


def _readings(word: str) -> list[list[str]]:
    """Return the ways to say a word: one, or several for a number."""
    if not (found := _NUMBER.fullmatch(word)):
        return [[word]]
    digits, ordinal = found.groups()
    if ordinal:
        return [words(num2words(int(digits), to="ordinal"))]
    whole = words(num2words(int(digits)))
    readings = [whole, [each for each in whole if each != "and"], words(" ".join(map(num2words, map(int, digits))))]
    if len(digits) in (3, 4):
        readings.append(words(f"{num2words(int(digits[:-2]))} {num2words(int(digits[-2:]))}"))
    return readings
