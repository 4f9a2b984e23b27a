"""Bring a learner's sentence into the form that patterns are written for."""

import re

_CONTRACTIONS = (
    (r"\bwon't\b|\bwont\b", "will not"),
    (r"\bcan't\b|\bcannot\b|\bcant\b", "can not"),
    (r"\bain't\b", "am not"),
    (r"n't\b", " not"),
    (r"\b(do|does|did|is|are|was|were|has|have|had|would|could|should)nt\b", r"\1 not"),
    (r"\blet's\b|\blets\b", "let us"),
    (r"\b(i)'?m\b", r"\1 am"),
    (r"\b(you|we|they)'re\b", r"\1 are"),
    (r"\b(\w+)'ve\b|\b(i)ve\b", r"\1\2 have"),
    (r"\b(\w+)'ll\b", r"\1 will"),
    (r"\b(i|you|he|she|it|we|they)'d\b", r"\1 would"),
    (r"\b(it|that|this|what|who|where|how|when|he|she|there|here|everything|something|nothing)'s\b", r"\1 is"),
    (r"\b(what|that)s\b", r"\1 is"),
    (r"\bwanna\b", "want to"),
    (r"\bgonna\b", "going to"),
    (r"\bgotta\b", "have to"),
    (r"\bdunno\b", "do not know"),
)
_EXPANDED = [(re.compile(short), long) for short, long in _CONTRACTIONS]
_LEAD_IN = re.compile(
    r"^(?:(?:um+|uh+|erm?|hm+|mm+|oh|ah|ok|okay|well|so|yes|yeah|no|sorry|i am (?:very |so |really )?sorry|excuse me|please"
    r"|and|but|then|now|actually|maybe|perhaps|hey|hi|hello|listen|wait|look|teacher|sir|madam|my friend|just|honestly"
    r"|to be honest|all right|alright|right|fine|i think|i guess|i am afraid|you know|thank you|thanks|haha|by the way"
    r"|one (?:moment|question|thing))\b[\s,]*)+(?=\S)"
)
_TAIL = re.compile(
    r"(?<=\S)(?:[\s,]+(?:please|plz|thank you|thanks|thanks a lot|a lot|very much|so much|sorry|okay|ok|then|now|teacher|sir"
    r"|madam|my friend|if you can|if possible|if you do not mind|if that is (?:okay|ok|fine|possible)|for me|to me|with you"
    r"|a bit|a little(?: bit)?|too|also|though|instead|today|all right|yes|you know|everybody|everyone))+$"
)
_CLAUSE = re.compile(r"\s*[,;:]\s*|\s+[\u2013\u2014-]\s+")
_NOT_A_WORD = re.compile(r"[^\w\s']")


def expanded(text: str) -> str:
    """Return the text in small letters, with "don't" as "do not" and so on. Punctuation stays."""
    text = text.replace("\u2019", "'").lower()
    for short, long in _EXPANDED:
        text = short.sub(long, text)
    return text


def without_punctuation(text: str) -> str:
    """Return the expanded words, each after one space."""
    return " ".join(_NOT_A_WORD.sub(" ", expanded(text)).split())


def bare(text: str) -> str:
    """Return only the expanded words: no punctuation, no "well, please," before them and no "please" after them."""
    return _TAIL.sub("", without_lead_in(without_punctuation(text))).strip()


def without_lead_in(text: str) -> str:
    """Return the expanded words without "well, please" before them."""
    return _LEAD_IN.sub("", text)


def is_lead_in(text: str) -> bool:
    """Return whether a text only introduces the next words: "Well, sorry"."""
    return without_lead_in(f"{without_punctuation(text)} x") == "x"


def clauses(sentence: str) -> list[str]:
    """Split a sentence at its commas, colons and dashes."""
    return [part for part in _CLAUSE.split(sentence.strip(" .!?\u2026")) if part]
