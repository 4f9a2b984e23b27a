"""Mistakes in agreement, articles, quantities, prepositions, and the choice of words."""

from tutor.engines.local.mistakes import CLAUSE_STARTS, DAY, ENDS, I_WORDS, NUMBER, SPAN, mistake, one_of
from tutor.engines.local.verbs import BY_BASE, verb

_BASE = one_of(BY_BASE.keys() - {"be"})
_COUNTABLE = (
    r"(?:people|children|friends|cars|things|books|problems|students|tourists|languages|countries|places|days|hours|cities|houses"
    r"|brothers|sisters|questions|words|mistakes|movies|films|songs|shops|restaurants|animals|dogs|cats|jobs|games|photos)"
)
_MASS = r"(?:money|water|information|homework|traffic|furniture|luggage|advice|rain|snow|bread|rice|milk|fun)"
_JOB = (
    r"(student|doctor|teacher|nurse|lawyer|driver|waiter|waitress|manager|programmer|developer|dentist|secretary|writer|musician"
    r"|scientist|designer|journalist|photographer|engineer|architect|accountant|actor|artist|electrician)"
)
_RELATIVE = (
    r"(?:father|mother|brother|sister|wife|husband|son|daughter|boss|friend|teacher|uncle|aunt|cousin|boyfriend|girlfriend"
    r"|grandmother|grandfather)"
)
_RELATIVES = r"(?:parents|friends|brothers|sisters|children|grandparents|kids|colleagues|sons|daughters)"
_SAID_OF_RELATIVES = "live go have like love want need speak eat know think come say make get buy study take"
_OF_RELATIVES = one_of(set(_SAID_OF_RELATIVES.split()))
_SINGULAR = one_of(
    {"friend", "brother", "sister", "colleague", "teacher", "student", "cousin", "neighbor", "classmate"}
)
_ADJECTIVES = {
    "big": "bigg", "small": "small", "old": "old", "young": "young", "tall": "tall", "cheap": "cheap", "fast": "fast",
    "easy": "easi", "happy": "happi", "hot": "hott", "cold": "cold", "rich": "rich", "long": "long", "short": "short",
    "high": "high", "strong": "strong", "nice": "nic", "large": "larg", "warm": "warm", "busy": "busi",
}  # fmt: skip
_ADJECTIVE = one_of(set(_ADJECTIVES))
_PLURAL_OF_BE = {"is": "are", "was": "were", "has": "have"}
_SINGULAR_OF_BE = {"are": "is", "were": "was", "have": "has", "don't": "doesn't"}

_WHY_COUNT = 'Use "many" with what you can count.'
_WHY_MASS = 'Use "much" with what you cannot count.'
_WHY_SHORT = "Short adjectives take -er and -est."
_WHY_FOR = 'Use "for" with how long, and "since" with when it began.'
_WHY_EVERYONE = "This word means many but is singular."


def _to_be(subject: str) -> str:
    return {"i": "am", "he": "is", "she": "is", "it": "is"}.get(subject.lower(), "are")


_AGREEMENT = (
    mistake(
        r"\b((?:(?:the|these|those|many|some|most|all|my|our|their|other|young|old|local) )*"
        r"(?:people|children)) (is|was|has)\b",
        lambda m: f"{m[1]} {_PLURAL_OF_BE[m[2].lower()]}",
        '"People" and "children" are plural.',
        "agreement",
        after=CLAUSE_STARTS + r"|\b(?:think|where|when|if) ",
    ),
    mistake(
        r"\b(everyone|everybody|someone|somebody|no one|nobody|anyone|anybody) (are|were|have|don't)\b",
        lambda m: f"{m[1]} {_SINGULAR_OF_BE[m[2].lower()]}",
        _WHY_EVERYONE,
        "agreement",
        after=CLAUSE_STARTS + r"|\b(?:think|where|when) ",
    ),
    mistake(
        r"\b((?:the|this|that|my|your) (?:news|information|advice|homework|furniture|luggage|money|weather|traffic))"
        r" (are|were)\b",
        lambda m: f"{m[1]} {_SINGULAR_OF_BE[m[2].lower()]}",
        "This word is always singular.",
        "agreement",
        after=CLAUSE_STARTS,
    ),
    mistake(
        rf"\b(my {_RELATIVES}) ({one_of({verb(b).third for b in _SAID_OF_RELATIVES.split()})})\b",
        lambda m: f"{m[1]} {verb(m[2]).base}",
        "The subject is plural, so the verb has no -s.",
        "agreement",
        after=CLAUSE_STARTS,
    ),
    mistake(
        rf"\b((?:my|his|her|our) {_RELATIVE}) ({_OF_RELATIVES}|work)\b",
        lambda m: f"{m[1]} {verb(m[2]).third}",
        "With one person the verb takes -s.",
        "agreement",
        after=CLAUSE_STARTS,
    ),
    mistake(
        rf"\b((?:my|his|her|our) {_RELATIVE}) don't\b",
        r"\1 doesn't",
        'With one person say "doesn\'t".',
        "agreement",
        after=CLAUSE_STARTS,
    ),
    mistake(
        r"\bthere (is|was) ((?:many|several|two|three|four|five|six|seven|eight|nine|ten|\d\d+) \w+s\b"
        r"|(?:many|a lot of|some) people\b)",
        lambda m: f"there {_PLURAL_OF_BE[m[1].lower()]} {m[2]}",
        'With more than one thing say "there are".',
        "agreement",
    ),
    mistake(r"\bthis are\b", "these are", 'The plural of "this" is "these".', "agreement", after=CLAUSE_STARTS),
    mistake(
        rf"\b(one of (?:my|the|his|her|our|your|their) (?:best |old |good )?)({_SINGULAR})"
        r"(?=[.,!?]| (?:is|was|has|lives|works|in|who|that|from)\b)",
        r"\1\2s",
        'After "one of" use the plural.',
        "agreement",
    ),
)

_EVERY = (
    mistake(
        r"\bevery (student|teacher|day|week|month|year|thing|place|person|house|car|book|night|morning|weekend)s\b(?!')",
        r"every \1",
        'After "every" use the singular.',
        "agreement",
    ),
)

_ARTICLES = (
    mistake(
        rf"\b((?:I am|I'm|he is|she is|he's|she's|I was|he was|she was)) {_JOB}{ENDS}",
        lambda m: f"{m[1]} {'an' if m[2][0].lower() in 'aeiou' else 'a'} {m[2]}",
        'Before a job say "a" or "an".',
        "article",
    ),
    mistake(
        r"\ba (good|bad|great|sad|big) news(?=[.,!?]|$| (?:for|about|to|from|today|and|that)\b)",
        r"\1 news",
        '"News" takes no "a".',
        "article",
    ),
)

_QUANTITIES = (
    mistake(rf"\b(too|so) much ({_COUNTABLE})\b", r"\1 many \2", _WHY_COUNT, "quantity"),
    mistake(rf"\b(have|has|had|are|were) much ({_COUNTABLE})\b", r"\1 many \2", _WHY_COUNT, "quantity"),
    mistake(rf"\b((?:don|doesn|didn)'t have|aren't) much ({_COUNTABLE})\b", r"\1 many \2", _WHY_COUNT, "quantity"),
    mistake(
        rf"\bhow much ({_COUNTABLE}) (do|did|have) (you|we|they|I|he|she)\b",
        r"how many \1 \2 \3",
        _WHY_COUNT,
        "quantity",
    ),
    mistake(rf"\b(too|so|how) many ({_MASS}){ENDS}", r"\1 much \2", _WHY_MASS, "quantity"),
    mistake(rf"\b(?<!how )(?<!too )(?<!so )many ({_MASS}){ENDS}", r"a lot of \1", _WHY_MASS, "quantity"),
    mistake(rf"\ba lot ({_COUNTABLE}|{_MASS}){ENDS}", r"a lot of \1", 'Say "a lot of" before a noun.', "quantity"),
    mistake(
        rf"\bmore ({_ADJECTIVE}) than\b",
        lambda m: f"{_ADJECTIVES[m[1].lower()]}er than",
        _WHY_SHORT,
        "comparison",
    ),
    mistake(
        rf"\bthe most ({_ADJECTIVE})\b(?! and\b)",
        lambda m: f"the {_ADJECTIVES[m[1].lower()]}est",
        _WHY_SHORT,
        "comparison",
    ),
    mistake(r"\bthe same (?:like|than)\b", "the same as", 'Say "the same as".', "comparison"),
)

_PREPOSITIONS = (
    mistake(
        r"\b(explain(?:s|ed|ing)?) (me|him|us|them|her)"
        r"(?= (?:the|a|how|why|what|that|this|everything|it|your|my|where|when)\b)",
        r"\1 to \2",
        'We explain something to somebody: say "explain to".',
        "preposition",
    ),
    mistake(r"\b(depend(?:s|ed|ing)?) (?:of|from)\b", r"\1 on", 'Say "depend on".', "preposition"),
    mistake(
        rf"\bsince (a long time|many {SPAN}|a few {SPAN}|some {SPAN}|{NUMBER} {SPAN})(?! ago)\b",
        r"for \1",
        _WHY_FOR,
        "preposition",
    ),
    mistake(
        r"\b(arriv(?:e|es|ed|ing)) to(?=(?: the| my| this| our)? (?:city|country)\b| (?-i:[A-Z]))",
        r"\1 in",
        'We arrive "in" a city or a country.',
        "preposition",
    ),
    mistake(
        r"\b(arriv(?:e|es|ed|ing)) to(?= (?:the|my|our|his|her|school|work|university)\b)",
        r"\1 at",
        'We arrive "at" a place.',
        "preposition",
    ),
    mistake(
        r"\b(listen(?:s|ed|ing)?) (music|the music|the radio|radio|podcasts?|songs|the news|him|them|me)\b",
        r"\1 to \2",
        'Say "listen to".',
        "preposition",
    ),
    mistake(
        r"\b((?:am|is|was|are|were|got|get|been|'m) married) with"
        rf" (my|his|her|him|me|you|an? (?:\w+ )?(?:man|woman|girl|guy|person)|an? {_JOB})\b",
        r"\1 to \2",
        'Say "married to".',
        "preposition",
    ),
    mistake(
        r"\b(I|he|she|we) married with (my|his|her|him|me)\b",
        r"\1 married \2",
        '"Marry" needs no preposition.',
        "preposition",
    ),
    mistake(rf"\bfor to ({_BASE})\b", r"to \1", 'Give a reason with "to" alone.', "preposition"),
    mistake(
        rf"\b(go|goes|went|going|come|came|coming|get|got|return|returned) to home(?! in on\b){ENDS}",
        r"\1 home",
        'We "go home", without "to".',
        "preposition",
    ),
    mistake(
        rf"\b(go|goes|went|going) to (shopping|swimming|fishing|dancing|hiking|camping|skiing){ENDS}",
        r"\1 \2",
        'We "go shopping" and "go swimming", without "to".',
        "preposition",
    ),
    mistake(rf"\b(?:in|at) ({DAY})(?!')(?! \w+s?')", r"on \1", 'Use "on" with days.', "preposition", sure=False),
    mistake(
        r"\b(wait(?:s|ed|ing)?) (me|him|us|them|you)\b",
        r"\1 for \2",
        'Say "wait for".',
        "preposition",
        after=r"[^.!?] ",
    ),
    mistake(
        r"\b(prefer(?:s|red)?) ((?!rather|more|better|it|that)\w+(?: \w+)?) than(?! (?:I|you|to)\b)",
        r"\1 \2 to",
        'We prefer one thing "to" another.',
        "preposition",
    ),
    mistake(r"\b(afraid|scared|tired) from\b", r"\1 of", 'After this word say "of".', "preposition", sure=False),
    mistake(
        r"\b((?:I am|I'm|he is|he's|she is|she's|you are|you're|we are|we're|they are)"
        r"(?: very| really| so| not| quite)? good) in"
        r"(?= (?:english|math|maths|mathematics|sports?|cooking|football|soccer|tennis|chess|languages|singing|dancing"
        r"|drawing)\b)",
        r"\1 at",
        'We are good "at" something.',
        "preposition",
    ),
    mistake(r"\bnear of\b", "near", '"Near" needs no "of".', "preposition"),
    mistake(
        r"\b(enter(?:s|ed|ing)?) (?:to|into|in) the (room|house|building|classroom|shop|office)\b",
        r"\1 the \2",
        '"Enter" needs no preposition.',
        "preposition",
    ),
)

_CHOICES = (
    mistake(
        rf"\b({I_WORDS}) (?:have|has) (\d+|\w+|\w+[ -]\w+) years old\b",
        lambda m: f"{m[1]} {_to_be(m[1])} {m[2]} years old",
        'Say your age with "be": "I am twenty years old".',
        "word choice",
    ),
    mistake(
        r"\b(I) have (1[5-9]|[2-9]\d) years(?=[.!?]|$| and (?:I|my)\b)",
        r"\1 am \2 years old",
        'Say your age with "be": "I am twenty years old".',
        "word choice",
        sure=False,
    ),
    mistake(
        r"\b((?:I am|I'm|I was|I feel|we are|we're)(?: very| really| so| always| often)?) boring"
        r"(?= (?:(?:in|at|during) (?:the |my |our |this )?(?:\w+ )?(?:class|classes|lessons?|school|work|office|home|meetings?)"
        r"|today|now|because)\b)",
        r"\1 bored",
        'You are "bored"; the thing is "boring".',
        "word choice",
    ),
    mistake(
        r"\bhow do (you|we|they) call (this|that|it|these|those)(?=[?.]|$| (?:in|thing)\b)",
        r"what do \1 call \2",
        'Ask for a name with "what".',
        "word choice",
    ),
    mistake(
        r"\b(nothing|nobody|nowhere)\b",
        lambda m: f"any{m[1].lower().removeprefix('no')}",
        'One "not" is enough: then say "any".',
        "word choice",
        after=rf"(?:n't|cannot|(?:do|does|did) not) (?:{_BASE}|saw|seen|did|done|ate|said|bought|heard|went)(?: to)? ",
    ),
    mistake(
        r"\b(I|we|they|you) have (hungry|thirsty|sleepy|afraid)\b",
        lambda m: f"{m[1]} {_to_be(m[1])} {m[2]}",
        'How you feel is said with "be".',
        "word choice",
    ),
    mistake(
        r"\b((?:I am|I'm|I was|we are|are you|he is|she is)(?: very| really| so| also| not)?) interesting in\b",
        r"\1 interested in",
        'You are "interested"; the thing is "interesting".',
        "word choice",
    ),
    mistake(
        r"\b((?:I am|I'm|I was|we are|we're)(?: very| really| so)?) exciting (about|to|for)\b",
        r"\1 excited \2",
        'You are "excited"; the thing is "exciting".',
        "word choice",
    ),
    mistake(
        r"\b(I|we|they|you) very (like|love|want|enjoy|hate|need)\b",
        r"\1 really \2",
        'Before a verb say "really", not "very".',
        "word choice",
    ),
    mistake(
        r"\b(say|says|said) (me|him|us)(?= (?:that|the|a|it|everything|something|nothing|what|where|how|why|about|to)\b)",
        lambda m: f"{ {'say': 'tell', 'says': 'tells', 'said': 'told'}[m[1].lower()] } {m[2]}",
        'We "tell" somebody something, and "say" something.',
        "word choice",
    ),
    mistake(
        r"\b(make|makes|made|making) (my|his|her|our|the|your) homework\b",
        lambda m: (
            f"{ {'make': 'do', 'makes': 'does', 'made': 'did', 'making': 'doing'}[m[1].lower()] } {m[2]} homework"
        ),
        'We "do" homework.',
        "word choice",
    ),
    mistake(
        r"\b(make|makes|made|making) (a photo|photos|some photos)\b",
        lambda m: f"{ {'make': 'take', 'makes': 'takes', 'made': 'took', 'making': 'taking'}[m[1].lower()] } {m[2]}",
        'We "take" photos.',
        "word choice",
    ),
    mistake(
        r"\b(lost|lose) (the|my) (bus|train|plane|flight)\b",
        lambda m: f"{'missed' if m[1].lower() == 'lost' else 'miss'} {m[2]} {m[3]}",
        'We "miss" a bus or a train when we come too late.',
        "word choice",
        sure=False,
    ),
)

MISTAKES = (*_AGREEMENT, *_EVERY, *_ARTICLES, *_QUANTITIES, *_PREPOSITIONS, *_CHOICES)
