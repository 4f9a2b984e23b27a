"""Cut a text that is still being written into parts that can be spoken separately."""

import re
from collections.abc import Iterator

from tutor import sentences

# Words of a part that is spoken before the rest of its sentence is written.
FEWEST_WORDS = 4
# Characters. A longer sentence without an end is cut anyway.
LONGEST = 280
# Characters. A bracket that is not closed within this length does not count as one.
ASIDE = 80

_PAUSE = re.compile(rf"[,;:\u2014][{sentences.CLOSING}]*(?=\s|$)|\u2014")
_NUMBERED = re.compile(r"\s*\d+")
_WORD = re.compile(r"[^\W_]+(?:['\u2019.-][^\W_]+)*")
_ASIDES = {"(": ")", "[": "]", "*": "*", "`": "`"}


class Clauses:
    """Split a streamed text into complete parts, without losing a character.

    The first part is returned as early as possible: its last sign counts although nothing follows yet, and a pause
    inside a sentence is enough. All other parts are whole sentences, returned when the text after them is known.
    """

    def __init__(self) -> None:
        self._text = ""
        self._is_first = True

    def feed(self, delta: str) -> Iterator[str]:
        self._text += delta
        while cut := self._cut():
            part, self._text = self._text[:cut], self._text[cut:]
            self._is_first = False
            yield part

    def rest(self) -> Iterator[str]:
        """Yield the remaining text after its end."""
        if self._text:
            yield self._text
            self._text = ""

    def _cut(self) -> int:
        """Return the number of characters of the first part, or 0 if it is not known yet."""
        asides = _asides(self._text)
        for match in sentences.END.finditer(self._text):
            if self._ends(match, asides):
                return match.end()
        if self._is_first:
            for match in _PAUSE.finditer(self._text):
                before, after = self._text[: match.start()], self._text[match.end() :]
                # "10," may go on with "000"
                is_known = bool(after) or (before[-1:].isalpha() and not _is_quoting(before + match[0]))
                if is_known and len(_WORD.findall(before)) >= FEWEST_WORDS and not _is_inside(match.start(), asides):
                    return match.end()
        if len(self._text) <= LONGEST:
            return 0
        # A text without an end is cut after its last pause, or its last whole word.
        start = self._text[:LONGEST]
        return max((match.end() for match in _PAUSE.finditer(start)), default=0) or start.rfind(" ") + 1 or LONGEST

    def _ends(self, match: re.Match[str], asides: list[range]) -> bool:
        sign, before, after = match[0], self._text[: match.start()], self._text[match.end() :]
        if not _WORD.search(before) or _is_inside(match.start(), asides):
            return False
        if sign == "\n":
            return not _NUMBERED.fullmatch(before.rstrip("."))
        following = after.lstrip()[:1]
        if not following:
            return self._is_first and _is_surely_over(before, sign)
        return not following.islower() and not (
            sentences.is_single_dot(sign) and sentences.is_abbreviated(before, after)
        )


def _is_surely_over(before: str, sign: str) -> bool:
    """Return whether the sentence is over although nothing follows yet."""
    if _is_quoting(before + sign):
        # The closing quote is still to come.
        return False
    if not sign.startswith("."):
        return True
    last = sentences.last_word(before)
    return (
        sentences.is_single_dot(sign)
        and last.isalpha()
        and len(last) > 1
        and last.lower() not in sentences.ABBREVIATIONS
    )


def _is_quoting(text: str) -> bool:
    return text.count('"') % 2 == 1 or text.count("\u201c") > text.count("\u201d")


def _asides(text: str) -> list[range]:
    """Return the ranges of brackets and the like. Each is spoken, or left out, as a whole."""
    found, at = [], 0
    while at < len(text):
        closing = _ASIDES.get(text[at])
        if closing is None or text[at + 1 : at + 2].isspace():
            at += 1
            continue
        end = text.find(closing, at + 1)
        if end < 0 and len(text) - at <= ASIDE:
            end = len(text)
        if 0 < end - at <= ASIDE and "\n" not in text[at:end]:
            found.append(range(at, end))
            at = end
        at += 1
    return found


def _is_inside(position: int, asides: list[range]) -> bool:
    return any(position in aside for aside in asides)
