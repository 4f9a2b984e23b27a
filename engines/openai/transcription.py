"""Transcribe a learner's words with a provider.

The transcript is requested as a whole. An answer can begin only when all of it is known, and a stream of its words is
complete no sooner.
"""

import asyncio
import io
import math
import re
import wave
from collections.abc import AsyncGenerator
from itertools import accumulate

import httpx2
import numpy as np

from audio.encoding import BYTES_PER_SECOND
from core.json_types import Json
from engines.interface import SAMPLE_RATE
from engines.openai import paying
from engines.openai.clients import CONNECT_WITHIN, WITHIN, client, model
from engines.openai.error_translation import GARBLED
from engines.openai.streams import patiently
from engines.openai.usage_fields import fields_of, seconds, tokens
from tutor.domain import EngineError
from tutor.transcripts import SURE_WORD, Transcript, in_doubt
from usage.metering import Used

# VERBATIM_PROMPT is for the API's own models, the other for Whisper, which continues in the manner of its prompt.
VERBATIM_PROMPT = (
    "A learner of English speaks. Write down exactly what they say: keep every mistake of grammar and choice of words, every "
    "repetition and every filler such as um and uh. Correct nothing."
)
WHISPER_PROMPT = "Um, yesterday I, uh, I go to the, the market and, hmm, I buy two bread."
# Bytes. The API takes 25 MB, which is 9 minutes, but a turn may last up to 10.
LARGEST = 24 * 1024 * 1024
# Hz, for a turn that would be larger. No model uses a higher rate.
NARROW_RATE = 16_000

# Models that return the log probability of each token, by the types of openai 3.54. SURE has not been measured on any
# of them. It is low, because a learner who was heard well must not be asked again.
_HAS_PROBABILITIES = re.compile(r"gpt-4o(-mini)?-transcribe(-\d{4}-\d\d-\d\d)?")
SURE = -1.0

_NOISES = re.compile(r"(?:\s*(?:\[[^\]]*\]|\([^)]*\)|\*[^*]*\*))+\s*")  # [BLANK_AUDIO], (music)
_WORDS = re.compile(r"[^\W_]+")


async def transcript(pcm: bytes, *, language: str = "en") -> Transcript:
    """Transcribe PCM16 mono 24 kHz, with the model's confidence where it is known. Raises EngineError."""
    attempts = [_transcribed(pcm, language) for _ in range(2)]
    async for heard in patiently("transcription", attempts):
        return heard
    return Transcript("")


async def _transcribed(pcm: bytes, language: str) -> AsyncGenerator[Transcript, None]:
    name = model("transcription")
    file = await asyncio.to_thread(_narrow_wav, pcm) if len(pcm) > LARGEST else _wav(pcm, SAMPLE_RATE)
    asked: dict[str, object] = {"model": name, "language": language, "response_format": "json"}
    if _HAS_PROBABILITIES.fullmatch(name):
        asked["include"] = ["logprobs"]
    if prompt := _prompt(name):
        asked["prompt"] = prompt
    # A long recording takes longer.
    timeout = httpx2.Timeout(WITHIN + len(pcm) / BYTES_PER_SECOND, connect=CONNECT_WITHIN)
    with paying.call(paying.transcription(name, len(pcm) / BYTES_PER_SECOND)) as paid:
        answer = await client("transcription").post(
            "/audio/transcriptions",
            body=asked,
            files={"file": ("turn.wav", file, "audio/wav")},
            cast_to=httpx2.Response,
            options={"headers": {"Content-Type": "multipart/form-data"}, "timeout": timeout},
        )
        text, body = _read(answer)
        usage = fields_of(body.get("usage"))
        if usage.get("type") == "tokens":
            of_text = tokens(fields_of(usage.get("input_token_details")), "text_tokens")
            of_audio, written = tokens(usage, "input_tokens") - of_text, tokens(usage, "output_tokens")
            used = Used("transcription", name, text_in=of_text, audio_in=of_audio, text_out=written)
        else:
            # The length of the audio, where the provider does not say.
            used = Used("transcription", name, seconds=seconds(usage) or len(pcm) / BYTES_PER_SECOND)
        paid.record(used)
    # Some models write these when they hear nothing.
    says_nothing = _NOISES.fullmatch(text) or _words(text) == _words(prompt)
    yield Transcript("") if says_nothing else _with_confidence(text, body.get("logprobs"))


def _read(answer: httpx2.Response) -> tuple[str, Json]:
    """Return the text, and the JSON object that holds it, or {} for plain text. Raises EngineError."""
    # Some servers ignore the requested format.
    if answer.headers.get("content-type", "").startswith("text/plain"):
        return answer.text.strip(), {}
    body = answer.json()
    if not isinstance(body, dict) or not isinstance(body.get("text"), str):
        raise EngineError(GARBLED, retryable=True, detail="transcription: the answer has no text.")
    return body["text"].strip(), body


def _with_confidence(text: str, logprobs: object) -> Transcript:
    """Return the text with its doubtful words. `logprobs`: [{token, logprob}] that make up the text, or nothing."""
    given = [each for each in logprobs if isinstance(each, dict)] if isinstance(logprobs, list) else []
    tokens = [each["token"] for each in given if isinstance(each.get("token"), str)]
    # A logarithm of a probability is finite and not above 0.
    chances = [
        each["logprob"]
        for each in given
        if type(each.get("logprob")) in (int, float) and -math.inf < each["logprob"] <= 0
    ]
    whole = "".join(tokens)
    if not given or not len(given) == len(chances) == len(tokens) or whole.strip() != text:
        return Transcript(text)
    confidence = sum(chances) / len(chances)
    if confidence >= SURE:
        return Transcript(text, confidence)
    starts = accumulate(map(len, tokens), initial=len(whole.lstrip()) - len(whole))
    unlikely = [
        (start, start + len(token))
        for start, token, chance in zip(starts, tokens, chances, strict=False)
        if math.exp(chance) < SURE_WORD
    ]
    words = [word.span() for word in re.finditer(r"\S+", text)]
    unsure = [word for word in words if any(start < word[1] and end > word[0] for start, end in unlikely)]
    return in_doubt(text, confidence, unsure)


def _prompt(name: str) -> str:
    """Return the prompt for models that are known to take one. Those that tell speakers apart do not."""
    if "diarize" in name:
        return ""
    if "whisper" in name:
        return WHISPER_PROMPT
    return VERBATIM_PROMPT if name.startswith("gpt-") else ""


def _wav(pcm: bytes, rate: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, rate, len(pcm) // 2, "NONE", ""))
        writer.writeframesraw(pcm[: len(pcm) // 2 * 2])
    return file.getvalue()


def _narrow_wav(pcm: bytes) -> bytes:
    from audio.resampling import Resampler

    samples = np.frombuffer(pcm, "<i2", len(pcm) // 2).astype(np.float32)
    narrow = Resampler(SAMPLE_RATE, NARROW_RATE).feed(samples)
    return _wav(np.clip(narrow, -32768, 32767).astype("<i2").tobytes(), NARROW_RATE)


def _words(text: str) -> list[str]:
    return _WORDS.findall(text.lower())
