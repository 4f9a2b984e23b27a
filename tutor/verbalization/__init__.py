"""Put written English into spoken words: money, times, dates, numbers, units, signs and abbreviations.

Only the voice gets these words. The text that learners read stays as it was written. `tables.toml` holds the
vocabulary; each module holds the rules for one kind of text. `verbalize` applies the rules to each sentence in turn.
"""

import re

from tutor import sentences
from tutor.verbalization import amounts, numerals, times, words
from tutor.verbalization.tables import GLYPHS

# The order matters. A rule sees the text that the rules before it have left: a date is said before a later rule could
# take its digits for a fraction.
_RULES = (
    *words.ADDRESSES,
    *times.RULES,
    *numerals.DECADES,
    *amounts.RULES,
    *numerals.YEARS,
    *words.RULES,
    *numerals.RULES,
)
# "1. Wash it. 2. Cook it." in one line
_LIST_IN_A_LINE = re.compile(r"(?<=[.!?;,])[ \t]+(?=[2-9][.)][ \t]+\S)")
_LIST_ENTRY = re.compile(r"^\s*(?:[-*\u2022+]\s+|(\d+)[.)]\s+)")
# A text with a larger share of letters beyond a-z counts as another language.
_FOREIGN = 0.2


def verbalize(text: str) -> str:
    """Return `text` in words that any voice reads correctly, each of its lines as a sentence.

    Return a text in another language unchanged.
    """
    letters = [letter for letter in text if letter.isalpha()]
    if sum(not letter.isascii() for letter in letters) > _FOREIGN * len(letters):
        return text
    text = text.replace("\u2019", "'").replace("\u00a0", " ")
    for glyph, fraction in GLYPHS.items():
        text = re.sub(rf"(?<=\d)\s?{glyph}", f" {fraction}", text).replace(glyph, fraction)
    rows = "\n".join(
        _LIST_IN_A_LINE.sub("\n", row) if re.match(r"\s*1[.)]\s", row) else row for row in text.splitlines()
    )
    lines = [
        _LIST_ENTRY.sub(lambda entry: f"{numerals.cardinal(entry[1])}, " if entry[1] else "", line).strip()
        for line in rows.splitlines()
    ]
    # Every line ends as a sentence.
    *others, last = [line for line in lines if line] or [""]
    text = "\n".join([*(line if line[-1] in ".!?,;:\u2026" else f"{line}." for line in others), last])
    said = []
    for sentence in sentences.split(text):
        for pattern, say in _RULES:
            sentence = pattern.sub(say, sentence)
        said.append(" ".join(sentence.split()))
    return " ".join(said)
