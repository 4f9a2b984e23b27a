"""Talk over OpenAI's Realtime API, with one session for each talk, audio in and out, and the official client."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from engines.openai import clients
from engines.openai.verbs import ProviderVerbs
from engines.openai_realtime.declaration import DECLARATION
from engines.openai_realtime.session import RealtimeSession
from tutor.domain import Line
from tutor.scenario import Brief


class RealtimeEngine(ProviderVerbs):
    name = DECLARATION.name
    capabilities = DECLARATION.capabilities

    async def warm(self) -> None:
        """Create the client, which is slow the first time. A talk connects by itself as soon as it exists."""
        clients.client("realtime")

    @asynccontextmanager
    async def talk(self, brief: Brief, transcript: Sequence[Line]) -> AsyncIterator[RealtimeSession]:
        session = RealtimeSession(brief, transcript)
        session.open()
        try:
            yield session
        finally:
            await session.close()
