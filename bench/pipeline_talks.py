"""Talk through this server with the pipeline engine: hold-to-talk, hands-free, and as a learner who hesitates."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from audio.encoding import BYTES_PER_SECOND
from bench.realtime_talks import BETWEEN_S
from bench.talk import trailing_silence
from engines.vad import ENDPOINTING_DELAY_MS
from tests.talking import Talker, bytes_before_voice, new_learner, silence, talking

LEVEL = "B1"
PAUSE_S = ENDPOINTING_DELAY_MS[LEVEL] / 1000
AFTER_PAUSE_S = 0.4
HESITATION_S = 0.8


async def hold_to_talk(talker: Talker, pcm: bytes, *, after_s: float = 0.0) -> float:
    """Return the seconds from the commit to the first audible sample."""
    await asyncio.sleep(after_s)
    before = len(talker.heard)
    await talker.say(pcm)
    ended = time.perf_counter()
    await talker.commit()
    return await _first_audible(talker, before) - ended


async def hands_free(talker: Talker, pcm: bytes, *, hesitates: bool = False) -> tuple[float, float]:
    """Return the seconds to the first audible sample.

    They count from the end of the pause in the sound, and from the server's event for the end of the turn.
    """
    before = len(talker.heard)
    # Begin the sentence, pause to think, and then say it all.
    if hesitates:
        await talker.say(pcm[: len(pcm) // 4 * 2] + silence(HESITATION_S))
    began = time.perf_counter()
    await talker.say(pcm + silence(PAUSE_S + AFTER_PAUSE_S))
    ended = began + len(pcm) / BYTES_PER_SECOND - trailing_silence(pcm) + PAUSE_S
    sounded = await _first_audible(talker, before)
    said, _ = await talker.wait_for("input_audio_buffer.speech_stopped", after=before)
    return sounded - ended, sounded - said


async def _first_audible(talker: Talker, before: int) -> float:
    """Return the time of the first audible sample, once both sides are saved."""
    first, event = await talker.wait_for("response.output_audio.delta", after=before)
    await talker.wait_for("response.done", after=before)
    await talker.wait_for("talk.saved", after=before, count=2)
    if notices := talker.events("talk.notice", after=before):
        raise RuntimeError(f"The talk went wrong: {notices}")
    return first + bytes_before_voice(base64.b64decode(event["delta"])) / BYTES_PER_SECOND


@asynccontextmanager
async def opened(url: str, name: str, count: int, *, hands_free: bool = False) -> AsyncIterator[Sequence[Talker]]:
    """Open talks, each of a learner of its own."""
    async with AsyncExitStack() as stack:
        talks = (talking(url, f"{name}-{each}", new_learner(url)) for each in range(count))
        talkers = [await stack.enter_async_context(talk) for talk in talks]
        for talker in talkers:
            await talker.set_up(level=LEVEL, hands_free=hands_free)
        yield talkers


async def a_turn_each(talkers: Sequence[Talker], pcm: bytes) -> list[float]:
    """Run a turn with each talker at the same time, started BETWEEN_S seconds apart. Return the waits in seconds."""
    turns = (hold_to_talk(talker, pcm, after_s=number * BETWEEN_S) for number, talker in enumerate(talkers))
    return list(await asyncio.gather(*turns))
