"""The agent's answer to one turn: from what was heard to the last sound, and what of it is kept."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from conversations.changes import Draft
from talking_agent import metrics
from tutor import fault, spending
from tutor.attempt import Attempt
from tutor.dialogue import Dialogue
from tutor.engines.base import (
    Corrected,
    Correction,
    Ended,
    EngineError,
    Heard,
    Line,
    Speech,
    Spoken,
    Thought,
    Unheard,
    Words,
)
from tutor.engines.base import Event as EngineEvent
from tutor.keeper import Keeper, Save
from tutor.protocol import Event, correction_shape, event
from tutor.relay import AGAIN
from tutor.response import Response, response_shape
from tutor.turn import Turn

logger = logging.getLogger(__name__)

NOTHING_HEARD = "I didn't hear anything. Check that the microphone is on, then say it again."
NOT_MADE_OUT = "Your words could not be made out. What you said is kept as sound."
FAILED = "Something went wrong on the server."
KEPT = "What you said is kept."


Check = Callable[[Turn, str, Sequence[Line]], bool]


class Answer:
    """Follows one reply of the engine to its end. `turn` is what it answers; None where the agent speaks first. `check` has
    the turn corrected beside the answer, if the engine does not do so itself."""

    def __init__(
        self,
        turn: Turn | None,
        attempt: Attempt,
        *,
        dialogue: Dialogue,
        keeper: Keeper,
        send: Callable[[Event], Awaitable[None]],
        check: Check,
    ) -> None:
        self.turn = turn
        self.response: Response | None = None
        self._attempt, self._dialogue, self._keeper, self._send = attempt, dialogue, keeper, send
        self._check = check
        self._text = ""
        self._to_check: tuple[str, Sequence[Line]] | None = None  # once the first sound is out
        self._corrections: tuple[Correction, ...] | None = ()  # None: they are made beside the answer
        self._placed = self._heard = self._sound_is_out = self._saved = self._stopped = self._says_goodbye = False
        self._taken_back = False
        self._times = {"end": time.perf_counter()}
        self._engine = dialogue.engine  # that answered: another may talk by the time this is saved
        self._timing: dict[str, int | None] = {}  # of an answer to a turn: see `measured` of a Message
        self._kept: tuple[int, bool] | None = None  # what was known when the response was handed over
        self._task = asyncio.create_task(self._run())

    @property
    def done(self) -> bool:
        return self._task.done()

    def stop(self) -> None:
        """Say no more. What the learner said is still made out and kept."""
        self._stopped = True
        self._attempt.stop()
        if self.turn:
            self.turn.answer_wanted.set()

    async def finished(self) -> None:
        await asyncio.wait([self._task])

    async def take_back(self) -> None:
        """Say no more, and keep nothing of it: it was no part of the talk. It answers nobody's turn."""
        self._taken_back = True
        self.stop()
        await self.finished()

    async def truncate(self, heard_ms: int) -> str:
        """Keep only what was heard of the answer; returns its words."""
        assert self.response
        self.stop()
        await self.finished()
        text = self.response.truncate(heard_ms)
        if self._dialogue.has(self.response.item_id):
            self._dialogue.mend(self.response.item_id, text)
        if text:
            self._save_response(interrupted=True)
        else:
            self._keeper.drop(self.response.item_id)
        return text

    async def _run(self) -> None:
        try:
            await self._attempt.under_way()  # before anything is said of it
            if self.turn and self.turn.text is None:
                await self._say_committed(self.turn)
            async for happened in self._attempt:
                await self._follow(happened)
            await self._finish("cancelled" if self._stopped else "completed")
        except EngineError as error:
            logger.error("The engine failed: %s", error.detail)  # not its cause: that has the provider's own words
            await self._fail("engine", str(error))
        except Exception as error:  # noqa: BLE001  # the outermost loop of an answer: the learner must not wait for ever
            logger.error("An answer failed: %s", fault.of(error))
            await self._fail("engine", FAILED)

    async def _follow(self, happened: EngineEvent) -> None:
        self._times.setdefault(type(happened).__name__, time.perf_counter())
        match happened:
            case Heard(text):
                await self._hear(text)
            case Unheard():
                await self._keep_as_sound()
            case Corrected(corrections):
                self._corrections = corrections
                if self.turn:
                    await self._say_corrections(self.turn, corrections)
            case Thought():
                await self._begin()  # so that its first sound has nothing to wait for
            case Words(text, joined):
                await self._begin()
                if self.response and not self.response.done:
                    await self.response.words(text, joined=joined)
            case Speech(pcm) if self.response and not (self._stopped or self.response.done):
                is_first = not self.response.pcm
                await self.response.sound(pcm)
                if is_first:
                    await self._sounded()
            case Spoken():
                await self._end_response("cancelled" if self._stopped else "completed")
            case Ended():
                self._dialogue.ended = self._says_goodbye = True

    async def _hear(self, text: str) -> None:
        turn = self.turn
        if turn is None or turn.item_id is None:
            return
        if not text and self.response:  # it was answered, so there was something
            await self._keep_as_sound()
            return
        self._heard = True
        if not text:
            self._saved = True  # nothing was said: there is nothing to keep
            await self._say_unheard("nothing_heard", NOTHING_HEARD)
            return
        self._text = text
        await self._place(turn)
        self._to_check = text, self._dialogue.lines_before(turn.item_id)
        reached = self._dialogue.make_out(turn.item_id, text)
        if turn.text is None:
            await self._say_transcript(turn, text)
        if reached:
            await self._send(event("talk.goals", goals=self._dialogue.goals))
        if self._sound_is_out:
            self._save_turn()

    async def _keep_as_sound(self) -> None:
        if self.turn and not self._heard:
            self._heard = True
            await self._place(self.turn)
            await self._say_unheard("not_made_out", NOT_MADE_OUT)
            if self._sound_is_out:
                self._save_turn()

    async def _place(self, turn: Turn) -> None:
        """The learner's turn takes its place in the dialogue, before its answer, whether or not its words are known yet."""
        assert turn.item_id
        if self._placed:
            return
        self._placed = True
        previous = self._dialogue.last_id
        self._dialogue.add(turn.item_id, "user", self._text)
        item = _user_item(turn, self._text)
        await self._send(event("conversation.item.added", previous_item_id=previous, item=item))
        await self._send(event("conversation.item.done", previous_item_id=previous, item=item))

    async def _say_committed(self, turn: Turn) -> None:
        previous = self._dialogue.last_id
        await self._send(event("input_audio_buffer.committed", item_id=turn.item_id, previous_item_id=previous))

    async def _say_transcript(self, turn: Turn, text: str) -> None:
        kind = "conversation.item.input_audio_transcription.completed"
        usage = {"type": "duration", "seconds": round(turn.seconds, 2)}
        await self._send(event(kind, item_id=turn.item_id, content_index=0, transcript=text, usage=usage))

    async def _say_unheard(self, code: str, message: str) -> None:
        assert self.turn
        kind = "conversation.item.input_audio_transcription.failed"
        detail = {"type": "transcription_error", "code": code, "message": message, "param": None}
        await self._send(event(kind, item_id=self.turn.item_id, content_index=0, error=detail))

    async def _say_corrections(self, turn: Turn, corrections: tuple[Correction, ...]) -> None:
        shapes = [correction_shape(each) for each in corrections]
        await self._send(event("talk.correction", item_id=turn.item_id, corrections=shapes))

    async def _begin(self) -> None:
        """The first words are there: the answer begins as soon as it is wanted."""
        if self.response:
            return
        if self.turn and not self.turn.answer_wanted.is_set():
            if self._heard:
                self._save_turn()
            await self.turn.answer_wanted.wait()
        if self._stopped:
            return
        if self.turn:
            await self._place(self.turn)
        previous = self._dialogue.last_id
        self.response = Response(self._dialogue.new_id("assistant"), self._dialogue.stamp(), previous, self._send)
        await self.response.begin()

    async def _sounded(self) -> None:
        """The first sound is out: now there is time to save."""
        self._sound_is_out = True
        if self._heard:
            self._save_turn()
        assert self.response
        item = self.turn.item_id if self.turn else None
        self._engine = self._dialogue.engine
        steps, timing = self._timed()
        if self.turn:
            self._timing = timing
            metrics.answered(self._engine, timing)
        await self._send(event("talk.timing", item_id=item, response_id=self.response.id, **steps))

    def _timed(self) -> tuple[dict[str, int | None], dict[str, int | None]]:
        """The steps of a `talk.timing`, and the moments that are kept: milliseconds, the latter all from the end of the turn.
        A step that was done before it took none; what is answered before it is made out has no moment of that."""
        end, now = self._times["end"], time.perf_counter()
        heard = max(end, self._times.get("Heard", end))
        words = max(heard, self._times.get("Thought", self._times.get("Words", heard)))
        heard_ms = _ms(heard - end) if "Heard" in self._times else None
        steps = {"think_ms": _ms(words - heard), "speak_ms": _ms(now - words), "total_ms": _ms(now - end)}
        moments = {"heard_ms": heard_ms, "thought_ms": _ms(words - end), "first_audio_ms": _ms(now - end)}
        return {"transcribe_ms": heard_ms, **steps}, moments

    async def _end_response(self, status: str, reason: str = "") -> None:
        if self.response is None or self.response.done:
            return
        if self.response.text and not self._taken_back:
            self._dialogue.add(self.response.item_id, "assistant", self.response.text)
        await self.response.end(status, reason)
        if self.response.text and not self._taken_back:
            self._save_response(interrupted=status != "completed")

    async def _finish(self, status: str, reason: str = "") -> None:
        self._save_turn()
        await self._end_response(status, reason)
        self._account()
        is_wanted = self.turn is None or self.turn.answer_wanted.is_set()
        if self.response is None and is_wanted and not self._stopped:
            # Asked for an answer that there is not: whoever waits for `response.done` must not wait for ever.
            shape = response_shape("resp_none", "incomplete", reason or "nothing_heard", [])
            await self._send(event("response.created", response=shape | {"status": "in_progress"}))
            await self._send(event("response.done", response=shape))
        if self._says_goodbye and status == "completed":
            await self._send(event("talk.ended"))

    async def _fail(self, code: str, message: str) -> None:
        message = f"{message} {KEPT} {AGAIN}" if self.turn else f"{message} {AGAIN}"
        await self._send(event("talk.notice", code=code, message=message))
        if self.turn and not self._heard:
            self._text = self.turn.text or ""
            await self._place(self.turn)  # it is kept, so what follows comes after it
            if self.turn.text is None:
                await self._say_unheard("engine_failed", message)
        await self._finish("failed", code)

    def _save_turn(self) -> None:
        turn = self.turn
        if turn is None or self._saved:
            return
        self._saved = True
        if self._to_check and self._check(turn, *self._to_check):
            self._corrections = None
        assert turn.item_id
        assert turn.at
        text = turn.text if turn.text is not None else self._text
        found = self._corrections
        corrections = None if found is None else [correction_shape(each) for each in found]
        draft = Draft(turn.item_id, "user", text, turn.at, corrections=corrections)
        pcm = b"" if turn.text is not None else turn.spoken()
        self._keeper.put(Save(draft, pcm, self._dialogue.columns(), untrimmed=turn.voice_from_ms is None))

    def _save_response(self, *, interrupted: bool) -> None:
        assert self.response
        self._kept = self._known()
        self._keep_response(bytes(self.response.pcm), interrupted=interrupted)

    def _account(self) -> None:
        """The engine has done with this turn: what it took is counted, and kept with the answer if that was saved before."""
        spending.count(self._engine, self._attempt.used)
        if self._kept and self._kept != self._known():
            self._keep_response(b"", is_told=False)

    def _keep_response(self, pcm: bytes, *, interrupted: bool | None = None, is_told: bool = True) -> None:
        response = self.response
        assert response
        measured = spending.measured(self._engine, self._attempt.used) | self._timing
        draft = Draft(
            response.item_id, "assistant", response.text, response.at, interrupted=interrupted, measured=measured
        )
        answers = self.turn.item_id if self.turn else None
        self._keeper.put(Save(draft, pcm, self._dialogue.columns(), answers, is_told))

    def _known(self) -> tuple[int, bool]:
        """How much of what is kept with the answer is known: calls of a provider, and that its turn was handed over."""
        return len(self._attempt.used), self._saved


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _user_item(turn: Turn, text: str) -> dict[str, Any]:
    typed = turn.text is not None
    part = {"type": "input_text", "text": text} if typed else {"type": "input_audio", "transcript": text or None}
    return {
        "id": turn.item_id,
        "object": "realtime.item",
        "type": "message",
        "role": "user",
        "status": "completed",
        "content": [part],
    }
