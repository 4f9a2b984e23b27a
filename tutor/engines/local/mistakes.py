"""Frequent mistakes of learners that Harper does not find, found by rules. Precision comes first: each names its words."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tutor.engines.base import Correction

I_WORDS = r"(?:I|you|we|they|he|she|it)"
PLURAL = r"(?:I|you|we|they)"

# What stands before the mistake
CLAUSE_STARTS = r"(?:^|[.!?] |\bbecause |\bbut )"

# What follows it: the phrase is over, so that its last word is not the first part of a longer name
ENDS = (
    r"(?=[.,!?;]|$| (?:and|but|or|because|so|in|on|at|from|for|with|to|about|who|that|when|after|before|now|here|there|today"
    r"|yesterday|tomorrow|every|last|next|this|together|too|by|is|was)\b)"
)

NUMBER = r"(?:\d+|a|an|two|three|four|five|six|seven|eight|nine|ten|twenty|thirty|many|several|a few|some)"
SPAN = r"(?:minutes?|hours?|days?|weeks?|months?|years?)"
DAY = r"(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)"


@dataclass(frozen=True, slots=True)
class Mistake:
    """What `wrong` matches is replaced by `better`, a template of its groups or made from the match; the text before it must
    match `after` and must not match `unless` (both are searched for at its end)."""

    wrong: re.Pattern[str]
    better: str | Callable[[re.Match[str]], str]
    why: str
    category: str
    after: re.Pattern[str] | None = None
    unless: re.Pattern[str] | None = None
    sure: bool = True

    def find(self, text: str) -> Iterator[Correction]:
        for match in self.wrong.finditer(text):
            before = text[: match.start()]
            if (self.unless and self.unless.search(before)) or (self.after and not self.after.search(before)):
                continue
            said = match.group()
            better = match.expand(self.better) if isinstance(self.better, str) else self.better(match)
            if said[0].isupper():
                better = better[0].upper() + better[1:]
            if better.lower() != said.lower():
                yield Correction(said, better, self.why, self.category, match.start(), match.end(), self.sure)


def mistake(
    wrong: str,
    better: str | Callable[[re.Match[str]], str],
    why: str,
    category: str,
    *,
    after: str = "",
    unless: str = "",
    sure: bool = True,
) -> Mistake:
    return Mistake(
        re.compile(wrong, re.IGNORECASE),
        better,
        why,
        category,
        re.compile(f"(?:{after})$", re.IGNORECASE) if after else None,
        re.compile(f"(?:{unless})$", re.IGNORECASE) if unless else None,
        sure,
    )


def one_of(words: "set[str]") -> str:
    """A regular expression for one of these words, the longest first."""
    return "(?:" + "|".join(sorted(words, key=lambda word: (-len(word), word))) + ")"
