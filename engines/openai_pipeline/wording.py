"""Reduce a model's text to the words that can be spoken."""

import re

_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_DIRECTION = re.compile(
    r"\[[^\]]*\]"  # [laughs]
    r"|(?:^|(?<=[.!?] )|(?<=\n))\*[a-z][^*]*\*"  # *smiles*; but "*Really* good" and "that is *really* good" are said
    r"|\((?:\w+ly )?(?:laugh|smil|chuckl|giggl|grin|nod|paus|sigh|wink|gasp|whisper|clear|think)[^)]*\)",
    re.MULTILINE,
)
_LIST = re.compile(r"^\s*(?:[-*\u2022+]\s+|#+\s*|>\s*|\d+[.)]\s+(?=\D))", re.MULTILINE)
# A sign between two numbers belongs to arithmetic, and "~5" and "#1" are also spoken.
_MARKS = re.compile(r"(?<!\d )(?<!\d)[*<>]+|[*<>]+(?! ?\d)|[`|\\]+|[#~]+(?!\d)|(?<!\w)_+|_+(?!\w)")
# Arrows and mathematical signs are not pictures: the voice pronounces them.
_PICTURES = re.compile(
    "[\u2300-\u2793\u2795-\u279b\u279d-\u2bff\u3030\u303d\ufe00-\ufe0f\u200d\u20e3\U0001f000-\U000e007f]+"
)
_SPACE_BEFORE_SIGN = re.compile(r"\s+(?=[,.!?;:](?:\s|$))")
_LONELY_SIGNS = re.compile(r"^[\s.,;:!?)\]\u2026\u2014-]+")
_SAYABLE = re.compile(r"[^\W_]")


def spoken(text: str) -> str:
    """Return only the words, without Markdown, emojis and stage directions, or "" if there are none."""
    text = _LINK.sub(r"\1", text.strip())
    text = _LIST.sub("", _DIRECTION.sub(" ", text))
    text = _PICTURES.sub(" ", _MARKS.sub("", text))
    text = _LONELY_SIGNS.sub("", _SPACE_BEFORE_SIGN.sub("", " ".join(text.split())))
    return text if _SAYABLE.search(text) else ""
