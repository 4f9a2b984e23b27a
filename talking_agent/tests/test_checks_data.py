"""An invalid data file is named, with the rule and the field, before the server starts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.local import mistakes
from talking_agent.checks import data_files, engine_settings


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the path of the only file of correction rules."""
    monkeypatch.setattr(mistakes, "_FOLDER", tmp_path)
    mistakes.load_all.cache_clear()
    yield tmp_path / "tea.toml"
    mistakes.load_all.cache_clear()


def test_the_data_files_are_in_order():
    assert list(data_files(None)) == []
    assert engine_settings(None) == []


def test_an_invalid_rule_is_named(rules: Path):
    rules.write_text("[[mistakes]]\nname = 'tea'\n", encoding="utf-8")
    (found,) = engine_settings(None)
    assert found.msg == "tea.toml: mistakes[1] (tea).why: is missing"
    assert found.id == "data.E001"


def test_rules_of_an_engine_that_is_not_in_use_are_not_read(rules: Path, monkeypatch: pytest.MonkeyPatch):
    rules.write_text("[[mistakes", encoding="utf-8")
    monkeypatch.setattr("engines.in_use", lambda: ())
    assert engine_settings(None) == []
