"""Wait for moments on the clock, so that the errors of single delays do not add up."""

import asyncio

# Seconds by which a sleep may end late. So sleeps are this much shorter, and a loop waits for the rest.
LATE_S = 0.0005


class Stopwatch:
    """Count milliseconds since `began`, a time of the event loop's clock (default: now)."""

    def __init__(self, began: float | None = None) -> None:
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock() if began is None else began

    async def until(self, moment_ms: float) -> None:
        moment = self._began + moment_ms / 1000
        if (left := moment - self._clock()) > LATE_S:
            await asyncio.sleep(left - LATE_S)
        # No event marks this moment, so loop until it has come.
        while self._clock() < moment:  # noqa: ASYNC110
            await asyncio.sleep(0)
