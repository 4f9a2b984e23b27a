"""Say abbreviations, initials, slashes, signs and web addresses."""

import re

from tutor import sentences
from tutor.verbalization import tables
from tutor.verbalization.tables import SIGNS, any_of, rule

_NAME_BEFORE = re.compile(r"\b(?!From|Near|With|Then|Does|Have|Said|Both)[A-Z][a-z]{3,}\s$")
_ENDINGS = r"com|org|net|edu|gov|info|io|co\.uk"
# In full, or the first three to five letters
_DAY = "|".join("|".join([day, day[:5], day[:4], day[:3]]) for day in tables.DAYS)
# Say these signs only with white space on both sides, because they also occur inside names and formulas.
_SPACED = "&@+=<>"
_ALONE = [sign for sign in SIGNS if sign not in f"{_SPACED}-*/"]


def _address(match: re.Match[str]) -> str:
    """Say the host of a web address, or a mail address."""
    address = re.sub(r"^(?:https?|ftp)://", "", match[0])
    address, end = re.fullmatch(r"(.*?)([.,;:!?)]*)", address, re.DOTALL).groups()  # type: ignore[union-attr]
    address = re.split(r"[/?#]", address)[0]
    for sign, said in tables.WEB.items():
        address = address.replace(sign, f" {said} ")
    return " ".join(address.split()) + end


def _title(match: re.Match[str]) -> str:
    """Say "Dr. Lee" and "St. Louis", but leave "Main St." and "Elm Dr." to the words after names."""
    is_after_name = match[1] in tables.AFTER_NAMES and _NAME_BEFORE.search(match.string[: match.start()])
    return match[0] if is_after_name else f"{tables.TITLES[match[1]]} "


def _abbreviation(match: re.Match[str]) -> str:
    said = tables.ABBREVIATIONS[match[1].lower()]
    if match.start() == 0:
        said = said[0].upper() + said[1:]
    return said + _final_dot(match)


def _final_dot(match: re.Match[str]) -> str:
    """Keep the dot of an abbreviation that ends the sentence."""
    return "" if match.string[match.end() :].strip(sentences.CLOSING) else "."


def _slashed(match: re.Match[str]) -> str:
    """Say "a/an" as a choice, "he/she/it" as a row, "A/C" as letters and "km/h" as a unit."""
    if match[0] in tables.UNITS:
        return tables.UNITS[match[0]][1]
    parts = match[0].split("/")
    if all(len(part) == 1 and part.isupper() for part in parts):
        return " ".join(parts)
    return f"{parts[0]} or {parts[1]}" if len(parts) == 2 else ", ".join(parts)


def _day(written: str) -> str:
    return next(day for day in tables.DAYS if day.startswith(written[:3]))


ADDRESSES = (
    rule(
        rf"(?:https?|ftp)://\S+|\bwww\.\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b[a-z\d-]+(?:\.[a-z\d-]+)*\.(?:{_ENDINGS})\b(?:/\S*)?",
        _address,
    ),
    rule(rf"(?<!\w)(?:{any_of(tables.SLASHES)})(?!\w)", lambda match: tables.SLASHES[match[0].lower()], re.IGNORECASE),
)
RULES = (
    rule(rf"\b({any_of(tables.TITLES)})(?:\.\s*|\s+)(?=[A-Z]|(?:and|or)\s(?:Mrs?|Ms|Dr|Miss)\b)", _title),
    rule(
        rf"(?<=[\w,] )({any_of(tables.AFTER_NAMES)})\.", lambda match: tables.AFTER_NAMES[match[1]] + _final_dot(match)
    ),
    rule(rf"\b({any_of(tables.BEFORE_NUMBERS)})\.\s?(?=\d)", lambda match: f"{tables.BEFORE_NUMBERS[match[1]]} "),
    rule(rf"(?<![\w.])({any_of(tables.ABBREVIATIONS)})\.", _abbreviation, re.IGNORECASE),
    rule(r"(?<![\w.])(?:[A-Za-z]\.){2,}", lambda match: " ".join(filter(str.isalpha, match[0])) + _final_dot(match)),
    # Without a number or a comma after it, "Sun." ends a sentence.
    rule(r"\b(Sat|Sun)\.(?=,|\s\d)", lambda match: _day(match[1])),
    rule(
        rf"\b({_DAY})\.?\s?[-\u2013]\s?({_DAY})\b(?:\.(?=\s*[,a-z\d]))?",
        lambda match: f"{_day(match[1])} to {_day(match[2])}",
    ),
    rule(r"(?<=\w)&(?=\w)", " and "),
    rule(r"(?<![\w/])[A-Za-z][\w']*(?:/[A-Za-z][\w']*)+(?![\w/])", _slashed),
    rule(r"#(?=\d)", "number "),
    rule(r"[~\u2248]\s?(?=\d)", "about "),
    rule(rf"\s*({any_of(_ALONE)})\s*", lambda match: f" {SIGNS[match[1]]} "),
    rule(rf"(?<=\s)[{_SPACED}](?=\s)", lambda match: SIGNS[match[0]]),
)
