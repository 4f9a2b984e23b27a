from typing import Any

import pytest

from engines.openai_pipeline.engine import PipelineEngine
from simulators.openai import Provider

READ_ALOUD = "gpt-realtime-2.1-mini"
SPEECH_ENDPOINT = "gpt-4o-mini-tts"


@pytest.fixture
def pipeline(openai_configured: Provider, settings: Any) -> PipelineEngine:
    """Configure the pipeline on the simulated provider, with `/audio/speech`."""
    settings.OPENAI["speech"]["model"] = SPEECH_ENDPOINT
    return PipelineEngine()


@pytest.fixture
def by_realtime(pipeline: PipelineEngine, settings: Any) -> None:
    """Configure a Realtime model that reads the answers aloud."""
    settings.OPENAI["speech"]["model"] = READ_ALOUD
