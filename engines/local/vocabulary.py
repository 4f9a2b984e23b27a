"""Provide the lists of words that patterns name, and the forms into which corrections put a learner's word.

Both are in `data/vocabulary.toml`. Only the lists of verbs are derived here, from `tutor/verb_forms.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tutor.toml_tables import read
from tutor.verb_forms import BY_BASE, BY_GERUND, BY_THIRD, VERBS, verb

DATA = Path(__file__).parent / "data"
_VERB_FORMS = frozenset({"base", "third", "past", "participle", "gerund"})
# Forms that are also other words are left out. "come" and "put" are also base forms, "found" is also the verb "to
# found", and "left" an adjective.
_LISTS_OF_VERBS = {
    "base": BY_BASE.keys() - {"be"},
    "third": BY_THIRD.keys() - {"is"},
    "gerund": BY_GERUND.keys() - {"being", "meeting"},
    "past": {each.past for each in VERBS} - BY_BASE.keys() - {"was", "found", "left", "felt", "thought"},
    "past_only": {each.past for each in VERBS} - {each.participle for each in VERBS} - {"was", "forgot", "got"},
    "participle": {each.participle for each in VERBS} - {"been", "got", "gotten"},
}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    # Name -> alternatives of a regular expression
    lists: Mapping[str, str]
    # Name of a form -> the learner's word in small letters -> that word in this form
    forms: Mapping[str, Mapping[str, str]]

    def knows(self, form: str) -> bool:
        return form in self.forms or form in _VERB_FORMS or form == "article"

    def in_form(self, word: str, form: str) -> str:
        """Return the word in a form. Raises KeyError for the form of a verb that is not listed."""
        if form == "article":
            return "an" if word[0].lower() in "aeiou" else "a"
        if form in _VERB_FORMS:
            return str(getattr(verb(word), form))
        return self.forms[form].get(word.lower(), word)


@cache
def load() -> Vocabulary:
    """Return the vocabulary. Raises DataFileError if its file is invalid."""
    with read(DATA / "vocabulary.toml") as table:
        written = table.mapping("lists")
        forms = table.mappings("forms")
    # The longest word comes first, so that a pattern matches all of it.
    derived = {
        name: "|".join(sorted(words, key=lambda word: (-len(word), word)))
        for name, words in (_LISTS_OF_VERBS | forms).items()
    }
    return Vocabulary(derived | written, forms)
