"""Distinguish statements from questions in what a learner says."""

import re

# Matches a question such as "..., have you seen it?" after a statement. The statement still counts.
_TAG_QUESTION = re.compile(
    r"(?:[,;]\s*|\s+)(?:and |but |so )?(?:"
    r"(?:do|did|have|are|were|can|could|would|will|don't|didn't|haven't|aren't|won't) you\b[^?]{0,40}"
    r"|(?:what|how) about you(?:r \w+)?|and you(?:r \w+)?"
    r"|(?:is|was|does|did|has|do|are|were|can|will)(?:n't| not)? (?:it|he|she|they|we|i)(?: not)?"
    r"|(?:you know|right|okay|ok|you see|no|yes|isn't it|innit|what do you think)(?: (?:it|that|him|her|them|this))?"
    r"|(?:which|what|where|who|how|why)\b[^?,]{0,30}\byou(?:rs?)?\b[^?,]{0,30})\s*\?+$",
    re.IGNORECASE,
)
_AND_YOU = re.compile(r",? (?:and|what about|how about) you(?:rs)?[.!]*$", re.IGNORECASE)
_ASKS = re.compile(
    r"^(?:(?:and|but|so|well|okay|oh|hm+|sorry|please|yes|no),? )*(?:do|does|did|have|has|are|is|am|was|were|can|could|would|will"
    r"|shall|should|may|might|don't|isn't|aren't|what|what's|which|where|where's|when|who|who's|whose|why|how|how's)\b",
    re.IGNORECASE,
)


def without_tag_question(sentence: str) -> tuple[str, str]:
    """Split "I like rice, and you?" into statement and question. The statement is "" if the whole sentence asks."""
    match = _TAG_QUESTION.search(sentence)
    statement = sentence[: match.start()].strip(" ,;") if match else ""
    if not match or _ASKS.match(statement) or len(statement.split()) < 2:
        return "", sentence
    return statement, sentence[match.start() :].strip(" ,;")


def asks(sentence: str) -> bool:
    """Return whether a sentence has the form of a question, with or without its question mark."""
    return sentence.rstrip().endswith("?") or bool(_ASKS.match(sentence.strip()))


def stated(sentence: str) -> str:
    """Return the statement in a sentence: all of it, the part before its tag question, or "" for a question."""
    if not asks(sentence):
        return _AND_YOU.sub("", sentence)
    return without_tag_question(sentence)[0]
