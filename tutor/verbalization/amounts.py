"""Say money, measures, fractions and arithmetic."""

import re

from tutor.verbalization.numerals import DASH, FREE, NUMBER, cardinal
from tutor.verbalization.tables import CURRENCIES, FRACTIONS, MAGNITUDES, SIGNS, UNITS, any_of, rule

_CURRENCY = any_of(sign for sign in CURRENCIES if not sign.isalpha())
_SCORING = re.compile(r"\b(?:scor|rat(?:e|ing)|mark|got|gets?|point|result|grade|give)", re.IGNORECASE)
_NEAR = 20  # characters
_ARITHMETIC = re.escape("+=*\u00d7\u00f7/\u2212-\u2013\u2260<>\u2264\u2265\u2248xX")


def _money(match: re.Match[str]) -> str:
    sign, low, high = match["sign"], match["low"], match["high"]
    magnitude = MAGNITUDES.get(match["short"] or "", match["long"] or "")
    one, many, *hundredths = CURRENCIES[sign]
    unit = one if _is_adjective(match) else many
    if high:
        return " ".join([cardinal(low), "to", cardinal(high), magnitude, unit])
    return f"{cardinal(low)} {magnitude} {unit}" if magnitude else _amount(low, one, unit, *hundredths)


def _amount(number: str, one: str, many: str, *hundredths: str) -> str:
    whole, _, decimals = number.partition(".")
    if decimals and (len(decimals) != 2 or not hundredths):
        return f"{cardinal(number)} {many}"
    parts = [f"{cardinal(whole)} {one if whole == '1' else many}"] if whole.strip("0,") or not decimals else []
    if decimals.strip("0"):
        coins = decimals.lstrip("0")
        parts.append(f"{cardinal(coins)} {hundredths[0 if coins == '1' else 1]}")
    return " and ".join(parts)


def _measure(match: re.Match[str]) -> str:
    one, many = UNITS[match["unit"]]
    if match["over"]:
        part = _part(match["over"], match["under"])
        return f"half a {one}" if part == "a half" else f"{part} of a {one}"
    low, high = match["low"], match["high"]
    unit = one if _is_adjective(match) or (low == "1" and not high) else many
    said = f"{cardinal(low)} to {cardinal(high)}" if high else cardinal(low)
    return f"{'minus ' if match['minus'] else ''}{said} {unit}"


def _duration(match: re.Match[str]) -> str:
    """Say "1h 20m" or "2m 30s"."""
    named = {"h": "hour", "m": "minute", "s": "second"}
    pairs = (match["first"], named[match["unit"]]), (match["rest"], "minute" if match["unit"] == "h" else "second")
    return " ".join(f"{cardinal(number)} {name}{'' if int(number) == 1 else 's'}" for number, name in pairs)


def _is_adjective(match: re.Match[str]) -> bool:
    """Return whether the amount describes a noun: "a $5 note", "a 10 km run"."""
    before, after = match.string[: match.start()], match.string[match.end() :]
    return bool(re.search(r"\b[Aa]n?\s$", before) and re.match(r"\s[a-z]", after))


def _fraction(match: re.Match[str]) -> str:
    """Say "1 1/2", "3/4", "8/10" or "130/80"."""
    whole, over, under = match[1], match[2], match[3]
    before, after = match.string[: match.start()], match.string[match.end() :]
    if match[0] == "1/2" and re.match(r"\san?\b", after):
        return "half"
    if int(over) > int(under):
        said = f"{cardinal(over)} over {cardinal(under)}"
    elif over != under and under in FRACTIONS and not _SCORING.search(before[-_NEAR:]):
        said = _part(over, under)
    else:
        said = f"{cardinal(over)} out of {cardinal(under)}"
    return f"{cardinal(whole)} and {said}" if whole else said


def _part(over: str, under: str) -> str:
    one, many = FRACTIONS[under]
    return f"{'an' if one == 'eighth' else 'a'} {one}" if over == "1" else f"{cardinal(over)} {many}"


def _operator(match: re.Match[str]) -> str:
    """Say the sign between two numbers. A dash or an "x" belongs to arithmetic in an equation only."""
    sign, is_equation = match[0].strip(), "=" in match.string or "equals" in match.string
    if sign in "-\u2013":
        return " minus " if is_equation else " to "
    if sign in "xX":
        return " times " if is_equation else " by "
    return f" {SIGNS[sign]} "


_RATES = (
    "second|minute|hour|day|night|week|month|year|person|head|piece|item|lesson|ticket|kg|km|litre|liter|mile|gallon"
)
RULES = (
    rule(r"(?<![\w)])\+(?=\d)", "plus "),
    rule(rf"(?<=[\d%])/(?=(?:{_RATES})\b)", " per "),
    # "5%-7%" and "10°C-12°C"
    rule(r"(?<=\d)\s?(%|\u00b0[CF]?){DASH}(?=\d+(?:\.\d+)?\s?\1)".replace("{DASH}", DASH), "-"),
    rule(
        rf"{FREE}(\d+\.\d\d)\s(dollars|euros)\b",
        lambda match: _amount(match[1], match[2][:-1], match[2], "cent", "cents"),
    ),
    rule(
        rf"(?P<sign>{_CURRENCY})\s?(?P<low>{NUMBER})(?:{DASH}(?:{_CURRENCY})?(?P<high>{NUMBER}))?"
        rf"(?:\s?(?P<short>{any_of(MAGNITUDES)})\b|\s(?P<long>thousand|million|billion|trillion)\b)?",
        _money,
    ),
    # "2.3bn people" and "a 10k run", but neither "a 4K screen" nor "apartment 4B"
    rule(
        rf"{FREE}({NUMBER})(?:\s?(bn)|([kM]))(?!\w)",
        lambda match: f"{cardinal(match[1])} {MAGNITUDES[match[2] or match[3]]}",
    ),
    rule(rf"{FREE}(?P<first>\d{{1,3}})\s?(?P<unit>[hm])\s?(?P<rest>[0-5]?\d)\s?(?:m|min|s)(?!\w)", _duration),
    # "80 €" and "12,50 EUR"
    rule(
        rf"{FREE}(\d+,\d\d(?!\d)|{NUMBER})\s?({any_of(CURRENCIES)})(?:(?P<rate>/(?=(?:{_RATES})\b))|(?!\w))",
        lambda match: (
            _amount(re.sub(r",(\d\d)$", r".\1", match[1]), *CURRENCIES[match[2]]) + (" per " if match["rate"] else "")
        ),
    ),
    rule(rf"(?<=\d)\s+[{_ARITHMETIC}]\s+(?=[\d(-])|(?<=\d)[*+=\u00d7\u00f7xX](?=\d)", _operator),
    rule(r"(?<=\d)x\b", " times"),
    rule(r"(?<=\d)(?:\"|\u2033|'')(?=\s(?:wide|long|high|tall|deep|thick|screen|monitor|laptop|tv|pizza))", " inches"),
    rule(
        rf"{FREE}(\d{{1,2}})(?:'|\s?ft\.?\s)\s?(\d{{1,2}})(?:\"|''|\s?in\b(?:\.(?=\s+[a-z]))?)",
        lambda match: f"{cardinal(match[1])} {'foot' if match[1] == '1' else 'feet'} {cardinal(match[2])}",
    ),
    rule(
        rf"(?P<minus>(?<![\w)])[-\u2212])?{FREE}"
        rf"(?:(?P<over>[1-7])/(?P<under>[2-68])|(?P<low>{NUMBER})(?:{DASH}(?P<high>{NUMBER}))?)"
        rf"\s?(?P<unit>{any_of(UNITS)})(?![\w/'\u00b2])(?:\.(?=\s+[a-z]))?",
        _measure,
    ),
    rule(r"(?<![\w/.,])(?:(\d+)\s)?(\d{1,3})/(\d{1,3})(?![\w/]|\.\d)", _fraction),
)
