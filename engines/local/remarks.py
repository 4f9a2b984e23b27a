"""Find the intent of a learner's words: a statement, a question, or a wish, such as to repeat or to end the talk."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache

from engines.local import foreign, normalizing, rules
from tutor import safety, scenario, statements


class Intent(Enum):
    """List what a remark can ask of the partner. If a remark holds several intents, the first of this order counts."""

    DISTRESS = auto()
    GOODBYE = auto()
    OTHER_LANGUAGE = auto()
    MISHEARD = auto()
    SLOWER = auto()
    FASTER = auto()
    REPEAT = auto()
    HOW_TO_SAY = auto()
    SPELL = auto()
    MEANING = auto()
    UNCLEAR = auto()
    HELP = auto()
    OTHER_TOPIC = auto()
    SKIP = auto()
    ROLE = auto()
    INSULT = auto()
    SAD = auto()
    CORRECTING = auto()
    HOW_ARE_YOU = auto()
    AND_YOU = auto()
    REQUEST = auto()
    QUESTION = auto()
    TIRED = auto()
    ANSWER = auto()
    DONT_KNOW = auto()
    THANKS = auto()
    GREETING = auto()
    NOTHING = auto()


@dataclass(frozen=True, slots=True)
class Remark:
    """Hold the meaning of a learner's words, or of a part of them.

    `answer` is the statement, without the words that address the partner. `question` is the last question to the
    partner, in bare words. `groups` tells what a wish is about (`topic`, `word`).
    """

    intent: Intent
    answer: str
    question: str = ""
    groups: Mapping[str, str] = field(default_factory=dict)


# A request for something to be given or allowed. A learner who plays a part practises it.
_REQUEST = re.compile(r"(?:can|could|may|might) (?:i|we) (?!ask you|say)\b.*|i would like to ask (?:you )?for .*")
_AUXILIARY = r"(?:do|does|did|are|is|was|were|can|could|would|will|have|has|should|may|am)"
# "You like fish?"
_WITHOUT_DO = (
    r"you (?:also |too |really )?(?:like|love|know|have|want|need|live|eat|drink|play|speak|watch|read|cook|travel)\b"
)
_QUESTION = re.compile(
    rf"(?:what|which|how)\b.*\?$|who (?:\w+ed|made|wrote|built|won|found|is|sings|plays)\b.*\?$|{_WITHOUT_DO}.*\?$"
    rf"|(?:where|when|who|why)\b(?:$|\?| {_AUXILIARY}| is| not).*\?$|why\?$|{_AUXILIARY} .*\?$"
    rf"|(?:do|are|can|could|would|have|did|will) you\b.*|.*\?$(?<=your opinion\?)"
    r"|(?:what|where|when|why|how|who|which)(?: \w+)? (?:do|are|did|is|would|can|have|were) (?:you|your)\b.*"
)
# "Where did I go? To Spain." repeats the partner's question.
_OWN_QUESTION = re.compile(
    r"(?:what|where|when|who|why|how|which)\b.{0,20} (?:did|do|am|was|would|have|is|are) (?:i|we|my|our)\b"
)
# A habit or a condition says nothing about now: "When I am tired, I stop."
_NOT_NOW = re.compile(
    r"\b(?:when|whenever|if|because|after|before|every|always|usually|often|sometimes|never|yesterday|last|although|while|used to"
    r"|in the (?:morning|evening|afternoon)|he|she|they|his|her|their)\b"
)
_AND_YOU = re.compile(r"(?:(?:and|what about|how about) )?(?:you|yours|yourself)")
_WORD = re.compile(r"[^\W_][\w']*")
_NO_WORDS = frozenset("um umm uh uhh er erm hm hmm mm mhm ah oh eh the a and you huh".split())  # noqa: SIM905


@lru_cache(512)
def understand(heard: str) -> Remark:
    """Return what this remark asks of the partner. Most remarks are simply answers."""
    if safety.in_distress(heard):
        return Remark(Intent.DISTRESS, "")
    if safety.mourned(heard):
        return Remark(Intent.SAD, heard)
    quoted = [rule for rule in (_as_wish(bare, ("HOW_TO_SAY", "MEANING")) for bare in _forms(heard)) if rule]
    if not quoted and foreign.is_foreign(heard):
        return Remark(Intent.OTHER_LANGUAGE, "")
    spoken = scenario.sentences(heard.replace("\u2019", "'"))
    parts = [part for number, one in enumerate(spoken, 1) for part in _parts(one, is_last=number == len(spoken))]
    intents = [part.intent for part in parts]
    if set(intents) <= {Intent.ANSWER} and not set(words(heard)) - _NO_WORDS:
        return Remark(Intent.NOTHING, "")
    if Intent.GOODBYE in intents and Intent.GOODBYE not in intents[-2:]:
        return Remark(Intent.ANSWER, heard)
    intent = min(intents, key=lambda one: one.value)
    return Remark(
        intent,
        answer=" ".join(part.answer for part in parts if part.answer),
        question=next((part.question for part in reversed(parts) if part.question), ""),
        groups=next((part.groups for part in reversed(parts) if part.intent is intent and part.groups), {}),
    )


def words(text: str) -> list[str]:
    return _WORD.findall(text.replace("\u2019", "'").lower())


def sad_about(text: str) -> rules.Feeling | None:
    """Return the feeling that a text tells of, or None if there is none or it belongs to a story."""
    found = rules.feelings()
    if safety.mourned(text):
        return found.kinds[0]
    for sentence in scenario.sentences(text):
        plain = normalizing.expanded(sentence)
        if statements.asks(sentence) or found.story.search(plain):
            continue
        for kind in found.kinds:
            if kind.patterns.search(plain) is not None and not (kind.unless and kind.unless.search(plain)):
                return kind
    return None


def _parts(sentence: str, *, is_last: bool) -> list[Remark]:
    """Return the remarks that a sentence consists of: a wish, a statement, a question, or the last two."""
    wish = _wish(sentence)
    if wish:
        return [wish]
    statement, tail = statements.without_tag_question(sentence)
    if statement:
        return [*_parts(statement, is_last=False), _asked(tail)]
    bare = normalizing.bare(sentence)
    if _REQUEST.fullmatch(bare):
        return [Remark(Intent.REQUEST, sentence, bare)]
    form = f"{bare}?" if sentence.rstrip().endswith("?") else bare
    if _QUESTION.fullmatch(form) and (is_last or not _OWN_QUESTION.match(bare)):
        return [_asked(sentence)]
    statement = statements.stated(sentence) or sentence
    stated = Remark(Intent.SAD if sad_about(statement) else Intent.ANSWER, statement)
    return [stated] if statement == sentence else [stated, Remark(Intent.AND_YOU, "", "and you")]


def _asked(question: str) -> Remark:
    wish = _wish(question)
    if wish and wish.intent is not Intent.ANSWER:
        return wish
    bare = normalizing.bare(question)
    if re.match(_WITHOUT_DO, bare):
        bare = f"do {bare}"
    return Remark(Intent.AND_YOU if _AND_YOU.fullmatch(bare) else Intent.QUESTION, "", bare)


def _wish(sentence: str) -> Remark | None:
    """Return the wish that the whole sentence expresses, or one of its clauses."""
    for bare in _forms(sentence):
        if found := _as_wish(bare):
            intent, groups = found
            keeps = intent in (Intent.AND_YOU, Intent.TIRED)
            said = intent in (Intent.CORRECTING, Intent.HOW_ARE_YOU, Intent.AND_YOU)
            return Remark(intent, sentence if keeps else "", bare if said else "", groups)
    parts = [part for part in normalizing.clauses(sentence) if not normalizing.is_lead_in(part)]
    if not parts or _NOT_NOW.search(normalizing.expanded(sentence)):
        return None
    clauses = tuple(rule.name for rule in rules.intents() if rule.clause)
    wishes = [found for part in parts for bare in _forms(part) if (found := _as_wish(bare, clauses))]
    if not wishes:
        return None
    intent, groups = min(wishes, key=lambda one: one[0].value)
    rest = [part for part in parts if not any(_as_wish(bare, clauses) for bare in _forms(part))]
    states = len(rest) > 1 or any(len(one.split()) > 2 for one in rest)
    return Remark(intent, ", ".join(rest) if states else "", "", groups)


def _forms(sentence: str) -> list[str]:
    """Return the sentence in bare words, with and without its introduction."""
    whole = normalizing.without_punctuation(sentence)
    return list(dict.fromkeys((normalizing.bare(sentence), normalizing.without_lead_in(whole), whole)))


@lru_cache(1024)
def _as_wish(bare: str, names: tuple[str, ...] = ()) -> tuple[Intent, Mapping[str, str]] | None:
    if len(bare) > 200:
        return None
    for rule in rules.intents():
        if (not names or rule.name in names) and (groups := rule.pattern.fullmatch(bare)) is not None:
            return Intent[rule.name], groups
    return None
