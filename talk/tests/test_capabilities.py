"""The partner and its capabilities are declared before a talk begins."""

from typing import Any

import pytest
from django.test import Client

from talk import capabilities
from talk.capabilities import Partner
from tutor import language


def declared() -> dict[str, Any]:
    answer: dict[str, Any] = Client().get("/api/scenarios").json()
    return answer


def stage(url: str, model: str = "m") -> dict[str, str]:
    return {"url": url, "key": "k", "model": model}


@pytest.fixture
def provided(settings: Any) -> Any:
    """Return settings with a key for OpenAI."""
    url = "https://api.openai.com/v1"
    settings.OPENAI_API_KEY = "k"
    names = ("realtime", "transcription", "chat", "speech", "moderation")
    settings.OPENAI = {name: stage(url, f"{name}-model") for name in names}
    return settings


def test_the_embedded_engine_explains_in_english_and_does_not_translate():
    found = declared()
    assert [each["code"] for each in found["languages"]] == ["en"]
    assert found["translations"] == []
    assert found["partner"] == {
        "engine": "local",
        "kind": "guided",
        "model": None,
        "providers": [],
        "standIn": False,
    }


def test_a_model_explains_in_every_language_and_translates(provided: Any):
    found = declared()
    assert [each["code"] for each in found["languages"]] == list(language.load_all())
    assert found["translations"] == list(language.load_all())
    assert found["partner"] == {
        "engine": "openai_realtime",
        "kind": "free",
        "model": "realtime-model",
        "providers": ["OpenAI"],
        "standIn": True,
    }


def test_every_provider_that_gets_data_is_named(provided: Any):
    provided.OPENAI |= {
        "transcription": stage("http://user:secret@speech.example.org:8000/v1"),
        "chat": stage("http://localhost:8001/v1", "chat-model"),
        "speech": stage("http://[::1]:8002/v1"),
    }
    assert capabilities.partner() == Partner(
        "openai_pipeline", "free", "chat-model", ("speech.example.org", "this site's own computer", "OpenAI"), True
    )
    # Nobody but the stages gets the words, if the endpoint of moderation is switched off.
    provided.OPENAI |= {"moderation": stage("https://api.openai.com/v1", "off")}
    assert capabilities.partner().providers == ("speech.example.org", "this site's own computer")


def test_an_engine_that_was_chosen_alone_has_no_stand_in(provided: Any):
    provided.TUTOR_ENGINE = "local"
    assert capabilities.partner().kind == "guided"
    assert capabilities.translations() == []


@pytest.mark.parametrize("path", ["/", "/history", "/import", "/nowhere"])
def test_the_pages_list_the_languages_of_translations(provided: Any, path: str):
    codes = "".join(f"{code} " for code in language.load_all())
    assert f'data-translations="{codes}"' in Client().get(path).content.decode()


def test_the_start_page_names_the_partner(provided: Any):
    page = Client().get("/").content.decode()
    assert "realtime-model" in page
    assert "<strong>OpenAI</strong>" in page
