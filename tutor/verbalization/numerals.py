"""Say numbers: cardinals, ordinals, years, decades and Roman numerals."""

import re

from num2words import num2words

from tutor.verbalization.tables import COUNTED, RULERS, rule

NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?!,?\d)"
# Neither a digit nor a letter stands before the number.
FREE = r"(?<![\w.,])"
DASH = r"\s?[-\u2013\u2014]\s?"
MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
# Digits. A longer number without commas is one to dial or to type, so it is said digit by digit.
_LONGEST_COUNTED = 6
_LONGEST_SAID = 30

_YEAR_BEFORE = re.compile(
    r"(?:\b(?:in|since|from|until|till|by|of|before|after|during|years?|born|late|early|to|and|around|about|between"
    rf"|{MONTHS}),?\s|[(\u2013-])$",
    re.IGNORECASE,
)
# The years from 1000 to 1099 are rarer than such amounts.
_EARLY_YEAR_BEFORE = re.compile(r"\b(?:in|since|until|of|born|year),?\s$", re.IGNORECASE)
_PLURAL_AFTER = re.compile(r"\s+(?:(?!is\b|was\b|has\b|as\b)[a-z]+s|people|children|men|women)\b")
_VERB_AFTER = re.compile(r"'|\s+(?:am|have|had|will|would|can|could|do|did|think|like|want|went|need)\b")
_RULED = re.compile(rf"\b(?:{'|'.join(RULERS)})\b")


def cardinal(number: str) -> str:
    """Say a number such as "1,250", "3.50" or "007"."""
    whole, dot, decimals = number.partition(".")
    plain = whole.replace(",", "")
    longest = _LONGEST_SAID if "," in whole else _LONGEST_COUNTED
    if len(plain) > longest or (len(plain) > 1 and plain.startswith("0")):
        said = digits(plain)
    else:
        said = str(num2words(int(plain))).replace(",", "")
    return f"{said} point {digits(decimals, zero='zero')}" if dot else said


def digits(number: str, zero: str = "oh") -> str:
    """Say one digit after the other."""
    return " ".join(zero if digit == "0" else str(num2words(int(digit))) for digit in number)


def ordinal(number: str | int) -> str:
    """Say an ordinal number: 21 is "twenty-first"."""
    if len(str(number)) > _LONGEST_SAID:
        return digits(str(number))
    return str(num2words(int(number), to="ordinal")).replace(",", "")


def year(number: str) -> str:
    """Say a year of four digits, or the last two: 1908 is "nineteen oh eight"."""
    if len(number) < 4:
        return cardinal(number)
    if number[1:3] == "00":
        return str(num2words(int(number))).replace(" and ", " ")
    return str(num2words(int(number), to="year")).replace("oh-", "oh ")


def _maybe_year(match: re.Match[str]) -> str:
    """Say four digits as a year, unless they count something: "1500 people"."""
    before, after = match.string[: match.start()], match.string[match.end() :]
    counts = _PLURAL_AFTER.match(after) is not None
    is_amount = counts and not _YEAR_BEFORE.search(before)
    if match[0].startswith("10"):
        is_amount = counts or not _EARLY_YEAR_BEFORE.search(before)
    return cardinal(match[0]) if is_amount else year(match[0])


def _roman(match: re.Match[str]) -> str:
    """Say "Chapter IV" as a cardinal and "Elizabeth II" as an ordinal."""
    name, numeral, after = match[1], match[2], match.string[match.end() :]
    value = _roman_value(numeral)
    is_counted = name.capitalize() in COUNTED or name.isupper()
    is_certain = len(numeral) > 1 or is_counted or _RULED.search(match.string[: match.start(2)])
    if not value or not is_certain or (numeral == "I" and _VERB_AFTER.match(after)):
        return match[0]
    return f"{name} {num2words(value).capitalize()}" if is_counted else f"{name} the {ordinal(value)}"


def _roman_value(numeral: str) -> int:
    """Return the value of a numeral below 100, or 0 for letters in another order and for the sizes "L" and "XL"."""
    if numeral in ("L", "XL") or not re.fullmatch(r"(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})", numeral):
        return 0
    values = [{"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}[letter] for letter in numeral]
    return sum(-one if one < following else one for one, following in zip(values, [*values[1:], 0], strict=True))


def between(match: re.Match[str]) -> str:
    """Say a range, a score or a ratio: "3-5" is "3 to 5"."""
    return f"{match[1]} to {match[2]}"


# These rules come before those for units: "1990s" is not a time in seconds.
DECADES = (rule(r"(?<![\w,.])'?(\d{4}|\d0)'?s\b", lambda match: re.sub("ys$", "ies", f"{year(match[1])}s")),)
YEARS = (
    # A season or a school year: "2020/21"
    rule(rf"{FREE}((?:19|20)\d\d)/(\d\d)(?![\w/])", lambda match: f"{year(match[1])} to {cardinal(match[2])}"),
    rule(rf"{FREE}(\d+(?:,\d{{3}})*)(?:st|nd|rd|th)\b", lambda match: ordinal(match[1].replace(",", ""))),
    rule(rf"(?<![\w.,-])({NUMBER}){DASH}({NUMBER})(?![\w-])", between),
    rule(r"(?<![\w.,-])(?:1\d|20)\d\d(?!\w|[.,]\d)", _maybe_year),
    rule(
        r"\b([IVXL]+)(\s+[Cc]entury)\b",
        lambda match: f"{ordinal(value)}{match[2]}" if (value := _roman_value(match[1])) else match[0],
    ),
    rule(rf"\b({'|'.join(COUNTED).lower()})\s+([IVXL]{{2,}})\b", _roman),
    rule(r"\b([A-Z][\w']*)\s+([IVXLC]+)\b(?!\.[A-Z])", _roman),
)
RULES = (
    rule(r"\d+(?:\.\d+){2,}", lambda match: " point ".join(map(cardinal, match[0].split(".")))),
    rule(r"(?<![\w)])[-\u2212](?=\d)", "minus "),
    rule(rf"(?<![A-Za-z\d_.]){NUMBER}(?![A-Za-z_])", lambda match: cardinal(match[0])),
)
