"""Learners who call, and the engines that are configured."""

from typing import Any

import pytest

from bench.provider import Provider
from conversations.tests.shapes import conversation
from tutor.tests.speaking.callers import Caller


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
    """A provider that speaks over `/audio/speech`; the embedded engine stands in for it."""
    settings.TUTOR_ENGINE = "openai_pipeline"
    speech = settings.OPENAI["speech"] | {"model": "gpt-4o-mini-tts"}
    settings.OPENAI = settings.OPENAI | {"speech": speech}
    return openai_configured


@pytest.fixture
def pipeline_alone(pipeline: Provider, monkeypatch: pytest.MonkeyPatch) -> Provider:
    from tutor import asking
    from tutor.engines import engine

    monkeypatch.setattr(asking, "engines", lambda: (engine("openai_pipeline"),))
    return pipeline


@pytest.fixture
async def kept(caller: Caller) -> Caller:
    await caller.call("conversations", conversation())
    return caller
