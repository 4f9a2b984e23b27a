"""What learners say to the partner itself, and the partner's own phrases.

The phrases claim nothing about what was said beyond what the partner can know: it recognises words, it does not understand.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

from tutor import scenario


class Intent(Enum):
    """What a remark asks of the partner; where a remark holds several, the first of this order counts."""

    GOODBYE = auto()
    REPEAT = auto()
    SLOWER = auto()
    MEANING = auto()
    UNCLEAR = auto()
    HELP = auto()
    SKIP = auto()
    WHO_ARE_YOU = auto()
    HOW_ARE_YOU = auto()
    AND_YOU = auto()
    QUESTION = auto()
    DONT_KNOW = auto()
    THANKS = auto()
    GREETING = auto()
    NOTHING = auto()
    SAD = auto()
    ANSWER = auto()


@dataclass(frozen=True, slots=True)
class Remark:
    """`answer` is what is left of the learner's words without those addressed to the partner itself."""

    intent: Intent
    answer: str


_LEAD_IN = re.compile(
    r"^(?:(?:um+|uh+|erm?|hmm+|oh|ah|well|so|okay|ok|yes|yeah|no|sorry|i'm sorry|excuse me|please|and|but|thank you|thanks"
    r"|hello|hi|hey)\b[\s,.]*)+"
)
_CAN_YOU = r"(?:can|could|would|will) you (?:please )?"
_PLEASE = r"(?:,? please)?"

# Each is matched against one whole sentence: "goodbye" asks to end the talk, "I said goodbye to my family" does not.
_ASKED = {
    Intent.GOODBYE: r"(?:good ?bye|bye(?:[ -]?bye)?|see you|good night)(?:,? (?:later|soon|tomorrow|then|again|next time|thank you"
    r"|thanks|now|for now|everyone))*"
    r"|i(?:'ve got| have| need| must|'d like| want|'ve)?(?: to)? (?:go|leave|stop|finish|end)(?: here| now| the talk| this)?(?: now)?"
    r"|(?:let's|can we) (?:stop|finish|end)(?: here| now| this| the talk| for today)*|that's all(?: for today| for now)?",
    Intent.REPEAT: rf"{_CAN_YOU}(?:repeat|say|ask)(?: (?:that|it|this|me|the question|your question|what you said))*"
    rf"(?: again| once more| one more time)?{_PLEASE}"
    rf"|(?:please )?(?:repeat|say)(?: that| it| this| the question)?(?: again| once more)?{_PLEASE}|(?:once|one time) (?:more|again)"
    rf"|one more time{_PLEASE}|again{_PLEASE}|pardon(?: me)?|what|come again|what did you (?:say|ask)(?: me)?"
    r"|what (?:was|is|were) (?:that|the question|your question)"
    r"|i (?:didn't|did not|couldn't|can't|could not|cannot) (?:hear|catch)(?: (?:you|that|it|what you said|the question))?",
    Intent.SLOWER: rf"{_CAN_YOU}.*\bslow.*|(?:please )?(?:speak |talk )?(?:more )?slow(?:er|ly)?(?: down)?{_PLEASE}"
    r"|(?:you(?:'re| are| speak| talk)?|it's|that's|that was)(?: \w+)? (?:too|very|so) fast.*|(?:too|not so) fast",
    Intent.MEANING: r"what (?:does|do|is|did)(?: the word)? .+ means?|what (?:is|'s|does) .*meaning.*|what's the meaning.*"
    r"|i (?:don't|do not) know (?:the|this|that|what) (?:word|.+ means?).*"
    r"|i (?:don't|do not|didn't) understand the word.*",
    Intent.UNCLEAR: r"i(?: am|'m)? (?:don't|do not|didn't|did not|can't|cannot|couldn't|not) (?:really |quite )?(?:understand|get)"
    r"(?: (?:you|it|that|this|the question|your question|what you (?:say|said|mean|asked)|anything))?"
    r"|(?:no|not) understand|i(?:'m| am) (?:confused|lost)|what do you mean(?: by that)?"
    r"|(?:it's|that's|this is|it is)(?: a)? (?:too |very |so )?(?:difficult|hard)(?: question)?(?: for me)?",
    Intent.HELP: rf"{_CAN_YOU}(?:help me|give me (?:a |an |some )?(?:hint|example|idea|help)).*|(?:please )?help(?: me)?{_PLEASE}"
    rf"|(?:a )?hint{_PLEASE}|what (?:can|should|could|do) i (?:say|answer)",
    Intent.SKIP: rf"(?:the )?(?:next|another|new|different)(?: (?:one|question|topic))?{_PLEASE}|skip(?: it| this| that)?{_PLEASE}"
    r"|(?:let's|can we|could we|i want to|i'd like to) (?:talk|speak) about (?:something|another|other).*"
    r"|i (?:don't|do not) want to (?:answer|talk about|say)(?: this| that| it)?|(?:let's )?change the (?:topic|subject|question)",
    Intent.WHO_ARE_YOU: r"what(?:'s| is) your name|who are you|do you have a name|what (?:can|should) i call you"
    r"|(?:are you|you are|you're) (?:a |an )?(?:real|human|robot|computer|machine|person|ai|bot|program).*",
    Intent.HOW_ARE_YOU: r"(?:(?:and|i'm|fine|good|great|very|well|not|bad)[ ,]+)*how (?:are|do|is it|'s it) ?(?:you|going)?(?: do| doing)?(?: today)?",
    Intent.AND_YOU: r"(?:.*\b(?:and|what about|how about) )(?:you|yours|yourself|your \w+)|you",
    Intent.DONT_KNOW: r"i (?:don't|do not|can't|cannot|don't really) (?:know|say|answer|remember|think of (?:it|anything|one))"
    r"(?: (?:it|that|this|what to say|how to say(?: it| that)?|the answer|what|how))?"
    r"|(?:i have )?no idea|(?:i'm |i am )?not sure|nothing(?: special)?",
    Intent.THANKS: r"(?:thank you|thanks)(?: (?:so much|very much|a lot|for \w+(?: \w+){0,3}))?",
    Intent.GREETING: r"(?:(?:hello|hi|hey|good (?:morning|afternoon|evening|day)|nice to meet you)(?: there)?[ ,]*)+",
}
_COMPILED = {intent: re.compile(pattern) for intent, pattern in _ASKED.items()}

_QUESTION_WORD = (
    r"(?:what|where|when|who|why|how|which|do|does|did|are|is|was|were|can|could|would|will|have|has|should|may)"
)
_QUESTION = re.compile(
    rf"{_QUESTION_WORD}\b.*\?$|(?:what|where|when|who|why|how|do|are|can|could|would|have|did) (?:\w+ )?(?:you|your)\b.*"
)
_SAD = re.compile(
    r"\b(?:died|dead|death|passed away|funeral|cancer|divorced?|lost (?:my|her|his|our) (?:job|\w+ther|wife|husband|son|daughter|dog|cat)"
    r"|(?:was|got|been) fired|(?:very|seriously|really) (?:ill|sick|sad)|in hospital|i(?:'m| am) (?:sad|lonely|depressed|afraid))\b"
)
_WORD = re.compile(r"[a-z0-9']+")
_NO_WORDS = frozenset(
    {"um", "umm", "uh", "uhh", "er", "erm", "hm", "hmm", "mm", "mhm", "ah", "oh", "eh", "the", "a", "and"}
)


def understand(heard: str) -> Remark:
    """What this remark asks of the partner. Most are simply answers."""
    spoken = scenario.sentences(heard.replace("\u2019", "'"))
    intents = [_intent(sentence.lower()) for sentence in spoken]
    answer = " ".join(
        s for s, i in zip(spoken, intents, strict=True) if i in (Intent.ANSWER, Intent.AND_YOU, Intent.SAD)
    )
    if not set(words(heard)) - _NO_WORDS:
        return Remark(Intent.NOTHING, "")
    first = min(intents, key=lambda intent: intent.value)
    if first is Intent.GOODBYE and Intent.GOODBYE not in intents[-2:]:
        first = Intent.ANSWER
    return Remark(first, answer)


def words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _intent(sentence: str) -> Intent:
    whole = sentence.strip(" .,!?")
    for said in (whole, _LEAD_IN.sub("", whole)):
        for intent, pattern in _COMPILED.items():
            if pattern.fullmatch(said):
                return intent
    if _QUESTION.fullmatch(_LEAD_IN.sub("", sentence)):
        return Intent.QUESTION
    return Intent.SAD if _SAD.search(sentence) else Intent.ANSWER


# Said before the next question when nothing of the answer was recognised.
NEUTRAL = (
    "I see.",
    "Thank you for telling me.",
    "All right.",
    "Thank you for your answer.",
    "Okay.",
    "Let me ask you something else.",
    "Thanks, let's go on.",
    "Here is another question.",
    "Right.",
    "Now something a little different.",
    "I'm listening.",
    "Let's move on to this.",
    "And here is the next one.",
    "I'd like to ask you this too.",
    "Let's look at another side of it.",
    "One more thing interests me.",
)
REASON_GIVEN = ("Thank you for giving a reason.", "So that is your reason.", "You explained why, thank you.")
LONG_ANSWER = ("You told me a lot, thank you.", "That was a long answer, thank you.", "Thank you for saying so much.")
SORRY = ("I'm sorry to hear that.", "Oh, I'm sorry.", "That sounds hard.")

# Asked when the answer was only a word or two: these fit whatever the question was.
MORE_THAN_YES = (
    "Can you tell me a little more about that?",
    "Could you give me an example?",
    "What else can you say about it?",
    "Would you like to add something?",
)
MORE_THAN_A_WORD = (
    "Can you say that in a whole sentence?",
    "Tell me a little more: can you make your answer longer?",
    "Could you add one more detail?",
    "Can you say a bit more, maybe with a reason?",
)

RECASTS = (
    'We say "{better}".',
    'A small thing: "{better}".',
    'In English it is "{better}".',
    'Here we say "{better}".',
    'Try it like this: "{better}".',
    'Next time, say "{better}".',
    'One correction: "{better}".',
    'You can put it like this: "{better}".',
)

ASK_AGAIN = (
    "My question was: {question}",
    "Once more: {question}",
    "I asked you this: {question}",
    "Here it is again: {question}",
    "The question was: {question}",
)
BACK_TO_QUESTION = (
    "Now back to my question: {question}",
    "But tell me: {question}",
    "So, my question to you: {question}",
    "Let me come back to this: {question}",
    "And now to you: {question}",
)
IN_OTHER_WORDS = (
    "In other words: {question}",
    "Let me ask it more simply: {question}",
    "Here it is in simpler words: {question}",
    "I can also ask it like this: {question}",
)
TRY_NOW = (
    "Do you want to try?",
    "Can you try it now?",
    "What would you say?",
    "How would you say it?",
    "Shall we try it?",
)

LEADS = {
    Intent.REPEAT: ("Of course.", "Sure.", "Yes, of course.", "No problem.", "Certainly."),
    Intent.SLOWER: (
        "You can make my voice slower with the speed setting on the page.",
        "The speed setting on the page makes me speak more slowly.",
        "Please use the speed setting, it changes how fast I speak.",
    ),
    Intent.MEANING: (
        "I'm sorry, I can't explain words.",
        "Sorry, explaining words is something I can't do.",
        "I can't explain that word, but I can help with the question.",
    ),
    Intent.UNCLEAR: ("No problem.", "That's fine.", "Don't worry.", "That's all right.", "I'll help you."),
    Intent.HELP: (
        "Gladly.",
        "Of course, here is some help.",
        "Yes, I can help.",
        "Here is an idea for you.",
        "Let me help.",
    ),
    Intent.SKIP: (
        "All right, another question.",
        "No problem, let's leave that.",
        "Okay, something else.",
        "Let's take a new one.",
    ),
    Intent.WHO_ARE_YOU: (
        "I have no name: I'm a computer program, your practice partner.",
        "I'm not a person, just a computer that practises English with you.",
        "As I said, I'm a practice partner on a computer.",
    ),
    Intent.HOW_ARE_YOU: (
        "I'm a computer, so I'm always the same, but thank you for asking.",
        "Thanks for asking, I'm working well today.",
        "Nothing changes for a computer, but it's kind of you to ask.",
    ),
    Intent.AND_YOU: (
        "I'm a computer, so I have no life of my own to tell you about.",
        "I have no answer to that, because I'm only a program.",
        "There is nothing to tell about me, I only practise English with you.",
        "For me, as a computer, there is no answer.",
    ),
    Intent.QUESTION: (
        "I can't answer that, I'm only a practice partner.",
        "That is a question I can't answer.",
        "I'm sorry, I don't know the answer to that.",
        "I can't say, I'm better at asking questions.",
        "A good practice partner would know that, but I don't.",
    ),
    Intent.DONT_KNOW: (
        "That's all right.",
        "No problem at all.",
        "Never mind.",
        "You don't have to know.",
        "That can happen.",
    ),
    Intent.THANKS: ("You're welcome.", "With pleasure.", "It's my pleasure.", "You're very welcome."),
    Intent.GREETING: ("Hello!", "Hi there.", "Good to hear you.", "Hello again!"),
    Intent.NOTHING: (
        "I'm sorry, I didn't catch any words.",
        "Sorry, I couldn't hear a word there.",
        "That was hard for me to hear.",
        "I'm afraid I heard no words.",
    ),
}

WELCOME_BACK = ("Welcome back!", "Nice to have you back!", "Good to hear you again!", "Here we are again!")
WELCOME_BACK_TO_THE_END = "Welcome back! We have finished this talk, and you can start a new one whenever you like."

AFTER_THE_END_FIRST = (
    "We have finished this talk.",
    "Our talk is over for now.",
    "This talk has come to its end.",
    "I have already said goodbye.",
    "That was all for this talk.",
)
AFTER_THE_END_THEN = (
    "You can start a new one at any time.",
    "I'll be glad to practise with you in another talk.",
    "Choose another topic whenever you like.",
    "I hope we talk again soon.",
    "Have a good day.",
    "Take care.",
)
