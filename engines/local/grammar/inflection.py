"""Put English words into other forms, and tell which forms a word may be, with lemminflect (MIT)."""

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from engines.packages import optional_packages

if TYPE_CHECKING:
    from types import ModuleType

_TAGS = {
    **{"base": "VB", "third": "VBZ", "past": "VBD", "participle": "VBN", "gerund": "VBG"},
    **{"plural": "NNS", "singular": "NN", "comparative": "JJR", "superlative": "JJS"},
}
_ADVERBS = {"good": "well", "public": "publicly", "whole": "wholly", "true": "truly", "due": "duly", "shy": "shyly"}
# Adjectives that are their own adverbs.
_FLAT = frozenset(("fast", "hard", "late", "early", "straight", "high", "low", "long", "far", "near", "well"))
# Words in -ed that learners mean as the past of an irregular verb.
_NOT_MEANT = frozenset(("costed", "leaved"))
_PLURAL_ONLY = frozenset(("people", "police", "cattle"))
_UNCHANGED = frozenset(("fish", "sheep", "series", "species", "deer", "aircraft", "means"))
_SILENT_H = ("hour", "honest", "honour", "honor", "heir")
_YOU = ("uni", "use", "usu", "euro", "eu", "one", "once", "uk", "us ")


def inflected(lemma: str, form: str) -> str:
    """Return the base form in another form, or "" if it has none."""
    if lemma in ("be", "have") and form == "third":
        return {"be": "is", "have": "has"}[lemma]
    if lemma == "be" and form == "past":
        return "was"
    found = _package().getInflection(lemma, _TAGS[form], inflect_oov=False)
    # The British "travelled" and the rarer "costed" come second.
    return str(found[0]) if found else ""


@lru_cache(4096)
def lemmas(word: str, part: str) -> tuple[str, ...]:
    """Return the base forms that a word may have as a VERB, NOUN, ADJ or ADV."""
    return tuple(_package().getAllLemmas(word, part).get(part, ()))


@lru_cache(4096)
def is_word(word: str) -> bool:
    """Return whether a word is in the lexicon, which has British spellings, too."""
    return bool(_package().getAllLemmas(word))


@lru_cache(4096)
def verb_forms(word: str) -> dict[str, str]:
    """Return the forms of a verb that a word may be, each with its base form: {"past": "cut", "base": "cut"}."""
    if word == "got":
        return {"past": "get", "participle": "get"}
    return {
        form: lemma
        for lemma in reversed(lemmas(word, "VERB"))
        for form in ("base", "third", "past", "participle", "gerund")
        if word in _package().getInflection(lemma, _TAGS[form], inflect_oov=False) or inflected(lemma, form) == word
    }


@lru_cache(4096)
def regularized(word: str) -> str:
    """Return the base form of an irregular verb in a regular past that does not exist: "go" for "goed", or ""."""
    is_a_word = lemmas(word, "VERB") or lemmas(word, "ADJ")
    if not word.endswith("ed") or (is_a_word and word not in _NOT_MEANT):
        return ""
    stem = word[:-2]
    bases = [stem, f"{stem}e", f"{word[:-3]}y" if word.endswith("ied") else stem]
    if stem[-1:] == stem[-2:-1]:
        bases.append(stem[:-1])
    # "boughted" and "broked"
    bases += [one for past in (stem, f"{stem}e") for one in lemmas(past, "VERB") if past != one]
    return next((base for base in bases if _is_irregular(base)), "")


def _is_irregular(base: str) -> bool:
    past = inflected(base, "past")
    return bool(past) and base in lemmas(base, "VERB") and not past.endswith("ed")


def is_plural(word: str) -> bool:
    return word in _PLURAL_ONLY or any(word in _plurals(lemma) and lemma != word for lemma in lemmas(word, "NOUN"))


def is_singular(word: str) -> bool:
    return word not in _PLURAL_ONLY and word in lemmas(word, "NOUN") and bool(plural(word))


def plural(word: str) -> str:
    """Return the plural of a noun, or "" if it has none of its own: "fish"."""
    if word == "person":
        return "people"
    found = [one for one in _plurals(word) if one != word]
    return found[0] if found and word not in _UNCHANGED else ""


def singular(word: str) -> str:
    return next((lemma for lemma in lemmas(word, "NOUN") if word in _plurals(lemma)), "")


def adverb(adjective: str) -> str:
    """Return the adverb of an adjective, or "" if it has none, as "friendly"."""
    if adjective in _FLAT or adjective in _ADVERBS:
        return _ADVERBS.get(adjective, adjective)
    if adjective.endswith("ly"):
        return ""
    if adjective.endswith("le") and adjective[-3:-2] not in ("", *"aeiou"):
        return f"{adjective[:-1]}y"
    if adjective.endswith("y") and adjective not in ("dry", "shy", "sly"):
        return f"{adjective[:-1]}ily"
    return f"{adjective}{'ally' if adjective.endswith('ic') else 'y' if adjective.endswith('ll') else 'ly'}"


def adjective(word: str) -> str:
    """Return the adjective that an adverb comes from, or ""."""
    if word == "well":
        return "good"
    stems = [word[:-2], f"{word[:-3]}y", f"{word[:-1]}e", word[:-4]] if word.endswith("ly") else []
    return next((stem for stem in stems if stem in lemmas(stem, "ADJ") and adverb(stem) == word), "")


def article(word: str) -> str:
    """Return "a" or "an", as the next word needs it."""
    word = word.lower()
    is_vowel = word[:1] in "aeiou" and not word.startswith(_YOU)
    return "an" if is_vowel or word.startswith(_SILENT_H) else "a"


def _plurals(lemma: str) -> tuple[str, ...]:
    return tuple(_package().getInflection(lemma, "NNS", inflect_oov=False))


@cache
def _package() -> "ModuleType":
    with optional_packages():
        import lemminflect
    return lemminflect
