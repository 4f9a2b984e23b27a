"""Load the vocabulary of `tables.toml`, and build rules."""

import re
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

Say = Callable[[re.Match[str]], str]
Rule = tuple[re.Pattern[str], Say]

_TABLES = tomllib.loads(Path(__file__).with_name("tables.toml").read_text(encoding="utf-8"))
CURRENCIES: dict[str, list[str]] = _TABLES["currencies"]
MAGNITUDES: dict[str, str] = _TABLES["magnitudes"]
UNITS: dict[str, list[str]] = _TABLES["units"]
TITLES: dict[str, str] = _TABLES["titles"]
AFTER_NAMES: dict[str, str] = _TABLES["after_names"]
BEFORE_NUMBERS: dict[str, str] = _TABLES["before_numbers"]
ABBREVIATIONS = {written.lower(): said for written, said in _TABLES["abbreviations"].items()}
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
COUNTED: list[str] = _TABLES["roman"]["counted"]
RULERS: list[str] = _TABLES["roman"]["rulers"]
FRACTIONS: dict[str, list[str]] = _TABLES["fractions"]
GLYPHS: dict[str, str] = _TABLES["glyphs"]
SLASHES: dict[str, str] = _TABLES["slashes"]
SIGNS: dict[str, str] = _TABLES["signs"]
WEB: dict[str, str] = _TABLES["web"]


def rule(pattern: str, say: Say | str, flags: int = 0) -> Rule:
    """Return a rule that puts `say` in place of each match of the pattern."""
    return re.compile(pattern, flags), (lambda match: match.expand(say)) if isinstance(say, str) else say


def any_of(written: Iterable[str]) -> str:
    """Return a pattern for any of these, the longest first."""
    return "|".join(re.escape(one) for one in sorted(written, key=len, reverse=True))
