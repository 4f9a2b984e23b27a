"""List the forms of the verbs that learners use most, which corrections convert into one another."""

from dataclasses import dataclass

_IRREGULAR = """
be was been; become became become; begin began begun; break broke broken; bring brought brought; build built built;
buy bought bought; catch caught caught; choose chose chosen; come came come; do did done; draw drew drawn;
drink drank drunk; drive drove driven; eat ate eaten; fall fell fallen; feel felt felt; find found found; fly flew flown;
forget forgot forgotten; get got gotten; give gave given; go went gone; grow grew grown; have had had; hear heard heard;
keep kept kept; know knew known; leave left left; lose lost lost;
make made made; meet met met; pay paid paid;
read read read; ride rode ridden; run ran run; say said said; see saw seen; sell sold sold;
send sent sent; sing sang sung; sit sat sat;
sleep slept slept; speak spoke spoken; spend spent spent; stand stood stood; swim swam swum; take took taken;
teach taught taught; tell told told; think thought thought; understand understood understood; wake woke woken;
wear wore worn; win won won; write wrote written; throw threw thrown; steal stole stolen; shake shook shaken;
freeze froze frozen; blow blew blown
"""
_REGULAR = """
ask call change clean cook dance enjoy explain finish happen help learn like listen live look love move need open play prefer
start stay stop study talk travel try use visit wait walk want wash watch work arrive
"""
_DOUBLED = {"begin", "get", "forget", "run", "sit", "stop", "swim", "win"}
_VOWELS = tuple("aeiou")


@dataclass(frozen=True, slots=True)
class Verb:
    base: str
    third: str
    past: str
    participle: str

    @property
    def gerund(self) -> str:
        base = self.base
        if base in _DOUBLED:
            return f"{base}{base[-1]}ing"
        return f"{base[:-1]}ing" if base.endswith("e") and base not in ("be", "see") else f"{base}ing"


def third(base: str) -> str:
    """Return the form of any verb that follows "he"."""
    if base in ("have", "be"):
        return {"have": "has", "be": "is"}[base]
    if base.endswith("y") and base[-2:-1] not in _VOWELS:
        return f"{base[:-1]}ies"
    return f"{base}es" if base.endswith(("s", "sh", "ch", "x", "o", "z")) else f"{base}s"


def regular_past(base: str) -> str:
    """Return the simple past of a verb that is not irregular."""
    if base in _DOUBLED:
        return f"{base}{base[-1]}ed"
    if base.endswith("y") and base[-2:-1] not in _VOWELS:
        return f"{base[:-1]}ied"
    return f"{base}d" if base.endswith("e") else f"{base}ed"


_FORMS = [tuple(line.split()) for line in _IRREGULAR.replace("\n", " ").split(";")]
_FORMS += [(base, regular_past(base), regular_past(base)) for base in _REGULAR.split()]
VERBS = [Verb(base, third(base), past, participle) for base, past, participle in _FORMS]
BY_BASE = {verb.base: verb for verb in VERBS}
BY_THIRD = {verb.third: verb for verb in VERBS}
BY_PAST = {verb.past: verb for verb in VERBS}
BY_PARTICIPLE = {verb.participle: verb for verb in VERBS}
BY_GERUND = {verb.gerund: verb for verb in VERBS}


def verb(form: str) -> Verb:
    """Return the verb that has this form. Raises KeyError for a form that is not listed."""
    form = form.lower()
    for table in (BY_BASE, BY_THIRD, BY_PAST, BY_PARTICIPLE, BY_GERUND):
        if form in table:
            return table[form]
    raise KeyError(form)
