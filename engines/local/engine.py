"""Run the embedded engine, which hears, corrects and speaks on this machine, without a key and without a network."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

from engines.local import corrector, partner, speaker, talk_analysis, transcriber
from engines.local.declaration import DECLARATION
from engines.local.session import LocalSession
from engines.local.synthesis import Reading
from tutor import moderation, scenario
from tutor.domain import Analysis, CannotDo, Correction, Line
from tutor.moderation import Category
from tutor.scenario import Brief
from tutor.transcripts import Transcript


class LocalEngine:
    name = DECLARATION.name
    capabilities = DECLARATION.capabilities

    async def warm(self) -> None:
        loop = asyncio.get_running_loop()
        # Load the voice first, because the agent opens the talk. Loading it beside the others would take three times as
        # long.
        await loop.run_in_executor(speaker.EXECUTOR, speaker.load)
        loading = [loop.run_in_executor(part.EXECUTOR, part.load) for part in (transcriber, corrector)]
        await asyncio.gather(*loading, asyncio.to_thread(partner.load))

    async def correct(self, text: str, *, context: Sequence[Line] = (), language: str = "en") -> tuple[Correction, ...]:
        return await asyncio.get_running_loop().run_in_executor(corrector.BESIDE, corrector.correct, text)

    @asynccontextmanager
    async def talk(self, brief: Brief, transcript: Sequence[Line]) -> AsyncIterator[LocalSession]:
        session = LocalSession(brief, transcript)
        try:
            yield session
        finally:
            await session.close()

    async def analyse(self, lines: Sequence[Line], *, brief: Brief, language: str = "en") -> Analysis:
        """Score the talk by counting, and explain in English, whatever `language` is."""
        return await asyncio.get_running_loop().run_in_executor(corrector.BESIDE, _analysis, brief, lines)

    async def translate(self, text: str, *, language: str) -> str:
        raise CannotDo(
            "The embedded engine cannot translate. Set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own."
        )

    async def transcribe(self, pcm: bytes, *, language: str = "en") -> Transcript:
        if language != "en":
            raise CannotDo("The embedded engine hears English only.")
        turn, stop = transcriber.TurnTranscription(), threading.Event()
        work = asyncio.get_running_loop().run_in_executor(transcriber.executor_for(pcm), turn.transcribe, pcm, stop)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            stop.set()
            raise

    async def speak(self, text: str, *, speed: float = 1.0, voice: str = "") -> AsyncIterator[bytes]:
        async with aclosing(Reading(speed).read(text)) as pieces:
            async for pcm in pieces:
                yield pcm

    async def chat(self, lines: Sequence[Line], *, brief: Brief) -> str:
        if not lines or lines[-1].role != "user":
            return partner.resume(brief, lines)
        return await asyncio.get_running_loop().run_in_executor(corrector.BESIDE, _answer, brief, lines)

    async def moderate(self, text: str) -> frozenset[Category]:
        raise CannotDo("The embedded engine judges by the word list alone.")

    async def close(self) -> None:
        """Do nothing: the embedded engine has no connections."""


def _analysis(brief: Brief, lines: Sequence[Line]) -> Analysis:
    goals = [done for _, done in scenario.goals(brief, lines)]
    return talk_analysis.analyse(lines, level=brief.level, goals=goals)


def _answer(brief: Brief, lines: Sequence[Line]) -> str:
    said = lines[-1].text
    corrections = () if moderation.found_in_learners(said) else corrector.correct(said)
    return " ".join(partner.answer(brief, lines[:-1], said, corrections).sentences)
