"""Find out what a learner has said already, so that the partner does not ask for it."""

import re
from collections.abc import Sequence
from functools import lru_cache

from engines.local import parsing, remarks, rules, tagging
from engines.local.remarks import Intent

_PEOPLE = ("family", "person")
_ANY_PERSON = frozenset({"family", "person", "people"})
# Verbs that ask for nothing by themselves: "I like it" does not answer "What do you like about it?"
_EMPTY = frozenset("like want think do have be feel know love prefer say tell see mean look get talk can".split())  # noqa: SIM905
# Words of a question that do not narrow it
_AROUND = frozenset(
    (  # noqa: SIM905
        "home house day time life place people person usually often kind sort thing something name example"
    ).split()
)
# "What is your biggest weakness?" and "Which of your weaknesses …?"
_ASKS_FOR_A_NOUN = re.compile(
    r"(?:what (?:is|are) your|which of your|what .*\bweakness|(?:can you )?(?:describe|name) (?:your|a|one))\b"
)
_WHEN = re.compile(r"\b(?:yesterday|last|next|tomorrow|birthday|first|when you were|as a child|today|now|recently)\b")
_SAME = {"job": "work", "movie": "film", "movies": "film", "holiday": "trip", "vacation": "trip", "flat": "home"}
_SAME |= {"apartment": "home", "town": "city", "mum": "mother", "mom": "mother", "dad": "father"}
_SAME |= {"strong": "strength", "weak": "weakness"}


def statements_of(heard: Sequence[str]) -> list[str]:
    """Return the learner's statements, without questions, wishes and small talk."""
    found = [(text, remarks.understand(text)) for text in heard]
    stated = [remark.answer or (text if remark.intent is Intent.ANSWER else "") for text, remark in found]
    return [text for text in stated if text]


@lru_cache(2048)
def answers(question: str, statement: str) -> bool:
    """Return whether a statement already answers a question."""
    asked = tagging.tag(question)
    said = {_same(word) for word in parsing.nouns_and_verbs(statement)}
    words = [token.text.lower() for token in asked]
    first = words[0] if words else ""
    # The nouns and adjectives that narrow the question
    narrowing = [token for token in asked if token.is_noun or token.tag in ("AJ0", "AJS", "AJC")]
    nouns = {_same(token.lemma.lower()) for token in narrowing} - _AROUND
    if _WHEN.search(question.lower()) and not _WHEN.search(statement.lower()):
        return False
    if _ASKS_FOR_A_NOUN.match(" ".join(words)):
        return bool(nouns) and nouns <= said
    verb = next((_same(token.lemma.lower()) for token in asked if token.is_verb and token.lemma not in _EMPTY), "")
    if (
        first in ("how", "why", "when")
        or (verb and verb not in said)
        or (not verb and first != "who")
        or not (nouns or verb)
    ):
        return False
    # A statement about any person is one about the "family" and about a "person".
    is_of_people = any(rules.classes().nouns.get(word) in _PEOPLE for word in said)
    if not nouns <= (said | _ANY_PERSON if is_of_people else said):
        return False
    subject = "you" if "you" in words else next((token.lemma.lower() for token in asked if token.is_noun), "")
    return any(_clause_answers(clause, first, subject, verb) for clause in parsing.parse(statement))


def _clause_answers(clause: parsing.Clause, first: str, subject: str, verb: str) -> bool:
    if (clause.negated and first != "do") or (verb and _same(clause.verb) != verb):
        return False
    if first == "who":
        return clause.subject != "none" or bool(clause.things)
    if subject == "you" and clause.subject not in ("i", "we"):
        return False
    if subject not in ("you", "") and clause.subject != "third":
        return False
    if first in ("what", "which"):
        return clause.object_ is not None
    if first == "where":
        return any(parsing.class_of(one) in ("place", "country") for one in clause.things)
    return True


def _same(word: str) -> str:
    return _SAME.get(word, word)


def has_begun(heard: Sequence[str]) -> bool:
    """Return whether the learner has said something substantial, so that the talk needs no first question any more."""
    light = rules.classes().light | {"friend", "name", "teacher"}
    return any(parsing.nouns_and_verbs(text) - light and len(text.split()) > 2 for text in statements_of(heard))
