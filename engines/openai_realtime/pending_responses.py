"""Turn the provider's events into the engine's events, separately for each requested reply."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence

from engines.interface import Event, Heard, Speech, Spoken, Unheard, Words
from engines.openai.error_translation import GONE
from engines.openai.realtime import ServerEvent
from tutor.domain import EngineError, Line
from usage import metering
from usage.metering import Used

# Seconds after the answer, for the transcript of the learner's words.
MADE_OUT_WITHIN = 5.0
# Seconds for the next piece of an answer that has begun.
GOES_ON_WITHIN = 4.0
# Seconds for the talk to handle an interruption.
HANDLED_WITHIN = 1.0
# The number of latest replies that are kept.
REMEMBERED = 8

_Queued = Event | Used | EngineError | asyncio.Event | None


class PendingResponse:
    """Hold one requested reply.

    It answers the audio in `pcm`, or `text`, or, if there is neither, follows `cue`. `lines` is the dialogue before it.

    `begun`: its first words were received. `done`: the response has ended. `settled`: nothing more will be known of the
    learner's words. `left`: no caller waits for it any more. `cancelled`: the provider was asked to cancel it.
    `blocked`: it waits because another response is active. `nothing`: there were no words to answer.
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

    def add_words(self, text: str) -> None:
        self.begun = True
        # A new session does not need the audio again.
        self.pcm = bytearray()
        self._queue.put_nowait(Words(text, joined=True))

    def add_audio(self, item_id: str, pcm: bytes) -> None:
        if not self.begun:
            # An answer begins with its words.
            self.add_words("")
        self.items[item_id] = self.items.get(item_id, 0) + len(pcm)
        self._queue.put_nowait(Speech(pcm))

    def heard(self, text: str) -> None:
        """Take the transcript of the learner's words. Silence is not a turn, unless it was answered already."""
        if not self.settled:
            self.nothing = not (text or self.begun)
            self._settle(Heard(text))

    def unheard(self) -> None:
        if not self.settled:
            self._settle(Unheard())

    def add_usage(self, used: Used) -> None:
        self._queue.put_nowait(used)

    def end(self, last: Spoken | asyncio.Event | None = None) -> None:
        """End it with the last event of the answer.

        If the learner broke in, this is an asyncio.Event: the end waits until the talk knows of the interruption, because the
        talk handles it differently. Without an event, it ends without an answer, because the learner went on.
        """
        self.done = True
        if last:
            self._queue.put_nowait(last)
        self._end_if_over()

    def fail(self, error: EngineError) -> None:
        """End it with an error. If the whole answer was received already, only the learner's words are lost."""
        if self.done:
            self.unheard()
        else:
            self.done = self.settled = True
            self._queue.put_nowait(error)

    def _settle(self, words: Heard | Unheard) -> None:
        self.settled = True
        self._queue.put_nowait(words)
        self._end_if_over()

    def _end_if_over(self) -> None:
        if self.nothing or (self.done and self.settled):
            self._queue.put_nowait(None)

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
                    async with asyncio.timeout(HANDLED_WITHIN):
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
                raise EngineError(GONE, retryable=True, detail="The answer broke off in the middle.") from None
            self.unheard()
            return self._queue.get_nowait()


class PendingResponses:
    """Hold the latest requested replies, and find the one that an event of the provider belongs to."""

    def __init__(self) -> None:
        self._latest: deque[PendingResponse] = deque(maxlen=REMEMBERED)
        self._detected: deque[PendingResponse] = deque()
        self._number = 0

    def new(self) -> PendingResponse:
        self._number += 1
        pending = PendingResponse(self._number)
        self._latest.append(pending)
        return pending

    # Turns whose end the provider has detected, and which it answers by itself

    def detect(self, item_id: str) -> PendingResponse:
        pending = self.new()
        pending.item_id = item_id
        self._detected.append(pending)
        return pending

    def take_detected(self) -> PendingResponse | None:
        return self._detected.popleft() if self._detected else None

    def drop_detected(self, pending: PendingResponse) -> bool:
        """Drop a detected turn. Returns False if its reply was requested already."""
        if pending not in self._detected:
            return False
        self._detected.remove(pending)
        return True

    # Finding a reply

    def open(self) -> list[PendingResponse]:
        """Return the replies that a caller waits for or may still request, the oldest first."""
        return [each for each in self._latest if not each.left and not (each.done and each.settled)]

    def requested(self) -> list[PendingResponse]:
        """Return the replies that were requested and not left."""
        return [each for each in self._latest if each.lines is not None and not each.left]

    def waiting(self) -> list[PendingResponse]:
        return [each for each in self._latest if each.waits]

    def of_response(self, response_id: str) -> PendingResponse | None:
        return next((each for each in reversed(self._latest) if each.response_id == response_id), None)

    def of_item(self, item_id: str) -> PendingResponse | None:
        """Return the reply to the learner's words with this item id."""
        return next((each for each in reversed(self._latest) if each.item_id == item_id), None)

    def of_number(self, number: str) -> PendingResponse | None:
        return next((each for each in self._latest if str(each.number) == number), None)

    def of_commit(self) -> PendingResponse | None:
        """Return the oldest reply whose audio has no item id from the provider yet."""
        return next((each for each in self._latest if each.pcm and not (each.item_id or each.settled)), None)

    def of_new_response(self, response: ServerEvent) -> PendingResponse | None:
        """Return the reply that a new response belongs to.

        A response that we requested carries the reply's number. One that the provider began by itself answers the latest turn.
        """
        number = (response.get("metadata") or {}).get("ask")
        if number is not None:
            return self.of_number(str(number))
        return next((each for each in reversed(self._latest) if not (each.response_id or each.done)), None)

    def last_answer(self) -> PendingResponse | None:
        """Return the latest reply whose answer has begun."""
        return next((each for each in reversed(self._latest) if each.begun), None)

    def blocked(self) -> PendingResponse | None:
        """Return a reply that waits because another response was active."""
        return next((each for each in self._latest if each.blocked and each.waits), None)

    def is_spoken(self) -> bool:
        """Return whether a response is under way."""
        return any(each.is_spoken for each in self._latest)

    def forget_session(self) -> None:
        """Forget the ids of the old session, because a new one has begun."""
        for each in self._latest:
            each.item_id = each.response_id = ""
            each.items.clear()
            each.blocked = False
            if not each.waits:
                each.pcm = bytearray()
