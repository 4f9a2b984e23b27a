"""Mistakes in the form and the tense of verbs."""

from tutor.engines.local.harper_rules import PARTICIPLE
from tutor.engines.local.mistakes import CLAUSE_STARTS, DAY, I_WORDS, NUMBER, PLURAL, SPAN, mistake, one_of
from tutor.engines.local.verbs import BY_BASE, BY_GERUND, BY_THIRD, VERBS, verb

_BASE = one_of(BY_BASE.keys() - {"be"})
_THIRD = one_of(BY_THIRD.keys() - {"is"})
_GERUND = one_of(BY_GERUND.keys() - {"being", "meeting"})
# Only forms that are nothing else: "come" and "put" are their own past, "found" and "left" are other words, too.
_PAST = one_of({v.past for v in VERBS} - BY_BASE.keys() - {"was", "found", "left", "felt", "thought"})
_PAST_ONLY = one_of({v.past for v in VERBS if v.past not in (v.participle, "was", "forgot", "got")})
_PARTICIPLE = one_of({v.participle for v in VERBS} - {"been", "got", "gotten"})
_PARTICIPLE_ONLY = one_of({"seen", "done", "gone", "eaten", "written", "taken", "given", "spoken", "begun", "driven"})
_ACTION = (
    r"(?:arrive|buy|call|clean|come|cook|dance|drink|drive|eat|fly|forget|get|give|go|learn|make|meet|play|ride|run|sell|send"
    r"|sing|sleep|speak|spend|start|study|swim|take|travel|visit|wake|walk|watch|write)"
)

_HAVE = rf"have(?! (?:{_PARTICIPLE}|been|never|always|just)\b)"

_FINISHED = rf"(?:yesterday|last (?:night|week|weekend|month|year|summer|winter|{DAY})|{NUMBER} {SPAN} ago)(?!')\b"
_BEGINNING = rf"(?=(?: \w+){{0,4}} since (?:\d{{4}}|{NUMBER} {SPAN}|last \w+|yesterday|childhood|a long time|I was)\b)"
# What may stand between a verb and "yesterday" without the time belonging to another verb, or to a comparison
_BETWEEN = (
    r"(?: (?!(?:I|you|we|they|he|she|it|that|which|who|what|where|when|since|from|because|than|as|like|until|till|for|of|and"
    r"|but|so|if|every|always|usually|often|never|sometimes|the|a)\b(?: \w+ (?:from|of)\b)?)?(?:the |a )?[\w']+){0,4}"
)
_MODAL = r"(?:can|could|must|should|would|might|may|will|cannot|can't|couldn't|mustn't|shouldn't|won't|wouldn't)"
_ASKED_OR_MADE = (
    r"\b(?:did|didn't|do|don't|does|doesn't|can|could|will|would|should|may|might|must|let|lets|make|made|help|helped|saw|see"
    r"|watch|watched|heard|hear|if|that|suggest|insist|recommend|have|has|had|to|not) "
)
_OBJECT = {"he": "him", "she": "her", "they": "them", "we": "us", "i": "me"}
_HELPED = r"\b(?:have|has|had|haven't|hasn't|hadn't|having|been|be|is|are|was|were|get|got|as|than) "
_ALL_ONE_CAN = (
    r"\b(?:everything|all|what|whatever|anything|much|best|more|hard|fast|quick|soon|nothing|things?|way|it)\b[^.,!?]*"
)

_WHY_PAST = "The time is over, so use the past tense."
_WHY_BASE = "After this word the verb keeps its basic form."
_WHY_NO_TO = 'After words like "can" and "must" the verb stands without "to".'
_WHY_ING = "After this expression use the -ing form."
_WHY_STILL = "It began in the past and still goes on, so use the present perfect."
_WHY_AGREE = '"Agree" is a verb here: it needs no "am", "is" or "are".'


def _perfect(subject: str) -> str:
    return "has been" if subject.lower() in ("he", "she", "it") else "have been"


MISTAKES = (
    mistake(rf"\b({PLURAL})(?: am| are|'m|'re) agree\b", r"\1 agree", _WHY_AGREE, "verb form"),
    mistake(r"\b(I)(?: am|'m) not agree\b", r"\1 don't agree", _WHY_AGREE, "verb form"),
    mistake(r"\b(he|she)(?: is|'s) agree\b", r"\1 agrees", _WHY_AGREE, "verb form"),
    mistake(r"\bare (you|they|we) agree\b", r"do \1 agree", _WHY_AGREE, "verb form"),
    mistake(
        r"\b(I)(?: am|'m) (want|need|know|understand|believe|think)\b",
        r"\1 \2",
        'Here the verb stands alone, without "am".',
        "verb form",
    ),
    mistake(r"\b(I)(?: am|'m) born\b", r"\1 was born", "Your birth is in the past.", "tense"),
    mistake(
        rf"\b({_FINISHED},? {I_WORDS}) (?:have|has) ({_PARTICIPLE})\b",
        lambda m: f"{m[1]} {verb(m[2]).past}",
        "With a time that is over, use the simple past.",
        "tense",
        unless=r"\b(?:since|from|than|until|by) ",
    ),
    mistake(
        rf"\b({_FINISHED},? {I_WORDS}) ({_ACTION}|{_HAVE}|see|do|has|goes|comes|eats|sees)\b",
        lambda m: f"{m[1]} {verb(m[2]).past}",
        _WHY_PAST,
        "tense",
        unless=r"\b(?:since|from|than|until|by) ",
    ),
    mistake(
        rf"\b({I_WORDS}) ({_ACTION})\b(?={_BETWEEN} {_FINISHED})",
        lambda m: f"{m[1]} {verb(m[2]).past}",
        _WHY_PAST,
        "tense",
        unless=_ASKED_OR_MADE,
    ),
    mistake(
        rf"\b({PLURAL}) (?:have|'ve) ({_PARTICIPLE})\b(?={_BETWEEN} {_FINISHED})",
        lambda m: f"{m[1]} {verb(m[2]).past}",
        "With a time that is over, use the simple past.",
        "tense",
        unless=r"\b(?:if|should|would|could|might|must|may|will) ",
    ),
    mistake(
        rf"\b({PLURAL}|he|she)(?: am| are| is|'m|'re) ((?!going\b){_GERUND}|here|married){_BEGINNING}",
        lambda m: f"{m[1]} {_perfect(m[1])} {m[2]}",
        _WHY_STILL,
        "tense",
    ),
    mistake(
        rf"\b({PLURAL}) (live|work|study|know|learn|play){_BEGINNING}",
        lambda m: f"{m[1]} have {verb(m[2]).participle}",
        _WHY_STILL,
        "tense",
        unless=_ASKED_OR_MADE,
    ),
    mistake(
        r"\b(look(?:ing|s|ed)? forward to) (meet|see|hear|go|learn|travel|speak|talk|get|have|start|play|eat|visit)\b",
        lambda m: f"{m[1]} {verb(m[2]).gerund}",
        _WHY_ING,
        "verb form",
    ),
    mistake(
        rf"\b((?:enjoy|avoid)(?:s|ed)?|suggest(?:s|ed)?) to ({_BASE})\b",
        lambda m: f"{m[1]} {verb(m[2]).gerund}",
        _WHY_ING,
        "verb form",
    ),
    mistake(
        rf"\b({I_WORDS} (?:like|love)s?) (play|go|read|eat|watch|listen|write|speak|learn|meet|sing|drive|see)\b",
        r"\1 to \2",
        'Between two verbs say "to".',
        "verb form",
        unless=r"\b(?:what|things?|people|those|as|that|which) ",
    ),
    mistake(
        rf"\b((?:I am|I'm|we are|we're)(?: not)?(?: already)? used to) ({_BASE})\b",
        lambda m: f"{m[1]} {verb(m[2]).gerund}",
        'After "to be used to" use the -ing form.',
        "verb form",
    ),
    mistake(
        rf"\b({I_WORDS}) used to ({_GERUND}|{_PAST})\b",
        lambda m: f"{m[1]} used to {verb(m[2]).base}",
        'After "used to" (a habit that is over) use the basic form of the verb.',
        "verb form",
    ),
    mistake(
        rf"\b(did|didn't|did not|don't|doesn't|does not|do not) ({_PAST}|{_THIRD})\b(?!')",
        lambda m: f"{m[1]} {verb(m[2]).base}",
        'After "do", "does" and "did" the verb keeps its basic form.',
        "verb form",
    ),
    mistake(
        rf"\b(does|did) ({I_WORDS}) ({_THIRD}|{_PAST})\b",
        lambda m: f"{m[1]} {m[2]} {verb(m[3]).base}",
        'After "does" and "did" the verb keeps its basic form.',
        "verb form",
    ),
    mistake(
        rf"\b({I_WORDS}) (can|could) to ({_BASE})\b",
        r"\1 \2 \3",
        _WHY_NO_TO,
        "verb form",
        unless=_ALL_ONE_CAN + "|as ",
    ),
    mistake(
        rf"\b({I_WORDS}) (must|should|will|would|might|can't|cannot|mustn't|shouldn't) to ({_BASE})\b",
        r"\1 \2 \3",
        _WHY_NO_TO,
        "verb form",
        unless=_ALL_ONE_CAN,
    ),
    mistake(
        rf"\b({I_WORDS}) ({_MODAL}) ({_THIRD}|{_PAST})\b",
        lambda m: f"{m[1]} {m[2]} {verb(m[3]).base}",
        _WHY_BASE,
        "verb form",
    ),
    mistake(
        rf"\b((?:want|need|decide|hope|plan|try|tries)(?:e?s|e?d|ned)?|would like) to ({_PAST}|{_THIRD})\b",
        lambda m: f"{m[1]} to {verb(m[2]).base}",
        'After "to" the verb keeps its basic form.',
        "verb form",
    ),
    mistake(
        rf"\b(want|wants|wanted|would like) to ({_GERUND})\b(?! (?:is|was|are|were|lessons?|classes)\b)",
        lambda m: f"{m[1]} to {verb(m[2]).base}",
        'After "to" the verb keeps its basic form.',
        "verb form",
    ),
    mistake(
        rf"\b((?:haven|hasn|hadn)'t|(?:have|has|had) (?:not|never|already|just|ever|been)) ({_PAST_ONLY})\b",
        lambda m: f"{m[1]} {verb(m[2]).participle}",
        PARTICIPLE,
        "verb form",
    ),
    mistake(
        rf"\b((?:have|has) {I_WORDS}(?: ever| already| never)?) ({_PAST_ONLY})\b",
        lambda m: f"{m[1]} {verb(m[2]).participle}",
        PARTICIPLE,
        "verb form",
        after=CLAUSE_STARTS + r"|\b(?:what|where|when|why|how|who|and) ",
    ),
    mistake(
        rf"\b(I|we|they|he|she) ({_PARTICIPLE_ONLY})\b",
        lambda m: f"{m[1]} {verb(m[2]).past}",
        'Without "have" use the simple past.',
        "verb form",
        unless=_HELPED,
    ),
    mistake(
        rf"\b(want|wants|wanted|'d like|would like) that ({I_WORDS}) ({_BASE}|{_THIRD})\b",
        lambda m: f"{m[1]} {_OBJECT.get(m[2].lower(), m[2])} to {verb(m[3]).base}",
        'Say "want somebody to do something".',
        "verb form",
        unless=r"\b(?:all|everything|what|things?|one) (?:\w+ )?",
    ),
    mistake(
        rf"\bdo (you|they|we|I) can ({_BASE})\b",
        r"can \1 \2",
        'Ask with "can" alone, without "do".',
        "word order",
    ),
    mistake(
        r"\bif (I|we|they) will (have|go|get|be|find|see|know|need|want|travel|visit|learn|study|work|buy|come)\b",
        lambda m: f"if {m[1]} {'am' if (m[1], m[2]) == ('I', 'be') else 'are' if m[2] == 'be' else m[2]}",
        'After "if" use the present, also for the future.',
        "tense",
        after=r"(?:^|[.!?] )",
        sure=False,
    ),
    mistake(
        r"\b(I|we|they|you) no (like|want|have|know|understand|speak|need|think|work|live)\b",
        r"\1 don't \2",
        'Say no with "don\'t".',
        "verb form",
    ),
    mistake(
        r"\bwhat means (this word|this|that|it)(?=\?)",
        r"what does \1 mean",
        'Ask with "does", as in "What does it mean".',
        "word order",
    ),
    mistake(
        rf"\b(where|what|when|why|how often) (you|they|we) ({_BASE})\b(?=(?! (?:is|was|are)\b)[^.,!?]*\?)",
        r"\1 do \2 \3",
        'Ask with "do" before the person.',
        "word order",
        after=r"(?:^|[.!?] )",
        sure=False,
    ),
)
