"""Parse a learner's words into clauses: who does something, which action it is, when, and to which thing."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from engines.local import rules, tagging
from engines.local.tagging import Phrase, Token
from tutor import scenario, statements

_CONJUNCTIONS = ("CJC", "CJS", "CJT", "AVQ", "PNQ", "AV0")
_SPLITS = frozenset(
    (  # noqa: SIM905
        "and but or because so although though when while if that who which then after before since until"
    ).split()
)
_SUBORDINATE = frozenset("because when if while although though since until after before who which".split())  # noqa: SIM905
_PAST = re.compile(
    r"\b(?:yesterday|ago|last (?:night|week|weekend|month|year|spring|summer|autumn|winter|time|\w+day|\w+ber)|one (?:time|day)"
    r"|once|in (?:19|20)\d\d|when i was|as a child)\b"
)
_NEXT = re.compile(
    r"\b(?:tomorrow|next (?:week|month|year|summer|winter|time|\w+day|spring)|soon|in the future|one day i will)\b"
)
_PREPOSITIONS = frozenset(
    (  # noqa: SIM905
        "of in on at with for from to about near behind by during after before since like than"
    ).split()
)
_WISHES = frozenset("want like love hope plan dream wish need wait".split())  # noqa: SIM905
_DISLIKES = ("hate", "dislike")
_PAST_TAGS = frozenset({"VVD", "VBD", "VHD", "VDD"})
_HAVE_TAGS, _PARTICIPLE_TAGS = frozenset({"VHB", "VHZ", "VHI"}), frozenset({"VVN", "VBN", "VDN"})
_THIRD = frozenset("he she it they everybody somebody nobody someone everyone this that one".split())  # noqa: SIM905
# Classes of nouns
PEOPLE = ("family", "person", "animal")
_MEETS_A_PLACE = frozenset("in to from at around near visit visited see seen saw about of through".split())  # noqa: SIM905


@dataclass(frozen=True, slots=True)
class Clause:
    """Hold a part of a sentence with one verb.

    `subject`: i, we, you, third, there or none. `tense`: past, present, future, wish, could, can or none. `things`: the
    noun phrases worth speaking of, without the subject. `object_` is the one that the verb acts on. `is_whole`: the
    clause is all of a sentence that has several clauses.
    """

    text: str
    subject: str
    who: Phrase | Token | None
    verb: str
    # The verb's index among the tokens, or -1 if there is none.
    at: int
    tense: str
    negated: bool
    adjective: str
    things: tuple[Phrase, ...]
    object_: Phrase | None
    tokens: tuple[Token, ...]
    is_whole: bool

    @property
    def is_subordinate(self) -> bool:
        return bool(self.tokens) and self.tokens[0].text.lower() in _SUBORDINATE

    @property
    def person(self) -> Phrase | None:
        """Return a person, or an animal, in the clause, the subject first."""
        found = [self.who] if isinstance(self.who, Phrase) else []
        return next((one for one in (*found, *self.things) if class_of(one) in PEOPLE), None)

    @property
    def has_telling_adjective(self) -> bool:
        """Return whether its adjective can be asked about: any of a person, only some of a thing."""
        is_of_somebody = self.subject in ("i", "we") or (
            self.who is not None and class_of(self.who) in (*PEOPLE, "pronoun", "name")
        )
        return bool(self.adjective) and (is_of_somebody or self.adjective in rules.classes().telling)


@lru_cache(256)
def parse(text: str) -> tuple[Clause, ...]:
    """Return the clauses of the statements in a text, those of the last sentence first, and later clauses first."""
    found: list[Clause] = []
    for sentence in scenario.sentences(text):
        is_question = statements.asks(sentence) and len(sentence.split()) > 4
        said = statements.stated(sentence) or ("" if is_question else sentence)
        tokens = tagging.tag(said)
        clauses: list[Clause] = []
        for piece in _pieces(tokens):
            clauses.append(_clause(piece, clauses[-1] if clauses else None, said, is_whole=False))
        whole = [_clause(tokens, None, said, is_whole=True)] if len(clauses) > 1 else []
        # A condition or a reason comes last.
        main = [one for one in reversed(clauses) if not one.is_subordinate]
        found = [*whole, *main, *(one for one in clauses if one.is_subordinate), *found]
    return tuple(found)


def class_of(phrase: Phrase | Token) -> str:
    """Return the class of a noun, such as "food". The name of a place is a "country", any other name a "name"."""
    head = phrase.head if isinstance(phrase, Phrase) else phrase
    if head.tag in ("PNP", "PNI", "DT0"):
        word = head.text.lower()
        return word if word in ("they", "it") else "it" if word in ("this", "that", "one") else "pronoun"
    lemma = head.lemma.lower()
    nouns = rules.classes().nouns
    if known := nouns.get(lemma) or nouns.get(head.text.lower()):
        return known
    if isinstance(phrase, Phrase) and phrase.is_name:
        name = " ".join(word.text for word in phrase.words if word.tag == "NP0").lower()
        is_place = name in rules.replies().famous or phrase.before in _MEETS_A_PLACE
        return "country" if is_place else "name"
    return "thing"


def is_worth_it(phrase: Phrase) -> bool:
    """Return whether a noun phrase can be spoken of: not a time, a measure or an empty word."""
    is_a_word = len(phrase.head.text) > 2 and not phrase.head.text.isdigit()
    return is_a_word and class_of(phrase) not in ("time", "measure", "empty")


def nouns_and_verbs(text: str) -> frozenset[str]:
    """Return the base forms of the words that carry the meaning of a text."""
    tokens = (token for sentence in scenario.sentences(text) for token in tagging.tag(sentence))
    return frozenset(
        token.lemma.lower() for token in tokens if token.is_noun or token.is_verb or token.tag in ("AJ0", "AJC", "AJS")
    )


def _pieces(tokens: Sequence[Token]) -> list[tuple[Token, ...]]:
    """Cut at commas and conjunctions. A piece without a verb stays with the piece before it."""
    pieces: list[list[Token]] = [[]]
    for token in tokens:
        if token.tag == "PUN" and token.text != "'":
            pieces.append([])
        elif token.text.lower() in _SPLITS and token.tag in _CONJUNCTIONS:
            pieces.append([token])
        else:
            pieces[-1].append(token)
    joined: list[list[Token]] = []
    for piece in filter(None, pieces):
        if joined and not _has_verb(piece):
            joined[-1] += piece
        else:
            joined.append(piece)
    # "On the other hand" and the like only introduce the statement.
    with_verb = [piece for piece in joined if _has_verb(piece)]
    return [tuple(piece) for piece in with_verb or joined]


def _has_verb(tokens: Sequence[Token]) -> bool:
    return any(token.tag.startswith("V") and token.tag not in ("VVG", "VVN") for token in tokens)


def _clause(tokens: tuple[Token, ...], before: Clause | None, sentence: str, *, is_whole: bool) -> Clause:
    at = _main_verb(tokens)
    found = list(tagging.phrases(tokens))
    subject, who = _subject(tokens, found, at)
    if subject == "none" and before and at >= 0 and tokens[0].text.lower() in ("and", "but", "or", "then"):
        subject, who = before.subject, before.who
    lower = [token.text.lower() for token in tokens]
    # "No, I like it" denies nothing.
    is_negated = any(one in ("not", "never", "nobody", "nothing") for one in lower) or any(
        one == "no" and before_it.tag != "PUN" for before_it, one in zip(tokens, lower[1:], strict=False)
    )
    things = tuple(one for one in found if one is not who and is_worth_it(one))
    after = [one for one in things if one.start > at]
    verb = tokens[at].lemma.lower() if at >= 0 else ""
    return Clause(
        text=" ".join(token.text.lower() for token in tokens if token.tag != "PUN"),
        subject=subject,
        who=who,
        verb=verb,
        at=at,
        tense=_tense(tokens, at, sentence.lower()),
        negated=is_negated or verb in _DISLIKES,
        adjective=_adjective(tokens, at),
        things=things,
        object_=next((one for one in after if one.before not in _PREPOSITIONS), None),
        tokens=tokens,
        is_whole=is_whole,
    )


def _main_verb(tokens: Sequence[Token]) -> int:
    """Return the index of the verb that names the action: "go" of "I would like to go", "plays", "is"."""
    verbs = [n for n, token in enumerate(tokens) if token.tag.startswith("V") and token.tag[:3] != "VM0"]
    full = [n for n in verbs if tokens[n].is_verb]
    for n in full:
        follows_to = any(tokens[k].tag == "TO0" for k in range(n + 1, min(n + 3, len(tokens))))
        has_would = any(token.text.lower() == "would" for token in tokens[:n])
        wishes = tokens[n].lemma in _WISHES and (tokens[n].lemma not in ("like", "love") or has_would)
        is_going = tokens[n].lemma == "go" and tokens[n].tag == "VVG"
        if follows_to and (wishes or is_going):
            return next((k for k in verbs if k > n), n)
        return n
    rest = [n for n in verbs if n + 1 >= len(tokens) or tokens[n + 1].text != "to"]
    have = [n for n in rest if tokens[n].tag.startswith("VH")]
    return (have or rest or verbs or [-1])[0]


def _subject(tokens: Sequence[Token], found: Sequence[Phrase], at: int) -> tuple[str, Phrase | Token | None]:
    """Return the subject: the nearest noun or pronoun before the verb."""
    end = at if at >= 0 else 0
    for n in range(end - 1, -1, -1):
        token = tokens[n]
        lower = token.text.lower()
        if token.tag == "EX0":
            return "there", None
        if lower in ("i", "we", "you"):
            return lower, token
        if lower in _THIRD and token.tag in ("PNP", "PNI", "DT0"):
            return "third", token
        phrase = next((one for one in found if one.end - 1 == n and one.before not in _PREPOSITIONS), None)
        if phrase and class_of(phrase) not in ("time", "measure"):
            return "third", phrase
    return "none", None


def _tense(tokens: Sequence[Token], at: int, sentence: str) -> str:
    lower, tags = [token.text.lower() for token in tokens], [token.tag for token in tokens]
    pairs = list(itertools.pairwise(lower))
    # "We are going to swim", but not "where are you going to"
    is_going_to = ("going", "to") in pairs[:-1] and any(one in lower for one in ("am", "are", "is"))
    if "can" in lower:
        return "can"
    if "will" in lower or "shall" in lower or is_going_to:
        return "future"
    if any(one in lower for one in ("would", "could", "should", "might")):
        return "wish" if any(("would", one) in pairs for one in ("like", "love", "rather")) else "could"
    for token, following in itertools.pairwise(tokens):
        if token.is_verb and token.lemma in _WISHES - {"like", "love"} and following.tag == "TO0":
            return "past" if token.tag in ("VVD", "VVN") else "wish"
    if not any(tag.startswith("V") for tag in tags):
        return "none"
    if _PAST_TAGS.intersection(tags) or _PAST.search(sentence):
        return "past"
    if _NEXT.search(sentence):
        return "future"
    is_perfect = _HAVE_TAGS.intersection(tags) and _PARTICIPLE_TAGS.intersection(tags)
    is_participle = at >= 0 and tags[at] == "VVN" and "are" not in lower and "is" not in lower
    return "past" if is_perfect or is_participle else "present"


def _adjective(tokens: Sequence[Token], at: int) -> str:
    """Return the adjective that describes the subject, or "" if there is none."""
    if at < 0 or tokens[at].lemma.lower() not in ("be", "look", "feel", "seem", "become", "get"):
        return ""
    for n in range(at + 1, len(tokens)):
        if tokens[n].tag == "AJ0" or (tokens[n].tag == "VVN" and tokens[n].text.endswith("ed")):
            followed = n + 1 < len(tokens) and tokens[n + 1].is_noun
            return "" if followed else tokens[n].text.lower()
        if tokens[n].tag not in ("AV0", "XX0", "DT0", "CRD", "CJC"):
            return ""
    return ""
