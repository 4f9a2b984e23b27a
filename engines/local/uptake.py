"""Build questions that follow from the learner's own words, by filling the frames of `data/frames.toml`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engines.local import parsing, rules
from engines.local.parsing import Clause
from engines.local.rules import Frame
from engines.local.tagging import Phrase, Token
from tutor import scenario
from tutor.verb_forms import third

_FLIPPED = {"my": "your", "our": "your", "me": "you", "us": "you", "i": "you", "we": "you", "mine": "yours"}
_FLIPPED |= {"myself": "yourself", "am": "are", "ours": "yours", "ourselves": "yourselves"}
_LONGEST_REST = 6  # words
_LONGEST_ECHO = 5
_PRONOUNS = {
    "he": {"he": "he", "him": "him", "his": "his", "does": "does"},
    "she": {"he": "she", "him": "her", "his": "her", "does": "does"},
    "it": {"he": "it", "him": "it", "his": "its", "does": "does"},
    "they": {"he": "they", "him": "them", "his": "their", "does": "do"},
}
_OWNED = ("family", "person", "animal", "thing")
# A noun after one of these is not the object of the verb.
_AROUND = frozenset("in at with on for to from after before by during near of".split())  # noqa: SIM905
_OWN = re.compile(r"\b(?:i|we|my|our|me|us)\b")


@dataclass(frozen=True, slots=True)
class Uptake:
    """Hold a frame that fits the learner's words: ways to take them up, and questions with their easier wordings."""

    takes: tuple[str, ...]
    asks: tuple[tuple[str, str], ...]
    frame: Frame


def fitting(heard: str, earlier: Sequence[str], *, in_story: bool, in_film: bool = False) -> Iterator[Uptake]:
    """Yield the questions about a text, the best first.

    `earlier` holds the learner's earlier texts. `in_story` means that they are about a past event, `in_film` that it
    may have happened in a film or a book.
    """
    found = parsing.parse(heard)
    strong = [frame for frame in rules.frames() if not (frame.first or frame.weak)]
    pairs = [(frame, clause) for frame in rules.frames() if frame.first for clause in found]
    # For the others, the order of the clauses counts more than the order of the frames: the latest clause comes first.
    pairs += [(frame, clause) for clause in found for frame in strong]
    pairs += [(frame, clause) for frame in rules.frames() if frame.weak for clause in found]
    for frame, clause in pairs:
        if not frame.film or (in_film and not _OWN.search(clause.text)):
            yield from _uptakes(frame, clause, earlier, in_story=in_story)


def echo(phrase: Phrase, *, is_own: bool = False) -> str:
    """Return a noun phrase in the partner's words.

    "my garage" becomes "your garage", "an old man" becomes "the old man". With `is_own`, it belongs to the learner ("I
    have a dog").
    """
    words = [word for word in phrase.words if word.tag != "DT0" or word.text.lower() == "both"]
    before = words[0].text.lower() if words else ""
    rest = [word for word in words if word.tag not in ("AT0", "DPS")]
    if phrase.is_name:
        rest = [word for word in rest if word.tag == "NP0"]
        if before == "the":
            return f"the {' '.join(word.text for word in rest)}"
    text = " ".join(word.text for word in rest[-_LONGEST_ECHO:])
    if before in ("my", "our") or (is_own and before not in ("the", "his", "her", "their", "this", "that")):
        return f"your {text.removeprefix('one ')}"
    if before in ("his", "her", "their", "its"):
        return f"{before} {text}"
    is_definite = words and words[0].tag in ("AT0", "ORD", "AJS", "CRD") and before not in ("every", "no")
    return f"the {text.removeprefix('one ')}" if is_definite and not phrase.is_name else text


def flipped(word: str) -> str:
    """Return a word of the learner as the partner says it: "my" becomes "your"."""
    return _FLIPPED.get(word.lower(), word)


def _uptakes(frame: Frame, clause: Clause, earlier: Sequence[str], *, in_story: bool) -> Iterator[Uptake]:
    """Yield the filled frame for each noun phrase that fits it, if the clause meets the frame's conditions."""
    match = frame.match.search(clause.text) if frame.match else None
    # In a story, a clause without a tense is about the past.
    tense = "past" if in_story and clause.tense == "none" else clause.tense
    if (
        (frame.match and not match)
        or (frame.unless_here and frame.unless_here.search(clause.text))
        or (clause.is_whole and not frame.match)
        or (clause.negated != frame.negated and not frame.either)
        or (frame.verbs and clause.verb not in frame.verbs)
        or (frame.verbs_not and clause.verb in {"", *frame.verbs_not})
        or (frame.subject and clause.subject not in frame.subject)
        or (frame.tense and not {tense, clause.tense} & {*frame.tense})
        or (frame.adjective and not clause.has_telling_adjective)
        or (frame.no_object and any(one.before not in _AROUND for one in clause.things if one.start > clause.at))
        or (frame.story and tense != "past")
    ):
        return
    for thing in _things(frame, clause):
        # The classes are those of the subject if that is in the third person, or else those of {it}.
        classed = clause.who if frame.subject == ("third",) else thing
        if frame.classes and (classed is None or parsing.class_of(classed) not in frame.classes):
            continue
        words = {**_words(frame, clause, thing, earlier), **(match.groupdict() if match else {})}
        pairs = ((_filled(ask, words), _filled(easy, words)) for ask, easy in zip(frame.ask, frame.easy, strict=True))
        asks = tuple((ask, easy or ask) for ask, easy in pairs if ask)
        if asks:
            yield Uptake(tuple(text for text in (_filled(take, words) for take in frame.take) if text), asks, frame)


def _things(frame: Frame, clause: Clause) -> list[Phrase | None]:
    """Return the noun phrases that {it} may stand for, the best first. The last is None, unless the frame is weak."""
    found: list[Phrase | None] = [clause.object_] if clause.object_ else []
    found += [one for one in reversed(clause.things) if one not in found]
    if (frame.weak or not found) and isinstance(clause.who, Phrase) and parsing.is_worth_it(clause.who):
        found.append(clause.who)
    return found if frame.weak else [*found, None]


def _words(frame: Frame, clause: Clause, thing: Phrase | None, earlier: Sequence[str]) -> Mapping[str, str | None]:
    words: dict[str, str | None] = {"verb": clause.verb or None, "adj": clause.adjective or None}
    if thing is not None:
        is_own = clause.verb == "have" and clause.subject in ("i", "we") and parsing.class_of(thing) in _OWNED
        words["it"] = echo(thing, is_own=is_own)
        words["Mine"] = _capital(echo(thing)) if thing.words[0].text.lower() in ("my", "our") else None
        words["bare"] = thing.head.text.lower() if thing.head.tag != "NP0" else thing.head.text
        words["is"] = "are" if thing.is_plural else "is"
    if clause.object_ is not None:
        words["object"] = echo(clause.object_)
    who = clause.who
    is_plural = False
    if isinstance(who, Phrase):
        words["who"] = words["whom"] = echo(who)
        words["Who"] = words["Whom"] = _capital(echo(who))
        is_plural = who.is_plural or who.head.lemma.lower() in ("parent", "child")
    elif isinstance(who, Token) and clause.subject == "third":
        words["who"] = who.text.lower()
        is_plural = who.text.lower() == "they"
    words["verbs"] = clause.verb if is_plural else third(clause.verb) if clause.verb else None
    words["were"] = "were" if clause.tense == "past" else "are"
    words["was"] = words["were"] if is_plural else "was" if clause.tense == "past" else "is"
    after = [token for token in clause.tokens[clause.at + 1 :] if token.tag != "PUN"] if clause.at >= 0 else []
    if len(after) <= _LONGEST_REST:
        own = (token.text if token.tag == "NP0" else token.text.lower() for token in after)
        words["rest"] = "".join(f" {flipped(word)}" for word in own)
    if he := _pronoun(clause, earlier):
        words |= _PRONOUNS[he]
    words["event"] = rules.classes().events.get(clause.verb)
    words |= {key.capitalize(): _capital(text) for key in ("it", "adj", "is", "does") if (text := words.get(key))}
    return words


def _pronoun(clause: Clause, earlier: Sequence[str]) -> str | None:
    """Return the pronoun for the person that the clause is about: he, she, it or they."""
    pronouns, person = rules.classes().pronouns, clause.person
    if person is not None and person.is_plural:
        return "they"
    if person is not None and (known := pronouns.get(person.head.lemma.lower())):
        return known
    if isinstance(clause.who, Token) and clause.who.text.lower() in ("it", "this", "that"):
        return "it"
    not_things = (*parsing.PEOPLE, "name", "pronoun")
    if isinstance(clause.who, Phrase) and person is not clause.who and parsing.class_of(clause.who) not in not_things:
        return "they" if clause.who.is_plural else "it"
    for text in (clause.text, *reversed(earlier)):
        for word in reversed(re.findall(r"[a-z']+", text.lower())):
            if word in ("he", "him", "his"):
                return "he"
            if word in ("she", "her"):
                return "she"
            if word in ("they", "them") and text is clause.text:
                return "they"
            if text is not clause.text and (known := pronouns.get(word)):
                return known
    return "they" if person is not None else None


def _filled(template: str, words: Mapping[str, str | None]) -> str:
    """Return the text with its slots filled, or "" if there is no word for one."""
    if any(words.get(name) is None for name in scenario.slots(template)):
        return ""
    return _capital(scenario.fill(template, {name: text for name, text in words.items() if text is not None}))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
