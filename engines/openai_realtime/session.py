"""Hold one talk with the provider.

Audio is sent as it arrives, and answers arrive as they are made. Each requested reply has a queue (`Ask`) for the
provider's events. Nothing waits for the connection. All state that a session at the provider needs is kept here: the
transcript, the turns without an answer, and the audio of the next turn. So the first session begins just like one after
a lost connection.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from engines.interface import Detection, Event, ListenerEvent, TurnDetectionLost
from engines.openai.error_translation import GONE, translated
from engines.openai_realtime import conversation_items, sending
from engines.openai_realtime.configuration import Configuration
from engines.openai_realtime.connection import WHAT, RealtimeConnection, connected
from engines.openai_realtime.incoming import Incoming
from engines.openai_realtime.input_audio import BYTES_PER_MS, Hearing
from engines.openai_realtime.link import Link
from engines.openai_realtime.notices import Notices
from engines.openai_realtime.pending_response import Ask
from engines.openai_realtime.pending_responses import Asks
from tutor.domain import EngineError, Line
from tutor.instructions import instructions
from tutor.scenario import Brief
from usage import metering

# The provider refuses a shorter turn.
SHORTEST = 100 * BYTES_PER_MS
BEGUN_WITHIN = 5.0  # seconds


class RealtimeSession:
    def __init__(self, brief: Brief, transcript: Sequence[Line]) -> None:
        self.transcript = transcript
        self.noticed: Callable[[ListenerEvent | TurnDetectionLost], Awaitable[None]] | None = None
        self._configuration = Configuration(instructions(brief))
        self._link, self._hearing, self._asks = Link(), Hearing(), Asks()
        self._notices = Notices(self._tell)
        self._incoming = Incoming(
            link=self._link,
            asks=self._asks,
            hearing=self._hearing,
            configuration=self._configuration,
            notices=self._notices,
        )
        self._task: asyncio.Task[None] | None = None
        # A reply was requested for the turn that `end_turn` ends.
        self._turn_taken = False

    def open(self) -> None:
        """Connect in the background."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        for ask in self._asks.open():
            ask.fail(EngineError(GONE, retryable=True, detail=f"{WHAT}: the session was closed."))
        await self._notices.close()

    @property
    def speed(self) -> float:
        return self._configuration.speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._configuration.speed = speed
        # The speed cannot change in the middle of an answer.
        if self._link.connection and not self._asks.is_spoken():
            sending.pace(self._link.connection, self._configuration)

    # Input audio

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
            # Without a provider the talk must be notified, because it may never ask for a reply.
            self._want_at_once()

    async def interrupt(self, played_ms: int) -> None:
        """Cancel the latest answer and truncate it to `played_ms`.

        A session that began after the answer knows it only as text, and is not notified.
        """
        ask, connection = self._asks.last_answer(), self._link.connection
        if ask is None or connection is None:
            return
        sending.cancel(connection, ask)
        sending.truncate(connection, ask, played_ms)

    @property
    def _detects(self) -> bool:
        return self._configuration.detection is not None

    def _drop_heard(self) -> None:
        self._hearing.take()
        if self._link.connection:
            # The provider may still hold audio from after the turn, even if this buffer is empty.
            self._link.connection.send("input_audio_buffer.clear")

    # Replies

    def reply(self, text: str | None = None) -> AsyncGenerator[Event, None]:
        for superseded in self._asks.asked():
            sending.leave(self._link.connection, superseded)
        detected = self._asks.take_detected() if text is None else None
        ask = detected or self._asks.new()
        ask.lines = tuple(self.transcript)
        connection = self._link.connection
        if detected is None:
            self._take(ask, text)
        if detected is None and connection and ask.waits:
            if not self._asks.is_spoken():
                sending.pace(connection, self._configuration)
            sending.turn(connection, ask)
            sending.create(connection, ask, self._configuration)
        self._turn_taken = not ask.cue
        if connection is None:
            self._want_at_once()
        return self._events(ask)

    def _take(self, ask: Ask, text: str | None) -> None:
        """Set what the reply answers: the text, the audio, or nothing new."""
        if text is not None:
            ask.text = text.strip()
            ask.heard(ask.text)
        elif self._hearing.speaking or (self._hearing.heard and not self._detects):
            if len(self._hearing.heard) < SHORTEST:
                self._drop_heard()
                ask.heard("")
            ask.pcm = self._hearing.take()
        else:
            ask.cue = conversation_items.cue(ask.lines or ())
            ask.settled = True

    async def _events(self, ask: Ask) -> AsyncGenerator[Event, None]:
        while self._incoming.unrecorded:
            metering.record(self._incoming.unrecorded.pop())
        try:
            while (event := await ask.next()) is not None:
                yield event
        finally:
            sending.leave(self._link.connection, ask)

    # Sessions at the provider, one after the other

    async def _run(self) -> None:
        while True:
            try:
                await self._serve()
            except EngineError as error:
                pause = self._link.failed(error)
                if pause is None:
                    self._give_up(error)
                    await self._link.wanted()
                    continue
                # Half an answer cannot be repeated. The replies without a first word wait for the next session.
                for ask in self._asks.open():
                    if not ask.waits:
                        ask.fail(error)
                await asyncio.sleep(pause)

    async def _serve(self) -> None:
        """Run one session until it should be renewed. Raises EngineError when it fails."""
        async with contextlib.AsyncExitStack() as stack:
            with translated(WHAT):
                async with asyncio.timeout(BEGUN_WITHIN):
                    connection = await stack.enter_async_context(connected())
                    await self._begin(connection)
            with self._link.serving(connection):
                while not connection.renews:
                    self._incoming.follow(connection, await connection.receive())

    async def _begin(self, connection: RealtimeConnection) -> None:
        """Prepare a new session at the provider.

        Turn detection starts last, so that audio which is sent again does not count as a new turn.
        """
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

    def _want_at_once(self) -> None:
        """Try again at once, or give up if the provider has just refused."""
        if refused := self._link.want(at_once=True):
            self._give_up(refused)

    def _give_up(self, error: EngineError) -> None:
        """Fail all open replies.

        If no caller waits for one, report TurnDetectionLost to the talk, which would otherwise wait for the end of a
        turn.
        """
        unfinished = self._asks.open()
        is_told = any(ask.lines is not None and not ask.done for ask in unfinished)
        for ask in unfinished:
            ask.fail(error)
        if self._detects and not is_told:
            self._notices.put(TurnDetectionLost(error), lambda: None)

    async def _tell(self, happened: ListenerEvent | TurnDetectionLost) -> None:
        if self.noticed:
            await self.noticed(happened)
