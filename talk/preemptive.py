"""Run a reply of the engine, which may begin before the learner's turn is known to have ended."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import cast

from engines.interface import Event, Heard, Unheard, Words
from talk.moderated_reply import USER, Judged
from usage import metering

# Rounds of the event loop: in the first this task begins, in the second a task of the engine's own.
HOPS = 2


class PreemptiveReply:
    """Run the engine's reply and queue its events, neither sent nor saved, until a Reply iterates over them.

    Iterating raises the error that ended the reply too early, usually an EngineError. `hears` says that the reply will report the
    learner's words. `heard` holds these words, "" until they are known. `used` holds the usage of providers so far.
    """

    def __init__(self, events: AsyncIterator[Event | Judged], *, hears: bool = True) -> None:
        self._events = cast(AsyncGenerator[Event | Judged, None], events)
        self._queue: asyncio.Queue[Event | Judged | Exception | None] = asyncio.Queue()
        self._answering = self._stopped = False
        self._hears, self._settled = hears, not hears
        self.heard = ""
        self.used: list[metering.Used] = []
        # Whether moderation found something in the learner's words, as soon as that is known.
        self.found_in_words: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run())
        # A callback ends the queue even if the task was cancelled before it began.
        self._task.add_done_callback(lambda _: self._end())

    async def __aiter__(self) -> AsyncIterator[Event | Judged]:
        while (event := await self._queue.get()) is not None:
            if isinstance(event, Exception):
                raise event
            yield event

    @property
    def is_transcribed(self) -> bool:
        """Return whether the learner's words are known, or it is known that there are none."""
        return self._settled or self._task.done()

    async def under_way(self) -> None:
        """Wait until the engine has had time to send its request. Other work can wait for that."""
        for _ in range(HOPS):
            if self._queue.empty():
                await asyncio.sleep(0)

    def stop(self) -> None:
        """Stop the reply, because it is not wanted (any more). The learner's words are still transcribed."""
        self._stopped = True
        if self._settled and (self._answering or not self._hears):
            self._task.cancel()

    async def discard(self) -> None:
        """Cancel the reply, and the transcription with it."""
        self._task.cancel()
        await asyncio.wait([self._task])

    def _end(self) -> None:
        self._settle_judgement(found=False)
        self._queue.put_nowait(None)

    def _settle_judgement(self, *, found: bool) -> None:
        if not self.found_in_words.done():
            self.found_in_words.set_result(found)

    async def _run(self) -> None:
        try:
            with metering.collected() as self.used:
                await self._queue_events()
        # The Reply that iterates over the queue reports and logs it.
        except Exception as error:  # noqa: BLE001
            self._queue.put_nowait(error)

    async def _queue_events(self) -> None:
        async with contextlib.aclosing(self._events) as events:
            async for event in events:
                self._answering = self._answering or isinstance(event, Words)
                is_heard = isinstance(event, Heard | Unheard)
                self._settled = self._settled or is_heard
                if isinstance(event, Heard):
                    self.heard = event.so_far
                elif isinstance(event, Judged) and event.role == USER:
                    self._settle_judgement(found=event.category is not None)
                if not (self._answering and self._stopped) or is_heard or isinstance(event, Judged):
                    self._queue.put_nowait(event)
                if self._answering and self._stopped and self._settled:
                    return
