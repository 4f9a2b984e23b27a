"""Find telephone lines for a learner in danger or despair, by country. They are in `crisis_lines.toml`."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings

from core.json_types import Json
from tutor import moderation
from tutor.moderation import Audience
from tutor.toml_tables import Table, read

_FILE = Path(__file__).parent / "crisis_lines.toml"
_REGION = re.compile(r"[a-z]{2,3}(?:-[a-z]{4})?-([a-z]{2})", re.IGNORECASE | re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_TEL = re.compile(r"[+*]?\d{2,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class CrisisLine:
    """Hold one line. `number` is for people, `tel` is what a telephone dials."""

    country: str
    name: str
    number: str
    tel: str
    note: str
    children: bool
    source: str


@dataclass(frozen=True, slots=True)
class CrisisLines:
    """Hold all lines. `elsewhere` is the address of a directory of lines in all countries."""

    lines: tuple[CrisisLine, ...]
    elsewhere: str


def country(accept_language: str) -> str:
    """Return the learner's country: the setting CRISIS_COUNTRY, else the first region in a header Accept-Language, else ""."""
    if settings.CRISIS_COUNTRY:
        return str(settings.CRISIS_COUNTRY)
    languages = (each.partition(";")[0].strip() for each in accept_language[:500].split(","))
    regions = (found[1].upper() for each in languages if (found := _REGION.fullmatch(each)))
    return next(regions, "")


def support(country: str) -> Json:
    """Return what a learner is shown: the lines of the country, none if it has none here, and the directory.

    Children see the lines for children first, others see those that are for everybody.
    """
    known = load()
    of_children = moderation.audience() is Audience.CHILDREN
    lines = [each for each in known.lines if each.country == country and (of_children or not each.children)]
    lines.sort(key=lambda each: not each.children)
    shown = [{"name": each.name, "number": each.number, "tel": each.tel, "note": each.note} for each in lines]
    return {"country": country or None, "lines": shown, "elsewhere": known.elsewhere}


@cache
def load() -> CrisisLines:
    """Return the lines in the file. Raises DataFileError for the first invalid field."""
    with read(_FILE) as table:
        table.date("as_of")
        return CrisisLines(tuple(_line(each) for each in table.tables("lines")), table.text("elsewhere"))


def _line(table: Table) -> CrisisLine:
    number = table.text("number")
    line = CrisisLine(
        country=table.text("country"),
        name=table.text("name"),
        number=number,
        tel=table.text("tel", optional=True) or re.sub(r"[\s-]", "", number),
        note=table.text("note", optional=True),
        children=table.flag("children"),
        source=table.text("source"),
    )
    _require(table, "country", _COUNTRY.fullmatch(line.country), "must be two capital letters")
    _require(table, "tel", _TEL.fullmatch(line.tel), "must be a telephone number")
    _require(table, "source", line.source.startswith("https://"), "must be an address")
    return line


def _require(table: Table, key: str, fulfilled: object, what: str) -> None:
    if not fulfilled:
        raise table.error(key, what)
