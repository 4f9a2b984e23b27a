"""Judge from the words of an utterance whether it is a turn, and whether it is finished."""

import re

_BACKCHANNELS = (
    r"m+|h+m+|m+[- ]?h+m+|u+h+[- ]?h+u+h+|a+h+a*|o+h+|okay|ok|right|all right|alright|yeah|yep|yes|sure|really|i see|got it|wow"
    r"|great|nice|good|cool|exactly|true|of course"
)
_BACKCHANNEL = re.compile(rf"\W*(?:(?:{_BACKCHANNELS})\b\W*){{1,3}}", re.IGNORECASE)

_WORD = re.compile(r"[\w']+")

# Words that cannot end a sentence. "That" can, and so it is left out. Other prepositions: _PARTICLE.
_ARTICLES = "a|an|the|my|your|our|their|its|every|some"
_PREPOSITIONS = "at|of|from|with|into|onto|between|during|without|because of|such as|like a|instead of"
_CONJUNCTIONS = "and|but|or|because|if|when|while|although|unless|than|so that|and then|which|who|whose"
_VERBS = (
    "want to|need to|have to|has to|had to|like to|going to|used to|i'm|we're|they're|is a|is the|is very|was very|very"
    "|there is|there are|so many"
)
_FILLERS = "um+|uh+|er+|erm|well|i mean|you know|let me see|let me think"
_OPEN = re.compile(
    rf"(?:^|.*[\s,])(?:{_ARTICLES}|{_PREPOSITIONS}|{_CONJUNCTIONS}|{_VERBS}|{_FILLERS}|(?:to|in|on|for) (?:the|a|my)"
    r"|(?:is|are|was|were) (?:her|his))",
    re.IGNORECASE | re.DOTALL,
)
# "I was born in", but not "the house that I live in", "turn it on" or "come in"
_PARTICLE = re.compile(
    r"(?!.*\b(?:what|who|whom|which|that|where|when|how|why)\b)(?:.*\s)?[\w']+\s+(?!(?:come|came|go|going|went|get|got|put|try|turn"
    r"|move|moved|join|carry|keep|hold|hang|it|them|him|her|me|us|you)\b)[\w']+\s+(?:in|on|to|for|about|by)",
    re.IGNORECASE | re.DOTALL,
)


def is_backchannel(text: str) -> bool:
    """Return whether this is a short reaction to the other speaker that takes no turn: "mm-hmm", "okay, right"."""
    return bool(_BACKCHANNEL.fullmatch(text))


def is_part_of(text: str, said: str) -> bool:
    """Return whether `text` has three words or more and occurs word for word in `said`. It is then usually an echo."""
    words, others = (_WORD.findall(each.lower()) for each in (text, said))
    length = len(words)
    return length >= 3 and any(others[at : at + length] == words for at in range(len(others) - length + 1))


def is_unfinished(text: str) -> bool:
    """Return whether the speaker will probably go on: the text ends in dots, an article, a conjunction, "want to" …"""
    words = text.strip()
    if words.endswith(("...", "\u2026", "-", ",")):
        return True
    if words.endswith("?"):
        return False
    ended = words.rstrip(" .!;:")
    return bool(_OPEN.fullmatch(ended) or _PARTICLE.fullmatch(ended))
