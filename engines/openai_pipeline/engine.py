"""Talk over OpenAI-compatible servers: transcription, chat and speech, each with its own server, key and model."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

from engines.openai import clients, endpoints, text_to_speech
from engines.openai.verbs import ProviderVerbs
from engines.openai_pipeline.declaration import DECLARATION
from engines.openai_pipeline.session import PipelineSession
from tutor.domain import Line
from tutor.scenario import Brief


class PipelineEngine(ProviderVerbs):
    name = DECLARATION.name
    capabilities = DECLARATION.capabilities

    async def warm(self) -> None:
        over_http = () if text_to_speech.is_read_by_realtime() else ("speech",)
        await asyncio.gather(
            clients.warm("transcription", "chat", *over_http, *endpoints.moderation()), text_to_speech.warm()
        )

    def talk(self, brief: Brief, transcript: Sequence[Line]) -> AbstractAsyncContextManager[PipelineSession]:
        return nullcontext(PipelineSession(brief, transcript))
