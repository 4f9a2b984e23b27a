"""Hold one talk with the provider.

Audio is sent as it arrives, and answers arrive as they are made. Each requested reply has a queue (`PendingResponse`) for the
provider's events. Nothing waits for the connection. All state that a session at the provider needs is kept here: the transcript,
the turns without an answer, and the audio of the next turn. So the first session begins just like one after a lost connection.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from audio.encoding import BYTES_PER_SECOND
from engines.interface import Detection, Event, ListenerEvent, TurnDetectionLost
from engines.openai.error_translation import GONE, translated
from engines.openai_realtime import sending
from engines.openai_realtime.configuration import Configuration
from engines.openai_realtime.connection import WHAT, RealtimeConnection, connected
from engines.openai_realtime.deposit import Deposit
from engines.openai_realtime.incoming import Incoming, Notification
from engines.openai_realtime.input_audio import BYTES_PER_MS, UnansweredAudio
from engines.openai_realtime.link import Link
from engines.openai_realtime.pending_responses import PendingResponse, PendingResponses
from tutor.domain import EngineError, Line
from tutor.instructions import instructions, learner_data
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
        self._learner_data = learner_data(brief)
        self._link, self._audio, self._responses = Link(), UnansweredAudio(), PendingResponses()
        self._deposit = Deposit(self._configuration.instructions)
        self._incoming = Incoming(self._responses, self._audio, self._configuration, self._deposit)
        self._tasks: list[asyncio.Task[None]] = []
        self._notifying: asyncio.Future[None] | None = None
        # A reply was requested for the turn that `end_turn` ends.
        self._turn_taken = False

    def open(self) -> None:
        """Connect in the background."""
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._notify())]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._deposit.release(abandoned=self._responses.is_spoken())
        for pending in self._responses.open():
            pending.fail(EngineError(GONE, retryable=True, detail=f"{WHAT}: the session was closed."))

    @property
    def speed(self) -> float:
        return self._configuration.speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._configuration.speed = speed
        # The speed cannot change in the middle of an answer.
        if self._link.connection and not self._responses.is_spoken():
            self._configuration.send_speed(self._link.connection)

    # Input audio

    async def hear(self, pcm: bytes) -> None:
        self._audio.add(pcm, checked=self._detects and self._link.connection is not None)
        if self._link.connection:
            sending.audio(self._link.connection, self._audio, pcm)
        else:
            self._link.want()

    async def end_turn(self) -> None:
        if self._turn_taken:
            self._turn_taken = False
        elif self._has_turn():
            self._drop_audio()

    async def detect_turns(self, detection: Detection | None) -> None:
        before, self._configuration.detection = self._configuration.detection, detection
        if before == detection:
            return
        if before is None or detection is None:
            self._drop_audio()
        if self._link.connection:
            self._configuration.send_detection(self._link.connection)
        elif detection:
            # Without a provider the talk must be notified, because it may never ask for a reply.
            self._want_at_once()

    async def interrupt(self, played_ms: int) -> None:
        """Cancel the latest answer and truncate it to `played_ms`.

        A session that began after the answer knows it only as text, and is not notified.
        """
        pending, connection = self._responses.last_answer(), self._link.connection
        if pending and connection:
            sending.cancel(connection, pending)
            sending.truncate(connection, pending, played_ms)

    @property
    def _detects(self) -> bool:
        return self._configuration.detection is not None

    def _has_turn(self) -> bool:
        """Return whether there is audio of a turn that the learner may end."""
        return self._audio.speaking or bool(self._audio.pcm and not self._detects)

    def _drop_audio(self) -> None:
        self._audio.take()
        if self._link.connection:
            # The provider may still hold audio from after the turn, even if this buffer is empty.
            self._link.connection.send("input_audio_buffer.clear")

    # Replies

    def reply(self, text: str | None = None) -> AsyncGenerator[Event, None]:
        for superseded in self._responses.requested():
            sending.leave(self._link.connection, superseded)
        connection = self._link.connection
        detected = self._responses.take_detected() if text is None else None
        pending = detected or self._responses.new()
        pending.lines = tuple(self.transcript)
        seconds = len(pending.pcm or self._audio.pcm) / BYTES_PER_SECOND
        if refused := self._deposit.renew(pending.lines, seconds):
            pending.fail(refused)
            return self._events(pending)
        if detected is None:
            self._take(pending, text)
            if connection and pending.waits:
                if not self._responses.is_spoken():
                    self._configuration.send_speed(connection)
                sending.turn(connection, pending)
                sending.create(connection, pending, self._configuration.instructions)
        self._turn_taken = not pending.cue
        if connection is None:
            self._want_at_once()
        return self._events(pending)

    def _take(self, pending: PendingResponse, text: str | None) -> None:
        """Set what the reply answers: the text, the audio, or nothing new."""
        if text is not None:
            pending.text = text.strip()
            pending.heard(pending.text)
        elif self._has_turn():
            if len(self._audio.pcm) < SHORTEST:
                self._drop_audio()
                pending.heard("")
            pending.pcm = self._audio.take()
        else:
            pending.cue = sending.cue(pending.lines or ())
            pending.settled = True

    async def _events(self, pending: PendingResponse) -> AsyncGenerator[Event, None]:
        while self._incoming.unrecorded:
            metering.record(self._incoming.unrecorded.pop())
        try:
            while (event := await pending.next()) is not None:
                yield event
        finally:
            sending.leave(self._link.connection, pending)

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
                for pending in self._responses.open():
                    if not pending.waits:
                        pending.fail(error)
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
        self._responses.forget_session()
        self._audio.sent = 0
        await self._incoming.configure(connection)
        waiting = self._responses.waiting()
        lines = waiting[0].lines if waiting else None
        if self._learner_data:
            sending.message(connection, Line("user", self._learner_data))
        sending.dialogue(connection, self.transcript if lines is None else lines)
        for pending in waiting:
            sending.audio(connection, self._audio, pending.pcm)
            sending.turn(connection, pending)
            if pending is waiting[-1]:
                sending.create(connection, pending, self._configuration.instructions)
            else:
                pending.end()
        if self._detects:
            self._configuration.send_detection(connection)
        sending.audio(connection, self._audio, self._audio.pcm)

    def _want_at_once(self) -> None:
        """Try again at once, or give up if the provider has just refused."""
        if refused := self._link.want(at_once=True):
            self._give_up(refused)

    def _give_up(self, error: EngineError) -> None:
        """Fail all open replies.

        If no caller waits for one, report TurnDetectionLost to the talk, which would otherwise wait for the end of a turn.
        """
        unfinished = self._responses.open()
        is_reported = any(pending.lines is not None and not pending.done for pending in unfinished)
        for pending in unfinished:
            pending.fail(error)
        if self._detects and not is_reported:
            self._incoming.notifications.put_nowait(Notification(TurnDetectionLost(error)))

    async def _notify(self) -> None:
        """Notify the talk of events, one after the other.

        The talk may request a reply before it returns, which depends on the task that reads the provider's events. It
        may also close this session. So each notification is a task of its own, which is never cancelled.
        """
        while True:
            notification = await self._incoming.notifications.get()
            if self.noticed:
                self._notifying = asyncio.ensure_future(self.noticed(notification.event))
                await asyncio.wait([self._notifying])
            notification.handled.set()
            # The talk has requested no reply to the turn.
            if notification.turn and self._responses.drop_detected(notification.turn):
                sending.leave(self._link.connection, notification.turn)
