"""Turn the provider's events for one requested reply into the engine's events."""

import asyncio
import contextlib
from collections.abc import Sequence

from engines.interface import Event, Heard, Speech, Spoken, Unheard, Words
from engines.openai import error_translation
from tutor.domain import EngineError, Line
from usage import metering
from usage.metering import Used

# Seconds after the answer, for the transcript of the learner's words.
MADE_OUT_WITHIN = 5.0
# Seconds for the next piece of an answer that has begun.
GOES_ON_WITHIN = 4.0
TOLD_WITHIN = 1.0

_Queued = Event | Used | EngineError | asyncio.Event | None


class Ask:
    """Hold one requested reply.

    It answers the audio in `pcm`, or `text`, or, if there is neither, follows `cue`. `lines` is the dialogue before it.

    `begun`: its first words were received. `done`: the response has ended. `settled`: nothing more will be known of the
    learner's words. `left`: no caller waits for it any more. `cancelled`: the provider was asked to cancel it.
    `nothing`: there were no words to answer.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.lines: Sequence[Line] | None = None
        self.pcm = bytearray()
        self.text: str | None = None
        self.cue = ""
        # The provider's id for the learner's words.
        self.item_id = ""
        self.response_id = ""
        # The items of the answer, each with its number of bytes of audio.
        self.items: dict[str, int] = {}
        self.begun = self.done = self.settled = self.left = self.cancelled = self.blocked = self.nothing = False
        self._queue: asyncio.Queue[_Queued] = asyncio.Queue()

    @property
    def waits(self) -> bool:
        """Return whether it waits for an answer of which nothing has arrived yet."""
        return not (self.begun or self.done or self.left or self.nothing)

    @property
    def is_spoken(self) -> bool:
        """Return whether the response is under way at the provider."""
        return bool(self.response_id) and not self.done

    # Called for the provider's events

    def words(self, text: str) -> None:
        self.begun = True
        # A new session does not need the audio again.
        self.pcm = bytearray()
        self._queue.put_nowait(Words(text, joined=True))

    def sound(self, item_id: str, pcm: bytes) -> None:
        if not self.begun:
            # An answer begins with its words.
            self.words("")
        self.items[item_id] = self.items.get(item_id, 0) + len(pcm)
        self._queue.put_nowait(Speech(pcm))

    def heard(self, text: str) -> None:
        """Take the transcript of the learner's words. Silence is not a turn, unless it was answered already."""
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
        """End it without an answer, because the learner went on."""
        self.done = True
        self._end_if_over()

    def cut_short(self, told: asyncio.Event) -> None:
        """End it because the learner broke in.

        The end waits until the talk knows of the interruption (`told`), because the talk handles it differently.
        """
        self.done = True
        self._queue.put_nowait(told)
        self._end_if_over()

    def fail(self, error: EngineError) -> None:
        """End it with an error. If the whole answer was received already, only the learner's words are lost."""
        if self.done:
            self.unheard()
        else:
            self.done = self.settled = True
            self._queue.put_nowait(error)

    # Called for the talk

    async def next(self) -> Event | None:
        """Return the next event, or None at the end. Raises EngineError."""
        while (queued := await self._next()) is not None:
            if isinstance(queued, EngineError):
                raise queued
            if isinstance(queued, Used):
                metering.record(queued)
            elif isinstance(queued, asyncio.Event):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TOLD_WITHIN):
                        await queued.wait()
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
                raise EngineError(
                    error_translation.GONE, retryable=True, detail="The answer broke off in the middle."
                ) from None
            self.unheard()
            return self._queue.get_nowait()

    def _end_if_over(self) -> None:
        if self.nothing or (self.done and self.settled):
            self._queue.put_nowait(None)
