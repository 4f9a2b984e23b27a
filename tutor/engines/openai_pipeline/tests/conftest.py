from collections.abc import AsyncIterator
from typing import Any

import pytest

from bench.provider import Provider
from tutor.engines.openai_pipeline.engine import PipelineEngine
from tutor.provider import clients, reading

READ_ALOUD = "gpt-realtime-2.1-mini"
SPEECH_ENDPOINT = "gpt-4o-mini-tts"


@pytest.fixture
async def pipeline(openai_configured: Provider, settings: Any) -> AsyncIterator[PipelineEngine]:
    """On the simulated provider, over `/audio/speech`."""
    settings.OPENAI["speech"]["model"] = SPEECH_ENDPOINT
    yield PipelineEngine()
    await reading.close()
    await clients.close()


@pytest.fixture
def by_realtime(pipeline: PipelineEngine, settings: Any) -> None:
    """The answers are read aloud by a Realtime model."""
    settings.OPENAI["speech"]["model"] = READ_ALOUD
