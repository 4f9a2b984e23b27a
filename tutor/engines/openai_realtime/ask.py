"""One reply that was asked for, from the provider's events to the engine's."""

import asyncio
import contextlib
from collections.abc import Sequence

from tutor import usage
from tutor.engines.base import EngineError, Event, Heard, Line, Speech, Spoken, Unheard, Words
from tutor.provider import errors
from tutor.usage import Used

MADE_OUT_WITHIN = 5.0  # seconds after the answer, for the learner's own words
GOES_ON_WITHIN = 4.0  # seconds, for the next piece of an answer that has begun
TOLD_WITHIN = 1.0

_Queued = Event | Used | EngineError | asyncio.Event | None


class Ask:
    """What it answers: the sound in `pcm`, or `text`, or, if neither, what `cue` says. `lines` is the dialogue before it.

    `begun`: the first words are out. `done`: the response has ended. `settled`: there is no more to learn of what was said.
    `left`: nobody waits for it any more. `cancelled`: the provider was told so. `nothing`: there was nothing said to answer."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.lines: Sequence[Line] | None = None
        self.pcm = bytearray()
        self.text: str | None = None
        self.cue = ""
        self.item_id = ""  # of what the learner said, at the provider
        self.response_id = ""
        self.items: dict[str, int] = {}  # of the answer, with how many bytes of sound each has
        self.begun = self.done = self.settled = self.left = self.cancelled = self.blocked = self.nothing = False
        self._queue: asyncio.Queue[_Queued] = asyncio.Queue()

    @property
    def waits(self) -> bool:
        """For an answer of which there is nothing yet."""
        return not (self.begun or self.done or self.left or self.nothing)

    @property
    def is_spoken(self) -> bool:
        """The response is under way at the provider."""
        return bool(self.response_id) and not self.done

    # What the provider tells

    def words(self, text: str) -> None:
        self.begun = True
        self.pcm = bytearray()  # it need not be sent again
        self._queue.put_nowait(Words(text, joined=True))

    def sound(self, item_id: str, pcm: bytes) -> None:
        if not self.begun:
            self.words("")  # it is the words that begin an answer
        self.items[item_id] = self.items.get(item_id, 0) + len(pcm)
        self._queue.put_nowait(Speech(pcm))

    def heard(self, text: str) -> None:
        """Silence is no turn, unless it was answered already."""
        if not self.settled:
            self.settled, self.nothing = True, not (text or self.begun)
            self._queue.put_nowait(Heard(text))
            self._end_if_over()

    def unheard(self) -> None:
        if not self.settled:
            self.settled = True
            self._queue.put_nowait(Unheard())
            self._end_if_over()

    def used(self, used: Used) -> None:
        self._queue.put_nowait(used)

    def end(self) -> None:
        self.done = True
        self._queue.put_nowait(Spoken())
        self._end_if_over()

    def end_unsaid(self) -> None:
        """There is no answer to it, for the learner went on."""
        self.done = True
        self._end_if_over()

    def cut_short(self, told: asyncio.Event) -> None:
        """The learner broke in; the end waits until the talk has been told so, for it makes the difference."""
        self.done = True
        self._queue.put_nowait(told)
        self._end_if_over()

    def fail(self, error: EngineError) -> None:
        """If all of the answer is out already, only the learner's words are lost."""
        if self.done:
            self.unheard()
        else:
            self.done = self.settled = True
            self._queue.put_nowait(error)

    # What whoever asked gets

    async def next(self) -> Event | None:
        """None when it is over. Raises EngineError."""
        while (queued := await self._next()) is not None:
            if isinstance(queued, EngineError):
                raise queued
            if isinstance(queued, Used):
                usage.record(queued)
            elif isinstance(queued, asyncio.Event):
                await _wait_for(queued)
            else:
                return queued
        return None

    async def _next(self) -> _Queued:
        if not self._queue.empty():
            return self._queue.get_nowait()
        timeout = MADE_OUT_WITHIN if self.done else GOES_ON_WITHIN if self.begun else None
        try:
            async with asyncio.timeout(timeout):
                return await self._queue.get()
        except TimeoutError:
            if not self.done:
                raise EngineError(errors.GONE, retryable=True, detail="The answer broke off in the middle.") from None
            self.unheard()
            return self._queue.get_nowait()

    def _end_if_over(self) -> None:
        if self.nothing or (self.done and self.settled):
            self._queue.put_nowait(None)


async def _wait_for(told: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(TOLD_WITHIN):
            await told.wait()
