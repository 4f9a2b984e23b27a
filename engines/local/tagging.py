"""Tag parts of speech with HanTa, by the tags of the British National Corpus (C5), and find noun phrases and verbs."""

import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
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

# The tagger is used by one thread at a time.
_lock = threading.Lock()


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
    """Hold a noun with its words. `start` and `end` count tokens. `before` is the word in front of it."""

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


def load() -> None:
    """Load the tagger, once for the whole process (0.5 s)."""
    with _lock:
        _tagger()


@lru_cache(4096)
def tag(sentence: str) -> tuple[Token, ...]:
    """Return the tokens of a sentence. "don't" becomes two: "do" and "not"."""
    words = [word[:_LONGEST_WORD] for word in _TOKEN.findall(_with_capitals(sentence))[:_LONGEST]]
    if not words:
        return ()
    with _lock:
        found = _tagger().tag_sent(words)
    tokens = []
    for number, (word, lemma, part) in enumerate(found):
        base, known_part = _KNOWN.get(word.lower(), (lemma, part))
        token = Token(word, base.lower() if part != "NP0" else base, known_part or part)
        # A noun with a capital inside a sentence is a name: "I watched Inception".
        if number and token.tag.startswith("NN") and word[:1].isupper():
            token = Token(word, word, "NP0")
        tokens.append(token)
    return _with_verbs(_with_like(tuple(tokens)))


def tag_words(words: Sequence[str]) -> list[str]:
    """Return the tag of each word, which must be in its full form: "not", and no "n't"."""
    short = [word[:_LONGEST_WORD] for word in words]
    with _lock:
        return [tag for _, _, tag in _tagger().tag_sent(short)] if short else []


def phrases(tokens: Sequence[Token]) -> Iterator[Phrase]:
    """Yield the noun phrases from left to right: "my two little brothers", "the fire alarm", "Japan"."""
    at = 0
    while at < len(tokens):
        nouns = at
        while nouns < len(tokens) and tokens[nouns].tag in ("AT0", "DPS", "DT0", "CRD", "ORD", "AJ0", "AJC", "AJS"):
            nouns += 1
        end = nouns
        while end < len(tokens) and tokens[end].is_noun:
            left, right = tokens[end - 1], tokens[end]
            # "fire alarm" and "New York" are one thing, but not "lunch Monday".
            if end > nouns and (left.tag == "NN2" or (left.tag == "NP0") != (right.tag == "NP0")):
                break
            end += 1
        if end > nouns:
            before = tokens[at - 1].text.lower() if at else ""
            yield Phrase(tuple(tokens[at:end]), at, end, before)
        at = end if end > nouns else at + 1


@cache
def _tagger() -> "HanoverTagger":
    with optional_packages():
        from HanTa.HanoverTagger import HanoverTagger
    return HanoverTagger(_MODEL)


def _with_capitals(sentence: str) -> str:
    """Return the sentence with its contractions written out and its names' capitals kept."""
    kept = {word.lower(): word for word in re.findall(r"[^\W\d_][\w'-]*", sentence)[1:] if word[0].isupper()}
    match = re.match(r"\W*([^\W\d_][\w'-]*)", sentence)
    first = match[1] if match else ""
    if len(first) >= 3 and first[0].isupper() and first.lower() not in kept:
        # The first word is a name if the tagger does not know it in small letters.
        with _lock:
            if _tagger().tag_sent([first.lower()[:_LONGEST_WORD]])[0][2] == "NP0":
                kept[first.lower()] = first
    text = normalizing.expanded(sentence)
    return re.sub(r"[^\W\d_][\w'-]*", lambda word: "I" if word[0] == "i" else kept.get(word[0], word[0]), text)


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
