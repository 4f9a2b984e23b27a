"""Detect another language in a learner's words, by letters and words. A name or a dish does not count as one."""

import re
from functools import lru_cache

from engines.local import corrector, normalizing

_NO_LATIN = re.compile(r"[^\W\d_\u0000-\u024f\u1e00-\u1eff]")
_MARKED = re.compile(r"[\u00c0-\u024f\u1e00-\u1eff]")
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_][\w'-]*")
# English words that hold a sentence together, without those that look like a word of another language ("no", "die",
# "at", "was")
_ENGLISH = frozenset(
    (  # noqa: SIM905
        "i you he she it they us my your his its our their mine yours this that these those the and or but because with"
        " from to by about into after before are were be been being does did doing has can could would shall should may"
        " might must not never yes please what which who where when why how if than there here very too more most much"
        " many some every other one two three four five six seven eight nine ten like go went came come got get make"
        " take took see saw know think need eat drink work said good bad big small new hello sorry thank thanks maybe"
        " today tomorrow yesterday english understand speak talk only dont doesnt cant im"
    ).split()
)
_BE = re.compile(r"\b(?:is|are|was) (?:an?|the|my|very|not|from|like|good|so|our|called)\b", re.IGNORECASE)
_TITLE = 5  # words
# In an English sentence, at least one word in this many is one of the words above.
_SHARE = 4


@lru_cache(256)
def is_foreign(heard: str) -> bool:
    """Return whether most of the text is in another language. Names, dishes and wrong English do not count."""
    letters = _LETTER.findall(heard)
    if not letters:
        return False
    if 2 * len(_NO_LATIN.findall(heard)) > len(letters):
        return True
    said = _WORD.findall(normalizing.expanded(heard))
    # A word with a capital after the first word is a name.
    names = {word.lower() for word in re.findall(r"\s([A-Z][\w'-]*)", heard)}
    plain = [word for word in said if word not in names or word in _ENGLISH]
    if len(plain) < 2 and not _MARKED.search(heard):
        return False
    found = _WORD.findall(heard)
    # A title: "La La Land"
    if len(found) <= _TITLE and 3 * sum(word[0].isupper() for word in found) >= 2 * len(found):
        return False
    # A list of things: "Bun cha, banh mi, pho bo"
    parts = [part.split() for part in re.split(r"[,;]| and | with ", heard)]
    if (len(parts) > 1 and all(len(part) <= 2 for part in parts)) or _BE.search(heard):
        return False
    if _SHARE * sum(word in _ENGLISH for word in plain) >= len(plain):
        return False
    return not corrector.is_english(heard)
