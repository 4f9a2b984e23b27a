"""A folder and a setting are enough for an engine: it is offered, checked, verified and talks."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import engines
from engines.interface import Engine
from migration import checks
from migration.checks.runner import CheckState, run
from talk.tests.speaking.callers import Caller
from talking_agent.checks import engine_settings
from talking_agent.tests import processes

FOLDERS = Path(__file__).parent / "folders"
# A process of its own, which has the folder from its start.
START = (
    f"import engines; engines.__path__.append({str(FOLDERS)!r}); "
    "from django.core.management import execute_from_command_line as run; "
)
CHECK = (
    START + "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'talking_agent.settings'; run(['manage.py', 'check'])"
)
SHOW = START + "import talking_agent.settings as s; print(s.TUTOR_ENGINE, s.PARROT_ACCENT)"


@pytest.fixture
def parrot(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Add the folder of the parrot to those of the engines, and choose it by TUTOR_ENGINE."""
    monkeypatch.setattr(engines, "__path__", [*engines.__path__, str(FOLDERS)])
    engines.declared.cache_clear()
    settings.TUTOR_ENGINE, settings.PARROT_ACCENT = "parrot", "plain"
    yield settings
    engines.declared.cache_clear()


def test_it_is_offered_with_the_embedded_engine_as_fallback(parrot: Any) -> None:
    assert "parrot" in engines.available()
    assert engines.names() == ("parrot", "local")


def test_without_a_choice_its_preference_decides(parrot: Any) -> None:
    parrot.TUTOR_ENGINE = "auto"
    assert engines.names() == ("local", "parrot")


@pytest.mark.django_db
async def test_the_pages_name_it_and_its_provider(parrot: Any) -> None:
    partner = (await Caller().get("/api/scenarios")).json()["partner"]
    assert partner == {
        "engine": "parrot",
        "kind": "free",
        "model": "parrot-1",
        "providers": ["the cage"],
        "standIn": True,
    }


def test_its_settings_are_read_at_the_start(tmp_path: Path) -> None:
    done = processes.run(SHOW, tmp_path, TUTOR_ENGINE="parrot", PARROT_ACCENT="salty")
    assert done.stdout == "parrot salty\n", done.stderr


def test_its_settings_are_checked_at_the_start(tmp_path: Path) -> None:
    done = processes.run(CHECK, tmp_path, TUTOR_ENGINE="parrot", PARROT_ACCENT="French")
    assert done.returncode == 1
    assert "(parrot.E001) PARROT_ACCENT is unknown." in done.stderr


def test_it_is_not_checked_where_it_is_not_in_use(parrot: Any) -> None:
    parrot.TUTOR_ENGINE, parrot.PARROT_ACCENT = "local", "French"
    assert engine_settings(None) == []


def test_verify_runs_its_checks(parrot: Any) -> None:
    [probe] = [each for each in checks.probes() if each.name == "parrot"]
    [result] = run([probe])
    assert (result.group, result.state, result.found) == ("language models", CheckState.OK, "The parrot is awake.")


@pytest.mark.django_db(transaction=True, databases=["default", "local"])
async def test_it_talks(parrot: Any) -> None:
    turn = {"text": "Pieces of eight", "scenario": "travel"}
    answer = (await Caller().call("conversations/conv-1714521600000-parrots/turns", turn)).json()
    assert answer["message"]["content"] == "Pieces of eight"
    assert answer["reply"]["content"] == "Pieces of eight! Pieces of eight!"
    assert answer["reply"]["audioDuration"] == pytest.approx(0.1, abs=0.05)


@pytest.mark.parametrize("name", engines.available())
def test_every_engine_matches_its_declaration(name: str) -> None:
    [declaration] = [each for each in engines.declared() if each.name == name]
    engine = engines.engine(name)
    assert (engine.name, engine.capabilities) == (name, declaration.capabilities)
    verbs = [verb for verb, _ in inspect.getmembers(Engine, inspect.isfunction) if not verb.startswith("_")]
    assert all(callable(getattr(engine, verb)) for verb in verbs)
