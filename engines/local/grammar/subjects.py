"""Find noun phrases and the grammatical person of subjects."""

from dataclasses import dataclass

from engines.local.grammar.reading import TaggedSentence, Word

FIRST, OTHER, THIRD = 0, 1, 2
_NOUNS = frozenset({"NOUN", "NAME", "PL", "SG", "MASS"})
_DETERMINERS = frozenset({"ART", "POSS", "DEM", "QUANT", "PLDET", "SGDET", "NUM", "ONE"})
_ADJECTIVES = frozenset({"ADJ", "COMP", "SUP"})
# Nouns for a group take either form of the verb. Of "the rest" and "a number", the next noun decides.
_COLLECTIVE = frozenset(
    (  # noqa: SIM905
        "team family police staff government class group band company crowd couple audience committee majority army public pair"
        " rest number half percent none neither either youth data"
    ).split()
)
# "A lot of", "most of": the noun after "of" decides.
_AMOUNTS = frozenset(
    "lot lots plenty most some many all both few several half majority number couple rest dozens".split()  # noqa: SIM905
)
_ALWAYS_PLURAL = frozenset("people children police men women cattle".split())  # noqa: SIM905
_ATTACHING = frozenset("in of on at from near with behind for to about under between opposite".split())  # noqa: SIM905


@dataclass(frozen=True, slots=True)
class SubjectPhrase:
    """Hold a subject. `start` and `end` count tokens. `person` is FIRST ("I"), OTHER or THIRD."""

    start: int
    end: int
    head: Word
    person: int

    @property
    def is_pronoun(self) -> bool:
        return "PERS" in self.head.flags or self.head.lower == "it"


def subject_at(found: TaggedSentence, at: int) -> SubjectPhrase | None:
    """Return the subject that starts at a token, with what belongs to it ("of my friends", "and my sister")."""
    tokens = found.tokens
    if at >= len(tokens):
        return None
    first = tokens[at]
    if "SUBJ" in first.flags:
        subject = SubjectPhrase(at, at + 1, first, person_of(found, at, at + 1))
    elif (
        first.lower in ("neither", "either", "each")
        and _is_of(found, at + 1)
        and "OBJ" in tokens[min(at + 2, len(tokens) - 1)].flags
    ):
        return SubjectPhrase(at, at + 3, first, THIRD)
    elif first.lower in ("one", "each") and _is_of(found, at + 1):
        inner = noun_phrase(found, at + 2)
        return SubjectPhrase(at, inner[1], first, THIRD) if inner and tokens[inner[1] - 1].flags & {"PL"} else None
    elif amount := _amount(found, at):
        inner = noun_phrase(found, amount)
        if not inner:
            return None
        subject = SubjectPhrase(at, inner[1], tokens[inner[1] - 1], person_of(found, *inner))
    elif (phrase := noun_phrase(found, at)) and _is_whole(found, phrase):
        subject = SubjectPhrase(at, phrase[1], tokens[phrase[1] - 1], person_of(found, *phrase))
    else:
        return None
    end = subject.end
    while end < len(tokens) and tokens[end].lower in _ATTACHING and (more := noun_phrase(found, end + 1)):
        end = more[1]
    if end < len(tokens) and tokens[end].lower == "and":
        # "The car of my brother and me" may be one car.
        if end > subject.end:
            return None
        other = noun_phrase(found, end + 1)
        if not other and end + 1 < len(tokens) and tokens[end + 1].flags & {"SUBJ", "OBJ"}:
            other = (end + 1, end + 2)
        # "My brother and sister room": perhaps one room of both.
        if other and other[1] - other[0] > 1 and all(each.flags & _NOUNS for each in tokens[other[1] - 2 : other[1]]):
            return None
        return SubjectPhrase(at, other[1], tokens[other[1] - 1], OTHER) if other else None
    if end < len(tokens) and tokens[end].lower in ("or", "nor", "with", "as", "'s", "'", ","):
        return None
    return SubjectPhrase(at, end, subject.head, subject.person)


def noun_phrase(found: TaggedSentence, at: int) -> tuple[int, int] | None:
    """Return the tokens of the noun phrase that starts at a token: its start, and the end after its last noun."""
    tokens, end = found.tokens, at
    # "Helping people is good": the gerund is the subject.
    if at < len(tokens) and "ING" in tokens[at].flags and "NOUN" not in tokens[at].flags:
        return None
    while end < len(tokens) and tokens[end].flags & _DETERMINERS and "SUBJ" not in tokens[end].flags:
        end += 1
    start_of_nouns = end
    while end < len(tokens) and tokens[end].flags & _ADJECTIVES and "NOUN" not in tokens[end].flags:
        end += 1
    nouns = end
    while end < len(tokens) and _is_noun(tokens[end], has_determiner=start_of_nouns > at and end == nouns):
        if end > nouns and tokens[end].flags & {"THIRD", "BASE"} and "VERB" in tokens[end].flags:
            break
        end += 1
        if end + 1 < len(tokens) and tokens[end].lower == "'s" and _is_noun(tokens[end + 1], has_determiner=True):
            end += 1
    return (at, end) if end > nouns else None


def person_of(found: TaggedSentence, first: int, end: int) -> int:
    """Return the grammatical person of the words from one token to before another."""
    tokens = found.tokens[first:end]
    if tokens[0].lower == "i" and len(tokens) == 1:
        return FIRST
    if any(token.lower == "and" for token in tokens) or "NON3" in tokens[-1].flags:
        return OTHER
    head = tokens[-1]
    for number, token in enumerate(tokens):
        if number and token.flags & {"PREP", "WH"}:
            head = tokens[number - 1]
            break
    if ("PLDET" in tokens[0].flags and "MASS" not in head.flags) or head.lower in _ALWAYS_PLURAL:
        return OTHER
    # "childs", "informations"
    if "NOUN" in head.flags and head.lower.endswith("s") and not head.flags & {"SG", "PL", "MASS"}:
        return OTHER
    return OTHER if "PL" in head.flags and "SG" not in head.flags and "MASS" not in head.flags else THIRD


def is_collective(subject: SubjectPhrase) -> bool:
    return subject.head.lower in _COLLECTIVE


def _is_noun(token: Word, *, has_determiner: bool) -> bool:
    if "PUN" in token.flags or token.flags & {"PREP", "CONJ", "MODAL", "BE", "HAVE", "DO", "SUBJ", "NOT"}:
        return False
    return bool(token.flags & {"NOUN", "NAME"}) or (has_determiner and bool(token.flags & {"SG", "PL", "MASS"}))


def _is_whole(found: TaggedSentence, phrase: tuple[int, int]) -> bool:
    """Return whether a noun phrase can stand alone: with a determiner, as a name, as a plural or as a mass noun."""
    first, head = found.tokens[phrase[0]], found.tokens[phrase[1] - 1]
    return bool(first.flags & _DETERMINERS or head.flags & {"NAME", "PL", "MASS"})


def _is_of(found: TaggedSentence, at: int) -> bool:
    return at < len(found.tokens) and found.tokens[at].lower == "of"


def _amount(found: TaggedSentence, at: int) -> int:
    """Return the token after "a lot of" and the like, or 0."""
    for words in (1, 2):
        last = at + words - 1
        if last < len(found.tokens) and found.tokens[last].lower in _AMOUNTS and _is_of(found, last + 1):
            is_the_number = found.tokens[at].lower == "the" and found.tokens[last].lower == "number"
            return 0 if is_the_number else last + 2
    return 0
