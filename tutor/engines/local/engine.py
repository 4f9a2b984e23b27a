"""The embedded engine: hears, corrects and speaks on this machine, with no key and no network."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tutor.engines.base import Analysis, CannotDo, Correction, Line
from tutor.engines.local import analysis, corrector, partner, speaker, transcriber
from tutor.engines.local.session import LocalSession
from tutor.scenario import Brief, sentences


class LocalEngine:
    name = "local"
    detects_turns = False
    begins_early = True
    corrects_aloud = True
    invents_in_silence = False

    async def warm(self) -> None:
        loop = asyncio.get_running_loop()
        parts = (transcriber, speaker, corrector)
        await asyncio.gather(*(loop.run_in_executor(part.EXECUTOR, part.load) for part in parts))

    async def correct(self, text: str, *, context: Sequence[Line] = (), language: str = "en") -> tuple[Correction, ...]:
        return await asyncio.to_thread(corrector.correct, text)

    @asynccontextmanager
    async def talk(self, brief: Brief, transcript: Sequence[Line]) -> AsyncIterator[LocalSession]:
        session = LocalSession(brief, transcript)
        try:
            yield session
        finally:
            await session.close()

    async def analyse(
        self, lines: Sequence[Line], *, brief: Brief, seconds: float | None = None, language: str = "en"
    ) -> Analysis:
        """Counted, in English, whatever `language` is."""
        return await asyncio.to_thread(analysis.analyse, lines, level=brief.level, seconds=seconds)

    async def translate(self, text: str, *, language: str) -> str:
        raise CannotDo(
            "The embedded engine cannot translate. Set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own."
        )

    async def transcribe(self, pcm: bytes, *, language: str = "en") -> str:
        if language != "en":
            raise CannotDo("The embedded engine hears English only.")
        turn, stop = transcriber.Turn(), threading.Event()
        work = asyncio.get_running_loop().run_in_executor(transcriber.EXECUTOR, turn.transcribe, pcm, stop)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            stop.set()
            raise

    async def speak(self, text: str, *, speed: float = 1.0, voice: str = "") -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        for sentence in sentences(text):
            sound = speaker.speak(sentence, speed)
            while pcm := await loop.run_in_executor(speaker.EXECUTOR, next, sound, b""):
                yield pcm

    async def chat(self, lines: Sequence[Line], *, brief: Brief) -> str:
        if not lines:
            return partner.opening(brief)
        if lines[-1].role != "user":
            return partner.resume(brief, lines)
        said = lines[-1].text
        found = await self.correct(said)
        return " ".join(partner.answer(brief, lines[:-1], said, found).sentences)
