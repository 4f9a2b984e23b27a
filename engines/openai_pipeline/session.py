"""Hold one talk over three overlapping stages: a clause is spoken while the rest of the answer is being written."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from audio.encoding import BYTES_PER_SECOND
from engines.interface import Detection, Event, Heard, Spoken
from engines.openai import chat_completions, paying, text_to_speech, transcription
from engines.openai.clients import model
from engines.openai_pipeline.speech_answer import SpokenAnswer
from tutor.domain import Line
from tutor.scenario import Brief
from tutor.transcripts import Transcript

# Characters of an answer, for the estimate of its cost. Few are longer.
SPOKEN = 400


class PipelineSession:
    """Hold one talk.

    The provider keeps nothing of it. Each reply is requested with as much of the transcript as
    `chat_completions.messages` takes, so a talk may be of any length.
    """

    def __init__(self, brief: Brief, transcript: Sequence[Line]) -> None:
        self.transcript = transcript
        self.speed = 1.0
        self.noticed = None
        self._brief = brief
        # The audio of the current turn.
        self._heard = bytearray()

    async def hear(self, pcm: bytes) -> None:
        self._heard += pcm

    async def end_turn(self) -> None:
        self._heard = bytearray()

    async def detect_turns(self, detection: Detection | None) -> None:
        """Do nothing: no stage detects pauses, so the talk does it."""

    async def interrupt(self, played_ms: int) -> None:
        """Do nothing: closing the reply stops the voice, and the transcript holds the part that was heard."""

    def reply(self, text: str | None = None) -> AsyncGenerator[Event, None]:
        return self._reply(text, bytes(self._heard), tuple(self.transcript))

    async def _reply(self, text: str | None, pcm: bytes, lines: tuple[Line, ...]) -> AsyncGenerator[Event, None]:
        """Yield the events of a reply. The work runs in its own task, so that no stage waits for the reader of the events."""
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        work = asyncio.create_task(self._paid_work(text, pcm, lines, events))
        work.add_done_callback(lambda _: events.put_nowait(None))
        try:
            while event := await events.get():
                yield event
            await work
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _paid_work(
        self, text: str | None, pcm: bytes, lines: tuple[Line, ...], events: asyncio.Queue[Event | None]
    ) -> None:
        heard = paying.transcription(model("transcription"), len(pcm) / BYTES_PER_SECOND)
        read = sum(len(message["content"]) for message in chat_completions.messages(self._brief, lines))
        answer = chat_completions.estimate(read), text_to_speech.estimate(SPOKEN, self.speed)
        with paying.turn(answer if text is not None else (heard, *answer)):
            await self._work(text, pcm, lines, events)

    async def _work(
        self, text: str | None, pcm: bytes, lines: tuple[Line, ...], events: asyncio.Queue[Event | None]
    ) -> None:
        if text is not None or pcm:
            heard = Transcript(text.strip()) if text is not None else await transcription.transcript(pcm)
            events.put_nowait(Heard.of(heard))
            if not heard.text:
                return
            lines = (*lines, Line("user", chat_completions.in_doubt(heard) if heard.doubt else heard.text))
        answer = SpokenAnswer(events, self.speed)
        await answer.follow(chat_completions.stream(chat_completions.messages(self._brief, lines)))
        events.put_nowait(Spoken())
