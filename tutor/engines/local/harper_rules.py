"""Which of Harper's 900 rules are about spoken grammar, and what they say in words that a learner understands.

The others are about spelling, capitals, punctuation and style, which speech does not have, or about slips of the keyboard.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """`only` and `unless` are there because a rule was seen to err elsewhere."""

    category: str
    why: str  # `{better}` is what to say instead
    sure: bool = False
    context: int = 0  # words before the mistake that belong to it, "has" to "went"
    following: int = 0  # words after it that belong to it, "engineer" to "a"
    only: str = ""  # a regular expression for the whole of what was said
    unless: str = ""  # a regular expression for what must not stand right before the mistake


# What a learner is told
AGREE = "The verb must fit the person who does it."
PARTICIPLE = 'After "have" use the past participle.'
_BASE = "After this word the verb keeps its basic form."
_UNCOUNTABLE = 'This word cannot be counted: it has no plural, and no "a".'
_WHY_AN = 'Before a vowel sound say "an", before any other "a".'
_WHY_MORE = 'The adjective says it already, without "more" or "most".'
_FIXED = 'The usual words are "{better}".'
_PREPOSITION = 'After this word we say "{better}".'

# Where a rule may be believed
_BE = r"\b(?:be|is|am|are|was|were) "
_UNCOUNTABLES = (
    r"(?:an? )?(?:information|advice|furniture|luggage|baggage|homework|equipment|software|research|knowledge|bread|traffic"
    r"|luck|weather|music|money|progress|rice|garbage|evidence|jewelry|laughter|patience|happiness)s?"
)
_COMPARED = (
    r"(?:more|most) (?:(?:tall|small|smart|old|young|cheap|fast|cold|rich|long|short|high|strong|nic|larg|warm|clean|dark"
    r"|quick|slow|kind|hard|great|poor|new|saf|lat|wid|deep|weak|loud|bigg|hott|fatt|thinn|sadd"
    r"|\w+i)(?:er|est)"
    r"|better|best|worse|worst)"
)
_NOT_A_LETTER = r"an? (?!(?:an?|and|is|are|as|at|in|of|on|or|if|um|uh|er|eh|i|one|it's|i'm)$)[\w']{2,}"
_WANTS = (
    r"(?:want|wants|wanted|need|needs|needed|hope|hopes|decided) (?:go|be|see|buy|have|do|eat|make|learn|speak|know|find|get"
    r"|become|say|take|come|live|write|read|meet|sleep|travel|improve|leave|stay|tell|ask|understand)"
)

RULES = {
    "PronounVerbAgreement": Rule("agreement", AGREE, sure=True),
    "PronounInflectionBe": Rule("agreement", AGREE, sure=True),
    "IAmAgreement": Rule("agreement", AGREE),
    "IDo": Rule("agreement", AGREE),
    "HavePronoun": Rule("agreement", AGREE),
    "ThereIsAgreement": Rule("agreement", "The verb must fit what there is: one thing, or more than one."),
    "OneOfTheSingular": Rule("agreement", 'After "one of the" use the plural.'),
    "ThisTypeOfThing": Rule("agreement", "Both words must be singular, or both plural."),
    "AnotherThings": Rule("agreement", '"Another" is for one thing.'),
    "SimplePastToPastParticiple": Rule("verb form", PARTICIPLE, sure=True, context=1, unless=_BE),
    "RegularIrregulars": Rule("verb form", "This word has an irregular form.", sure=True),
    "Payed": Rule("verb form", "This word has an irregular form.", sure=True),
    "DidPast": Rule("verb form", 'After "did" the verb keeps its basic form.', sure=True, context=1),
    "HelpedPast": Rule("verb form", _BASE),
    "WillNonLemma": Rule("verb form", _BASE, context=1, only=r"(?-i:[\w']+ will [\w' ]+)"),
    "WillContain": Rule("verb form", _BASE, context=1),
    "LookingForwardTo": Rule("verb form", "After this expression use the -ing form.", context=3),
    "WorthToDo": Rule("verb form", 'After "worth" use the -ing form.'),
    "ProgressiveNeedsBe": Rule("verb form", "The -ing form needs a form of \"be\" before it."),
    "IsBeenAuxSequence": Rule("verb form", 'Before "been" say "has" or "have".'),
    "LetToDo": Rule("verb form", 'After "let" the verb stands without "to".', context=1),
    "MakeItSeem": Rule("verb form", 'After "make it" the verb keeps its basic form.'),
    "MissingTo": Rule("verb form", 'Here the next verb needs "to".', sure=True, only=_WANTS),
    "DoubleModal": Rule("verb form", "Use only one word like \"can\" or \"will\" at a time."),
    "DontCan": Rule("verb form", '"Can" makes its own negative: "can\'t".', sure=True),
    "WishCould": Rule("tense", 'After "wish" say "could".', context=2),
    "IfWouldve": Rule("tense", 'After "if" say "had", not "would have".'),
    "SupposedTo": Rule("verb form", _FIXED),
    "UseToUsedTo": Rule("verb form", 'Say "used to".'),
    "GetUsedTo": Rule("verb form", 'Say "used to".'),
    "HowDoesCompared": Rule("verb form", _BASE),
    "AdjectiveDoubleDegree": Rule("comparison", _WHY_MORE, sure=True, only=_COMPARED),
    "MoreBetter": Rule("comparison", _WHY_MORE, sure=True, only=_COMPARED),
    "WorseOrWorst": Rule("comparison", 'Say "worse" for two and "worst" for the most bad of all.'),
    "MassNouns": Rule("noun", _UNCOUNTABLE, sure=True, only=_UNCOUNTABLES),
    "AnA": Rule("article", _WHY_AN, sure=True, following=1, only=_NOT_A_LETTER),
    "AnAnother": Rule("article", '"Another" already means "one more".', sure=True),
    "TheAnother": Rule("article", 'Say "another" or "the other".'),
    "TheMy": Rule("article", 'Before "my", "your" or "his" there is no "the".'),
    "SomeWithoutArticle": Rule("article", 'Before "some" there is no "a".'),
    "FewUnitsOfTimeAgo": Rule("article", 'Say "a few".'),
    "HaveAHardTime": Rule("article", _FIXED),
    "InAHurry": Rule("article", _FIXED),
    "InAWhile": Rule("article", _FIXED),
    "ForAWhile": Rule("article", _FIXED),
    "SinceDuration": Rule("preposition", 'Use "for" with how long, and "since" with when it began.', sure=True),
    "DuringAges": Rule("preposition", 'Use "for" with how long.'),
    "Discuss": Rule("preposition", '"Discuss" needs no "about".', sure=True),
    "AskNoPreposition": Rule("preposition", '"Ask" and "tell" take the person without "to".'),
    "DespiteOf": Rule("preposition", 'Say "despite" or "in spite of".'),
    "ExceptOf": Rule("preposition", 'Say "except for".'),
    "InterestedIn": Rule("preposition", 'We are interested "in" something.'),
    "AwareOf": Rule("preposition", _PREPOSITION),
    "AccuseOf": Rule("preposition", _PREPOSITION),
    "ComfortableWith": Rule("preposition", _PREPOSITION),
    "CuriousAbout": Rule("preposition", _PREPOSITION),
    "FascinatedBy": Rule("preposition", _PREPOSITION),
    "Impressed": Rule("preposition", _PREPOSITION),
    "InspiredBy": Rule("preposition", _PREPOSITION),
    "JealousOf": Rule("preposition", _PREPOSITION),
    "PassionateAbout": Rule("preposition", _PREPOSITION),
    "ObsessPreposition": Rule("preposition", _PREPOSITION),
    "ReasonForDoing": Rule("preposition", _PREPOSITION),
    "ResponsibleFor": Rule("preposition", _PREPOSITION),
    "SimilarLike": Rule("preposition", 'Say "similar to".'),
    "SameAs": Rule("preposition", 'Say "the same as".'),
    "TakeCareOf": Rule("preposition", 'Say "take care of".'),
    "TakeALookTo": Rule("preposition", 'We look "at" something.', context=2),
    "LookForwardTo": Rule("preposition", 'Say "look forward to".'),
    "LaughOfAt": Rule("preposition", 'We laugh "at" somebody.'),
    "LeaveToFor": Rule("preposition", 'We leave "for" a place.'),
    "InvestIn": Rule("preposition", _PREPOSITION),
    "ByAccident": Rule("preposition", 'Say "by accident".'),
    "InTheFirstPlace": Rule("preposition", _FIXED),
    "OnFloor": Rule("preposition", 'We live "on" a floor.'),
    "DoMistake": Rule("word choice", 'We "make" a mistake.', sure=True, following=2),
    "ModalOf": Rule("word choice", 'Say "have" here; it only sounds like "of".'),
    "FriendOfMe": Rule("word choice", 'Say "of mine", "of yours", "of his".', sure=True),
    "OpenTheLight": Rule("word choice", 'We "turn on" a light.', sure=True),
    "LastNight": Rule("word choice", 'Say "last night".', sure=True),
    "LessWorse": Rule("word choice", _FIXED),
    "QuiteMany": Rule("word choice", 'Say "quite a few".'),
    "MostOfTheTimes": Rule("word choice", 'Say "most of the time".', sure=True),
    "TheLastDays": Rule("word choice", 'Say "the last few days".'),
    "ComplainAsNoun": Rule("word choice", 'The noun is "complaint".'),
    "Combinate": Rule("word choice", 'The verb is "combine".'),
    "TheyToThem": Rule("word choice", 'Here say "them".'),
    "LooksLikes": Rule("word choice", 'Say "looks like".'),
    "HowItLooksLike": Rule("word choice", 'Say "what it looks like" or "how it looks".'),
    "DoubleNegative": Rule("word choice", 'One "not" is enough: then say "any".'),
    "HaveNegNoAny": Rule("word choice", 'One "not" is enough: then say "any".'),
    "Unless": Rule("word choice", '"Unless" already means "if not".'),
}  # fmt: skip
