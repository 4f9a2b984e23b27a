"""Explain corrections with reasons that quote the learner's own words."""

import re
from dataclasses import replace

from engines.local import vocabulary
from tutor.domain import Correction
from tutor.toml_tables import with_lists
from tutor.verb_forms import BY_PAST

EXPLANATIONS = ("agreement", "finished time")

_PRONOUN = re.compile(r"\b(I|you|we|they|he|she|it)(?: \w+)? $", re.IGNORECASE)
_NO_MATTER_OF_S = frozenset("am is are was were do don't doesn't".split())  # noqa: SIM905


def explained(one: Correction, sentence: str, kind: str) -> Correction:
    """Return the correction with a reason of this kind, one of EXPLANATIONS, or unchanged if the kind is ""."""
    if kind == "agreement" and " " not in one.better and (pronoun := _PRONOUN.search(sentence[: one.start])):
        who = "I" if pronoun[1].lower() == "i" else pronoun[1].lower()
        if one.better in _NO_MATTER_OF_S:
            return replace(one, why=f'With "{who}" say "{one.better}": {who} {one.better}.')
        rule = "takes -s" if who in ("he", "she", "it") else "has no -s"
        return replace(one, why=f'With "{who}" the verb {rule}: {who} {one.better}.')
    if kind == "finished time":
        times = with_lists("{finished_time}", vocabulary.load().lists)
        if time := re.search(times, sentence, re.IGNORECASE):
            # "has gone" is better than "has went", but not yet right with a finished time. So it is not spoken. If the
            # learner said a form of the simple past, the reason names it.
            past = one.said.split()[-1].lower()
            hint = f' With "{time[0].lower()}", say "{past}".' if past in BY_PAST else ""
            return replace(one, why=f"{one.why}{hint}", sure=False)
    return one
