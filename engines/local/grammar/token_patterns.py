"""Match rules over tokens: the patterns of `data/grammar/`, which name words, base forms and parts of speech.

A pattern is a regular expression whose letters are tokens, separated by spaces:

    word/other/.NUM  one of these words, or a token with this flag
    @go/come         any form of these words
    .NOUN.PL!MASS    a token with these flags and without those after "!" (see `reading`)
    @go.PAST         both
    !since           any token but this word
    _                any token but punctuation
    ^ $              the start and the end of the sentence

( ) (?: ) (?= ) (?! ) | ? * + are as in regular expressions. {name} is a list or phrase of `words.toml`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from engines.local import vocabulary
from engines.local.grammar import inflection, reading, subjects
from engines.local.grammar.reading import TaggedSentence, Word
from engines.local.mistakes import Reason, reason, refuse_duplicates
from tutor.domain import Correction
from tutor.toml_tables import Table, read

_FOLDER = vocabulary.DATA / "grammar"
_ITEM = re.compile(r"\(\?[:=!]|\(|\)[?*+]?|\||[$^]|[^\s()|?*+]+[?*+]?")
_NAME = re.compile(r"\{([a-z_]+)\}")
_SLOT = re.compile(r"\{(\d+)(?::([a-z]+)(?:@(\d+))?)?\}")
_ANY = r"[^ ]+ "
_PERSONS = {
    **{"be": ("am", "are", "is"), "was": ("was", "were", "was"), "have": ("have", "have", "has")},
    "do": ("do", "do", "does"),
}
_FEELINGS = (
    *(
        "bor",
        "interest",
        "excit",
        "surpris",
        "confus",
        "frighten",
        "disappoint",
        "tir",
        "exhaust",
        "annoy",
        "shock",
        "relax",
    ),
    *("amaz", "depress", "embarrass", "worr"),
)
_LONG = ("comfortable", "expensive", "interesting", "important", "dangerous", "famous", "boring", "modern")
_PRONOUNS = {
    "object": {"i": "me", "he": "him", "she": "her", "we": "us", "they": "them"},
    "subject": {"me": "I", "him": "he", "her": "she", "us": "we", "them": "they"},
    "possessive": {
        **{"i": "my", "you": "your", "he": "his", "she": "her", "it": "its", "we": "our", "they": "their", "me": "my"},
        **{"mine": "my", "yours": "your", "hers": "her", "ours": "our", "theirs": "their", "him": "his", "us": "our"},
        "them": "their",
    },
    "mine": {"my": "mine", "your": "yours", "her": "hers", "our": "ours", "their": "theirs", "me": "mine"}
    | {"you": "yours", "him": "his", "us": "ours", "them": "theirs", "his": "his"},
    "self": {"i": "myself", "you": "yourself", "he": "himself", "she": "herself", "it": "itself", "we": "ourselves"}
    | {"they": "themselves", "everybody": "themselves", "everyone": "themselves"},
    "reflexive": {
        **{"hisself": "himself", "meself": "myself", "ourself": "ourselves", "ourselfs": "ourselves"},
        **{"theirself": "themselves", "theirselves": "themselves", "themself": "themselves"},
        **{"themselfs": "themselves", "yourselfs": "yourselves"},
    },
    "mass": {"polices": "police", "researches": "research", "progresses": "progress", "housework": "housework"}
    | {
        f"{word}s": word
        for word in ("information", "furniture", "advice", "homework", "luggage", "equipment", "knowledge")
    }
    | {f"{word}s": word for word in ("traffic", "money", "software", "baggage", "evidence", "weather", "training")},
    "irregular": {
        **{
            "childs": "children",
            "childrens": "children",
            "mans": "men",
            "mens": "men",
            "womans": "women",
            "womens": "women",
        },
        **{"foots": "feet", "feets": "feet", "tooths": "teeth", "teeths": "teeth", "mouses": "mice", "mices": "mice"},
        **{
            "peoples": "people",
            "persons": "people",
            "sheeps": "sheep",
            "fishs": "fish",
            "wifes": "wives",
            "knifes": "knives",
        },
        **{"lifes": "lives", "shelfs": "shelves", "leafs": "leaves"},
    },
    "felt": {f"{stem}ing": f"{stem}ed" for stem in _FEELINGS},
    "feeling": {f"{stem}ed": f"{stem}ing" for stem in _FEELINGS},
    "compared": {"badder": "worse", "gooder": "better", "baddest": "worst", "goodest": "best"},
    "longer": {
        **{
            "beautifuller": "beautiful",
            "difficulter": "difficult",
            "intelligenter": "intelligent",
            "usefuller": "useful",
        },
        **{f"{word}{'r' if word[-1] == 'e' else 'er'}": word for word in _LONG},
        **{
            f"{word}{'st' if word[-1] == 'e' else 'est'}": word
            for word in (*_LONG, "beautiful", "difficult", "intelligent")
        },
        **{"beautifullest": "beautiful", "beautifulest": "beautiful", "carefuller": "careful"},
    },
    "pair": {"pant": "pants", "jean": "jeans", "trouser": "trousers"}
    | {word: word for word in ("pants", "jeans", "trousers", "shorts", "glasses", "scissors", "pajamas", "clothes")},
    "any": {
        "nothing": "anything",
        "nobody": "anybody",
        "nowhere": "anywhere",
        "no": "any",
        "none": "any",
        "never": "ever",
    },
}
# {1:make} is "make" in the form of the learner's verb: "did" becomes "made".
_OTHER_VERBS = frozenset(
    (  # noqa: SIM905
        "make do go take have ask lend borrow meet tell say teach turn miss earn watch remind spend attend steal brush ride play"
    ).split()
)
# Forms that `better` may name after a group.
FORMS = frozenset(
    {"base", "third", "past", "participle", "gerund", "plural", "singular", "comparative", "superlative"}
    | {"adverb", "adjective", "article", "owner", "fit", *_PERSONS, *_PRONOUNS, *_OTHER_VERBS}
)


class _NoForm(Exception):
    """Report that a word has no such form, so that the rule does not apply."""


@dataclass(frozen=True, slots=True)
class TokenRule:
    """Hold a rule: a match of `wrong` is replaced by `better`, whose slots are groups of the match.

    The tokens before it must match `after` and must not match `unless`.
    """

    reason: Reason
    wrong: re.Pattern[str]
    better: str
    after: re.Pattern[str] | None
    unless: re.Pattern[str] | None
    # A sentence that lacks one of these cannot match, which is faster to find out than to search it.
    needs: tuple[frozenset[str], ...]

    def find(self, sentence: str) -> Iterator[Correction]:
        found = reading.read_sentence(sentence)
        if any(found.content.isdisjoint(needed) for needed in self.needs):
            return
        for match in self.wrong.finditer(found.rendered):
            before = found.rendered[: match.start()]
            if (self.unless and self.unless.search(before)) or (self.after and not self.after.search(before)):
                continue
            first, last = found.places[match.start()], found.places[match.end()]
            if first == last:
                continue
            try:
                better = self._filled(found, match)
            except _NoForm:
                continue
            start, end = found.tokens[first].start, found.tokens[last - 1].end
            if first == 0 and sentence[start].isupper():
                better = better[0].upper() + better[1:]
            if better.lower() != sentence[start:end].lower():
                yield self.reason.correction(sentence, better, start, end)

    def _filled(self, found: TaggedSentence, match: re.Match[str]) -> str:
        def fill(slot: re.Match[str]) -> str:
            number, form, subject = int(slot[1]), slot[2], slot[3]
            if match[number] is None:
                return ""
            first, last = (found.places[place] for place in match.span(number))
            words = found.text(first, last)
            if last == first + 1 and (words.startswith("'") or words.lower() in ("ca", "wo")):
                words = found.tokens[first].lower
            # A word that moves away from the start of the sentence loses its capital.
            if (
                words
                and first == 0
                and slot.start()
                and "NAME" not in found.tokens[0].flags
                and words.split()[0] != "I"
            ):
                words = words[0].lower() + words[1:]
            if not form or not words:
                return words
            if form == "fit":
                return _verb_for(found, first, *(found.places[place] for place in match.span(int(subject))))
            return _in_form(found, first, last, form, words)

        better = _SLOT.sub(fill, self.better).replace(" n't", "n't").replace(" '", "'")
        return " ".join(better.replace("cann't", "can't").replace("willn't", "won't").split())


@cache
def load_all() -> tuple[TokenRule, ...]:
    """Return the rules of all files. Raises DataFileError for the first invalid field, and names it."""
    return tuple(rule for path in sorted(_FOLDER.glob("[0-9]*.toml")) for rule in load(path))


def load(path: Path) -> tuple[TokenRule, ...]:
    with read(path) as table:
        rules = [_rule(entry) for entry in table.tables("rules")]
    refuse_duplicates(table, "rules", [rule.reason for rule in rules])
    return tuple(rules)


def compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern over tokens as a regular expression over `TaggedSentence.rendered`. Raises ValueError."""
    pattern = _with_lists(pattern)
    parts: list[str] = []
    opened: list[int] = []
    for item in _ITEM.findall(pattern):
        if item[0] == "(":
            opened.append(len(parts))
        elif item[0] == ")" and opened:
            start = opened.pop()
            # A token often fits several alternatives. To try them all again and again would take for ever.
            if item[1:] and parts[start] == "(?:":
                parts[start] = "(?>"
        parts.append(_part(item))
    try:
        return re.compile(rf"(?<!\S){''.join(parts)}")
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a pattern: {error}") from error


def _with_lists(pattern: str) -> str:
    lists = reading.lexicon().lists
    while name := _NAME.search(pattern):
        if name[1] not in lists:
            raise ValueError(f"there is no list or phrase {{{name[1]}}}")
        pattern = f"{pattern[: name.start()]}{lists[name[1]]}{pattern[name.end() :]}"
    return pattern


def _needs(pattern: str) -> list[frozenset[str]]:
    """Return for each token that a match must have the words, base forms or flags of which it must have one."""
    needs: list[frozenset[str]] = []
    # The tokens of each open group: None in a lookahead or a group that may be absent.
    stack: list[list[frozenset[str]]] = [needs]
    branching = [False]
    for item in _ITEM.findall(_with_lists(pattern)):
        if item[0] == "(":
            stack.append([])
            branching.append(item in ("(?=", "(?!"))
        elif item[0] == ")":
            inner, is_branching = stack.pop(), branching.pop()
            if not is_branching and item[-1] not in "?*":
                stack[-1] += inner
        elif item == "|":
            branching[-1] = True
        elif item not in "^$_" and item[-1] not in "?*" and "/." not in item:
            words, *flags = re.split(r"(?=[.!])", item.removesuffix("+"))
            wanted = [flag[1:] for flag in flags if flag[0] == "."]
            if words:
                stack[-1].append(frozenset(words.lstrip("@").split("/")))
            elif wanted:
                stack[-1].append(frozenset(wanted[:1]))
    return [] if branching[0] else needs


def _rule(entry: Table) -> TokenRule:
    rule = TokenRule(
        reason=reason(entry),
        wrong=_compiled(entry, "wrong") or re.compile(""),
        better=entry.text("better"),
        after=_compiled(entry, "after", at_end=True),
        unless=_compiled(entry, "unless", at_end=True),
        needs=(*_needs(entry.text("wrong")), *_needs(entry.text("after", optional=True))),
    )
    for number, form, subject in _SLOT.findall(rule.better):
        if max(int(number), int(subject or 0)) > rule.wrong.groups:
            raise entry.error("better", f"`wrong` has no group {max(int(number), int(subject or 0))}")
        if form and (form not in FORMS or (form == "fit") != bool(subject)):
            raise entry.error("better", f"there is no form {form!r}")
    if "{" in _SLOT.sub("", rule.better):
        raise entry.error("better", "a slot is {1}, {1:past} or {1:fit@2}")
    return rule


def _compiled(entry: Table, key: str, *, at_end: bool = False) -> re.Pattern[str] | None:
    text = entry.text(key, optional=key != "wrong")
    try:
        return compiled(f"(?: {text} ) $" if at_end else text) if text else None
    except ValueError as error:
        raise entry.error(key, str(error)) from error


def _part(item: str) -> str:
    """Return the regular expression of one item of a pattern."""
    if item[0] in "()|^$":
        return item
    quantifier = item[-1] if item[-1] in "?*+" else ""
    token = item.removesuffix(quantifier)
    # "a/the/.NUM" is either of the words or a token with the flag.
    if len(either := re.split(r"/(?=\.)", token)) > 1:
        return f"(?:{'|'.join(_part(one) for one in either)}){quantifier}"
    if token == "_":
        return rf"(?:(?![^ ]*\.PUN\.){_ANY}){quantifier}"
    words, *flags = re.split(r"(?=[.!])", token)
    lookaheads = "".join(_condition(flag) for flag in flags)
    alternatives = "|".join(re.escape(word) for word in words.lstrip("@").split("/"))
    if not words:
        return f"(?:{lookaheads}{_ANY}){quantifier}"
    place = "[^ /]*/" if words[0] == "@" else ""
    return f"(?:{lookaheads}{place}(?:{alternatives})/[^ ]* ){quantifier}"


def _condition(flag: str) -> str:
    """Return the lookahead for ".NOUN", "!NOUN" or "!since" in front of a token."""
    sign = "=" if flag[0] == "." else "!"
    return rf"(?{sign}[^ ]*\.{flag[1:]}\.)" if flag[1:].isupper() else rf"(?{sign}{re.escape(flag[1:])}/)"


def _in_form(found: TaggedSentence, first: int, last: int, form: str, words: str) -> str:
    """Return words in a form. Of several words, the last noun or the first verb changes."""
    if form in _PERSONS and not (form in _OTHER_VERBS and found.tokens[last - 1].lemma in ("make", "do")):
        return _PERSONS[form][subjects.person_of(found, first, last)]
    if form in _OTHER_VERBS:
        return _in_the_form_of(found.tokens[first], form)
    if form in _PRONOUNS:
        if words.lower() not in _PRONOUNS[form]:
            raise _NoForm
        return _PRONOUNS[form][words.lower()]
    if form == "article":
        return f"{inflection.article(words)} {words}"
    if form == "owner":
        return f"{words}'" if words.endswith("s") and "PL" in found.tokens[last - 1].flags else f"{words}'s"
    changes_last = form in ("plural", "singular", "comparative", "superlative", "adverb", "adjective")
    token = found.tokens[last - 1 if changes_last else first]
    changed = _word_in_form(token.lower, token.lemma, form)
    if not changed:
        raise _NoForm
    rest = (
        found.sentence[found.tokens[first].start : token.start]
        if changes_last
        else found.sentence[token.end : found.tokens[last - 1].end]
    )
    return f"{rest}{changed}" if changes_last else f"{changed}{rest}"


def _word_in_form(word: str, lemma: str, form: str) -> str:
    if form == "plural":
        return inflection.plural(word)
    if form == "singular":
        return inflection.singular(word)
    if form == "adverb":
        return inflection.adverb(word)
    if form == "adjective":
        return inflection.adjective(word)
    bases = inflection.verb_forms(word).values()
    verb = lemma if lemma in bases else next(iter(bases), lemma)
    return inflection.inflected(lemma if form in ("comparative", "superlative") else verb, form)


def _in_the_form_of(token: Word, lemma: str) -> str:
    forms = ("third", "gerund", "base", "past", "participle")
    form = next((form for form in forms if form in inflection.verb_forms(token.lower)), "base")
    return inflection.inflected(lemma, form)


def _verb_for(found: TaggedSentence, verb: int, first: int, last: int) -> str:
    """Return a verb in the form of the present that fits its subject."""
    person, lemma = (
        subjects.person_of(found, first, last),
        next(iter(inflection.verb_forms(found.tokens[verb].lower).values()), ""),
    )
    if not lemma:
        raise _NoForm
    if lemma in ("be", "have", "do"):
        return _PERSONS[lemma][person]
    return inflection.inflected(lemma, "third") if person == 2 else lemma
