"""Split English text into sentences. Abbreviations, initials and list numbers do not end one."""

import re

_NEVER_END = ("mr", "mrs", "ms", "dr", "prof", "st", "mt", "vs", "e.g", "i.e", "approx", "dept", "govt")
_MAY_END = frozenset(
    (  # noqa: SIM905
        "sr jr etc inc ltd co corp a.m p.m ave rd blvd min mins max sec secs hr hrs ft oz lb lbs tsp tbsp kg km cm ml tel"
        " mon tue tues wed thu thurs fri misc"
    ).split()
)
ABBREVIATIONS = _MAY_END.union(_NEVER_END)
_MONTHS = ("jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec")
_BEFORE_NUMBERS = frozenset(
    ["no", "nr", "vol", "p", "pp", "fig", "apt", "ext", "rm", "para", "ch", "ft", "lb", "lbs", "hr", "hrs", *_MONTHS]
)
# "I." alone ends a sentence.
_INITIALS = re.compile(r"(?:[A-Z]\.)*[A-HJ-Z]|(?:[A-Z]\.)+I|Ph\.D")
# "Main St." and "the U.S." can end a sentence. They do so if a word that often starts a sentence follows.
_ENDS_BEFORE_A_STARTER = re.compile(r"st|(?:[a-z]\.)+[a-z]", re.IGNORECASE)
_STARTER = re.compile(
    r"(?:I|You|He|She|It|We|They|This|That|These|Those|There|My|Your|His|Her|Our|Their|The|An?"
    r"|And|But|So|Then|Do|Does|Did|Is|Are|Was|Were|Have|Has|Can|What|Who|Where|When|Why|How|Which|If|In|On|At)(?=[\s,'\u2019])"
)
CLOSING = "\"'\u201d\u2019)\\]*_"
# Possessive, and only at the first of several signs: otherwise a long row of dots takes quadratic time.
END = re.compile(rf"(?:(?<![.!?\u2026])[.!?\u2026]++[{CLOSING}]*+(?=\s|$)|\n)")
# Characters. No abbreviation is longer.
_LONGEST_ABBREVIATION = 40
_LAST_WORD = re.compile(r"[^\s\"'\u201c\u2018(\[*_/]+$")
_WITHOUT_SPACE_AROUND = re.compile(r"\S(?:.*\S)?", re.DOTALL)
_NUMBERED = re.compile(r"\s*\d+")


def split(text: str) -> list[str]:
    """Return the sentences of `text`, without the white space around them."""
    return [text[start:end] for start, end in spans(text)]


def spans(text: str) -> list[tuple[int, int]]:
    """Return where each sentence of `text` starts and ends, in characters, without the white space around it."""
    found: list[tuple[int, int]] = []
    start = looked_until = 0
    has_words = False
    for match in END.finditer(text):
        # Each character is looked at once, also in a long text without an end.
        has_words = has_words or any(map(str.isalnum, text[looked_until : match.start()]))
        looked_until = match.end()
        if has_words and _ends(match[0], text[start : match.start()], text[match.end() :]):
            found.append((start, match.end()))
            start, has_words = match.end(), False
    found.append((start, len(text)))
    return [inside.span() for span in found if (inside := _WITHOUT_SPACE_AROUND.search(text, *span))]


def is_single_dot(sign: str) -> bool:
    return sign.startswith(".") and not sign.startswith("..")


def is_abbreviated(before: str, after: str) -> bool:
    """Return whether a dot between `before` and `after` belongs to the word before it and ends no sentence.

    `before` starts where the sentence starts. `after` may be incomplete while the text is still being written.
    """
    # "1. Go home" is an entry of a list.
    if _NUMBERED.fullmatch(before):
        return True
    following = after.lstrip()
    last = last_word(before)
    if _ENDS_BEFORE_A_STARTER.fullmatch(last) and last.lower() not in ("e.g", "i.e") and _STARTER.match(following):
        return False
    if last.lower() in _BEFORE_NUMBERS and following[:1].isdigit():
        return True
    return bool(_INITIALS.fullmatch(last)) or last.lower() in _NEVER_END


def last_word(before: str) -> str:
    """Return the last word of a text, or its end if the word is too long for an abbreviation."""
    match = _LAST_WORD.search(before, max(0, len(before) - _LONGEST_ABBREVIATION))
    return match[0] if match else ""


def _ends(sign: str, before: str, after: str) -> bool:
    """Return whether a sign ends the sentence `before` it, which has at least one letter or digit."""
    if sign == "\n":
        return not _NUMBERED.fullmatch(before.rstrip("."))
    following = after.lstrip()[:1]
    if not following:
        return True
    if is_single_dot(sign):
        is_midway = following.islower() and last_word(before).lower() in _MAY_END
        return not is_midway and not is_abbreviated(before, after)
    # Learners often type small letters throughout, so one after "!" or "?" starts a sentence.
    # After a quotation or dots it does not.
    return not (following.islower() and (sign.startswith((".", "\u2026")) or sign[-1] in CLOSING))
