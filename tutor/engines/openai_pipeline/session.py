"""One talk over three stages that overlap: the first clause is spoken while the rest of the answer is being written."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence

from tutor.engines.base import Detection, Event, Heard, Line, Spoken
from tutor.engines.openai_pipeline.answer import Answer
from tutor.provider import chat, transcription
from tutor.scenario import Brief


class PipelineSession:
    """Nothing of a talk is kept at the provider: each reply is asked for with as much of the transcript as `chat.messages`
    takes, so that a talk may be as long as it likes."""

    def __init__(self, brief: Brief, transcript: Sequence[Line]) -> None:
        self.transcript = transcript
        self.speed = 1.0
        self.noticed = None
        self._brief = brief
        self._heard = bytearray()  # of the present turn

    async def hear(self, pcm: bytes) -> None:
        self._heard += pcm

    async def end_turn(self) -> None:
        self._heard = bytearray()

    async def detect_turns(self, detection: Detection | None) -> None:
        """No stage has an ear for pauses: the talk listens beside it."""

    async def interrupt(self, played_ms: int) -> None:
        """Nothing to do: closing the reply stops the voice, and what was heard of it is in the transcript."""

    def reply(self, text: str | None = None) -> AsyncGenerator[Event, None]:
        return self._reply(text, bytes(self._heard), tuple(self.transcript))

    async def _reply(self, text: str | None, pcm: bytes, lines: tuple[Line, ...]) -> AsyncGenerator[Event, None]:
        """The work is a task of its own, so that no stage waits for whoever takes the events."""
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        work = asyncio.create_task(self._work(text, pcm, lines, events.put_nowait))
        work.add_done_callback(lambda _: events.put_nowait(None))
        try:
            while event := await events.get():
                yield event
            await work
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _work(self, text: str | None, pcm: bytes, lines: tuple[Line, ...], put: Callable[[Event], None]) -> None:
        if text is not None or pcm:
            heard = text.strip() if text is not None else await transcription.transcribe(pcm)
            put(Heard(heard))
            if not heard:
                return
            lines = (*lines, Line("user", heard))
        answer = Answer(put, self.speed)
        await answer.follow(chat.stream(chat.messages(self._brief, lines)))
        put(Spoken())
