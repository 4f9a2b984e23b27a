"""Detect when a learner is in danger or despair, or has lost somebody. The agent must always react to that."""

import re

# People and pets that a learner may have lost, each with all the words that a question about them could use.
_PEOPLE = {
    name: frozenset((*names.split(), *others.split()))
    for names, others in (
        ("mother mom mum mama", "parents"),
        ("father dad papa", "parents"),
        ("grandmother grandma granny", "grandparents"),
        ("grandfather grandpa", "grandparents"),
        ("parents", "mother mom mum father dad"),
        ("grandparents", "grandmother grandma grandfather grandpa"),
        ("brother brothers", ""),
        ("sister sisters", ""),
        ("wife", ""),
        ("husband", ""),
        ("son sons child baby", "children kids"),
        ("daughter daughters", "children kids child"),
        ("children kids", "son daughter"),
        ("uncle aunt cousin boyfriend girlfriend partner colleague teacher neighbour neighbor", ""),
        ("dog dogs", "pet"),
        ("cat cats", "pet"),
        ("bird rabbit hamster horse fish pet", ""),
    )
    for name in names.split()
} | {
    # The learner has other friends, so "friend" alone stays allowed.
    "friend": frozenset({"your friend", "best friend", "oldest friend", "lost contact"})
}
_WHO = "(?:" + "|".join(sorted(_PEOPLE, key=len, reverse=True)) + ")"
_STORY = r"(?:films?|movies?|series|story|stories|books?|novels?|games?|episodes?)"
_DIED = r"(?:died|dead(?! tired)|passed away|pass away|was killed|not alive|no longer alive|not living|no longer with us|funeral)"
_OURS = rf"\b(?:my|our) (?:\w+ ){{0,2}}?(?P<who>{_WHO})\b"

_DISTRESS = re.compile(
    r"\bkill(?:ing)? my ?self\b|\b(?:hurt|harm)(?:ing)? my ?self\b(?= *(?:$|[.,!?]|because|again|now))"
    r"|\b(?:end|ending|take|taking) my (?:own )?life\b|\bsuicid(?:e thoughts|al)\b|\bcommit suicide\b"
    r"|\bi (?:really |just )?(?:want|wanted|would like) to (?:die|be dead)\b(?! (?:of|from|laughing))"
    r"|\bi wish i (?:was|were) dead\b|\bi(?:'d| would) rather be dead\b"
    r"|\b(?:don't|do not|not|no longer) want to (?:live|be alive)\b(?= *(?:$|[.,!?]|any ?more|longer|because))"
    r"|\b(?:no|not any|any) reason to live\b"
    r"|\b(?:he|she|they|somebody|someone|my (?:\w+ )?\w+) (?:\w+ )?(?:hit|hits|hitting|beats?|beating|raped?|abuse[sd]?"
    r"|strangled|choked) me\b(?! (?:at|in|with|by) )"
    r"|\bi (?:was|am|have been|was being|am being) (?:raped|abused|beaten)\b",
    re.IGNORECASE,
)
_LOSS = re.compile(
    rf"{_OURS}(?:(?!\b{_STORY}\b)[^?!]){{0,60}}?\b{_DIED}\b"
    rf"|\b(?:died|death|funeral) of (?:my|our) (?:\w+ )?(?P<whose>{_WHO})\b"
    rf"|\b(?:lost|buried|bury) (?:my|our) (?:dead |late )?(?P<lost>{_WHO})\b(?! (?:at|in) )",
    re.IGNORECASE,
)


def in_distress(heard: str) -> bool:
    return bool(_DISTRESS.search(heard.replace("\u2019", "'")))


def mourned(heard: str) -> frozenset[str]:
    """Return all words for those whom the learner has lost, or an empty set. No question may be about them."""
    found = [match.group("who", "whose", "lost") for match in _LOSS.finditer(heard.replace("\u2019", "'"))]
    names = {name.casefold() for groups in found for name in groups if name}
    return frozenset[str]().union(*(_PEOPLE[name] for name in names))
