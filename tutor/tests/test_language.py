"""A language of explanations is a file, and an invalid file is refused with a message that names place and reason."""

from pathlib import Path

import pytest

from tutor import language
from tutor.domain import CannotDo
from tutor.toml_tables import DataFileError

GOOD = 'name = "French"\nown_name = "Fran\u00e7ais"\nexplaining = "Write in\\nFrench."\nhelping = "Help."\n'


def load(folder: Path, text: str, name: str = "fr.toml") -> language.Language:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return language.load(path)


def test_english_comes_first_and_the_others_by_name():
    first, *others = language.load_all().values()
    assert first.code == "en"
    assert [one.name for one in others] == sorted(one.name for one in others)
    assert "vi" in language.load_all()


def test_a_language_has_its_own_name():
    assert language.get("vi").own_name == "Ti\u1ebfng Vi\u1ec7t"


def test_an_unknown_language_is_refused():
    with pytest.raises(CannotDo, match="'tlh', only in en, "):
        language.get("tlh")


def test_a_good_file_is_loaded(tmp_path):
    assert load(tmp_path, GOOD) == language.Language("fr", "French", "Fran\u00e7ais", "Write in French.", "Help.")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "French"', "", "name: is missing"),
        ('name = "French"', "name = 3", "name: must be a text"),
        ('helping = "Help."', 'helping = " "', "helping: is empty"),
        ('helping = "Help."', 'helping = "Help."\ncolour = "red"', "colour: is not a known field"),
        ('helping = "Help."', "helping =", "is not valid TOML"),
    ],
)
def test_an_invalid_file_is_refused(tmp_path, old, new, message):
    assert old in GOOD
    with pytest.raises(DataFileError) as refused:
        load(tmp_path, GOOD.replace(old, new))
    assert f"fr.toml: {message}" in str(refused.value)


@pytest.mark.parametrize("name", ["French.toml", "f.toml", "fr_FR.toml"])
def test_a_file_is_named_by_the_languages_code(tmp_path, name):
    with pytest.raises(DataFileError, match="must be named by the language's code"):
        load(tmp_path, GOOD, name)
