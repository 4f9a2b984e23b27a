"""Reasons that name the rule with the learner's own words."""

import re
from dataclasses import replace

from tutor.engines.base import Correction
from tutor.engines.local.harper_rules import AGREE, PARTICIPLE
from tutor.engines.local.mistakes import DAY, NUMBER, SPAN
from tutor.engines.local.verbs import BY_PAST

_FINISHED = re.compile(
    rf"\b(?:yesterday|last (?:night|week|weekend|month|year|spring|summer|autumn|winter|{DAY})|{NUMBER} {SPAN} ago"
    r"|in (?:19|20)\d\d)\b(?!')",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"\b(I|you|we|they|he|she|it)(?: \w+)? $", re.IGNORECASE)
_NO_MATTER_OF_S = frozenset("am is are was were do don't doesn't".split())  # noqa: SIM905


def explained(one: Correction, sentence: str) -> Correction:
    if one.why == AGREE:
        return replace(one, why=_agreement(one, sentence))
    if one.why == PARTICIPLE and (time := _FINISHED.search(sentence)):
        return _of_a_time_that_is_over(one, time[0])
    return one


def _agreement(one: Correction, sentence: str) -> str:
    match = _PRONOUN.search(sentence[: one.start])
    if match is None or " " in one.better:
        return one.why
    who = "I" if match[1].lower() == "i" else match[1].lower()
    if one.better in _NO_MATTER_OF_S:
        return f'With "{who}" say "{one.better}": {who} {one.better}.'
    rule = "takes -s" if who in ("he", "she", "it") else "has no -s"
    return f'With "{who}" the verb {rule}: {who} {one.better}.'


def _of_a_time_that_is_over(one: Correction, time: str) -> Correction:
    """ "Has gone" is better than "has went", but not yet right: that is not to be said as if it were."""
    past = one.said.split()[-1].lower()
    if past not in BY_PAST:
        return replace(one, sure=False)
    return replace(one, why=f'{one.why} With "{time.lower()}", say "{past}".', sure=False)
