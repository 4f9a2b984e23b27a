"""Decode and transcribe recordings of learners who practise."""

from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from audio import sound_threads
from audio.encoding import BYTES_PER_SECOND, BadAudio, TooLarge
from talk import speaking
from talk.turns import DECODING, LEAST, RECORDED, CallRefused
from tutor.transcripts import Transcript

TOO_LONG = "audio: It is longer than {} seconds. Send a shorter one."


@asynccontextmanager
async def decoded(audio: bytes, longest: int, visitor: Hashable) -> AsyncIterator[bytes]:
    """Yield the PCM of a recording of at most `longest` seconds. Meanwhile it counts as one of the visitor's recordings.

    Raises CallRefused, AtCapacity.
    """
    async with RECORDED.taken(visitor, DECODING) as place:
        try:
            pcm = await sound_threads.to_pcm(audio)
        except BadAudio as error:
            raise CallRefused(413 if isinstance(error, TooLarge) else 400, f"audio: {error}") from error
        if len(pcm) > longest * BYTES_PER_SECOND:
            raise CallRefused(400, TOO_LONG.format(longest))
        place.shrink(max(len(pcm), LEAST))
        yield pcm


async def transcribe(audio: bytes, longest: int, visitor: Hashable) -> tuple[Transcript, bytes]:
    """Return the words of a recording of at most `longest` seconds, and its PCM.

    Raises CallRefused, EngineError, AtCapacity, SpokenEnough.
    """
    async with decoded(audio, longest, visitor) as pcm:
        heard, _ = await speaking.transcribe(pcm, "en")
        return heard, pcm
