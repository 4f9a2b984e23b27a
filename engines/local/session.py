"""Hold one talk with the embedded engine."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from engines.interface import Corrected, Detection, Ended, Event, Heard, Speech, Unheard, Words
from engines.local import corrector, partner, transcriber
from engines.local.synthesis import Reading
from tutor import moderation, safety
from tutor.domain import Correction, Line
from tutor.scenario import Brief
from tutor.transcripts import Transcript


class _Turn:
    """Hold the learner's current turn: the audio that is not decoded yet, and the decoder of the rest."""

    def __init__(self) -> None:
        self.pending = bytearray()
        self.has_audio = False
        self.decoder = transcriber.TurnTranscription()


class LocalSession:
    def __init__(self, brief: Brief, transcript: Sequence[Line]) -> None:
        self.transcript = transcript
        self.speed = 1.0
        self.noticed = None
        self._brief = brief
        self._turn = _Turn()
        self._decoding: asyncio.Future[Transcript] | None = None
        self._stop_decoding = threading.Event()

    async def hear(self, pcm: bytes) -> None:
        self._turn.pending += pcm
        self._turn.has_audio = True

    async def end_turn(self) -> None:
        self._turn = _Turn()

    async def detect_turns(self, detection: Detection | None) -> None:
        """Do nothing: the embedded engine does not detect pauses, so the talk does it."""

    async def interrupt(self, played_ms: int) -> None:
        """Do nothing: closing the reply stops the voice, and the transcript holds the part that was heard."""

    def reply(self, text: str | None = None) -> AsyncGenerator[Event, None]:
        return self._reply(text, self._turn, tuple(self.transcript))

    async def _reply(self, text: str | None, turn: _Turn, transcript: tuple[Line, ...]) -> AsyncGenerator[Event, None]:
        loop, heard = asyncio.get_running_loop(), ""
        if text is None and not turn.has_audio:
            answer = await loop.run_in_executor(corrector.EXECUTOR, self._without_turn, transcript)
        else:
            spoken = Transcript(text.strip()) if text is not None else await self._transcribe(turn)
            if spoken.doubt and not spoken.text:
                yield Unheard(spoken.doubt)
            else:
                yield Heard.of(spoken)
                if not spoken.text:
                    return
            heard = spoken.text if safety.in_distress(spoken.text) else spoken.certain
            # A learner in distress is not corrected, and words that are led away from are not repeated.
            corrections: tuple[Correction, ...] = ()
            if not spoken.doubt and not moderation.found_in_learners(heard):
                found = await loop.run_in_executor(corrector.EXECUTOR, corrector.correct, heard)
                corrections = tuple(one for one in found if spoken.is_sure(one.start, one.end))
            if corrections:
                yield Corrected(corrections)
            answer = await loop.run_in_executor(
                corrector.EXECUTOR, partner.answer, self._brief, transcript, heard, corrections, spoken.doubt
            )
        texts = [line.text for line in transcript if line.role == "user"]
        pace = partner.pace([*texts, heard] if heard else texts)
        async with aclosing(self._say(answer.sentences, pace)) as said:
            async for event in said:
                yield event
        if answer.ended:
            yield Ended()

    def _without_turn(self, transcript: tuple[Line, ...]) -> partner.PartnerAnswer:
        """Return the opening, an answer that is still owed, or a welcome back, because nothing new was heard."""
        if transcript and transcript[-1].role == "user":
            return partner.answer(self._brief, transcript[:-1], transcript[-1].text, ())
        return partner.PartnerAnswer((partner.resume(self._brief, transcript),), ended=False)

    async def close(self) -> None:
        self._stop_decoding.set()

    async def _transcribe(self, turn: _Turn) -> Transcript:
        """Return the transcript of this turn so far.

        A cancelled call finishes the piece that it is at, and leaves its work to the next call.
        """
        while self._decoding and not self._decoding.done():
            self._stop_decoding.set()
            await asyncio.wait((self._decoding,))
        pcm = bytes(turn.pending)
        turn.pending.clear()
        stop = self._stop_decoding = threading.Event()
        executor = transcriber.executor_for(pcm)
        work = asyncio.get_running_loop().run_in_executor(executor, turn.decoder.transcribe, pcm, stop)
        self._decoding = work
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            stop.set()
            raise

    async def _say(self, sentences: Sequence[str], pace: float) -> AsyncGenerator[Event, None]:
        """Yield each sentence's words and then its audio, while the next audio is being made."""
        made: asyncio.Queue[Event | None] = asyncio.Queue()

        async def make() -> None:
            reading = Reading(self.speed * pace)
            for sentence in sentences:
                made.put_nowait(Words(sentence))
                async for pcm in reading.read(sentence):
                    made.put_nowait(Speech(pcm))

        work = asyncio.create_task(make())
        work.add_done_callback(lambda _: made.put_nowait(None))
        try:
            while event := await made.get():
                yield event
            await work
        finally:
            work.cancel()
