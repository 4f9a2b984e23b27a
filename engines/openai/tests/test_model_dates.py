"""The known end dates of OpenAI's models agree with the installed package."""

import re
from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from pathlib import Path

import openai
import pytest
from django.conf import settings

from engines.openai import model_dates
from engines.openai.endpoints import Stage
from engines.openai.model_dates import ENDS, LARGER, SUCCESSORS

PACKAGE = Path(openai.__file__).parent
PLACES = ("types", "resources/audio", "resources/realtime")
OPENAI, ELSEWHERE = "https://api.openai.com/v1", "http://localhost:8880/v1"


@cache
def prose() -> str:
    """Return the package's source without line breaks."""
    files = sorted(path for place in PLACES for path in (PACKAGE / place).rglob("*.py"))
    return re.sub(r"\s+", " ", " ".join(path.read_text() for path in files))


def announced() -> Iterator[tuple[str, date]]:
    """Return the models and dates that the package announces, in both of its notations."""
    for models, day in re.findall(
        r'- ((?:"[\w.-]+", )*"[\w.-]+"): Announced shutdown date: (\d{4}-\d\d-\d\d)', prose()
    ):
        for model in re.findall(r'"([\w.-]+)"', models):
            yield model, date.fromisoformat(day)
    listed = r"The ((?:`[\w.-]+`,? (?:and )?)+)models are deprecated and scheduled to shut down on (\w+ \d+, \d{4})"
    for models, day in re.findall(listed, prose()):
        for model in re.findall(r"`([\w.-]+)`", models):
            yield model, datetime.strptime(day, "%B %d, %Y").date()


def test_the_table_has_the_end_dates_of_the_package_and_no_others() -> None:
    assert set(announced()) == set(ENDS.items())


def test_no_announcement_is_overlooked() -> None:
    """Each announcement must parse as a list of models with a date. Another notation would be overlooked."""
    read = len(re.findall(r'"[\w.-]+": Announced shutdown date: \d{4}-\d\d-\d\d', prose()))
    assert read == len(re.findall(r"shutdown date:", prose())) > 100


@pytest.mark.parametrize("stage", sorted(settings.OPENAI))
def test_the_default_of_a_stage_has_no_announced_end(stage: str) -> None:
    assert settings.OPENAI[stage]["model"] not in dict(announced())


@pytest.mark.parametrize("model", sorted({*SUCCESSORS.values(), *LARGER.values()}))
def test_a_successor_is_a_model_of_the_package_without_an_end(model: str) -> None:
    assert f'"{model}"' in prose()
    assert model not in dict(announced())


def test_the_successor_for_speech_is_the_one_that_the_package_names() -> None:
    assert re.search(r"migrate to `([\w.-]+)` through the \[Realtime API\]", prose())[1] == SUCCESSORS["speech"]  # type: ignore[index]


def test_an_end_date_applies_at_openai() -> None:
    assert model_dates.end(Stage("chat", OPENAI, "key", "gpt-5-mini")) == date(2026, 12, 11)


def test_an_end_date_applies_at_openais_regional_addresses() -> None:
    assert model_dates.end(Stage("chat", "https://eu.api.openai.com/v1", "key", "gpt-5-mini"))


@pytest.mark.parametrize("url", [ELSEWHERE, "https://api.openai.com.example.org/v1", "https://notapi.openai.com.co/v1"])
def test_a_model_of_the_same_name_on_another_server_has_no_end_date(url: str) -> None:
    assert model_dates.end(Stage("chat", url, "key", "gpt-5-mini")) is None


def test_the_large_realtime_model_has_a_large_successor() -> None:
    assert model_dates.successor(Stage("realtime", OPENAI, "key", "gpt-realtime")) == "gpt-realtime-2.1"
