"""Find facts that a learner has told already, so that the partner does not ask for them."""

import re
from collections.abc import Sequence
from functools import lru_cache

from engines.local import parsing, remarks, rules, tagging
from engines.local.remarks import Intent
from engines.local.tagging import Token
from tutor import scenario

_PEOPLE = ("family", "person")
_NOT_SAID = frozenset(
    {Intent.QUESTION, Intent.OTHER_LANGUAGE, Intent.NOTHING, Intent.GREETING, Intent.THANKS, Intent.DONT_KNOW}
)
# Verbs that ask for nothing by themselves: "I like it" does not answer "What do you like about it?"
_EMPTY = frozenset("like want think do have be feel know love prefer say tell see mean look get talk can".split())  # noqa: SIM905
# Words of a question that do not narrow it
_AROUND = frozenset(
    (  # noqa: SIM905
        "home house day time life place people person usually often kind sort thing something name example"
    ).split()
)
_WHEN = re.compile(r"\b(?:yesterday|last|next|tomorrow|birthday|first|when you were|as a child|today|now|recently)\b")
_SAME = {
    "job": "work",
    "movie": "film",
    "holiday": "trip",
    "vacation": "trip",
    "mum": "mother",
    "mom": "mother",
    "dad": "father",
}
_SAME |= {
    "movies": "film",
    "flat": "home",
    "apartment": "home",
    "town": "city",
    "strong": "strength",
    "weak": "weakness",
}


def statements_of(heard: Sequence[str]) -> list[str]:
    """Return the learner's statements, without questions, wishes and small talk."""
    stated = []
    for text in heard:
        remark = remarks.understand(text)
        if remark.intent not in _NOT_SAID or remark.answer:
            stated.append(remark.answer or (text if remark.intent is Intent.ANSWER else ""))
    return [text for text in stated if text]


@lru_cache(2048)
def answers(question: str, statement: str) -> bool:
    """Return whether a statement already answers a question."""
    asked, said = tagging.tag(question), _lemmas(statement)
    first = next((token.text.lower() for token in asked), "")
    nouns = _nouns(asked)
    if _WHEN.search(question.lower()) and not _WHEN.search(statement.lower()):
        return False
    if _asks_for_a_noun(asked):
        return bool(nouns) and nouns <= said
    verb = next((_same(token.lemma.lower()) for token in asked if token.is_verb and token.lemma not in _EMPTY), "")
    if (
        first in ("how", "why", "when")
        or (verb and verb not in said)
        or (not verb and first != "who")
        or not (nouns or verb)
    ):
        return False
    if not all(_is_in(word, said) for word in nouns):
        return False
    return any(_tells(clause, first, _subject(asked), verb) for clause in parsing.parse(statement))


def _asks_for_a_noun(asked: Sequence[Token]) -> bool:
    """Return whether it is "What is your biggest weakness?" or "Which of your weaknesses …?"."""
    text = " ".join(token.text.lower() for token in asked)
    return bool(
        re.match(
            r"(?:what (?:is|are) your|which of your|what .*\bweakness|(?:can you )?(?:describe|name) (?:your|a|one))\b",
            text,
        )
    )


def _tells(clause: parsing.Clause, first: str, subject: str, verb: str) -> bool:
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


def _subject(asked: Sequence[Token]) -> str:
    """Return "you", another subject's noun, or ""."""
    words = [token.text.lower() for token in asked]
    if "you" in words:
        return "you"
    return next((token.lemma.lower() for token in asked if token.is_noun), "")


def _nouns(asked: Sequence[Token]) -> frozenset[str]:
    """Return the nouns and adjectives that narrow a question."""
    words = {_same(token.lemma.lower()) for token in asked if token.is_noun or token.tag in ("AJ0", "AJS", "AJC")}
    return frozenset(words) - _AROUND


def _lemmas(statement: str) -> frozenset[str]:
    return frozenset(_same(word) for word in parsing.nouns_and_verbs(statement))


def _is_in(word: str, said: frozenset[str]) -> bool:
    """Return whether a statement has the word or, for "family" and "person", any person."""
    if word in said:
        return True
    kinds = rules.classes().nouns
    if word in ("family", "person", "people"):
        return any(kinds.get(one) in _PEOPLE for one in said)
    return False


def _same(word: str) -> str:
    return _SAME.get(word, word)


def has_begun(heard: Sequence[str]) -> bool:
    """Return whether the learner has said something of weight, so that the talk needs no first question any more."""
    light = rules.classes().light | {"friend", "name", "teacher"}
    return any(
        len(parsing.nouns_and_verbs(text) - light) >= 1 and len(text.split()) > 2 for text in statements_of(heard)
    )


def sentences_of(heard: Sequence[str]) -> list[str]:
    return [one for text in statements_of(heard) for one in scenario.sentences(text)]
