"""Talk hold-to-talk with the official `openai` client over the Realtime API: directly, or through this server."""

import asyncio
import base64
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from audio.encoding import BYTES_PER_SECOND
from tests.talking import CHUNK, CHUNK_MS, bytes_before_voice, new_learner

MODEL = "gpt-realtime-2.1-mini"
HEAR = {"turn_detection": None, "transcription": {"model": "gpt-transcribe"}}
DONE = {"response.done": 1}
# Both sides are saved.
SAVED = {"response.done": 1, "talk.saved": 2}
# Seconds between the starts of talks at once: 50 learners who listen for as long as an answer lasts.
BETWEEN_S = 0.2


class Caller:
    """Hold one connection. `over` is the number of events of each kind that end a turn."""

    def __init__(self, connection: AsyncRealtimeConnection, over: Mapping[str, int]) -> None:
        self._connection, self._over = connection, Counter(over)

    async def set_up(self, session: Any) -> None:
        await self._connection.session.update(session=session)
        while (await self._event())["type"] != "session.updated":
            pass

    async def turn(self, pcm: bytes, *, after_s: float = 0.0) -> float:
        """Stream the audio at speaking speed. Return the seconds from the commit to the first audible sample."""
        await asyncio.sleep(after_s)
        async for piece in at_speaking_speed(pcm):
            await self._connection.input_audio_buffer.append(audio=base64.b64encode(piece).decode())
        ended = time.perf_counter()
        await self._connection.input_audio_buffer.commit()
        await self._connection.response.create()
        waited, seen = None, Counter[str]()
        while not self._over <= seen:
            event = await self._event()
            seen[event["type"]] += 1
            if waited is None and event["type"] == "response.output_audio.delta":
                waited = time.perf_counter() - ended
                waited += bytes_before_voice(base64.b64decode(event["delta"])) / BYTES_PER_SECOND
        if waited is None:
            raise RuntimeError(f"An answer without sound: {dict(seen)}")
        return waited

    async def _event(self) -> dict[str, Any]:
        """Return the next event as plain JSON, so that the client's parsing into types is not measured."""
        async with asyncio.timeout(20):
            event: dict[str, Any] = json.loads(await self._connection.recv_bytes())
        if event["type"] in ("error", "talk.notice"):
            raise RuntimeError(f"The talk went wrong: {event}")
        return event


async def at_speaking_speed(pcm: bytes) -> AsyncIterator[bytes]:
    """Yield each chunk at the time when all of it has been spoken."""
    began = time.perf_counter()
    for number, start in enumerate(range(0, len(pcm), CHUNK)):
        await asyncio.sleep(max(0.0, began + (number + 1) * CHUNK_MS / 1000 - time.perf_counter()))
        yield pcm[start : start + CHUNK]


@asynccontextmanager
async def direct(url: str, key: str) -> AsyncIterator[Caller]:
    async with (
        AsyncOpenAI(api_key=key, base_url=url) as client,
        client.realtime.connect(model=MODEL) as connection,
    ):
        caller = Caller(connection, DONE)
        await caller.set_up({"type": "realtime", "audio": {"input": HEAR}})
        yield caller


@asynccontextmanager
async def through_us(url: str, conversation: str, cookie: str) -> AsyncIterator[Caller]:
    async with (
        AsyncOpenAI(api_key="none", base_url=f"{url}/v1") as client,
        client.realtime.connect(
            model=MODEL, extra_query={"conversation": conversation}, extra_headers={"Cookie": cookie}
        ) as connection,
    ):
        caller = Caller(connection, SAVED)
        talk = {"scenario": "travel", "level": "B1"}
        await caller.set_up({"type": "realtime", "audio": {"input": {"turn_detection": None}}, "talk": talk})
        yield caller


@asynccontextmanager
async def side_by_side(
    provider_url: str, key: str, url: str, count: int
) -> AsyncIterator[tuple[Sequence[Caller], Sequence[Caller]]]:
    """Open `count` talks directly, and as many through this server, each of a learner of its own."""
    async with AsyncExitStack() as stack:
        yield (
            [await stack.enter_async_context(direct(provider_url, key)) for _ in range(count)],
            [
                await stack.enter_async_context(through_us(url, f"many-{each}", new_learner(url)))
                for each in range(count)
            ],
        )


async def a_turn_each(callers: Sequence[Caller], pcm: bytes) -> list[float]:
    """Run a turn with each caller at the same time, started BETWEEN_S seconds apart. Return the waits in seconds."""
    turns = (caller.turn(pcm, after_s=number * BETWEEN_S) for number, caller in enumerate(callers))
    return list(await asyncio.gather(*turns))
