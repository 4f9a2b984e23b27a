"""Share the single voice between replies.

The reply whose audio is due first is next, so that no learner waits for audio that others will hear much later.
"""

import asyncio
import heapq
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from weakref import WeakKeyDictionary

from engines.interface import SAMPLE_RATE, is_live
from engines.local import speaker

_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, "_Turns"] = WeakKeyDictionary()


class Reading:
    """Read one reply aloud.

    Its first piece is due at once, and the next one when the first has been heard. All pieces are due at once if the
    client waits for the whole reply (`is_live` is False).
    """

    def __init__(self, speed: float) -> None:
        self._speed, self._is_live = speed, is_live.get()
        self._due = time.monotonic()

    async def read(self, text: str) -> AsyncGenerator[bytes, None]:
        """Yield PCM16 24 kHz, piece by piece."""
        loop = asyncio.get_running_loop()
        turns = _turns.setdefault(loop, _Turns())
        pieces = speaker.speak(text, self._speed)
        while True:
            async with turns.taken(self._due):
                pcm = await loop.run_in_executor(speaker.EXECUTOR, next, pieces, b"")
            if not pcm:
                return
            if self._is_live:
                self._due += len(pcm) / (2 * SAMPLE_RATE)
            yield pcm


class _Turns:
    """Admit one task at a time, the one with the earliest deadline first."""

    def __init__(self) -> None:
        self._is_taken = False
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()

    @asynccontextmanager
    async def taken(self, due: float) -> AsyncIterator[None]:
        if self._is_taken:
            mine = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (due, next(self._numbers), mine))
            try:
                await mine
            except asyncio.CancelledError:
                # The turn was passed to this task at the same moment.
                if not mine.cancelled():
                    self._pass_on()
                raise
        self._is_taken = True
        try:
            yield
        finally:
            # Call it soon rather than now, so that a reply whose next piece is due as early is already waiting.
            asyncio.get_running_loop().call_soon(self._pass_on)

    def _pass_on(self) -> None:
        while self._waiting:
            *_, waiting = heapq.heappop(self._waiting)
            if not waiting.done():
                waiting.set_result(None)
                return
        self._is_taken = False
