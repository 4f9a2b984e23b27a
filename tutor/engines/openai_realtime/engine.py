"""OpenAI's Realtime API: one session there for each talk, sound in and sound out, over the official client."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tutor.engines.base import Line
from tutor.engines.openai_realtime.session import RealtimeSession
from tutor.provider import clients
from tutor.provider.verbs import ProviderVerbs
from tutor.scenario import Brief


class RealtimeEngine(ProviderVerbs):
    name = "openai_realtime"
    detects_turns = True
    begins_early = False
    corrects_aloud = False
    invents_in_silence = True

    async def warm(self) -> None:
        """A talk connects by itself, as soon as it is there; what is slow is the first client."""
        clients.client("realtime")

    @asynccontextmanager
    async def talk(self, brief: Brief, transcript: Sequence[Line]) -> AsyncIterator[RealtimeSession]:
        session = RealtimeSession(brief, transcript)
        session.open()
        try:
            yield session
        finally:
            await session.close()
