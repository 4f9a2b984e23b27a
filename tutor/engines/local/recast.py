"""The learner's words with their mistakes put right, for the partner to say."""

import re
from collections.abc import Sequence

from tutor import scenario
from tutor.engines.base import Correction
from tutor.engines.local import phrases

_LONGEST = 12  # words: a longer one is shown, but not spoken

_SENTENCE_BOUNDARY = re.compile(r"(?<=[.!?])\s+")
_CLAUSE_BOUNDARY = re.compile(r"(?<=[.!?,;])\s+|[,;]?\s+(?:and|but|because|so)\s+", re.IGNORECASE)
_FILLER = re.compile(
    r"\b(?:um+|uh+|erm?|hmm+)\b[,.]*\s*|^(?:\s*(?:well|so|yes|no|and|but|oh|okay|because)\b,?\s+)+", re.IGNORECASE
)
_STUMBLE = re.compile(r"\b(\w+),? \1\b|\bI mean\b|\bsorry\b|\.\.|[\"<>{}\[\]*_]", re.IGNORECASE)


def recasts(heard: str, corrections: Sequence[Correction]) -> list[str]:
    """Ways to say it right, all meaning the same; none if nothing sure is to be said."""
    sure = [one for one in corrections if one.sure]
    if sure and (mended := _mended(heard, sure[0], corrections)):
        return [scenario.fill(phrases.RECAST_SENTENCE, {"better": mended})]
    short = next((one for one in sure if 0 < len(one.better.split()) <= _LONGEST), None)
    if short is None:
        return []
    better = _in_context(heard, short)
    return [scenario.fill(frame, {"better": better}) for frame in phrases.RECASTS]


def _mended(heard: str, first: Correction, corrections: Sequence[Correction]) -> str:
    """The sentence with this correction, or else its clause, all corrections made; "" if it is long, or in doubt."""
    for boundary in (_SENTENCE_BOUNDARY, _CLAUSE_BOUNDARY):
        found = list(boundary.finditer(heard))
        start = max((match.end() for match in found if match.end() <= first.start), default=0)
        end = min((match.start() for match in found if match.start() >= first.end), default=len(heard))
        inside = [one for one in corrections if one.start < end and one.end > start]
        text = _FILLER.sub("", _applied(heard, inside, start, end)).strip(" ,")
        sound = all(one.sure and start <= one.start and one.end <= end for one in inside) and not _STUMBLE.search(text)
        if sound and 2 <= len(text.split()) <= _LONGEST:
            return text[0].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
    return ""


def _applied(heard: str, corrections: Sequence[Correction], start: int, end: int) -> str:
    words, here = "", start
    for one in sorted(corrections, key=lambda one: one.start):
        words, here = words + heard[here : one.start] + one.better, one.end
    return words + heard[here:end]


def _in_context(heard: str, correction: Correction) -> str:
    """The better words, a single one with its neighbour: "has" alone teaches little, "she has" does."""
    better = correction.better.strip(' .,!?"')
    if " " in better:
        return better
    before, after = heard[: correction.start].split(), heard[correction.end :].split()
    if before and before[-1][-1].isalnum():
        return f"{before[-1]} {better}"
    if after and not heard[correction.end :].startswith((".", ",", "!", "?")):
        return f"{better} {after[0].strip('.,!?')}"
    return better
