"""Read a sentence as tokens with their places, each with all that it may be: the base of patterns over tokens."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from engines.local import tagging, vocabulary
from engines.local.grammar import inflection
from tutor.toml_tables import read

# "don't" is two tokens, "do" and "n't". An "'s" is a token of its own.
_CLITIC = "'(?:s|m|re|ve|ll|d)\\b"
_TOKEN = re.compile(
    r"\b(?:St|Mr|Mrs|Ms|Dr|Prof)\.(?= )|[^\W_]+?(?=n't\b)|n't\b|\d[\d.,:]*\d"
    rf"|{_CLITIC}|[^\W_]+(?:[-'][^\W_]+)*?(?={_CLITIC})|[^\W_]+(?:[-'][^\W_]+)*|[.,!?;:\u2026\x22]|(?<=s)'(?= )",
    re.IGNORECASE,
)
_WRITTEN_OUT = {"n't": "not", "'m": "am", "'re": "are", "'ve": "have", "'ll": "will", "'d": "would"}
# "Like" is a verb after these, and a preposition after others: "he looks like".
_BEFORE_LIKE = frozenset({"SUBJ", "NOT", "DO", "MODAL", "FREQ"})
_VERBAL = frozenset({"VERB", "BE", "HAVE", "DO", "MODAL", "PAST"})
_WRITTEN_NUMBER = re.compile(r"(?:twen|thir|for|fif|six|seven|eigh|nine)ty-\w+")
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
_SIGNS = {
    "'": "APOSTROPHE",
    '"': "STOP",
    ",": "COMMA",
    "?": "QM",
    ".": "STOP",
    "!": "STOP",
    ";": "STOP",
    ":": "STOP",
    "\u2026": "STOP",
}
_FORMS = {"base": "BASE", "third": "THIRD", "past": "PAST", "participle": "PART", "gerund": "ING"}
_PARTS = {
    "AJ0": "ADJ",
    "AJC": "ADJ",
    "AJS": "ADJ",
    "AV0": "ADV",
    "NN0": "NOUN",
    "NN1": "NOUN",
    "NN2": "NOUN",
    "NP0": "NAME",
}
_IS = frozenset(
    ("it", "that", "this", "what", "who", "where", "how", "when", "he", "she", "there", "here", "everything")
)


@dataclass(frozen=True, slots=True)
class Word:
    """Hold a token. `start` and `end` are characters of the sentence. `flags` are what it may be (see `_flags`)."""

    text: str
    lower: str
    lemma: str
    flags: frozenset[str]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TaggedSentence:
    """Hold a sentence as tokens, and `rendered`: each token as "text/lemma/.FLAG.FLAG. "."""

    sentence: str
    tokens: tuple[Word, ...]
    rendered: str
    # All words, base forms and flags
    content: frozenset[str]
    # Word number of each place in `rendered` where a token starts, and of its end.
    places: dict[int, int]

    def text(self, start: int, end: int) -> str:
        """Return the learner's words from one token to before another."""
        return self.sentence[self.tokens[start].start : self.tokens[end - 1].end] if start < end else ""


@lru_cache(512)
def read_sentence(sentence: str) -> TaggedSentence:
    found = list(_TOKEN.finditer(sentence))[:60]
    words = [_written_out(found, number) for number in range(len(found))]
    tags = tagging.tag_words(words)
    tokens: list[Word] = []
    for match, word, tag in zip(found, words, tags, strict=True):
        flags, lemma = _flags(word.lower(), tag)
        if tokens and word[:1].isupper() and "NOUN" in flags:
            # A noun with a capital inside a sentence is a name.
            flags = flags - {"NOUN"} | {"NAME"}
        if tokens and word[:1].isupper() and "PAST" in flags and "PUN" not in tokens[-1].flags:
            # "Her name is Rose"
            flags = flags - {"PAST", "VERB"} | {"NAME"}
        if match[0].startswith("'") and len(match[0]) > 1:
            flags = flags | {"CLITIC"}
        is_asked = len(tokens) > 1 and "BE" in tokens[-2].flags
        if (
            word.lower() == "like"
            and not is_asked
            and (not tokens or tokens[-1].flags & _BEFORE_LIKE or tokens[-1].lower == "to")
        ):
            flags = frozenset({"VERB", "BASE"})
        tokens.append(Word(match[0], word.lower(), lemma, flags, match.start(), match.end()))
    tokens = _with_verbs(tokens)
    places, rendered = {0: 0}, ""
    for number, token in enumerate(tokens, 1):
        rendered += f"{token.lower}/{token.lemma}/.{'.'.join(sorted(token.flags))}. "
        places[len(rendered)] = number
    content = frozenset(one for token in tokens for one in (token.lower, token.lemma, *token.flags))
    return TaggedSentence(sentence, tuple(tokens), rendered, content, places)


def _with_verbs(tokens: list[Word]) -> list[Word]:
    """Return the tokens with the verb of a clause that has none but a noun like one: "the phone rings"."""
    found, start = list(tokens), 0
    for end in [*(n for n, token in enumerate(tokens) if token.flags & {"PUN", "CONJ", "WH"}), len(tokens)]:
        clause = range(start + 1, end)
        if not any(tokens[n].flags & _VERBAL for n in range(start, end)):
            for n in clause:
                token, before = tokens[n], tokens[n - 1]
                if token.flags >= {"NOUN", "PL", "THIRD"} and before.flags & {"NOUN", "NAME"} and "SG" in before.flags:
                    found[n] = replace(token, flags=token.flags - {"NOUN", "PL"} | {"VERB"})
                    break
        start = end + 1
    return found


def _written_out(found: Sequence[re.Match[str]], number: int) -> str:
    """Return a token as a whole word: "'m" as "am", "ca" of "can't" as "can"."""
    text = found[number][0]
    lower = text.lower()
    if lower in ("ca", "wo", "sha") and number + 1 < len(found) and found[number + 1][0].lower() == "n't":
        return {"ca": "can", "wo": "will", "sha": "shall"}[lower]
    if lower == "'s":
        return "is" if number and found[number - 1][0].lower() in _IS else "'s"
    return _WRITTEN_OUT.get(lower, text) if lower.startswith(("'", "n'")) else text


def _flags(word: str, tag: str) -> tuple[frozenset[str], str]:
    """Return what a word may be, and its base form.

    NOUN, NAME, ADJ, ADV and VERB are the tagger's choice. BASE, THIRD, PAST, PART and ING are forms of verbs that the
    word may be, SG, PL and MASS forms of nouns, ADJISH and ADVISH other parts of speech. CLITIC is a short
    form, such as "'s". The rest are closed classes.
    """
    if word in _SIGNS:
        return frozenset({_SIGNS[word]} if word == "'" else {_SIGNS[word], "PUN"}), word
    if word[0].isdigit():
        return frozenset(
            {"ONE"} if word == "1" else {"NUM", "YEAR"} if _YEAR.fullmatch(word) else {"NUM", "PLDET"}
        ), word
    if _WRITTEN_NUMBER.fullmatch(word):
        return frozenset({"NUM", "PLDET"}), word
    if base := inflection.regularized(word):
        return frozenset({"REGULARIZED"}), base
    known = lexicon()
    if word in known.closed:
        return known.closed[word], known.lemmas.get(word, word)
    every = inflection.verb_forms(word)
    forms = {form: base for form, base in every.items() if base in known.verbs}
    if not forms and tag.startswith("VV"):
        forms = every
    flags = {_FORMS[form] for form in forms}
    part = _PARTS.get(tag, "VERB" if tag.startswith("VV") else "")
    if part:
        flags.add(part)
    if word in known.mass:
        flags.add("MASS")
    elif inflection.is_plural(word):
        flags.add("PL")
    elif inflection.is_singular(word):
        flags.add("SG")
    base = next(iter(inflection.lemmas(word, "ADJ")), "")
    if base:
        flags.add("ADJISH" if base == word else "COMP" if inflection.inflected(base, "comparative") == word else "SUP")
    if inflection.lemmas(word, "ADV"):
        flags.add("ADVISH")
    if part == "ADJ" and base:
        lemma = base
    elif part in ("NOUN", "NAME") and "PL" in flags:
        lemma = inflection.singular(word)
    else:
        lemma = next(iter(forms.values()), "") or inflection.singular(word) or word
    return frozenset(flags), lemma


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Hold the words that the grammar knows by heart."""

    # Word -> its flags
    closed: Mapping[str, frozenset[str]]
    # Form of an auxiliary -> its base form
    lemmas: Mapping[str, str]
    verbs: frozenset[str]
    mass: frozenset[str]
    # Name -> words, separated by "/", or a pattern over tokens
    lists: Mapping[str, str]


@cache
def lexicon() -> Lexicon:
    """Return the words of `data/grammar/words.toml`. Raises DataFileError if it is invalid."""
    with read(vocabulary.DATA / "grammar" / "words.toml") as table:
        closed: dict[str, frozenset[str]] = {}
        for flags, words in table.mapping("closed").items():
            for word in words.split():
                closed[word] = closed.get(word, frozenset()) | frozenset(flags.split("-"))
        lists = {name: "/".join(words.split()) for name, words in table.mapping("lists").items()}
        return Lexicon(
            closed=closed,
            lemmas={form: base for base, forms in table.mapping("auxiliaries").items() for form in forms.split()},
            verbs=frozenset(table.text("verbs").split()),
            mass=frozenset(lists["mass"].split("/")),
            lists=lists | table.mapping("phrases"),
        )
