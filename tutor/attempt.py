"""A reply of the engine under way, perhaps begun before it is known that the learner's turn has ended."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import cast

from tutor import usage
from tutor.engines.base import Event, Heard, Unheard, Words

HOPS = 2  # rounds of the event loop: this task begins, and so does one of the engine's own


class Attempt:
    """Runs the engine's reply and queues what comes, unheard and unsaved, until somebody iterates over it.

    Iterating raises what ended it too early: an EngineError, as a rule. `hears`: it tells what the learner said, sooner or
    later. `used` is what it took of a provider so far.
    """

    def __init__(self, events: AsyncIterator[Event], *, hears: bool = True) -> None:
        self._events = cast(AsyncGenerator[Event, None], events)
        self._queue: asyncio.Queue[Event | Exception | None] = asyncio.Queue()
        self._answering = self._stopped = False
        self._hears, self._settled = hears, not hears
        self.used: list[usage.Used] = []
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(lambda _: self._queue.put_nowait(None))  # though it was stopped before it began

    async def __aiter__(self) -> AsyncIterator[Event]:
        while (event := await self._queue.get()) is not None:
            if isinstance(event, Exception):
                raise event
            yield event

    async def under_way(self) -> None:
        """Returns when the engine has had its chance to ask whom it asks: what else there is to do can wait for that."""
        for _ in range(HOPS):
            if self._queue.empty():
                await asyncio.sleep(0)

    def stop(self) -> None:
        """No answer is wanted (any more). What the learner said is still made out."""
        self._stopped = True
        if self._settled and (self._answering or not self._hears):
            self._task.cancel()

    async def discard(self) -> None:
        """Throw it all away."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            with usage.collected() as self.used:
                await self._queue_events()
        except Exception as error:  # noqa: BLE001  # whoever iterates tells of it, and logs it
            self._queue.put_nowait(error)

    async def _queue_events(self) -> None:
        async with contextlib.aclosing(self._events) as events:
            async for event in events:
                self._answering = self._answering or isinstance(event, Words)
                is_heard = isinstance(event, Heard | Unheard)
                self._settled = self._settled or is_heard
                if not (self._answering and self._stopped) or is_heard:
                    self._queue.put_nowait(event)
                if self._answering and self._stopped and self._settled:
                    return
