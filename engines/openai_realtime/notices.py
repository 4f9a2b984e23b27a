"""Notify the talk of events, one after the other, in a separate task.

The talk may ask for a reply before it returns, and that reply depends on the task that reads the provider's events.
"""

import asyncio
from collections.abc import Awaitable, Callable

from engines.interface import ListenerEvent, TurnDetectionLost

Tell = Callable[[ListenerEvent | TurnDetectionLost], Awaitable[None]]
Told = Callable[[], None]


class Notices:
    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._waiting: asyncio.Queue[tuple[ListenerEvent | TurnDetectionLost, Told]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._is_telling = self._closed = False

    def put(self, happened: ListenerEvent | TurnDetectionLost, told: Told) -> None:
        """Queue an event for the talk. `told` is called when the talk has handled it."""
        self._waiting.put_nowait((happened, told))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop notifying the talk.

        A notification that is under way is completed, since it may be the one that calls this method.
        """
        self._closed = True
        if self._task and not self._is_telling:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while not self._closed:
            happened, told = await self._waiting.get()
            self._is_telling = True
            try:
                await self._tell(happened)
            finally:
                self._is_telling = False
            told()
