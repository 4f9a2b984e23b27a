"""The engine for OpenAI-compatible servers: transcription, chat and speech, each with a server, a key and a model of its own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tutor.engines.base import Line
from tutor.engines.openai_pipeline.session import PipelineSession
from tutor.provider import clients, speech
from tutor.provider.verbs import ProviderVerbs
from tutor.scenario import Brief


class PipelineEngine(ProviderVerbs):
    name = "openai_pipeline"
    detects_turns = False
    begins_early = True
    corrects_aloud = False
    invents_in_silence = True

    async def warm(self) -> None:
        over_http = () if speech.is_read_by_realtime() else ("speech",)
        await asyncio.gather(clients.warm("transcription", "chat", *over_http), speech.warm())

    @asynccontextmanager
    async def talk(self, brief: Brief, transcript: Sequence[Line]) -> AsyncIterator[PipelineSession]:
        yield PipelineSession(brief, transcript)
