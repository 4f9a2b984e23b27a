"""The agent's voice, by a provider: over `/audio/speech`, or read aloud by a Realtime model."""

import textwrap
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Any

import httpx2
import openai
from django.conf import settings

from audio.encoding import BYTES_PER_SECOND
from tutor import usage
from tutor.engines.base import EngineError
from tutor.provider import reading
from tutor.provider.clients import client, model
from tutor.provider.errors import GARBLED, translated
from tutor.provider.streams import patiently
from tutor.scenario import sentences
from tutor.usage import Used

SLOWEST, FASTEST = 0.25, 4.0
LONGEST = 1500  # characters at once: the API takes 4,096, and a Realtime model stops after some three minutes of sound
OTHER_FORMATS = frozenset(
    f"audio/{name}" for name in ("mpeg", "mp3", "mp4", "aac", "ogg", "opus", "webm", "flac", "wav", "wave", "x-wav")
)


async def speak(text: str, *, speed: float = 1.0, voice: str = "") -> AsyncGenerator[bytes, None]:
    """PCM16 mono 24 kHz of the text, as it comes, never half a sample. `voice`: one that the provider does not have is the
    usual one. Raises EngineError, also if nothing sounds at all."""
    for portion in _portions(text):
        async with aclosing(_said(portion, speed, voice or settings.OPENAI_VOICE)) as pieces:
            async for piece in pieces:
                yield piece


async def warm(speed: float = 1.0) -> None:
    """Open what speech alone needs: the connections of a Realtime model. Raises EngineError."""
    if is_read_by_realtime():
        with translated("speech", model("speech")):
            await reading.ready(speed)


def is_read_by_realtime() -> bool:
    return "realtime" in model("speech")


def _portions(text: str) -> list[str]:
    """The text in parts that a provider takes, cut between sentences if it can be."""
    portions = [""]
    for sentence in sentences(text) if len(text) > LONGEST else [text]:
        for part in textwrap.wrap(sentence, LONGEST) if len(sentence) > LONGEST else [sentence]:
            if len(portions[-1]) + len(part) >= LONGEST:
                portions.append("")
            portions[-1] = f"{portions[-1]} {part}".lstrip() if portions[-1] else part
    return [portion for portion in portions if portion]


async def _said(text: str, speed: float, voice: str) -> AsyncGenerator[bytes, None]:
    ask = partial(reading.read if is_read_by_realtime() else _spoken, text, speed, voice)
    odd, is_silent = b"", True
    async with aclosing(patiently(ask, what="speech", model=model("speech"))) as pieces:
        async for piece in pieces:
            piece = odd + piece if odd else piece
            odd = piece[len(piece) // 2 * 2 :]
            if len(piece) > 1:
                is_silent = False
                yield piece[:-1] if odd else piece
    if is_silent:
        raise EngineError(GARBLED, retryable=True, detail="speech: there was no sound in the answer.")


async def _spoken(text: str, speed: float, voice: str) -> AsyncGenerator[bytes, None]:
    try:
        async with aclosing(_bytes(text, speed, voice)) as pieces:
            async for piece in pieces:
                yield piece
    except (openai.BadRequestError, openai.UnprocessableEntityError):  # which come before the first piece
        if voice == settings.OPENAI_VOICE:
            raise
        async with aclosing(_bytes(text, speed, settings.OPENAI_VOICE)) as pieces:
            async for piece in pieces:
                yield piece


async def _bytes(text: str, speed: float, voice: str) -> AsyncGenerator[bytes, None]:
    name, received = model("speech"), 0
    asked: dict[str, Any] = {"model": name, "voice": voice, "input": text, "response_format": "pcm"}
    if speed != 1.0:
        asked["speed"] = min(FASTEST, max(SLOWEST, speed))
    answer = await client("speech").post("/audio/speech", body=asked, cast_to=httpx2.Response, stream=True)
    try:
        _check(answer.headers.get("content-type", ""))
        async for piece in answer.aiter_bytes():
            if not received and piece.startswith(b"RIFF"):
                _check("audio/wav")
            received += len(piece)
            yield piece
    finally:
        await answer.aclose()
        usage.record(Used("speech", name, seconds=received / BYTES_PER_SECOND, characters=len(text)))


def _check(content_type: str) -> None:
    """Other formats than the one that was asked for would be noise. Raises EngineError."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in OTHER_FORMATS:
        detail = f"speech: the server answers with {kind}, not with PCM. It must know the response_format pcm (24 kHz)."
        raise EngineError(GARBLED, detail=detail)
