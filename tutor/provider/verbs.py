"""What both engines on a provider can do beside talking."""

from collections.abc import AsyncIterator, Sequence

from tutor.engines.base import Analysis, Correction, Line
from tutor.provider import chat, corrections, feedback, speech, transcription, translation
from tutor.scenario import Brief


class ProviderVerbs:
    """The verbs of `Engine`, over whatever serves each stage."""

    async def correct(self, text: str, *, context: Sequence[Line] = (), language: str = "en") -> tuple[Correction, ...]:
        return await corrections.correct(text, context=context, language=language)

    async def analyse(
        self, lines: Sequence[Line], *, brief: Brief, seconds: float | None = None, language: str = "en"
    ) -> Analysis:
        return await feedback.analyse(lines, brief=brief, seconds=seconds, language=language)

    async def translate(self, text: str, *, language: str) -> str:
        return await translation.translate(text, language=language)

    async def transcribe(self, pcm: bytes, *, language: str = "en") -> str:
        return await transcription.transcribe(pcm, language=language)

    def speak(self, text: str, *, speed: float = 1.0, voice: str = "") -> AsyncIterator[bytes]:
        return speech.speak(text, speed=speed, voice=voice)

    async def chat(self, lines: Sequence[Line], *, brief: Brief) -> str:
        return await chat.reply(lines, brief=brief)
