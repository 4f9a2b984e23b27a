"""Waiting for moments on the clock, so that delays do not add up their errors."""

import asyncio

LATE_S = 0.0005  # by which a sleep may end after its time; it ends before, and the rest is spent awake


class Pace:
    """Moments are in milliseconds since it began: a time of the event loop's clock, by default now."""

    def __init__(self, began: float | None = None) -> None:
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock() if began is None else began

    async def until(self, moment_ms: float) -> None:
        moment = self._began + moment_ms / 1000
        if (left := moment - self._clock()) > LATE_S:
            await asyncio.sleep(left - LATE_S)
        while self._clock() < moment:  # noqa: ASYNC110 - there is nothing that would set an event on time
            await asyncio.sleep(0)
