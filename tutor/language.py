"""The languages that explanations are given in. One TOML file each, in `languages/`, named by its code, checked when loaded.

And those that a recording may be in.
"""

import re
import tomllib
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from tutor.engines.base import CannotDo

DEFAULT = "en"
# By ISO 639-1: what Whisper was taught, and its successors still know.
_TAUGHT = """
    af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha he hi hr ht hu hy id is it ja
    jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk sl sn so
    sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo zh
"""
HEARD = frozenset(_TAUGHT.split())

_FOLDER = Path(__file__).parent / "languages"
_CODE = re.compile(r"[a-z]{2,3}(?:-[a-zA-Z]{2,4})?")


class LanguageError(Exception):
    """The file of a language is not fit for use; the text names it and the field."""


@dataclass(frozen=True, slots=True)
class Language:
    code: str  # ISO 639
    name: str  # in English
    own_name: str  # for the page: how its speakers call it
    explaining: str  # for a model: how explanations are written
    helping: str  # for a model: how a learner who is stuck is helped in the middle of a talk


@cache
def load_all() -> dict[str, Language]:
    """All languages by code, English first, then by name."""
    languages = [load(path) for path in _FOLDER.glob("*.toml")]
    languages.sort(key=lambda one: (one.code != DEFAULT, one.name))
    return {one.code: one for one in languages}


def get(code: str) -> Language:
    """Raises CannotDo."""
    try:
        return load_all()[code]
    except KeyError:
        raise CannotDo(f"There are no explanations in {code!r}, only in {', '.join(load_all())}.") from None


def load(path: Path) -> Language:
    """The language in this file. Raises LanguageError, naming the field, for the first thing that is wrong with it."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LanguageError(f"{path.name}: is not valid TOML: {error}") from error
    if not _CODE.fullmatch(path.stem):
        raise LanguageError(f"{path.name}: must be named by the language's code, as vi.toml is")
    names = [field.name for field in fields(Language) if field.name != "code"]
    for name in names:
        if not isinstance(table.get(name), str) or not table[name].strip():
            raise LanguageError(f"{path.name}: {name}: must be a text, and not empty")
    if unknown := table.keys() - set(names):
        raise LanguageError(f"{path.name}: {min(unknown)}: is not a known field")
    return Language(path.stem, **{name: " ".join(table[name].split()) for name in names})
