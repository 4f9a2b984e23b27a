"""What a learner asks of the partner itself: to repeat, to help, to end the talk."""

import re
from dataclasses import dataclass
from enum import Enum, auto

from tutor import scenario, sorrow


class Intent(Enum):
    """What a remark asks of the partner; where a remark holds several, the first of this order counts."""

    DISTRESS = auto()
    GOODBYE = auto()
    OTHER_LANGUAGE = auto()
    REPEAT = auto()
    SLOWER = auto()
    MEANING = auto()
    UNCLEAR = auto()
    HELP = auto()
    OTHER_TOPIC = auto()
    SKIP = auto()
    ROLE = auto()
    INSULT = auto()
    CORRECTING = auto()
    LIFE = auto()
    WHO_ARE_YOU = auto()
    HOW_ARE_YOU = auto()
    AND_YOU = auto()
    REQUEST = auto()
    QUESTION = auto()
    LOSS = auto()
    SAD = auto()
    ANSWER = auto()
    DONT_KNOW = auto()
    THANKS = auto()
    GREETING = auto()
    NOTHING = auto()


@dataclass(frozen=True, slots=True)
class Remark:
    """`answer` is what is left of the learner's words without those addressed to the partner itself."""

    intent: Intent
    answer: str


_CAN_YOU = r"(?:can|could|would|will) you (?:please )?"
_PLEASE = r"(?:,? please)?"
_NOT = r"(?:don't|do not|didn't|did not|can't|cannot|couldn't|could not)"
_FAREWELL = r"(?:,? (?:later|soon|tomorrow|then|again|next time|thank you|thanks|now|for now|everyone))*"

# Each is matched against a whole sentence: "goodbye" asks to end the talk, "I said goodbye to my family" does not.
_ASKED: dict[Intent, tuple[str, ...]] = {
    Intent.GOODBYE: (
        r"have a (?:nice|good|great) (?:day|evening|weekend|time|night)",
        rf"(?:good ?bye|bye(?:[ -]?bye)?|see you|good night){_FAREWELL}",
        r"i(?:'ve got| have| need| must|'d like| want| gotta| should)(?: to)? (?:go|leave|stop|finish|end)"
        r"(?: here| now| the talk| this| home| today)*",
        r"(?:let's|can we|we can) (?:stop|finish|end)(?: here| now| this| it| the talk| for today)*",
        r"that's (?:all|it)(?: for today| for now)",
    ),
    Intent.REPEAT: (
        rf"{_CAN_YOU}(?:repeat|say|ask)(?: (?:that|it|this|me|the question|your question|what you said))*"
        rf"(?: again| once more| one more time)?{_PLEASE}",
        rf"(?:please )?(?:repeat|say)(?: that| it| this| the question)?(?: again| once more)?{_PLEASE}",
        rf"(?:once|one time) (?:more|again){_PLEASE}|one more time{_PLEASE}|again{_PLEASE}|come again",
        r"pardon(?: me)?|sorry|excuse me|what|what did you (?:say|ask)(?: me)?",
        r"what (?:was|is|were) (?:that|the question|your question)",
        rf"i {_NOT} (?:hear|catch)(?: (?:you|that|it|what you said|the question))?",
    ),
    Intent.SLOWER: (
        rf"{_CAN_YOU}.*\bslow.*",
        rf"(?:please )?(?:speak |talk )?(?:more )?slow(?:er|ly)?(?: down)?{_PLEASE}",
        r"(?:you(?:'re| are| speak| talk)|it's|that's|that was)(?: \w+)? (?:too|very|so) fast.*|(?:too|not so) fast",
    ),
    Intent.MEANING: (
        r"what (?:does|do|is|did)(?: the word)? (?!you\b).+ means?|what (?:is|'s|does) .*meaning.*|what's the meaning.*",
        r"i (?:don't|do not) know (?:(?:the|this|that) word.*|what .+ means?)",
        rf"i {_NOT} understand the word.*",
    ),
    Intent.UNCLEAR: (
        rf"i {_NOT} (?:really |quite )?(?:understand|get)"
        r"(?: (?:you|it|that|this|the question|your question|what you (?:say|said|mean|asked)|anything))?",
        r"(?:i(?: am|'m)? )?(?:no|not) understand(?:ing)?(?: you)?|i(?:'m| am) (?:confused|lost)",
        r"what do you mean(?: by that)?",
        r"(?:it's|that's|this is|it is|that is)(?: a)? (?:too |very |so )?(?:difficult|hard) question(?: for me)?",
    ),
    Intent.HELP: (
        rf"{_CAN_YOU}(?:help me|give me (?:a |an |some )?(?:hint|example|idea|help)).*",
        rf"(?:please )?help(?: me)?{_PLEASE}|(?:a )?hint{_PLEASE}|what (?:can|should|could|do) i (?:say|answer)",
    ),
    Intent.OTHER_TOPIC: (
        r"(?:can|could|shall|may|should) (?:we|you|i) (?:please )?(?:talk|speak) about (?!me\b|myself\b).*",
        r"(?:why don't we|let's|what about if we) (?:talk|speak) about .*",
    ),
    Intent.SKIP: (
        rf"(?:the )?(?:next|another|new|different)(?: (?:one|question|topic))?{_PLEASE}|skip(?: it| this| that)?{_PLEASE}",
        r"(?:let's|can we|could we|i want to|i'd like to) (?:talk|speak) about (?:something|another|other).*",
        r"i(?: don't want to|'d rather not| would rather not| do not want to) (?:answer|talk about|say)(?: this| that| it)?",
        r"(?:let's |can we )?change the (?:topic|subject|question)",
    ),
    Intent.ROLE: (
        rf"{_CAN_YOU}(?:play|be|pretend|act)\b(?! (?:football|tennis|music|chess|cards|slower|quiet)\b).*",
        r"(?:please |now |let's )*(?:pretend|do a role.?play|play (?:the role|the part)|role.?play)\b.*",
        r"(?:please |now )*play (?:the|my|an?) \w+(?:,? please)?",
        r"(?:please )?(?:you are|you're|be) (?:the|my|an?) (?:landlord|boss|waiter|waitress"
        r"|doctor|policeman|seller|interviewer|customer|receptionist|teacher|friend)(?: (?:now|please))*",
    ),
    Intent.INSULT: (
        r"(?:you(?:'re| are)|this is|this program is|it's)(?: \w+)? (?:an? )?(?:\w+ )?"
        r"(?:stupid|idiot|idiotic|useless|dumb|moron|terrible|awful|rubbish|shit|bullshit|bad|annoying|crap)"
        r"(?: (?:robot|computer|machine|program|bot|teacher|thing|ai|app))?",
        r"(?:fuck|screw|shut|damn)(?: (?:you|off|up|it))?|(?:i hate you|you suck|go to hell|stupid \w+|idiot)",
    ),
    Intent.CORRECTING: (
        r"(?:can|could|will|would|do|are) you (?:please )?(?:also )?(?:correct(?:ing)?|check(?:ing)?|fix|mend|tell me)"
        r"(?: .*\b(?:my|me|mistakes?|errors?|english|grammar|wrong|correct)\b.*)",
        r"(?:please )?correct (?:me|my \w+)(?: please)?",
        r"(?:was|is|were) (?:that|this|it|my (?:\w+ )?(?:sentence|english|grammar|answer))"
        r" (?:\w+ )?(?:correct|right|wrong|ok|okay)(?: english)?",
        r"(?:did|do) i (?:say|speak|make|have) .*\b(?:right|correct(?:ly)?|well|mistakes?|errors?|wrong)\b.*",
    ),
    Intent.LIFE: (
        r"(?:have|had) you (?:ever|already|been|seen|tried|visited|read|eaten)\b.*",
        r"(?:do|did|would|don't) you (?:also |too |ever |really )?(?:like|love|enjoy|hate|prefer|live|eat|drink|travel|sleep"
        r"|work|study|play|watch|go|cook|want|feel|dream|have (?:a |any )?(?:family|friends?|hobby|hobbies|brothers?|sisters?"
        r"|children|kids|pets?|wife|husband|boyfriend|girlfriend|job|dog|cat|parents|mother|father))\b.*",
        r"(?:what|which|where|who)(?:'s| is| are)? your favou?rite .*|where (?:do you live|are you from|were you born)\b.*",
        r"how old are you|are you (?:married|happy|sad|tired|hungry|lonely|alive|from .*)|what do you like .*",
    ),
    Intent.WHO_ARE_YOU: (
        r"what(?:'s| is) your name|who are you|do you have a name|what (?:can|should) i call you",
        r"(?:are you|you are|you're) (?:a |an )?(?:real|human|robot|computer|machine|person|ai|bot|program).*",
    ),
    Intent.HOW_ARE_YOU: (
        r"(?:(?:and|i'm|fine|good|great|very|well)[ ,]+)*how are you(?: doing)?(?: today)?|how(?:'s| is) it going",
        r"how do you do",
    ),
    Intent.AND_YOU: (r"(?:.*\b)?(?:and|what about|how about) (?:you|yours|yourself|your \w+)", r"what do you think.*"),
    Intent.DONT_KNOW: (
        r"i (?:really )?(?:don't|do not|can't|cannot) (?:really )?(?:know|say|answer|remember|think of (?:it|anything|one))"
        r"(?: (?:it|that|this|what to say|how to say(?: it| that)?|the answer|what|how))?",
        r"(?:i have )?no idea|(?:i'm |i am )?not sure|nothing(?: special)?",
    ),
    Intent.THANKS: (r"(?:thank you|thanks)(?: (?:so much|very much|a lot|for \w+(?: \w+){0,3}))?",),
    Intent.GREETING: (
        r"(?:(?:hello|hi|hey|good (?:morning|afternoon|evening|day)|nice to meet you)(?: there)?[ ,]*)+",
    ),
}
_COMPILED = {intent: re.compile("|".join(patterns)) for intent, patterns in _ASKED.items()}

# For something to be given or allowed: where the learner plays a part, it is what they practise
_REQUEST = re.compile(
    r"(?:can|could|may|might) (?:i|we) (?!ask you|say)\b.*|(?:i'd|i would) like to ask (?:you )?for .*"
)
_AUXILIARY = r"(?:do|does|did|are|is|was|were|can|could|would|will|have|has|should|may)"
_QUESTION = re.compile(
    rf"(?:what|which|how)\b.*\?$|(?:where|when|who|why)(?:'s| {_AUXILIARY})\b.*\?$|{_AUXILIARY} .*\?$"
    r"|(?:do|are|can|could|would|have|did|will) you\b.*"
    r"|(?:what|where|when|why|how|who|which)(?: \w+)? (?:do|are|did|is|would|can|have|were) (?:you|your)\b.*"
)
# Only of the learner's own life: in the story of a film somebody may die without our being sorry.
_SAD = re.compile(
    r"\b(?:my|our)\b.{0,40}\b(?:(?:has|had) cancer|(?:is|was) in (?:the )?hospital)\b"
    r"|\bi (?:have |had )?(?:lost my (?:job|wife|husband|son|daughter|\w+ther|dog|cat|home)|(?:was|got) fired|have cancer)\b"
    r"|\bi(?:'m| am| feel| was)(?: very| so| really)? (?:sad|lonely|depressed|ill|sick)\b|\bgot divorced\b"
)
_LEAD_IN = re.compile(
    r"^(?:(?:um+|uh+|erm?|hmm+|oh|ah|well|so|okay|ok|yes|yeah|no|sorry|i'm sorry|excuse me|please|and|but|thank you"
    r"|thanks|hello|hi|hey)\b[\s,.]*)+"
)
_WORD = re.compile(r"[^\W_][\w']*")
_NO_WORDS = frozenset("um umm uh uhh er erm hm hmm mm mhm ah oh eh the a and you huh".split())  # noqa: SIM905


# The commonest words of the languages that learners fall back on, none of them English
_FOREIGN = frozenset(
    (  # noqa: SIM905
        "je ne pas parle suis vous nous est les des une bonjour merci anglais oui pourquoi avec mais très"
        " ich nicht bin und das ist kein keine spreche englisch wie bitte danke hallo guten tag auf verstehe auch"
        " yo no hablo inglés ingles soy estoy muy pero por qué que hola gracias usted tengo entiendo buenos días español el los"
        " io sono parlo inglese non capisco grazie ciao buongiorno perché che della il"
        " eu não falo inglês sou obrigado olá entendo você para muito uma"
        " ben bilmiyorum ingilizce merhaba ja nie rozumiem mówię po angielsku dzień dobry"
    ).split()
) - {"no", "tag", "die", "pas", "ben", "para"}
_NO_LATIN = re.compile(r"[^\W\d_\u0000-\u024f]")


def is_foreign(heard: str) -> bool:
    """Whether most of it is in another language, as far as a few words can tell: a name or a dish is no language."""
    said = words(heard)
    foreign = sum(word in _FOREIGN for word in said)
    return bool(_NO_LATIN.search(heard) and len(said) < 40 and _mostly_not_latin(heard)) or (
        foreign >= 2 and foreign * 2 > len(said)
    )


def _mostly_not_latin(heard: str) -> bool:
    return 2 * len(_NO_LATIN.findall(heard)) > len(re.findall(r"[^\W\d_]", heard))


def understand(heard: str) -> Remark:
    """What this remark asks of the partner. Most are simply answers."""
    if sorrow.in_distress(heard):
        return Remark(Intent.DISTRESS, "")
    if sorrow.mourned(heard):
        return Remark(Intent.LOSS, "")
    if is_foreign(heard):
        return Remark(Intent.OTHER_LANGUAGE, "")
    spoken = scenario.sentences(heard.replace("\u2019", "'"))
    intents = [_intent(sentence.lower()) for sentence in spoken]
    if set(intents) <= {Intent.ANSWER} and not set(words(heard)) - _NO_WORDS:
        return Remark(Intent.NOTHING, "")
    told = (Intent.ANSWER, Intent.AND_YOU, Intent.SAD, Intent.REQUEST)
    answer = " ".join(text for text, intent in zip(spoken, intents, strict=True) if intent in told)
    if Intent.GOODBYE in intents and Intent.GOODBYE not in intents[-2:]:
        return Remark(Intent.ANSWER, heard)
    return Remark(min(intents, key=lambda intent: intent.value), answer)


def words(text: str) -> list[str]:
    return _WORD.findall(text.replace("\u2019", "'").lower())


def _intent(sentence: str) -> Intent:
    whole = sentence.strip(" .,!?")
    for said in (whole, _LEAD_IN.sub("", whole)):
        for intent, pattern in _COMPILED.items():
            if pattern.fullmatch(said):
                return intent
    if _REQUEST.fullmatch(_LEAD_IN.sub("", whole)):
        return Intent.REQUEST
    if _QUESTION.fullmatch(_LEAD_IN.sub("", sentence)):
        return Intent.QUESTION
    return Intent.SAD if _SAD.search(sentence) else Intent.ANSWER
