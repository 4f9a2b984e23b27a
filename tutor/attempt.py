"""A reply of the engine under way, perhaps begun before it is known that the learner's turn has ended."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import cast

from tutor.engines.base import EngineError, Event, Words


class Attempt:
    """Runs the engine's reply and queues what comes, unheard and unsaved, until somebody iterates over it.

    Iterating raises the EngineError that ended it, if one did.
    """

    def __init__(self, events: AsyncIterator[Event]) -> None:
        self._events = cast(AsyncGenerator[Event, None], events)
        self._queue: asyncio.Queue[Event | EngineError | None] = asyncio.Queue()
        self._answering = self._stopped = False
        self._task = asyncio.create_task(self._run())

    async def __aiter__(self) -> AsyncIterator[Event]:
        while (event := await self._queue.get()) is not None:
            if isinstance(event, EngineError):
                raise event
            yield event

    def stop(self) -> None:
        """No answer is wanted (any more). What the learner said is still made out."""
        self._stopped = True
        if self._answering:
            self._task.cancel()

    async def discard(self) -> None:
        """Throw it all away."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        try:
            async with contextlib.aclosing(self._events) as events:
                async for event in events:
                    self._answering = self._answering or isinstance(event, Words)
                    if self._answering and self._stopped:
                        return
                    self._queue.put_nowait(event)
        except EngineError as error:
            self._queue.put_nowait(error)
        finally:
            self._queue.put_nowait(None)
