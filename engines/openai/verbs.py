"""Share the verbs of both provider engines: everything they can do beside talking."""

from collections.abc import AsyncIterator, Sequence

from engines.openai import (
    chat_completions,
    clients,
    corrections,
    read_aloud,
    talk_assessment,
    text_to_speech,
    transcription,
    translation,
)
from tutor.domain import Analysis, Correction, Line
from tutor.scenario import Brief


class ProviderVerbs:
    """Implement the verbs of `Engine` with the endpoint of each stage."""

    async def correct(self, text: str, *, context: Sequence[Line] = (), language: str = "en") -> tuple[Correction, ...]:
        return await corrections.correct(text, context=context, language=language)

    async def analyse(self, lines: Sequence[Line], *, brief: Brief, language: str = "en") -> Analysis:
        return await talk_assessment.analyse(lines, brief=brief, language=language)

    async def translate(self, text: str, *, language: str) -> str:
        return await translation.translate(text, language=language)

    async def transcribe(self, pcm: bytes, *, language: str = "en") -> str:
        return await transcription.transcribe(pcm, language=language)

    def speak(self, text: str, *, speed: float = 1.0, voice: str = "") -> AsyncIterator[bytes]:
        return text_to_speech.speak(text, speed=speed, voice=voice)

    async def chat(self, lines: Sequence[Line], *, brief: Brief) -> str:
        return await chat_completions.reply(lines, brief=brief)

    async def close(self) -> None:
        await read_aloud.close()
        await clients.close()
