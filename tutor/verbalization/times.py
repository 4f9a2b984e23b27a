"""Say dates, clock times and telephone numbers."""

import re

from tutor.verbalization.numerals import FREE, MONTHS, between, cardinal, digits, ordinal, year
from tutor.verbalization.tables import ABBREVIATIONS, rule

# A short month needs its dot or a number beside it: "may" and "mar" are words, too.
_SHORT_MONTHS = r"Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
_MONTH = rf"(?:{MONTHS}|(?:{_SHORT_MONTHS})\.?)"
_ORDINAL = r"(?:st|nd|rd|th)"
# "In March 20 shops closed" names no day, because a plural follows the number.
_NO_PLURAL = r"(?!\s+(?!(?:is|was|has|as|us|this|its)\b)[a-z]+s\b)"
_EMERGENCY = r"911|112|999|110|111|113|114|115|118|119|000"
_DIGITS = re.compile(r"\d+")
_CALLING = re.compile(r"\b(?:call|phone|number|dial|tel|fax|text|ring|mobile|whatsapp)", re.IGNORECASE)


def _day_month(match: re.Match[str]) -> str:
    has_article = re.search(r"\bthe\s$", match.string[: match.start()], re.IGNORECASE)
    return f"{'' if has_article else 'the '}{ordinal(match[1])} of {_month(match[2])}{_of_year(match[3])}"


def _month(written: str) -> str:
    return ABBREVIATIONS.get(written.rstrip(".").lower(), written)


def _of_year(number: str | None) -> str:
    return f", {year(number)}" if number else ""


def _numeric_date(match: re.Match[str]) -> str:
    """Say which number is the month if the other one is above 12. Otherwise that depends on the country."""
    first, second, of_year = int(match[1]), int(match[2]), year(match[3])
    months = MONTHS.split("|")
    if 1 <= first <= 12 < second <= 31:
        return f"{months[first - 1]} {ordinal(str(second))}, {of_year}"
    if 1 <= second <= 12 < first <= 31:
        return f"the {ordinal(str(first))} of {months[second - 1]}, {of_year}"
    return f"{cardinal(str(first))}, {cardinal(str(second))}, {of_year}"


def _clock(match: re.Match[str]) -> str:
    hour, minute, half = match["hour"].lstrip("0") or "0", match["minute"] or "00", match["half"]
    said_half = "".join(f" {letter}" for letter in half.lower() if letter.isalpha()) if half else ""
    # The dot of "p.m." ends the sentence, too.
    end = "." if half and half.endswith(".") and match.end() == len(match.string) else ""
    if minute != "00":
        minutes = digits(minute) if minute.startswith("0") else cardinal(minute)
        return f"{cardinal(hour)} {minutes}{said_half}{end}"
    if said_half:
        return f"{cardinal(hour)}{said_half}{end}"
    if hour in ("0", "24"):
        return "midnight"
    return f"{cardinal(hour)} o'clock" if int(hour) <= 12 else f"{cardinal(hour)} hundred"


def _emergency(match: re.Match[str]) -> str:
    other = f" or {digits(match['other'])}" if match["other"] else ""
    return f"{match[1]} {digits(match['one'])}{other}"


def _short_telephone(match: re.Match[str]) -> str:
    """Say "555-0192" digit by digit, unless it may be a range: "100-2000"."""
    may_be_range = int(match[1]) < int(match[2]) and not match[2].startswith("0")
    if may_be_range and not _CALLING.search(match.string):
        return match[0]
    return f"{digits(match[1])}, {digits(match[2])}"


RULES = (
    rule(
        rf"{FREE}(\d{{4}})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(?!\d)",
        lambda match: f"{MONTHS.split('|')[int(match[2]) - 1]} {ordinal(match[3])}, {year(match[1])}",
    ),
    rule(rf"{FREE}(\d{{1,2}})[/.](\d{{1,2}})[/.](\d{{4}}|\d\d)(?![\d/]|\.\d)", _numeric_date),
    rule(
        r"(?<![\w.])(?:\+\d{1,3}[\s.-]?)?(?:\(\d{2,4}\)\s?|\d{1,4}[\s.-])(?:\d{2,4}[\s.-])?\d{3,4}[\s.-]\d{3,4}"
        r"(?!\w|[.,-]?\d)|\+\d{7,}|(?<![\w.,])0\d{2,4}\s\d{5,7}(?!\w)|\+\d{1,3}(?:[\s.-]\(?\d{1,6}\)?){2,5}(?!\w)",
        lambda match: ("plus " if match[0].startswith("+") else "") + ", ".join(map(digits, _DIGITS.findall(match[0]))),
    ),
    rule(
        rf"\b(call|dial|phone|ring|text)\s(?P<one>{_EMERGENCY})(?:\sor\s(?P<other>{_EMERGENCY}))?(?![\w,:/-]|\.\d){_NO_PLURAL}",
        _emergency,
        re.IGNORECASE,
    ),
    rule(r"(?<![\w.,-])(\d{3})[-.](\d{4})(?![\w-]|[.,]\d)", _short_telephone),
    rule(
        rf"\b({_MONTH})\s?(\d{{1,2}}){_ORDINAL}?(?:,?\s+(\d{{4}}))?(?![\w:%/-]|[.,]\d){_NO_PLURAL}",
        lambda match: f"{_month(match[1])} {ordinal(match[2])}{_of_year(match[3])}",
    ),
    rule(rf"{FREE}(\d{{1,2}}){_ORDINAL}?\s+({_MONTH})(?:,?\s+(\d{{4}}))?(?!\w)", _day_month),
    rule(
        rf"{FREE}(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?::[0-5]\d)?(?:\so'clock)?"
        r"(?:\s?(?P<half>[ap]\.m\.|[ap]m\b))?(?![\d:])",
        _clock,
        re.IGNORECASE,
    ),
    rule(
        rf"{FREE}(?P<hour>\d|1[0-2])(?:\.(?P<minute>[0-5]\d))?\s?(?P<half>[ap]\.m\.|[ap]m\b)(?!\w)",
        _clock,
        re.IGNORECASE,
    ),
    # "16:9" and "3:1" are ratios, not times.
    rule(r"(?<![\d:.])(\d{1,3}):(\d{1,3})(?![\d:])", between),
)
