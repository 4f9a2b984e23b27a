"""Compare each verb with its subject, also past the words that stand between them.

A subject counts only where a clause starts, so that objects ("I saw her cook") are left alone.
"""

from collections.abc import Iterator

from engines.local.grammar import inflection, reading, subjects
from engines.local.grammar.reading import TaggedSentence, Word
from engines.local.grammar.subjects import FIRST, OTHER, THIRD, SubjectPhrase
from tutor.domain import Correction

_FORMS = {
    "be": ("am", "are", "is"),
    "was": ("was", "were", "was"),
    "have": ("have", "have", "has"),
    "do": ("do", "do", "does"),
}
_REPORTING = frozenset("think say know hope believe guess suppose feel mean see tell sure sometimes".split())  # noqa: SIM905
# After these, a verb keeps its basic form: "I suggest that she go", "she makes him work".
_SUBJUNCTIVE = frozenset(
    "suggest insist recommend demand propose important essential necessary ask request require vital".split()  # noqa: SIM905
)
_CAUSING = frozenset("make let help see hear watch have notice feel than".split())  # noqa: SIM905
_UNREAL = frozenset("if wish though unless suppose whether as".split())  # noqa: SIM905
_INTRODUCTIONS = frozenset("every last next this on in at during after before since usually sometimes often".split())  # noqa: SIM905
_MEASURES = frozenset(
    "years months weeks days hours minutes seconds dollars euros pounds percent miles kilometers kilometres metres times".split()  # noqa: SIM905
)
_CLAUSE_WORDS = frozenset(
    "where when why how because if that while although though unless until before after since".split()  # noqa: SIM905
)


def find(sentence: str) -> Iterator[Correction]:
    found = reading.read_sentence(sentence)
    seen: set[int] = set()
    for at in _clause_starts(found):
        subject = subjects.subject_at(found, at)
        if subject is None:
            continue
        verb = _after_adverbs(found, subject.end)
        if verb in seen or verb >= len(found.tokens):
            continue
        seen.add(verb)
        if better := _better(found, subject, verb):
            yield _correction(found, subject, verb, better)
        yield from _in_second_part(found, subject, verb, better)
    yield from _relative(found)
    yield from _there(found)


def _clause_starts(found: TaggedSentence) -> list[int]:
    """Return the tokens where a subject may start, also after "every night" and the like."""
    tokens, starts = found.tokens, []
    is_question = bool(tokens) and tokens[-1].lower == "?"
    for at, token in enumerate(tokens):
        before = tokens[at - 1] if at else None
        # A question: "is he smart"
        if before and before.flags & {"BE", "DO", "HAVE", "MODAL"}:
            continue
        if before is None or "PUN" in before.flags:
            starts.append(at)
        elif "CONJ" in before.flags or before.lower in _CLAUSE_WORDS:
            is_start = before.lower != "and" or _has_finite_verb(found, at - 1)
            if (
                is_start
                and not (is_question and at == 1)
                and (before.lower != "that" or at < 2 or _reports(found, at - 2))
            ):
                starts.append(at)
        elif before.lemma in _REPORTING and ("VERB" in before.flags or before.lower == "sure"):
            starts.append(at)
        if at in starts and token.lower in _INTRODUCTIONS:
            after = at + 1 if token.flags & {"FREQ", "ADVISH"} and "PREP" not in token.flags else 0
            phrase = subjects.noun_phrase(found, at if "PREP" not in token.flags else at + 1)
            # "Every night a lot of trucks": the time ends before the next determiner.
            starts += [after] if after else [phrase[1]] if phrase else []
    return sorted(set(starts))


def _reports(found: TaggedSentence, at: int) -> bool:
    return found.tokens[at].lemma in _REPORTING or "NOUN" in found.tokens[at].flags or "ADJ" in found.tokens[at].flags


def _has_finite_verb(found: TaggedSentence, end: int) -> bool:
    """Return whether there is a verb, and no verb that takes a basic form, between the clause's start and a token."""
    for token in reversed(found.tokens[:end]):
        if "STOP" in token.flags:
            return False
        if token.lemma in _CAUSING and token.flags & {"VERB", "BASE", "THIRD", "PAST", "HAVE"}:
            return False
        if token.flags & {"VERB", "BE", "HAVE", "DO", "MODAL"}:
            return True
    return False


def _after_adverbs(found: TaggedSentence, at: int) -> int:
    while at < len(found.tokens) and (
        found.tokens[at].flags & {"FREQ"}
        or found.tokens[at].lower in ("also", "really", "still", "just", "all", "both", "never")
    ):
        at += 1
    return at


def _better(found: TaggedSentence, subject: SubjectPhrase, at: int) -> str:
    """Return the form of the verb that fits its subject, or "" if it fits already or is no verb."""
    verb, person = found.tokens[at], subject.person
    before = {token.lemma for token in found.tokens[: subject.start]}
    words = {token.lower for token in found.tokens[subject.start : subject.end]}
    if subjects.is_collective(subject) and not subject.is_pronoun:
        return ""
    # "A lot of person", "both of my brother": the noun is wrong, the verb may be right.
    if found.tokens[subject.start].flags & {"PLDET"} or {"lot", "lots", "couple"} & words:
        is_plural = subject.head.flags & {"PL", "MASS"} or "SG" not in subject.head.flags
        if not is_plural:
            return ""
    # "Two years is a long time", "bread and butter is", "every student and every teacher has"
    is_sum = "and" in words and ("MASS" in subject.head.flags or "SGDET" in found.tokens[subject.start].flags)
    if is_sum or (found.tokens[subject.start].flags & {"NUM"} and subject.head.lower in _MEASURES):
        return ""
    kind = "was" if "BE" in verb.flags and "PAST" in verb.flags else verb.lemma
    if kind in _FORMS and verb.flags & {"BE", "HAVE", "DO"} and verb.lower in (*_FORMS[kind], "do", "have"):
        if verb.text.startswith("'") or (kind == "was" and before & _UNREAL):
            return ""
        better = _FORMS[kind][person]
        is_subjunctive = bool(before & _SUBJUNCTIVE) and kind in ("have", "do")
        return "" if better == verb.lower or is_subjunctive or not _is_main(found, subject, at) else better
    if verb.flags & {"BE", "HAVE", "DO", "MODAL", "NOT", "CONJ", "PREP", "WH"}:
        return ""
    if person == THIRD and "BASE" in verb.flags and not verb.flags & {"PAST", "THIRD"}:
        if before & _SUBJUNCTIVE or not _is_verb(found, subject, at):
            return ""
        return inflection.inflected(verb.lemma if "VERB" in verb.flags else _verb(verb), "third")
    if person != THIRD and "THIRD" in verb.flags and _is_verb(found, subject, at):
        return _verb(verb)
    return ""


def _verb(token: Word) -> str:
    return next(iter(inflection.verb_forms(token.lower).values()), "")


def _is_verb(found: TaggedSentence, subject: SubjectPhrase, at: int) -> bool:
    """Return whether the word after a subject is its verb, and no noun that belongs to it: "the bus stop is"."""
    verb = found.tokens[at]
    if subject.is_pronoun:
        return "VERB" in verb.flags or not verb.flags & {"ADJ", "NAME"}
    if subject.head.lower == "who":
        return "VERB" in verb.flags
    return _is_main(found, subject, at) and ("VERB" in verb.flags or _takes_words(found, at))


def _takes_words(found: TaggedSentence, at: int) -> bool:
    following = found.tokens[at + 1] if at + 1 < len(found.tokens) else None
    return following is not None and bool(following.flags & {"ART", "POSS", "SUBJ", "OBJ"})


def _is_main(found: TaggedSentence, subject: SubjectPhrase, at: int) -> bool:
    """Return whether no other finite verb follows before the clause ends, which could be the subject's own."""
    for number in range(at + 1, len(found.tokens)):
        token, before = found.tokens[number], found.tokens[number - 1]
        if token.flags & {"PUN", "CONJ", "WH"} or token.lower in ("that", "to") or "SUBJ" in token.flags:
            return True
        is_finite = (
            token.flags & {"BE", "HAVE", "MODAL", "DO"}
            and not token.flags & {"ING"}
            and token.lower not in ("be", "been")
        )
        if is_finite and found.tokens[at].flags & {"BE", "HAVE", "DO"}:
            is_finite = False
        if is_finite or (
            "VERB" in token.flags and token.flags & {"THIRD", "PAST"} and not token.flags & {"PART", "BASE"}
        ):
            return before.flags & {"BE", "HAVE"} != set() or subject.is_pronoun
    return True


def _in_second_part(found: TaggedSentence, subject: SubjectPhrase, verb: int, better: str) -> Iterator[Correction]:
    """Yield the correction of a second verb of the subject: "She gets up and make breakfast"."""
    first = found.tokens[verb]
    is_present = first.flags & {"THIRD"} or better
    if subject.person != THIRD or not is_present or first.flags & {"MODAL", "DO"}:
        return
    for at in range(verb + 1, len(found.tokens) - 1):
        token = found.tokens[at]
        if (
            token.flags & {"STOP", "MODAL", "SUBJ", "WH", "QM"}
            or token.lower in ("to", "that")
            or token.lemma in _CAUSING - {"have"}
        ):
            return
        if token.lower in ("and", "but", "or") and "CONJ" in token.flags:
            number = _after_adverbs(found, at + 1)
            flags = found.tokens[number].flags if number < len(found.tokens) else frozenset()
            if "BASE" in flags and flags & {"VERB", "HAVE", "DO"} and not flags & {"PAST", "NOUN", "MODAL"}:
                yield _correction(found, subject, number, inflection.inflected(found.tokens[number].lemma, "third"))
            return


def _relative(found: TaggedSentence) -> Iterator[Correction]:
    """Yield the corrections of verbs after "who", "which" and "that", which fit the noun before."""
    tokens = found.tokens
    for at in range(1, len(tokens) - 1):
        if tokens[at].lower not in ("who", "which", "that") or not tokens[at - 1].flags & {"NOUN", "SG", "PL"}:
            continue
        noun = tokens[at - 1]
        if (
            "VERB" in noun.flags
            or any(token.lower in ("one", "only") for token in tokens[:at])
            or noun.flags >= {"PL", "SG"}
        ):
            continue
        subject = SubjectPhrase(at - 1, at + 1, noun, subjects.person_of(found, at - 1, at))
        verb = _after_adverbs(found, at + 1)
        if verb >= len(tokens) or subjects.is_collective(subject):
            continue
        is_verb = tokens[verb].flags & {"VERB", "BE", "HAVE", "DO"} or (
            tokens[at].lower == "who" and "BASE" in tokens[verb].flags
        )
        if not is_verb:
            continue
        person = OTHER if noun.lower == "people" else subject.person
        if better := _better(found, SubjectPhrase(at - 1, at + 1, tokens[at], person), verb):
            yield _correction(found, subject, verb, better)


def _there(found: TaggedSentence) -> Iterator[Correction]:
    """Yield the correction of "there is" before more than one thing."""
    tokens = found.tokens
    for at in range(len(tokens) - 2):
        if (
            tokens[at].lower != "there"
            or tokens[at + 1].lower not in ("is", "was")
            or tokens[at + 1].text.startswith("'")
        ):
            continue
        phrase = subjects.subject_at(found, at + 2)
        plain = subjects.noun_phrase(found, at + 2)
        if plain and (
            tokens[at + 2].flags & {"PLDET", "NUM", "QUANT", "PL", "ADJ"} or (phrase and tokens[at + 2].lower == "a")
        ):
            is_amount = phrase is not None and plain[1] < phrase.end and tokens[plain[1]].lower == "of"
            person = phrase.person if is_amount and phrase else subjects.person_of(found, *plain)
            if tokens[at + 2].lower in ("a", "one") and not is_amount:
                continue
            if person == OTHER:
                yield _correction(found, None, at + 1, {"is": "are", "was": "were"}[tokens[at + 1].lower])


def _correction(found: TaggedSentence, subject: SubjectPhrase | None, at: int, better: str) -> Correction:
    verb, end = found.tokens[at], found.tokens[at].end
    following = found.tokens[at + 1] if at + 1 < len(found.tokens) else verb
    if following.text == "n't":
        better, end = f"{better}n't", following.end
    return Correction(
        found.sentence[verb.start : end], better, _why(subject, better), "agreement", verb.start, end, sure=True
    )


def _why(subject: SubjectPhrase | None, better: str) -> str:
    if subject is None:
        return 'With more than one thing say "there are".'
    if subject.is_pronoun:
        who = "I" if subject.person == FIRST else subject.head.lower
        if better.removesuffix("n't") in ("am", "is", "are", "was", "were", "do", "does"):
            return f'With "{who}" say "{better}": {who} {better}.'
        return f'With "{who}" the verb {"takes -s" if subject.person == THIRD else "has no -s"}: {who} {better}.'
    if subject.person == THIRD:
        return f'The subject is one person or thing, so say "{better}".'
    return f'The subject is more than one, so say "{better}".'
