"""Put corrected words into the partner's way of speaking.

Learners imitate the words that they hear, so the partner says only words that were checked: the corrected words and,
for a single word, its neighbour. The rest of the sentence may contain mistakes that no rule knows.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engines.local import phrases
from tutor import scenario
from tutor.domain import Correction

# Words. A longer correction is shown, but not spoken.
_LONGEST = 12
_DETERMINER = re.compile(r"(?:the|this|that|these|those|my|your|his|her|its|our|their)", re.IGNORECASE)
_STUMBLE = re.compile(r"(\w+),? \1|um+|uh+|erm?|hmm+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Recast:
    """Hold the learner's words around a mistake, and the same words without it."""

    said: str
    better: str


def recasts(heard: str, corrections: Sequence[Correction]) -> list[str]:
    """Return different ways to say the first correction that is sure and short, or none if there is no such one."""
    first = first_recast(heard, corrections)
    return [scenario.fill(frame, {"better": first.better}) for frame in phrases.RECASTS] if first else []


def first_recast(heard: str, corrections: Sequence[Correction]) -> Recast | None:
    """Return the first correction that is sure and short, with a neighbour of a single word, or None."""
    spoken = next((one for one in corrections if one.sure and 0 < len(one.better.split()) <= _LONGEST), None)
    if spoken is None:
        return None
    said, better = spoken.said, spoken.better.strip(' ,!?"').removesuffix(".")
    # A single word gets its neighbour, since "has" teaches little but "she has" does.
    if " " not in better:
        others = [one for one in corrections if one is not spoken]
        following = re.match(r" ([\w'\u2019-]+)", heard[spoken.end :])
        if before := _words_before(heard, spoken.start, others):
            said, better = f"{before} {said}", f"{before} {better}"
        elif following and not _touches(spoken.end + 1, spoken.end + following.end(), others):
            said, better = f"{said} {following[1]}", f"{better} {following[1]}"
    return Recast(said.strip(' ,.!?"'), better)


def put_right(heard: str, corrections: Sequence[Correction]) -> str:
    """Return the words with the corrections that are sure."""
    for one in sorted(corrections, key=lambda one: one.start, reverse=True):
        if one.sure and heard[one.start : one.end] == one.said:
            heard = heard[: one.start] + one.better + heard[one.end :]
    return heard


def _words_before(heard: str, end: int, others: Sequence[Correction]) -> str:
    """Return the word before `end`, with the determiner before that: "he", "my brother"."""
    words = list(re.finditer(r"[\w'\u2019-]+(?= |$)", heard[:end]))[-2:]
    if not words or heard[words[-1].end() : end] != " " or _touches(words[-1].start(), end, others):
        return ""
    if _STUMBLE.fullmatch(words[-1][0]):
        return ""
    noun_phrase = words[0][0] + " " + words[-1][0]
    is_whole = len(words) == 2 and heard[words[0].start() : words[-1].end()] == noun_phrase
    if is_whole and _DETERMINER.fullmatch(words[0][0]) and not _touches(words[0].start(), end, others):
        return noun_phrase
    return words[-1][0]


def _touches(start: int, end: int, corrections: Sequence[Correction]) -> bool:
    return any(one.start < end and start < one.end for one in corrections)
