"""Where a text that is still being written can be cut, so that each part can be spoken by itself."""

import re
from collections.abc import Iterator

FEWEST_WORDS = 4  # of the part of a sentence that is spoken before the rest of it is written
LONGEST = 280  # characters: a sentence without an end is cut all the same
ASIDE = 80  # characters: what is opened and not closed within as many was no bracket

_NEVER_END = ("mr", "mrs", "ms", "dr", "prof", "st", "mt", "vs", "e.g", "i.e", "approx", "dept")
_MAY_END = frozenset(["sr", "jr", "etc", "inc", "ltd", "corp", "a.m", "p.m"])  # a sentence, too
_ABBREVIATIONS = _MAY_END.union(_NEVER_END)
_MONTHS = ("jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec")
_BEFORE_NUMBERS = frozenset(["no", "nr", "vol", *_MONTHS])
_INITIALS = re.compile(r"(?:[A-Z]\.)*[A-HJ-Z]|(?:[A-Z]\.)+I")  # "I." ends a sentence
_CLOSING = "\"'\u201d\u2019)\\]*_"
_END = re.compile(rf"(?:[.!?\u2026]+[{_CLOSING}]*(?=\s|$)|\n)")
_PAUSE = re.compile(rf"[,;:\u2014][{_CLOSING}]*(?=\s|$)|\u2014")
_LAST_WORD = re.compile(r"[^\s\"'\u201c\u2018(\[*_]+$")
_NUMBERED = re.compile(r"\s*\d+")
_WORD = re.compile(r"[^\W_]+(?:['\u2019.-][^\W_]+)*")
_ASIDES = {"(": ")", "[": "]", "*": "*", "`": "`"}


class Clauses:
    """Takes a text as it comes; gives it back in parts that are complete, of which not a character is lost.

    The first part is given as early as can be: its last sign is believed although nothing follows yet, and a pause in a sentence
    will do. All others are whole sentences, and given when it is seen how the text goes on.
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
        """What is left when the text has ended."""
        if self._text:
            yield self._text
            self._text = ""

    def _cut(self) -> int:
        """After how many characters the first part ends; 0 if that is not known yet."""
        asides = _asides(self._text)
        for match in _END.finditer(self._text):
            if self._ends(match, asides):
                return match.end()
        if self._is_first and (cut := self._pause(asides)):
            return cut
        return _forced(self._text) if len(self._text) > LONGEST else 0

    def _ends(self, match: re.Match[str], asides: list[range]) -> bool:
        sign, before, after = match[0], self._text[: match.start()], self._text[match.end() :]
        if not _WORD.search(before) or _is_inside(match.start(), asides):
            return False
        if sign == "\n":
            return not _NUMBERED.fullmatch(before.rstrip("."))
        following = after.lstrip()[:1]
        if not following:
            return self._is_first and _is_surely_over(before, sign)
        return not following.islower() and not (_is_dot(sign) and _is_abbreviated(before, following))

    def _pause(self, asides: list[range]) -> int:
        for match in _PAUSE.finditer(self._text):
            before, after = self._text[: match.start()], self._text[match.end() :]
            # "10," may go on with "000"
            is_known = bool(after) or (before[-1:].isalpha() and not _is_quoting(before + match[0]))
            if is_known and len(_WORD.findall(before)) >= FEWEST_WORDS and not _is_inside(match.start(), asides):
                return match.end()
        return 0


def _is_dot(sign: str) -> bool:
    return sign.startswith(".") and not sign.startswith("..")


def _is_surely_over(before: str, sign: str) -> bool:
    """Nothing follows yet: could what will follow belong to the same sentence?"""
    if _is_quoting(before + sign):
        return False  # the closing quote is still to come
    if not sign.startswith("."):
        return True
    last = _last_word(before)
    return _is_dot(sign) and last.isalpha() and len(last) > 1 and last.lower() not in _ABBREVIATIONS


def _is_quoting(text: str) -> bool:
    return text.count('"') % 2 == 1 or text.count("\u201c") > text.count("\u201d")


def _is_abbreviated(before: str, following: str) -> bool:
    """The dot after this belongs to its last word, and ends no sentence; what follows is not a small letter."""
    if _NUMBERED.fullmatch(before):
        return True  # "1. Go home": an entry of a list
    last = _last_word(before)
    if _INITIALS.fullmatch(last) or (last.lower() in _BEFORE_NUMBERS and following.isdigit()):
        return True
    return last.lower() in _NEVER_END


def _last_word(before: str) -> str:
    match = _LAST_WORD.search(before)
    return match[0] if match else ""


def _asides(text: str) -> list[range]:
    """Where brackets and the like are open: they are spoken, or not, as a whole."""
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


def _forced(text: str) -> int:
    """Of a text without an end: after its last pause, or its last whole word."""
    start = text[:LONGEST]
    pauses = [match.end() for match in _PAUSE.finditer(start)]
    return (pauses[-1] if pauses else 0) or start.rfind(" ") + 1 or LONGEST
