"""Speak the agent's words with a provider, over `/audio/speech` or with a Realtime model that reads aloud."""

import textwrap
from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx2
import openai
from django.conf import settings

from audio.encoding import BYTES_PER_SECOND
from engines.openai import paying, read_aloud
from engines.openai.clients import client, model
from engines.openai.error_translation import GARBLED, translated
from engines.openai.streams import patiently
from tutor.domain import EngineError
from tutor.scenario import sentences
from tutor.verbalization import verbalize
from usage.metering import Used

SLOWEST, FASTEST = 0.25, 4.0
# Characters for one request. The API takes 4,096, and a Realtime model stops after some three minutes of audio.
LONGEST = 1500
OTHER_FORMATS = frozenset(
    f"audio/{name}" for name in ("mpeg", "mp3", "mp4", "aac", "ogg", "opus", "webm", "flac", "wav", "wave", "x-wav")
)


async def speak(text: str, *, speed: float = 1.0, voice: str = "") -> AsyncGenerator[bytes, None]:
    """Yield PCM16 mono 24 kHz of the text as it arrives, always in whole samples.

    A `voice` that the provider lacks is replaced by the usual one. Raises EngineError, also if there is no audio at all.
    """
    for portion in _portions(verbalize(text)):
        async with aclosing(_speak_portion(portion, speed, voice or settings.OPENAI_VOICE)) as pieces:
            async for piece in pieces:
                yield piece


async def warm(speed: float = 1.0) -> None:
    """Open the connections that only speech needs, those of a Realtime model. Raises EngineError."""
    if is_read_by_realtime():
        with translated("speech", model("speech")):
            await read_aloud.ready(speed)


def estimate(characters: int, speed: float) -> Used:
    """Return the most that speaking so many characters may use."""
    if is_read_by_realtime():
        return read_aloud.estimate(characters, speed)
    return Used("speech", model("speech"), seconds=paying.of_speech(characters, speed), characters=characters)


def is_read_by_realtime() -> bool:
    return "realtime" in model("speech")


def _portions(text: str) -> list[str]:
    """Split the text into parts that a provider accepts, between sentences if possible."""
    portions = [""]
    for sentence in sentences(text) if len(text) > LONGEST else [text]:
        for part in textwrap.wrap(sentence, LONGEST) if len(sentence) > LONGEST else [sentence]:
            if len(portions[-1]) + len(part) >= LONGEST:
                portions.append("")
            portions[-1] = f"{portions[-1]} {part}".lstrip() if portions[-1] else part
    return [portion for portion in portions if portion]


async def _speak_portion(text: str, speed: float, voice: str) -> AsyncGenerator[bytes, None]:
    read = read_aloud.read if is_read_by_realtime() else _speak_by_endpoint
    attempts = [read(text, speed, voice) for _ in range(2)]
    odd, is_silent = b"", True
    async with aclosing(patiently("speech", attempts)) as pieces:
        async for piece in pieces:
            piece = odd + piece if odd else piece
            odd = piece[len(piece) // 2 * 2 :]
            if len(piece) > 1:
                is_silent = False
                yield piece[:-1] if odd else piece
    if is_silent:
        raise EngineError(GARBLED, retryable=True, detail="speech: there was no sound in the answer.")


async def _speak_by_endpoint(text: str, speed: float, voice: str) -> AsyncGenerator[bytes, None]:
    with paying.call(estimate(len(text), speed)) as paid:
        try:
            answer = await _requested(text, speed, voice)
        except (openai.BadRequestError, openai.UnprocessableEntityError):
            if voice == settings.OPENAI_VOICE:
                raise
            answer = await _requested(text, speed, settings.OPENAI_VOICE)
        received = 0
        try:
            _check(answer.headers.get("content-type", ""))
            async for piece in answer.aiter_bytes():
                if not received and piece.startswith(b"RIFF"):
                    _check("audio/wav")
                received += len(piece)
                yield piece
        finally:
            await answer.aclose()
            paid.record(Used("speech", model("speech"), seconds=received / BYTES_PER_SECOND, characters=len(text)))


async def _requested(text: str, speed: float, voice: str) -> httpx2.Response:
    asked: dict[str, object] = {"model": model("speech"), "voice": voice, "input": text, "response_format": "pcm"}
    if speed != 1.0:
        asked["speed"] = min(FASTEST, max(SLOWEST, speed))
    return await client("speech").post("/audio/speech", body=asked, cast_to=httpx2.Response, stream=True)


def _check(content_type: str) -> None:
    """Refuse other formats than the requested one, which would be noise. Raises EngineError."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in OTHER_FORMATS:
        detail = f"speech: the server answers with {kind}, not with PCM. It must know the response_format pcm (24 kHz)."
        raise EngineError(GARBLED, detail=detail)
