"""Read the minimal pairs in `minimal_pairs.toml`: words that differ in one sound."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tutor.toml_tables import DataFileError, Table, read

_FILE = Path(__file__).parent / "minimal_pairs.toml"
_ID = re.compile(r"[a-z][a-z-]{0,38}[a-z]", re.ASCII)
_WORD = re.compile(r"[A-Za-z]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Pair:
    """Hold two words that differ in one sound."""

    words: tuple[str, str]
    # Whether the recogniser tells which of the two was said. `bench/pairs.py` measures it.
    can_be_said: bool

    @property
    def id(self) -> str:
        return "-".join(self.words).lower()


@dataclass(frozen=True, slots=True)
class Contrast:
    """Hold two sounds, and pairs that differ in them."""

    id: str
    title: str
    sounds: str
    tip: str
    pairs: tuple[Pair, ...]


@cache
def load() -> dict[str, Contrast]:
    """Return all contrasts by their ids, in the order of the file. Raises DataFileError."""
    with read(_FILE) as table:
        found = [_contrast(each) for each in table.tables("contrasts")]
    contrasts = {each.id: each for each in found}
    pairs = [pair.id for each in found for pair in each.pairs]
    if len(contrasts) < len(found) or len(set(pairs)) < len(pairs):
        raise DataFileError(f"{_FILE.name}: an id of a contrast, or a pair, stands there twice")
    return contrasts


def find(pair: str) -> tuple[Contrast, Pair] | None:
    """Return the pair with this id and its contrast, or None."""
    every = ((contrast, each) for contrast in load().values() for each in contrast.pairs)
    return next((found for found in every if found[1].id == pair), None)


def _contrast(table: Table) -> Contrast:
    id = table.text("id")
    if not _ID.fullmatch(id):
        raise table.error("id", "may have small letters and hyphens, and at most 40 of them")
    said, heard = _pairs(table, "pairs", can_be_said=True), _pairs(table, "only_heard", can_be_said=False)
    if not said and not heard:
        raise table.error("pairs", "is empty, and so is only_heard")
    return Contrast(id, table.text("title"), table.text("sounds"), table.text("tip"), said + heard)


def _pairs(table: Table, key: str, *, can_be_said: bool) -> tuple[Pair, ...]:
    found = []
    for text in table.texts(key, optional=True):
        words = text.split()
        if len(words) != 2 or words[0] == words[1] or not all(map(_WORD.fullmatch, words)):
            raise table.error(key, f"must hold two different words: {text!r}")
        found.append(Pair((words[0], words[1]), can_be_said))
    return tuple(found)
