"""Load the languages that explanations are given in, and list those that a recording may be in.

Each language of explanations is a TOML file in `languages/`, named by its code and checked when loaded.
"""

import re
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from tutor.domain import CannotDo
from tutor.toml_tables import DataFileError, read

DEFAULT = "en"
# The languages that Whisper was trained on, which its successors still support, as ISO 639-1 codes.
_WHISPER = """
    af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha he hi hr ht hu hy id is it ja
    jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk sl sn so
    sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo zh
"""
HEARD = frozenset(_WHISPER.split())

_FOLDER = Path(__file__).parent / "languages"
_CODE = re.compile(r"[a-z]{2,3}(?:-[a-zA-Z]{2,4})?")


@dataclass(frozen=True, slots=True)
class Language:
    code: str  # ISO 639
    name: str  # in English
    # Its name in the language itself, for the page.
    own_name: str
    # Tells a model how to write explanations.
    explaining: str
    # Tells a model how to help a learner who is stuck in the middle of a talk.
    helping: str


@cache
def load_all() -> dict[str, Language]:
    """Return all languages by code, English first, then by name."""
    languages = [load(path) for path in _FOLDER.glob("*.toml")]
    languages.sort(key=lambda one: (one.code != DEFAULT, one.name))
    return {one.code: one for one in languages}


def get(code: str) -> Language:
    """Return the language with this code. Raises CannotDo if there is none."""
    try:
        return load_all()[code]
    except KeyError:
        raise CannotDo(f"There are no explanations in {code!r}, only in {', '.join(load_all())}.") from None


def load(path: Path) -> Language:
    """Return the language in this file. Raises DataFileError for the first invalid field, and names it."""
    if not _CODE.fullmatch(path.stem):
        raise DataFileError(f"{path.name}: must be named by the language's code, as vi.toml is")
    with read(path) as table:
        texts = {each.name: " ".join(table.text(each.name).split()) for each in fields(Language) if each.name != "code"}
    return Language(path.stem, **texts)
