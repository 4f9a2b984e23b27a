"""What a learner said, by a provider.

The transcript is asked for whole: an answer can begin only when all of it is known, and a stream of its words is complete no
sooner than the whole.
"""

import asyncio
import io
import re
import wave
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any

import httpx2
import numpy as np

from audio.encoding import BYTES_PER_SECOND
from tutor import usage
from tutor.engines.base import SAMPLE_RATE, EngineError
from tutor.provider.clients import CONNECT_WITHIN, WITHIN, client, model
from tutor.provider.errors import GARBLED
from tutor.provider.streams import patiently
from tutor.usage import Used

# What a model of the API is told, and what Whisper is: the latter goes on in the manner of its prompt.
VERBATIM = (
    "A learner of English speaks. Write down exactly what they say: keep every mistake of grammar and choice of words, every "
    "repetition and every filler such as um and uh. Correct nothing."
)
IN_THE_MANNER_OF = "Um, yesterday I, uh, I go to the, the market and, hmm, I buy two bread."
LARGEST = 24 * 1024 * 1024  # bytes: the API takes 25 MB, which is 9 minutes; a turn has up to 10
NARROW_RATE = 16_000  # Hz, of a turn that would be larger: no model hears more

_SOUNDS = re.compile(r"(?:\s*(?:\[[^\]]*\]|\([^)]*\)|\*[^*]*\*))+\s*")  # [BLANK_AUDIO], (music)
_WORDS = re.compile(r"[^\W_]+")


async def transcribe(pcm: bytes, *, language: str = "en") -> str:
    """The words in PCM16 mono 24 kHz, verbatim; "" where nobody speaks. Raises EngineError."""
    ask = partial(_transcribed, pcm, language)
    async for text in patiently(ask, what="transcription", model=model("transcription")):
        return text
    return ""


async def _transcribed(pcm: bytes, language: str) -> AsyncGenerator[str, None]:
    name = model("transcription")
    if len(pcm) > LARGEST:
        file = await asyncio.to_thread(_narrow_wav, pcm)
    else:
        file = _wav(pcm, SAMPLE_RATE)
    asked = {"model": name, "language": language, "response_format": "json"}
    if prompt := _prompt(name):
        asked["prompt"] = prompt
    answer = await client("transcription").post(
        "/audio/transcriptions",
        body=asked,
        files={"file": ("turn.wav", file, "audio/wav")},
        cast_to=httpx2.Response,
        options={"headers": {"Content-Type": "multipart/form-data"}, "timeout": _patience(pcm)},
    )
    text, took = _read(answer)
    _record(name, pcm, took)
    says_nothing = _SOUNDS.fullmatch(text) or _words(text) == _words(prompt)  # which some say who hear nothing
    yield "" if says_nothing else text


def _patience(pcm: bytes) -> httpx2.Timeout:
    """As the client has it, and as long again as was spoken: a long recording takes its time."""
    return httpx2.Timeout(WITHIN + len(pcm) / BYTES_PER_SECOND, connect=CONNECT_WITHIN)


def _read(answer: httpx2.Response) -> tuple[str, dict[str, Any]]:
    """The text, and the usage if it is told. Raises EngineError."""
    if answer.headers.get("content-type", "").startswith("text/plain"):  # whatever it was asked for
        return answer.text.strip(), {}
    told = answer.json()
    if not isinstance(told, dict) or not isinstance(told.get("text"), str):
        raise EngineError(GARBLED, retryable=True, detail="transcription: the answer has no text.")
    return told["text"].strip(), told.get("usage") or {}


def _prompt(name: str) -> str:
    """For models that are known to take one; those that tell speakers apart do not."""
    if "diarize" in name:
        return ""
    if "whisper" in name:
        return IN_THE_MANNER_OF
    return VERBATIM if name.startswith("gpt-") else ""


def _wav(pcm: bytes, rate: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, rate, len(pcm) // 2, "NONE", ""))
        writer.writeframesraw(pcm[: len(pcm) // 2 * 2])
    return file.getvalue()


def _narrow_wav(pcm: bytes) -> bytes:
    from tutor.resampling import Resampler

    samples = np.frombuffer(pcm, "<i2", len(pcm) // 2).astype(np.float32)
    narrow = Resampler(SAMPLE_RATE, NARROW_RATE).feed(samples)
    return _wav(np.clip(narrow, -32768, 32767).astype("<i2").tobytes(), NARROW_RATE)


def _words(text: str) -> list[str]:
    return _WORDS.findall(text.lower())


def _record(name: str, pcm: bytes, took: dict[str, Any]) -> None:
    """By tokens or by seconds, as the provider counts; by the length of the sound where it does not say."""
    if took.get("type") == "tokens":
        read, written = took.get("input_tokens") or 0, took.get("output_tokens") or 0
        text = (took.get("input_token_details") or {}).get("text_tokens") or 0
        usage.record(Used("transcription", name, text_in=text, audio_in=read - text, text_out=written))
    else:
        seconds = took.get("seconds") or len(pcm) / BYTES_PER_SECOND
        usage.record(Used("transcription", name, seconds=seconds))
