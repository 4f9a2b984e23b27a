"""Help a learner to answer the agent's latest question: "What does your mother cook well?" gives "She cooks"."""

import re
from collections.abc import Sequence

from tutor import scenario
from tutor.domain import Line
from tutor.scenario import Brief
from tutor.verb_forms import BY_BASE, regular_past, third

_AUXILIARY = "do|does|did|is|are|was|were|has|have|had|can|could|will|would|should"
_SUBJECT = (
    r"you and (?:your|the) \w+|you|he|she|it|they|we|i|somebody|this|that|people(?: in your \w+)?"
    r"|(?:your|the|a|an|his|her|their) (?:\w+ ){0,2}?"
    r"(?:father|dad|brother|son|husband|grandfather|uncle|nephew|boyfriend|mother|mum|mom|sister|daughter|wife|grandmother|aunt|niece"
    r"|girlfriend|friends?|boss|teachers?|neighbours?|colleagues?|cousins?|child|children|partner|parents|family|grandparents|people|students?"
    r"|brothers|sisters)|(?:your|the|a|an|his|her|their) \w+|\w+"
)
_QUESTION = re.compile(
    rf"^(?:(?:and|so|but|now|then|in your view|in your opinion),? )*(?:(?P<asks>(?:what|which|where|when|who|whom|why|how)\b"
    rf"(?: (?!(?:{_AUXILIARY})\b)[\w'-]+){{0,4}}?) )?(?P<auxiliary>{_AUXILIARY}) (?P<subject>{_SUBJECT})(?: (?P<rest>.*))?$"
)
_WHO = re.compile(r"^who (?P<verb>is|are|was|were|\w+s)\b(?! you)")
_ADVERBS = r"(?:(?:usually|often|always|also|really|sometimes|normally|ever|first|most|still|never|like best) )*"
_VERB = re.compile(rf"^{_ADVERBS}(?P<verb>[a-z]+)(?P<to> to (?P<then>[a-z]+))?")
_HE = frozenset("father dad brother son husband grandfather uncle nephew boyfriend grandson".split())  # noqa: SIM905
_SHE = frozenset("mother mum mom sister daughter wife grandmother aunt niece girlfriend granddaughter".split())  # noqa: SIM905
_BEFORE_TO = frozenset("like want try learn need prefer hope love plan have decide begin start".split())  # noqa: SIM905
_PEOPLE = frozenset("friend boss teacher neighbour colleague cousin child partner doctor captain".split())  # noqa: SIM905
_PLURAL = frozenset("people parents children family grandparents".split())  # noqa: SIM905


def hint(brief: Brief, transcript: Sequence[Line], nth: int = 0) -> str:
    """Return a hint for the agent's latest question.

    `nth` counts the hints already given for this question, so that the next one differs. The scenario's own hint for
    the question comes first. Otherwise the first hint is how an answer can begin. General hints follow.
    """
    spoken = [line.text for line in transcript if line.role == "assistant"]
    asked = (
        next((text for text in reversed(scenario.sentences(spoken[-1])) if text.endswith("?")), "") if spoken else ""
    )
    is_scenarios = asked and any(one.found_in(asked) and one.hint for one in brief.scenario.follow_ups)
    is_opening = any(asked in opening for opening in (brief.scenario.opening, brief.scenario.opening_easy)) and asked
    begin = "" if is_scenarios or is_opening else beginning(asked)
    if not begin:
        return scenario.hint(brief, transcript, nth)
    if nth == 0:
        return f'Begin with "{begin}".'
    # The hints of the opening and of older questions do not fit this question.
    general = brief.scenario.hints
    return general[(len(spoken) + nth - 1) % len(general)]


def beginning(question: str) -> str:
    """Return how an answer to the question can begin, "" if the form of the question does not show it."""
    asked = question.lower().replace("\u2019", "'").rpartition(": ")[2]
    asked = " ".join(re.sub(r"[^\w\s',-]", " ", asked).split())
    # In "What was it, and why?" the first question counts.
    asked = re.split(r",? (?:and|or) (?=(?:what|why|where|how|who|when|do|are|is)\b)|, ", asked)[0].strip()
    if who := _WHO.match(asked):
        return "" if who["verb"] in ("is", "are", "was", "were") else f"My brother {who['verb']}"
    match = _QUESTION.match(asked)
    if match is None:
        return ""
    subject = _subject(match["subject"], match["asks"] or "")
    if (match["asks"] or "").startswith("why"):
        return "Because"
    return (
        f"{subject} {words}" if subject and (words := _verb(match["auxiliary"], subject, match["rest"] or "")) else ""
    )


def _subject(asked: str, asks: str) -> str:
    noun = asked.split()[-1]
    if asked.startswith("you and "):
        return "We"
    if asked == "you":
        return "I"
    if asked in ("i", "we"):
        return "You"
    if noun in _HE or asked == "he":
        return "He"
    if noun in _SHE or asked == "she":
        return "She"
    if noun in _PLURAL or asked == "they" or (noun.endswith("s") and not noun.endswith("ss")):
        return "They"
    if asked == "somebody" or asked.startswith("people"):
        return "People"
    return (
        ""
        if noun in _PEOPLE
        or not asked.startswith(("your ", "the ", "a ", "an ", "it", "this", "that", "his ", "her ", "their "))
        else "It"
    )


def _verb(auxiliary: str, subject: str, rest: str) -> str:
    """Return the question's verb in its tense, for the person of the answer. "" if it cannot be found."""
    if auxiliary in ("is", "are", "was", "were"):
        past = auxiliary in ("was", "were")
        if subject == "I":
            return "was" if past else "am"
        if subject in ("You", "We", "They", "People"):
            return "were" if past else "are"
        return "was" if past else "is"
    if auxiliary in ("has", "have", "had"):
        return "had" if auxiliary == "had" else "has" if subject in ("He", "She", "It") else "have"
    found = _VERB.match(rest)
    if found is None:
        return ""
    base = found["verb"]
    if base == "not":
        return f"don't {rest.removeprefix('not ').split()[0]}" if auxiliary == "do" and rest != "not" else ""
    if base == "do" and auxiliary in ("do", "does"):
        return "usually"
    tail = (
        (" to" if found["then"] in (None, "do") or base in ("like", "love", "prefer") else f" to {found['then']}")
        if found["to"]
        else ""
    )
    tail = tail if base in _BEFORE_TO else ""
    if auxiliary in ("can", "could", "will", "would", "should"):
        return f"{auxiliary} {base}{tail}"
    if auxiliary == "did":
        return f"{BY_BASE[base].past if base in BY_BASE else regular_past(base)}{tail}"
    if subject in ("He", "She", "It"):
        return f"{BY_BASE[base].third if base in BY_BASE else third(base)}{tail}"
    return f"{base}{tail}"
