"""One talk with the embedded engine."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from tutor import sorrow
from tutor.engines.base import Corrected, Correction, Detection, Ended, Event, Heard, Line, Speech, Words
from tutor.engines.local import corrector, partner, speaker, transcriber
from tutor.scenario import Brief


class _Turn:
    """The learner's present turn: the sound that still has to be decoded, and what was."""

    def __init__(self) -> None:
        self.pending = bytearray()
        self.has_sound = False
        self.decoder = transcriber.Turn()


class LocalSession:
    def __init__(self, brief: Brief, transcript: Sequence[Line]) -> None:
        self.transcript = transcript
        self.speed = 1.0
        self.noticed = None
        self._brief = brief
        self._turn = _Turn()
        self._decoding: asyncio.Future[str] | None = None
        self._stop_decoding = threading.Event()

    async def hear(self, pcm: bytes) -> None:
        self._turn.pending += pcm
        self._turn.has_sound = True

    async def end_turn(self) -> None:
        self._turn = _Turn()

    async def detect_turns(self, detection: Detection | None) -> None:
        """The embedded engine has no ear for pauses: the talk listens beside it."""

    async def interrupt(self, played_ms: int) -> None:
        """Nothing to do: closing the reply stops the voice, and what was heard of it is in the transcript."""

    def reply(self, text: str | None = None) -> AsyncGenerator[Event, None]:
        return self._reply(text, self._turn, tuple(self.transcript))

    async def _reply(self, text: str | None, turn: _Turn, transcript: tuple[Line, ...]) -> AsyncGenerator[Event, None]:
        if text is None and not turn.has_sound:
            answer = self._without_turn(transcript)
        else:
            heard = text.strip() if text is not None else await self._transcribe(turn)
            yield Heard(heard)
            if not heard:
                return
            corrections = await self._correct(heard)
            if corrections:
                yield Corrected(corrections)
            answer = partner.answer(self._brief, transcript, heard, corrections)
        async with aclosing(self._say(answer.sentences)) as said:
            async for event in said:
                yield event
        if answer.ended:
            yield Ended()

    async def _correct(self, heard: str) -> tuple[Correction, ...]:
        if sorrow.in_distress(heard):  # nobody's English is corrected then
            return ()
        return await asyncio.get_running_loop().run_in_executor(corrector.EXECUTOR, corrector.correct, heard)

    def _without_turn(self, transcript: tuple[Line, ...]) -> partner.Answer:
        """Nothing new was heard: the beginning, an answer that is still owed, or the learner's return."""
        if not transcript:
            return partner.Answer((partner.opening(self._brief),), ended=False)
        if transcript[-1].role == "user":
            return partner.answer(self._brief, transcript[:-1], transcript[-1].text, ())
        return partner.Answer((partner.resume(self._brief, transcript),), ended=False)

    async def close(self) -> None:
        self._stop_decoding.set()

    async def _transcribe(self, turn: _Turn) -> str:
        """Everything heard of this turn so far. What is cancelled half-way goes on to the end of the piece it is at, and
        leaves its work to the next call."""
        while self._decoding and not self._decoding.done():
            self._stop_decoding.set()
            await asyncio.wait((self._decoding,))
        pcm = bytes(turn.pending)
        turn.pending.clear()
        stop = self._stop_decoding = threading.Event()
        work = asyncio.get_running_loop().run_in_executor(transcriber.EXECUTOR, turn.decoder.transcribe, pcm, stop)
        self._decoding = work
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            stop.set()
            raise

    async def _say(self, sentences: Sequence[str]) -> AsyncGenerator[Event, None]:
        """Each sentence's words, then its sound, while the next one is being made."""
        made: asyncio.Queue[Event | None] = asyncio.Queue()
        work = asyncio.create_task(self._make(sentences, made.put_nowait))
        work.add_done_callback(lambda _: made.put_nowait(None))
        try:
            while event := await made.get():
                yield event
            await work
        finally:
            work.cancel()

    async def _make(self, sentences: Sequence[str], put: Callable[[Event], None]) -> None:
        loop = asyncio.get_running_loop()
        for sentence in sentences:
            put(Words(sentence))
            sound = speaker.speak(sentence, self.speed)
            # Piece by piece, so that talks take turns at the one voice
            while pcm := await loop.run_in_executor(speaker.EXECUTOR, next, sound, b""):
                put(Speech(pcm))
