"""Explain a word in easy English, spell it, or say that it is unknown."""

import re

from engines.local import corrector, foreign, rules, tagging

_NOT_LETTERS = re.compile(r"[^\w\s'-]")
_ARTICLES = frozenset("a an the to word words english this that it my your".split())  # noqa: SIM905
# Endings of other forms of a word, and those of the base forms that they may come from
_ENDINGS = {"ies": ("y",), "es": ("",), "s": ("",), "ied": ("y",), "ed": ("", "e"), "ing": ("", "e"), "ly": ("",)}


def explain(word: str) -> str:
    """Return the meaning of a word as a sentence, or "" if it is unknown."""
    found = _found(word)
    return f'"{found.capitalize()}" means {rules.words()[found]}.' if found else ""


def of_question(question: str) -> str:
    """Return the word of a question that is most worth explaining: the longest known one, or "" if there is none."""
    known = [word for token in tagging.tag(question) if len(token.lemma) > 3 and (word := _found(token.lemma))]
    return max(known, key=len, default="")


def cleaned(word: str) -> str:
    """Return the word that a learner asks about, fit to be spoken: a few words at most, or "" if nothing is left."""
    words = [one for one in _NOT_LETTERS.sub(" ", word).split() if one.lower() not in _ARTICLES]
    return " ".join(words[:3])[:40]


def is_english(word: str) -> bool:
    """Return whether a word can be explained in English: it is known, or looks like English."""
    return bool(_found(word)) or (word.isascii() and not foreign.is_foreign(word) and corrector.is_english(word))


def spelled(word: str) -> str:
    """Return the letters of a word, one after the other."""
    return ", ".join(letter for letter in word.upper() if letter.isalnum())


def _found(word: str) -> str:
    """Return the first known one of a word's possible base forms, or "" if none is known."""
    word = cleaned(word).lower()
    if not word:
        return ""
    forms = [word, *(token.lemma.lower() for token in tagging.tag(word)[-1:])]
    for ending, instead in _ENDINGS.items():
        if word.endswith(ending) and len(word) > len(ending) + 2:
            forms += [word.removesuffix(ending) + one for one in instead]
    if word.endswith("or"):
        forms.append(f"{word.removesuffix('or')}our")
    forms += [part for part in word.split() if len(part) > 3]
    return next((one for one in forms if one in rules.words()), "")
