"""Explain corrections with reasons that quote the learner's own words."""

import re
from dataclasses import replace
from functools import cache

from engines.local import vocabulary
from tutor.domain import Correction
from tutor.toml_tables import with_lists
from tutor.verb_forms import BY_PAST

EXPLANATIONS = ("agreement", "finished time")

_PRONOUN = re.compile(r"\b(I|you|we|they|he|she|it)(?: \w+)? $", re.IGNORECASE)
_NO_MATTER_OF_S = frozenset("am is are was were do don't doesn't".split())  # noqa: SIM905


def explained(one: Correction, sentence: str, kind: str) -> Correction:
    """Return the correction with a reason of this kind, one of EXPLANATIONS, or unchanged if the kind is ""."""
    if kind == "agreement":
        return replace(one, why=_agreement(one, sentence))
    if kind == "finished time" and (time := _finished_time().search(sentence)):
        return _of_a_time_that_is_over(one, time[0])
    return one


@cache
def _finished_time() -> re.Pattern[str]:
    return re.compile(with_lists("{finished_time}", vocabulary.load().lists), re.IGNORECASE)


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
    """Return the correction as not sure, with a hint to the simple past if the learner said that form.

    With a finished time, "has gone" is better than "has went", but not yet right. So it must not be spoken as if it
    were.
    """
    past = one.said.split()[-1].lower()
    if past not in BY_PAST:
        return replace(one, sure=False)
    return replace(one, why=f'{one.why} With "{time.lower()}", say "{past}".', sure=False)
