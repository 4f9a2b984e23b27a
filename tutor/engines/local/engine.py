"""The embedded engine: hears, corrects and speaks on this machine, with no key and no network."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tutor.engines.base import Correction, Line
from tutor.engines.local import corrector, speaker, transcriber
from tutor.engines.local.session import LocalSession
from tutor.scenario import Brief


class LocalEngine:
    name = "local"
    detects_turns = False

    async def warm(self) -> None:
        loop = asyncio.get_running_loop()
        parts = (transcriber, speaker, corrector)
        await asyncio.gather(*(loop.run_in_executor(part.EXECUTOR, part.load) for part in parts))

    async def correct(self, text: str) -> tuple[Correction, ...]:
        return await asyncio.to_thread(corrector.correct, text)

    @asynccontextmanager
    async def talk(self, brief: Brief, transcript: Sequence[Line]) -> AsyncIterator[LocalSession]:
        session = LocalSession(brief, transcript)
        try:
            yield session
        finally:
            await session.close()
