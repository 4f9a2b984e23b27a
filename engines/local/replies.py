"""Answer a learner's question honestly, as a program, and about the learner's own words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engines.local import parsing, rules, tagging, uptake
from engines.local.rules import ReplyRule
from engines.local.tagging import Phrase
from tutor.scenario import Brief, fill, slots

_THEN = frozenset("there here it that this them him her one too also yet already before so idea my the good a".split())  # noqa: SIM905


@dataclass(frozen=True, slots=True)
class Replied:
    """Hold ways to answer a question, and the questions that can follow."""

    say: tuple[str, ...]
    ask: tuple[str, ...]


def reply(question: str, brief: Brief, statements: Sequence[str], heard: str) -> Replied | None:
    """Return the reply to a question in bare words, or None if it is not one that a program could answer.

    `statements` holds the learner's statements, the latest last. `heard` holds the words with the question, as they were
    said.
    """
    for one in rules.replies().kinds:
        groups = one.match.fullmatch(question)
        if groups is None or (one.scenarios and brief.scenario.id not in one.scenarios):
            continue
        person = _with_capitals(groups.get("person", ""), [*statements, heard]).split()
        if one.name_only and not (len(person) > 1 and all(word[:1].isupper() for word in person[:2])):
            continue
        words = _words(one, groups, statements, heard)
        if one.place_only and not words.get("is_place"):
            continue
        if one.named and _is_empty(groups.get("thing") or groups.get("place") or ""):
            continue
        if (one.needs_place and "place" not in words) or (one.language and groups.get("language") == "english"):
            continue
        return Replied(_filled(one.say, words), _filled(one.ask, words))
    return None


def _words(one: ReplyRule, groups: Mapping[str, str], statements: Sequence[str], heard: str) -> dict[str, str]:
    """Return the words for the slots: the subject of the question, or else the last thing that was spoken of."""
    words = {name: text for name, text in groups.items() if name in ("own", "kind", "do")}
    named = groups.get("thing") or groups.get("person") or groups.get("place") or ""
    if _is_empty(named):
        phrase = _latest(statements)
    else:
        found = tagging.phrases(tagging.tag(f"I like {_with_capitals(named, [*statements, heard])}"))
        phrase = next((one for one in found if parsing.is_worth_it(one)), None)
    kind = parsing.class_of(phrase) if phrase else "default"
    if phrase is not None:
        words["thing"] = words["person"] = uptake.echo(phrase)
    place = _place(groups.get("place", ""), statements)
    if place:
        words["place"] = place
        words["famous"] = rules.replies().famous.get(place.lower(), rules.replies().famous["default"])
    if groups.get("place") and (kind == "country" or place.lower() == groups["place"].lower()):
        words["is_place"] = "yes"
    # The latest name is that of something to watch or to read.
    if (
        kind == "name"
        and statements
        and any(clause.verb in ("watch", "see", "read") for clause in parsing.parse(statements[-1]))
    ):
        kind = "story"
    did = rules.replies().did
    words["did"] = did.get(kind, did["default"])
    tips = rules.replies().tips
    kinds = tagging.tag(groups.get("kind") or groups.get("kind2") or "")
    words["tip"] = tips.get(kinds[0].lemma.lower() if kinds else "", tips["default"])
    people = (clause.person for text in reversed(statements) for clause in parsing.parse(text))
    if person := next(filter(None, people), None):
        known = rules.classes().pronouns.get(person.head.lemma.lower())
        words["him"] = "them" if person.is_plural or not known else "her" if known == "she" else "him"
    return words


def _filled(lines: Sequence[str], words: Mapping[str, str]) -> tuple[str, ...]:
    filled = (fill(line, words) for line in lines if slots(line) <= words.keys())
    return tuple(line[:1].upper() + line[1:] for line in filled)


def _is_empty(named: str) -> bool:
    return set(named.split()) <= _THEN


def _latest(statements: Sequence[str]) -> Phrase | None:
    for text in reversed(statements[-2:]):
        for clause in parsing.parse(text):
            found = [one for one in (*reversed(clause.things), clause.who) if isinstance(one, Phrase)]
            things = [one for one in found if parsing.is_worth_it(one)]
            own = [one for one in things if one.words[0].text.lower() in ("my", "our")]
            if things:
                return (own or things)[0]
    return None


def _place(named: str, statements: Sequence[str]) -> str:
    """Return the place of a question or, if it says "there", the last one that was spoken of."""
    text = _with_capitals(named, statements)
    if text and not _is_empty(named) and text.lower() in rules.replies().famous:
        return text if text[:1].isupper() else text.title()
    for line in reversed(statements):
        for clause in parsing.parse(line):
            for one in clause.things:
                if parsing.class_of(one) == "country" and (not named or _is_empty(named) or named in line.lower()):
                    return uptake.echo(one)
    return ""


def _with_capitals(named: str, statements: Sequence[str]) -> str:
    """Return bare words with the capitals that the learner gave them."""
    for line in reversed(statements):
        at = line.lower().find(named)
        if named and at >= 0:
            return line[at : at + len(named)]
    return named
