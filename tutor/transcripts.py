"""Hold what a learner said and how certain it is. Words in doubt are not treated as the learner's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile

from core.json_types import Json
from tutor.domain import Line

# Stands in place of uncertain words.
GAP = "..."
# The most characters between a word and the next one: a comma and a space.
_BETWEEN = 2
# In a transcript in doubt, a word with a token less likely than this is uncertain.
SURE_WORD = 0.3


class Doubt(StrEnum):
    """Name what is uncertain about a transcript."""

    # Some of its words are uncertain.
    WORDS = "words"
    # Many of its words are uncertain: more than a third. Without text, none of them could be made out.
    MISHEARD = "misheard"
    # There was a voice, but no English in it.
    NOT_ENGLISH = "not_english"


@dataclass(frozen=True, slots=True)
class Transcript:
    """Hold the words of a recording, "" if nobody spoke or nothing could be understood.

    `confidence` is the mean log probability of a token, None if the engine does not report it. `unsure` holds the uncertain
    words as spans of characters. They are not corrected, and if the transcript is in doubt, they leave gaps. With
    `invented_end`, the last word may be the model's, which completed a sentence that the speaker left open.
    """

    text: str
    confidence: float | None = None
    doubt: Doubt | None = None
    unsure: tuple[tuple[int, int], ...] = ()
    invented_end: bool = False

    @property
    def so_far(self) -> str:
        """Return the words, with a gap for the last one if it may be invented."""
        return f"{self.text.rpartition(' ')[0]} {GAP}" if self.invented_end else self.text

    @property
    def certain(self) -> str:
        """Return the words that the learner certainly said, with gaps; "" if there are too few."""
        return certain(self.text, self.doubt, self.unsure)

    def is_sure(self, start: int, end: int) -> bool:
        """Return whether no unsure word is between these characters, or next to them."""
        return not any(first <= end + _BETWEEN and last >= start - _BETWEEN for first, last in self.unsure)

    def stored(self) -> Json:
        """Return the fields about the doubt that a message keeps in `measured` (`conversations.merging.ABOUT_WORDS`)."""
        if self.doubt is None:
            return {}
        confidence = None if self.confidence is None else round(self.confidence, 2)
        return {"doubt": self.doubt.value, "confidence": confidence, "unsure": [list(span) for span in self.unsure]}


def certain(text: str, doubt: str | None, unsure: Sequence[Sequence[int]]) -> str:
    if doubt in (Doubt.MISHEARD, Doubt.NOT_ENGLISH):
        return ""
    if not doubt:
        return text
    kept, at = "", 0
    for start, end in unsure:
        kept, at = kept + text[at:start] + GAP, end
    return kept + text[at:]


def certain_of_stored(text: str, measured: object) -> str:
    """Return the certain words of a stored message. An archive may hold anything in `measured`."""
    if not isinstance(measured, Mapping) or not measured.get("doubt"):
        return text
    spans = measured.get("unsure")
    whole = [span for span in spans if _is_span(span)] if isinstance(spans, list) else []
    return certain(text, str(measured["doubt"]), sorted(whole))


def doubted_in_a_row(lines: Sequence[Line]) -> int:
    """Return how many of the learner's latest turns had no certain word."""
    texts = [line.text for line in lines if line.role == "user"]
    return len(list(takewhile(lambda text: not text, reversed(texts))))


def in_doubt(text: str, confidence: float | None, unsure: Sequence[tuple[int, int]]) -> Transcript:
    """Return a transcript in doubt. `unsure` holds its unlikely words in order. Without any, all of it is uncertain."""
    spans = list[tuple[int, int]]()
    for start, end in unsure or [(0, len(text))]:
        if spans and not any(map(str.isalnum, text[spans[-1][1] : start])):
            spans[-1] = spans[-1][0], end
        else:
            spans.append((start, end))
    return joined([Transcript(text, confidence, Doubt.WORDS, tuple(spans))])


def joined(parts: Sequence[Transcript]) -> Transcript:
    """Return the transcript of a recording from those of its pieces. The text leaves out pieces without English."""
    said = [part for part in parts if part.text]
    text, unsure = "", list[tuple[int, int]]()
    for part in said:
        at = len(text) + bool(text)
        text = f"{text} {part.text}" if text else part.text
        unsure += [(at + start, at + end) for start, end in part.unsure]
    judged = [part for part in said or parts if part.confidence is not None]
    weights = [len(part.text) or 1 for part in judged]
    total = sum(weight * (part.confidence or 0.0) for weight, part in zip(weights, judged, strict=True))
    confidence = total / sum(weights) if weights else None
    doubt = None
    if any(part.doubt for part in said):
        unsure_words = sum(len(text[start:end].split()) for start, end in unsure)
        doubt = Doubt.MISHEARD if 3 * unsure_words > len(text.split()) else Doubt.WORDS
    elif not text:
        found = {part.doubt for part in parts}
        doubt = next((each for each in (Doubt.NOT_ENGLISH, Doubt.MISHEARD) if each in found), None)
    return Transcript(text, confidence, doubt, tuple(unsure), invented_end=bool(said) and said[-1].invented_end)


def _is_span(span: object) -> bool:
    return (
        isinstance(span, list)
        and len(span) == 2
        and all(isinstance(at, int) and not isinstance(at, bool) for at in span)
        and 0 <= span[0] <= span[1]
    )
