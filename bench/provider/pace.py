"""Waiting for moments on the clock, so that delays do not add up their errors."""

import asyncio


class Pace:
    """Moments are in milliseconds since it was made."""

    def __init__(self) -> None:
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()

    async def until(self, moment_ms: float) -> None:
        left = self._began + moment_ms / 1000 - self._clock()
        if left > 0:
            await asyncio.sleep(left)
