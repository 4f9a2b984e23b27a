"""One talk with the provider.

Sound goes there as it comes, and answers come as they are made: each reply that was asked for has a queue (`Ask`), which the
provider's events are put into. Nothing waits for the connection. What a session there has to know is all here: the transcript,
the turns that are not answered yet, what is heard of the next one. So the first session and one after a cut begin alike.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from tutor import usage
from tutor.engines.base import Detection, EngineError, Event, Line, ListenerEvent, Lost
from tutor.engines.openai_realtime import items, sending
from tutor.engines.openai_realtime.ask import Ask
from tutor.engines.openai_realtime.asks import Asks
from tutor.engines.openai_realtime.configuration import Configuration
from tutor.engines.openai_realtime.connection import WHAT, Connection
from tutor.engines.openai_realtime.hearing import BYTES_PER_MS, Hearing
from tutor.engines.openai_realtime.incoming import Incoming
from tutor.engines.openai_realtime.link import Link
from tutor.engines.openai_realtime.notices import Notices
from tutor.instructions import instructions
from tutor.provider.errors import GONE
from tutor.scenario import Brief

SHORTEST = 100 * BYTES_PER_MS  # the provider takes no shorter turn


class RealtimeSession:
    def __init__(self, brief: Brief, transcript: Sequence[Line]) -> None:
        self.transcript = transcript
        self.noticed: Callable[[ListenerEvent | Lost], Awaitable[None]] | None = None
        self._configuration = Configuration(instructions(brief))
        self._hearing, self._asks = Hearing(), Asks()
        self._notices = Notices(self._tell)
        self._incoming = Incoming(
            asks=self._asks,
            hearing=self._hearing,
            configuration=self._configuration,
            notice=self._notices.put,
            leave=self._leave,
        )
        self._link = Link(begin=self._begin, follow=self._incoming.follow, broken=self._broken, given_up=self._given_up)
        self._turn_taken = False  # a reply has been asked for to what `end_turn` ends

    def open(self) -> None:
        """Connect, in the background."""
        self._link.open()

    async def close(self) -> None:
        await self._link.close()
        for ask in self._asks.open():
            ask.fail(EngineError(GONE, retryable=True, detail=f"{WHAT}: the session was closed."))
        await self._notices.close()

    @property
    def speed(self) -> float:
        return self._configuration.speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._configuration.speed = speed
        if self._link.connection and not self._asks.is_spoken():  # it cannot change in the middle of an answer
            sending.pace(self._link.connection, self._configuration)

    # Hearing

    async def hear(self, pcm: bytes) -> None:
        self._hearing.add(pcm, judged=self._detects and self._link.connection is not None)
        if self._link.connection:
            sending.sound(self._link.connection, self._hearing, pcm)
        else:
            self._link.want()

    async def end_turn(self) -> None:
        if self._turn_taken:
            self._turn_taken = False
        elif self._hearing.speaking or (self._hearing.heard and not self._detects):
            self._drop_heard()

    async def detect_turns(self, detection: Detection | None) -> None:
        before, self._configuration.detection = self._configuration.detection, detection
        if before == detection:
            return
        if before is None or detection is None:
            self._drop_heard()
        if self._link.connection:
            sending.turn_detection(self._link.connection, self._configuration)
        elif detection:
            self._link.want(at_once=True)  # where there is no provider the talk must know: it may never ask for a reply

    async def interrupt(self, played_ms: int) -> None:
        """A session that was begun after the answer knows it only as text, and is not told."""
        ask, connection = self._asks.last_answer(), self._link.connection
        if ask is None or connection is None:
            return
        self._cancel(ask)
        sending.truncate(connection, ask, played_ms)

    @property
    def _detects(self) -> bool:
        return self._configuration.detection is not None

    def _drop_heard(self) -> None:
        self._hearing.take()
        if self._link.connection:  # where there may be a rest even if there is none here: what came after a turn
            self._link.connection.send("input_audio_buffer.clear")

    # Replying

    def reply(self, text: str | None = None) -> AsyncGenerator[Event, None]:
        for superseded in self._asks.asked():
            self._leave(superseded)
        detected = self._asks.take_detected() if text is None else None
        ask = detected or self._asks.new()
        ask.lines = tuple(self.transcript)
        if detected is None:
            self._take(ask, text)
            self._request(ask)
        self._turn_taken = not ask.cue
        if self._link.connection is None:
            self._link.want(at_once=True)
        return self._events(ask)

    def _take(self, ask: Ask, text: str | None) -> None:
        """What is answered: the text, what was heard, or nothing new."""
        if text is not None:
            ask.text = text.strip()
            ask.heard(ask.text)
        elif self._hearing.speaking or (self._hearing.heard and not self._detects):
            if len(self._hearing.heard) < SHORTEST:
                self._drop_heard()
                ask.heard("")
            ask.pcm = self._hearing.take()
        else:
            ask.cue = items.cue(ask.lines or ())
            ask.settled = True

    def _request(self, ask: Ask) -> None:
        connection = self._link.connection
        if connection is None or not ask.waits:
            return
        if not self._asks.is_spoken():
            sending.pace(connection, self._configuration)
        sending.turn(connection, ask)
        sending.create(connection, ask, self._configuration)

    async def _events(self, ask: Ask) -> AsyncGenerator[Event, None]:
        while self._incoming.unrecorded:
            usage.record(self._incoming.unrecorded.pop())
        try:
            while (event := await ask.next()) is not None:
                yield event
        finally:
            self._leave(ask)

    def _leave(self, ask: Ask) -> None:
        """Nobody waits for it any more. A response that has yet to begin is cancelled when it does."""
        self._cancel(ask)
        ask.left = True

    def _cancel(self, ask: Ask) -> None:
        """Once: it may be interrupted first, and left then."""
        if ask.is_spoken and not (ask.left or ask.cancelled) and self._link.connection:
            ask.cancelled = True
            sending.cancel(self._link.connection, ask)

    # Sessions at the provider, one after the other

    async def _begin(self, connection: Connection) -> None:
        """Without turn detection at first: what is sent again is no new turn."""
        self._asks.forget_session()
        self._hearing.sent = 0
        await self._incoming.configure(connection)
        waiting = self._asks.waiting()
        lines = waiting[0].lines if waiting else None
        sending.dialogue(connection, self.transcript if lines is None else lines)
        for ask in waiting:
            sending.sound(connection, self._hearing, ask.pcm)
            sending.turn(connection, ask)
            if ask is waiting[-1]:
                sending.create(connection, ask, self._configuration)
            else:
                ask.end_unsaid()
        if self._detects:
            sending.turn_detection(connection, self._configuration)
        sending.sound(connection, self._hearing, self._hearing.heard)

    def _broken(self, error: EngineError) -> None:
        """Who waits for the first word of an answer waits on; half an answer cannot be said again."""
        for ask in self._asks.open():
            if not ask.waits:
                ask.fail(error)

    def _given_up(self, error: EngineError) -> None:
        """Whoever waits for an answer is told by it. Where nobody does the talk is, or it would wait for a turn to end."""
        unfinished = self._asks.open()
        is_told = any(ask.lines is not None and not ask.done for ask in unfinished)
        for ask in unfinished:
            ask.fail(error)
        if self._detects and not is_told:
            self._notices.put(Lost(error), lambda: None)

    async def _tell(self, happened: ListenerEvent | Lost) -> None:
        if self.noticed:
            await self.noticed(happened)
