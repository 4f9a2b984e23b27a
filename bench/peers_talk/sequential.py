"""Run a turn by hand with the official client: one stage after the other, or with the stages overlapped."""

import asyncio
import io
import time
import wave
from typing import Any

from openai import AsyncOpenAI

from audio.encoding import BYTES_PER_SECOND, RATE
from tests.talking import bytes_before_voice

MODELS = {"transcription": "gpt-transcribe", "chat": "gpt-5.4-mini", "speech": "gpt-4o-mini-tts"}
BRIEF = "You are a patient partner for spoken English. Answer briefly, and end with a question."
# 100 ms: enough to find out whether sound has begun.
FIRST_BYTES = 4800


class ByHand:
    """Answer turns (PCM16 24 kHz). Each method returns the seconds from the turn's end to the first audible sample."""

    def __init__(self, client: AsyncOpenAI) -> None:
        self._client = client

    async def sequential(self, pcm: bytes) -> float:
        ended = time.perf_counter()
        said = await self._client.chat.completions.create(
            model=MODELS["chat"], messages=await self._dialogue(pcm), stream=False
        )
        answer = await self._client.audio.speech.create(**_speech(said.choices[0].message.content or ""))
        return _waited(ended, await answer.aread())

    async def overlapped(self, pcm: bytes) -> float:
        """Speak the first sentence while the others are written. The rest of the answer adds no latency."""
        ended = time.perf_counter()
        words = await self._client.chat.completions.create(
            model=MODELS["chat"], messages=await self._dialogue(pcm), stream=True
        )
        sentence = ""
        async with words:
            async for chunk in words:
                sentence += chunk.choices[0].delta.content or ""
                if sentence.endswith((".", "!", "?")):
                    break
            speaking = asyncio.create_task(self._first_sound(sentence, ended))
            async for _ in words:
                pass
        return await speaking

    async def _dialogue(self, pcm: bytes) -> Any:
        file = ("turn.wav", _wav(pcm), "audio/wav")
        heard = await self._client.audio.transcriptions.create(model=MODELS["transcription"], file=file, language="en")
        return [{"role": "system", "content": BRIEF}, {"role": "user", "content": heard.text}]

    async def _first_sound(self, sentence: str, ended: float) -> float:
        waited = None
        async with self._client.audio.speech.with_streaming_response.create(**_speech(sentence)) as answer:
            async for piece in answer.iter_bytes(FIRST_BYTES):
                waited = _waited(ended, piece) if waited is None else waited
        assert waited is not None
        return waited


def _speech(text: str) -> dict[str, Any]:
    return {"model": MODELS["speech"], "voice": "marin", "input": text, "response_format": "pcm"}


def _waited(ended: float, pcm: bytes) -> float:
    return time.perf_counter() - ended + bytes_before_voice(pcm) / BYTES_PER_SECOND


def _wav(pcm: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, RATE, 0, "NONE", ""))
        writer.writeframes(pcm)
    return file.getvalue()
