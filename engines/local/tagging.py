"""Tag parts of speech with HanTa, and find the noun phrases and verbs of a sentence.

Tags are those of the British National Corpus (C5).
"""

import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from engines.local import normalizing
from engines.packages import optional_packages

if TYPE_CHECKING:
    from HanTa.HanoverTagger import HanoverTagger

_MODEL = "morphmodel_en.pgz"
# Tokens. The rest of an endless sentence is left out.
_LONGEST = 60
# Letters. The tagger's time grows with the cube of the length of an unknown word.
_LONGEST_WORD = 24
_TOKEN = re.compile(r"[^\W_][\w'-]*|[.,!?;:]")
# Function words and everyday words that the model mistakes for others
_KNOWN = {
    "haha": ("haha", "ITJ"), "yes": ("yes", "ITJ"), "no": ("no", "ITJ"), "okay": ("okay", "ITJ"), "hello": ("hello", "ITJ"),
    "maybe": ("maybe", "AV0"), "alone": ("alone", "AV0"), "please": ("please", "AV0"), "because": ("because", "CJS"),
"everybody": ("everybody", "PNI"), "everyone": ("everyone", "PNI"), "nobody": ("nobody", "PNI"),
    "french": ("French", ""), "english": ("English", ""), "mum": ("mum", "NN1"), "mom": ("mom", "NN1"), "dad": ("dad", "NN1"),
}  # fmt: skip

_BEFORE_LIKE = frozenset("i you we they not really also always to never still do did would who".split())  # noqa: SIM905

_lock = threading.Lock()
_tagger: "HanoverTagger | None" = None


@dataclass(frozen=True, slots=True)
class Token:
    text: str
    lemma: str
    tag: str

    @property
    def is_noun(self) -> bool:
        return self.tag.startswith(("NN", "NP"))

    @property
    def is_verb(self) -> bool:
        """Return whether it is a full verb: not be, have, do or a modal."""
        return self.tag.startswith("VV")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Hold a noun with the words that belong to it.

    `start` and `end` count tokens. `before` is the word in front of it.
    """

    words: tuple[Token, ...]
    start: int
    end: int
    before: str

    @property
    def head(self) -> Token:
        return self.words[-1]

    @property
    def is_name(self) -> bool:
        return self.head.tag == "NP0" and self.head.text[:1].isupper()

    @property
    def is_plural(self) -> bool:
        return self.head.tag == "NN2"


def load() -> "HanoverTagger":
    """Return the tagger, loaded once for the whole process (0.5 s)."""
    global _tagger
    with _lock:
        if _tagger is None:
            with optional_packages():
                from HanTa.HanoverTagger import HanoverTagger
            _tagger = HanoverTagger(_MODEL)
        return _tagger


@lru_cache(4096)
def tag(sentence: str) -> tuple[Token, ...]:
    """Return the tokens of a sentence. "don't" becomes two: "do" and "not"."""
    words = [word[:_LONGEST_WORD] for word in _TOKEN.findall(_with_capitals(sentence))[:_LONGEST]]
    if not words:
        return ()
    tagger = load()
    with _lock:
        found = tagger.tag_sent(words)
    tokens = tuple(_known(Token(word, lemma, part)) for word, lemma, part in found)
    return _with_verbs(_with_like((*tokens[:1], *(_with_name(token) for token in tokens[1:]))))


def phrases(tokens: Sequence[Token]) -> Iterator[Phrase]:
    """Yield the noun phrases from left to right: "my two little brothers", "the fire alarm", "Japan"."""
    at = 0
    while at < len(tokens):
        end = _phrase_end(tokens, at)
        if end:
            before = tokens[at - 1].text.lower() if at else ""
            yield Phrase(tuple(tokens[at:end]), at, end, before)
        at = end or at + 1


def _phrase_end(tokens: Sequence[Token], at: int) -> int:
    """Return the end of the phrase that begins here, or 0 if none begins here."""
    here = at
    while here < len(tokens) and tokens[here].tag in ("AT0", "DPS", "DT0", "CRD", "ORD", "AJ0", "AJC", "AJS"):
        here += 1
    nouns = here
    while here < len(tokens) and tokens[here].is_noun and (here == nouns or _joins(tokens[here - 1], tokens[here])):
        here += 1
    return here if here > nouns else 0


def _joins(left: Token, right: Token) -> bool:
    """Return whether two nouns are one thing: "fire alarm", "New York", but not "lunch Monday"."""
    return (left.tag == "NP0") == (right.tag == "NP0") and left.tag != "NN2"


def _with_capitals(sentence: str) -> str:
    """Return the sentence with its contractions written out and its names' capitals kept."""
    kept = {word.lower(): word for word in re.findall(r"[^\W\d_][\w'-]*", sentence)[1:] if word[0].isupper()}
    first = re.match(r"\W*([^\W\d_][\w'-]*)", sentence)
    if first and first[1].lower() not in kept and _begins_with_a_name(first[1]):
        kept[first[1].lower()] = first[1]
    text = normalizing.expanded(sentence)
    return re.sub(r"[^\W\d_][\w'-]*", lambda word: "I" if word[0] == "i" else kept.get(word[0], word[0]), text)


def _begins_with_a_name(word: str) -> bool:
    """Return whether the first word is a name: the tagger does not know it in small letters."""
    if len(word) < 3 or not word[0].isupper():
        return False
    tagger = load()
    with _lock:
        return bool(tagger.tag_sent([word.lower()[:_LONGEST_WORD]])[0][2] == "NP0")


def _with_name(token: Token) -> Token:
    """Return a token inside a sentence as a name if it has a capital: "I watched Inception"."""
    is_name = token.tag.startswith("NN") and token.text[:1].isupper()
    return Token(token.text, token.text, "NP0") if is_name else token


def _with_like(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    """Return the tokens with verbs that the model misses: "I don't really like", "I want help people"."""
    before = ("", *(token.text.lower() for token in tokens))
    after = (*(token.tag for token in tokens[1:]), "")
    found = []
    for token, word, following in zip(tokens, before, after, strict=False):
        if token.text.lower() == "like" and word in _BEFORE_LIKE:
            token = Token(token.text, "like", "VVB")
        elif word == "want" and token.tag == "NN1" and following.startswith(("NN", "PNP", "DPS", "AT0")):
            token = Token(token.text, token.lemma, "VVI")
        found.append(token)
    return tuple(found)


def _with_verbs(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    """Return the tokens with a verb that the model takes for a noun: "when the city folds"."""
    start = next((n + 1 for n in range(len(tokens) - 1, -1, -1) if tokens[n].tag in ("CJS", "AVQ", "CJT")), 0)
    after = [n for n in range(start, len(tokens)) if tokens[n].tag != "PUN"]
    if not start or not after or any(tokens[n].tag.startswith("V") for n in after):
        return tokens
    last = after[-1]
    if tokens[last].tag == "NN2" and last > start and tokens[last - 1].tag in ("NN1", "NP0", "PNP"):
        return (*tokens[:last], Token(tokens[last].text, tokens[last].lemma, "VVZ"), *tokens[last + 1 :])
    return tokens


def _known(token: Token) -> Token:
    lemma, part = _KNOWN.get(token.text.lower(), (token.lemma, ""))
    return Token(token.text, lemma.lower() if token.tag != "NP0" else lemma, part or token.tag)
