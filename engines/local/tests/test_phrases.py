"""An invalid phrase is refused with its field when the partner's phrases are read."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from engines.local import phrases, vocabulary
from tutor.toml_tables import DataFileError

TEXT = (vocabulary.DATA / "phrases.toml").read_text(encoding="utf-8")


def read_again(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    (folder / "phrases.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(vocabulary, "DATA", folder)
    spec = importlib.util.spec_from_file_location("phrases_again", phrases.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('going_on = "All right, let\'s go on."', "", "going_on: is missing"),
        ('"I see."', '"I see"', "neutral: must end like a sentence"),
        ('"I see."', '"Really?"', "neutral: must be statements: 'Really?'"),
        ('"Shall we stop here?"', '"Stop here."', "shall_we_stop: must be questions: 'Stop here.'"),
        ('"Once more: {question}"', '"Once more, {question} okay?"', "ask_again: must be questions"),
        ('"Once more: {question}"', '"Once more, okay?"', "ask_again: must hold {question} and no other slot"),
        ('"I see."', '"I see {topic}."', "neutral: must hold no slots: 'I see {topic}.'"),
        ('"Gladly."', '"Gladly*."', "leads.HELP: holds '*', which cannot be spoken well"),
        ("[leads]", '[leads]\nLUNCH = ["Enjoy it."]', "leads.LUNCH: is not a known field"),
        ("[leads]", '[lead]\nLUNCH = ["Enjoy it."]', "leads: is missing"),
    ],
)
def test_an_invalid_phrase_is_refused_and_its_field_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, message: str
):
    assert old in TEXT
    with pytest.raises(DataFileError) as refused:
        read_again(tmp_path, TEXT.replace(old, new, 1), monkeypatch)
    assert str(refused.value).startswith(f"phrases.toml: {message}")


def test_an_added_phrase_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    again = read_again(tmp_path, TEXT.replace('"I see."', '"I see.", "Got it."'), monkeypatch)
    assert set(again.NEUTRAL) - set(phrases.NEUTRAL) == {"Got it."}
