"""Run a client of the talk endpoint for tests and benchmarks. It plays recordings in real time or faster."""

import asyncio
import base64
import json
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import websockets

from audio.encoding import BYTES_PER_SECOND, to_pcm

SPEECH = Path(__file__).parent / "speech"
AUDIBLE = 10 ** (-40 / 20) * 32768
CHUNK_MS = 40
CHUNK = BYTES_PER_SECOND * CHUNK_MS // 1000
Event = dict[str, Any]


def spoken(name: str) -> bytes:
    """Return a recording of tests/speech as PCM16 24 kHz."""
    return to_pcm((SPEECH / f"{name}.wav").read_bytes())


def silence(seconds: float) -> bytes:
    return bytes(int(seconds * BYTES_PER_SECOND) // 2 * 2)


def bytes_before_voice(pcm: bytes) -> int:
    """Return the position of the first audible sample, above -40 dB of full scale."""
    loud = np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2").astype(np.int32)) > AUDIBLE)
    return int(loud[0]) * 2 if len(loud) else len(pcm)


def new_learner(url: str) -> str:
    """Return the Cookie header of a new visitor."""
    with urllib.request.urlopen(f"{url}/api/conversations") as answer:
        return str(answer.headers["Set-Cookie"]).split(";")[0]


class Talker:
    """Hold one connection. `heard` is every event so far, with its time."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self.heard: list[tuple[float, Event]] = []
        self._arrived = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    async def send(self, kind: str, **fields: Any) -> None:
        await self._socket.send(json.dumps({"type": kind, **fields}))

    async def send_raw(self, frame: str | bytes) -> None:
        await self._socket.send(frame)

    async def set_up(
        self, *, scenario: str = "travel", level: str = "B1", hands_free: bool = False, **detection: Any
    ) -> None:
        turn_detection = {"type": "server_vad", **detection} if hands_free else None
        session = {
            "type": "realtime",
            "audio": {"input": {"turn_detection": turn_detection}},
            "talk": {"scenario": scenario, "level": level},
        }
        await self.send("session.update", session=session)
        await self.wait_for("session.updated")

    async def say(self, pcm: bytes, *, at_speaking_speed: bool = True) -> None:
        began = time.perf_counter()
        for number, start in enumerate(range(0, len(pcm), CHUNK)):
            # A chunk can be sent when all of it has been spoken.
            if at_speaking_speed:
                await asyncio.sleep(max(0.0, began + (number + 1) * CHUNK_MS / 1000 - time.perf_counter()))
            await self.send("input_audio_buffer.append", audio=base64.b64encode(pcm[start : start + CHUNK]).decode())

    async def commit(self, **fields: Any) -> None:
        await self.send("input_audio_buffer.commit", **fields)
        await self.send("response.create")

    async def turn(self, pcm: bytes, *, at_speaking_speed: bool = False) -> list[Event]:
        """Say a complete hold-to-talk turn. Return its events when both sides are saved."""
        before = len(self.heard)
        await self.say(pcm, at_speaking_speed=at_speaking_speed)
        await self.commit()
        await self.wait_for("response.done", after=before)
        await self.wait_for("talk.saved", after=before, count=2)
        return self.events(after=before)

    async def wait_for(
        self,
        kind: str,
        *,
        after: int = 0,
        count: int = 1,
        within: float = 60.0,
        where: Callable[[Event], bool] = lambda event: True,
    ) -> tuple[float, Event]:
        """Wait for the count-th event of this kind. Raises TimeoutError with the events that arrived instead."""

        found: list[tuple[float, Event]] = []
        looked_at = after

        def is_there() -> bool:
            nonlocal looked_at
            found.extend(entry for entry in self.heard[looked_at:] if entry[1]["type"] == kind and where(entry[1]))
            looked_at = len(self.heard)
            return len(found) >= count or self._reader.done()

        try:
            async with asyncio.timeout(within), self._arrived:
                await self._arrived.wait_for(is_there)
                return found[count - 1]
        except (TimeoutError, IndexError) as error:
            received = [event for event in self.events(after=after) if "audio.delta" not in event["type"]]
            raise TimeoutError(f"No {kind}; received: {received}") from error

    def events(self, kind: str = "", *, after: int = 0) -> list[Event]:
        return [event for _, event in self.heard[after:] if event["type"].startswith(kind)]

    def voice(self, *, after: int = 0) -> bytes:
        """Return the agent's audio."""
        return b"".join(
            base64.b64decode(event["delta"]) for event in self.events("response.output_audio.delta", after=after)
        )

    async def closed(self, within: float = 60.0) -> int:
        """Wait until the server closes the connection. Return the close code."""
        await asyncio.wait([self._reader], timeout=within)
        return self._socket.close_code or 0

    async def _read(self) -> None:
        try:
            async for frame in self._socket:
                at = time.perf_counter()
                async with self._arrived:
                    self.heard.append((at, json.loads(frame)))
                    self._arrived.notify_all()
        except websockets.ConnectionClosed:
            pass
        finally:
            async with self._arrived:
                self._arrived.notify_all()


@asynccontextmanager
async def connected(url: str, conversation: str, cookie: str, **headers: str) -> AsyncIterator[Talker]:
    """Connect without waiting for the server to begin the talk. It may refuse the talk."""
    address = f"{url.replace('http', 'ws', 1)}/v1/realtime?conversation={conversation}"
    async with websockets.connect(
        address, additional_headers={"Cookie": cookie, **headers}, max_size=None, compression=None, open_timeout=120
    ) as socket:
        yield Talker(socket)


@asynccontextmanager
async def talking(url: str, conversation: str, cookie: str, **headers: str) -> AsyncIterator[Talker]:
    async with connected(url, conversation, cookie, **headers) as talker:
        await talker.wait_for("session.created")
        yield talker
