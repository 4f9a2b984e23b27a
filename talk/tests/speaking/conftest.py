"""Provide learners who make calls, and configured engines."""

from typing import Any

import pytest

from conversations.tests.shapes import conversation
from simulators.openai import Provider
from talk.tests.speaking.callers import Caller


@pytest.fixture
def caller() -> Caller:
    return Caller()


@pytest.fixture
def stranger() -> Caller:
    return Caller()


@pytest.fixture
def local(settings: Any) -> None:
    settings.TUTOR_ENGINE = "local"


@pytest.fixture
def pipeline(openai_configured: Provider, settings: Any) -> Provider:
    """Configure a provider with `/audio/speech`. The embedded engine is the fallback."""
    settings.TUTOR_ENGINE = "openai_pipeline"
    speech = settings.OPENAI["speech"] | {"model": "gpt-4o-mini-tts"}
    settings.OPENAI = settings.OPENAI | {"speech": speech}
    return openai_configured


@pytest.fixture
def pipeline_alone(pipeline: Provider, monkeypatch: pytest.MonkeyPatch) -> Provider:
    from engines import engine
    from talk import call_with_fallback

    monkeypatch.setattr(call_with_fallback, "engines", lambda: (engine("openai_pipeline"),))
    return pipeline


@pytest.fixture
async def kept(caller: Caller) -> Caller:
    await caller.call("conversations", conversation())
    return caller
