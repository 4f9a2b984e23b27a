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
    latest = scenario.sentences(spoken[-1]) if spoken else []
    asked = next((text for text in reversed(latest) if text.endswith("?")), "")
    one, general = brief.scenario, brief.scenario.hints
    is_opening = asked in one.opening or asked in one.opening_easy
    has_hint = is_opening or any(each.found_in(asked) and each.hint for each in one.follow_ups)
    if not has_hint and (begin := beginning(asked)):
        # The hints of the opening and of older questions do not fit this question.
        return general[(len(spoken) + nth - 1) % len(general)] if nth else f'Begin with "{begin}".'
    turn = len(spoken) % len(general)
    follow_ups = (each for line in reversed(spoken) for each in one.follow_ups if each.found_in(line))
    question = next(follow_ups, None)
    own = question.hint if question else one.opening_hint if spoken else ""
    choices = [*([own] if own else []), *general[turn:], *general[:turn]]
    return choices[nth % len(choices)]


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
    if (match["asks"] or "").startswith("why"):
        return "Because"
    subject = _subject(match["subject"])
    verb = _verb(match["auxiliary"], subject, match["rest"] or "") if subject else ""
    return f"{subject} {verb}" if verb else ""


def _subject(asked: str) -> str:
    """Return the subject of the answer. "" if the question may be about a man or a woman."""
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
    is_thing = asked.startswith(("your ", "the ", "a ", "an ", "it", "this", "that", "his ", "her ", "their "))
    return "It" if is_thing and noun not in _PEOPLE else ""


def _verb(auxiliary: str, subject: str, rest: str) -> str:
    """Return the question's verb in its tense, for the person of the answer. "" if it cannot be found."""
    if auxiliary in ("is", "are", "was", "were"):
        is_plural = subject in ("You", "We", "They", "People")
        present, past = ("am", "was") if subject == "I" else ("are", "were") if is_plural else ("is", "was")
        return past if auxiliary in ("was", "were") else present
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
    tail = ""
    if found["to"] and base in _BEFORE_TO:
        tail = " to" if found["then"] == "do" or base in ("like", "love", "prefer") else f" to {found['then']}"
    if auxiliary in ("can", "could", "will", "would", "should"):
        return f"{auxiliary} {base}{tail}"
    if auxiliary == "did":
        return f"{BY_BASE[base].past if base in BY_BASE else regular_past(base)}{tail}"
    if subject in ("He", "She", "It"):
        return f"{BY_BASE[base].third if base in BY_BASE else third(base)}{tail}"
    return f"{base}{tail}"
