"""Run the agent's reply to one turn, from the transcript to the last sound, and save both."""

import asyncio
import logging
import time
from collections.abc import Sequence

from conversations.drafts import Draft
from core import metrics, safe_traceback
from engines.interface import Corrected, Ended, Event, Heard, Speech, Spoken, Thought, Unheard, Words
from talk.dialogue import Dialogue
from talk.fallback import AGAIN
from talk.items import user_item
from talk.message_checks import Checks
from talk.moderated_reply import Judged
from talk.outgoing import Outgoing
from talk.playback import Playback
from talk.preemptive import PreemptiveReply
from talk.protocol import correction_shape
from talk.reply_events import Output, ReplyEvents, response_shape
from talk.saver import Save, TurnSaver
from talk.turn import Turn
from tutor import crisis_lines
from tutor.domain import Correction, EngineError, Line
from tutor.moderation import Category
from tutor.transcripts import Transcript, doubted_in_a_row, in_doubt
from tutor.utterances import is_backchannel, is_part_of
from usage import spending

logger = logging.getLogger(__name__)

NOTHING_HEARD = "I didn't hear anything. Check that the microphone is on, then say it again."
NOT_MADE_OUT = "Your words could not be made out."
KEPT_AS_SOUND = "What you said is kept as sound."
NOTHING_KEPT = "As no recordings are kept, please say it again."
FAILED = "Something went wrong on the server."
KEPT = "What you said is kept."
HARD_TO_HEAR = (
    "Three turns in a row were hard to hear. Speak closer to the microphone or use a headset, type your answer, or ask for"
    " a hint."
)
# Turns in a row without a certain word, after which the learner gets the notice HARD_TO_HEAR.
_OFTEN = 3
BACKCHANNEL = "A short word while I was speaking: I go on."


class Reply:
    """Follow one reply of the engine to its end.

    `turn` is the turn that it replies to, None if the agent speaks without one. `output` can change until the response begins.
    """

    def __init__(
        self,
        turn: Turn | None,
        preemptive: PreemptiveReply,
        output: Output,
        dialogue: Dialogue,
        turn_saver: TurnSaver,
        checks: Checks,
        outgoing: Outgoing,
    ) -> None:
        self.turn, self.output = turn, output
        self.response: ReplyEvents | None = None
        self._preemptive, self._dialogue, self._turn_saver = preemptive, dialogue, turn_saver
        self._checks, self._outgoing = checks, outgoing
        self._transcript = Transcript("")
        # The words to correct and the lines before them. The check starts when the turn is saved.
        self._to_check: tuple[str, Sequence[Line]] | None = None
        # None: they are made in parallel with the reply.
        self._corrections: tuple[Correction, ...] | None = ()
        self._placed = self._heard = self._sound_is_out = self._saved = self._stopped = self._says_goodbye = False
        self._taken_back = False
        # The learner's sound interrupted the agent but was not a turn, so the interrupted reply has to be said again.
        self.dropped_turn = False
        self._times = {"end": time.perf_counter()}
        # The engine that replied. Another may be in use by the time that this is saved.
        self._engine = dialogue.engine
        # The timing of a reply to a turn: see `measured` of a Message.
        self._timing: dict[str, int | None] = {}
        # The value of `_known` when the response was handed over.
        self._kept: tuple[int, bool] | None = None
        self._task = asyncio.create_task(self._run())

    @property
    def done(self) -> bool:
        return self._task.done()

    @property
    def playback(self) -> Playback | None:
        """Return the playback of its sound. None if there is no sound, or after `stop`."""
        return self.response.playback if self.response and not self._stopped else None

    @property
    def unheard_ms(self) -> int:
        """Return how many milliseconds of its sound a client that plays it as it comes has not played yet."""
        return self.response.playback.unheard_ms if self.response and self.response.playback else 0

    @property
    def is_wanted(self) -> bool:
        """Return whether the client wants the reply. If not, it may still ask for it later."""
        return self.turn is None or self.turn.answer_wanted.is_set()

    @property
    def is_heard_out(self) -> bool:
        """Return whether a client that plays its sound as it comes will play no more of it."""
        return self.done and (self._stopped or self.unheard_ms == 0)

    def speaks(self, item_id: object) -> bool:
        """Return whether this is the item of its response. A reply that was taken back has none."""
        return self.response is not None and self.response.item_id == item_id and not self._taken_back

    def stop(self) -> None:
        """Stop speaking. The learner's words are still transcribed and saved."""
        self._stopped = True
        self._preemptive.stop()
        if self.turn:
            self.turn.answer_wanted.set()

    async def finished(self) -> None:
        await asyncio.wait([self._task])

    async def take_back(self) -> None:
        """Stop speaking and save nothing, as if the reply was never said. Only for a reply without a turn."""
        self._taken_back = True
        self.stop()
        await self.finished()

    async def truncate(self, heard_ms: int) -> str:
        """Keep only the first `heard_ms` milliseconds of the reply, which the learner heard. Return their words."""
        assert self.response
        self.stop()
        await self.finished()
        text = self.response.truncate(heard_ms)
        if self._dialogue.has(self.response.item_id):
            self._dialogue.set_heard(self.response.item_id, text)
        if text:
            self._save_response(interrupted=True)
        else:
            self._turn_saver.drop(self.response.item_id)
        return text

    async def _run(self) -> None:
        try:
            # Let the engine begin before the client gets any event.
            await self._preemptive.under_way()
            if self.turn and self.turn.text is None:
                ids = {"item_id": self.turn.item_id, "previous_item_id": self._dialogue.last_id}
                await self._outgoing.send("input_audio_buffer.committed", **ids)
            async for happened in self._preemptive:
                await self._follow(happened)
            await self._finish("cancelled" if self._stopped else "completed")
        except EngineError as error:
            # Do not log the cause of the error, because it holds the provider's own words.
            logger.error("The engine failed: %s", error.detail)
            await self._fail(str(error))
        # The outermost loop of a reply. After any failure, the learner gets an answer instead of waiting for ever.
        except Exception as error:  # noqa: BLE001
            logger.error("An answer failed: %s", safe_traceback.of(error))
            await self._fail(FAILED)

    async def _follow(self, happened: Event | Judged) -> None:
        self._times.setdefault(type(happened).__name__, time.perf_counter())
        match happened:
            case Heard():
                await self._take_transcript(happened)
            case Judged("user", Category.SELF_HARM) if self.turn:
                support = crisis_lines.support(self._dialogue.country)
                await self._outgoing.send("talk.support", item_id=self.turn.item_id, **support)
            case Unheard() if self.turn and self.turn.interrupts and self.turn.is_short:
                await self._drop_turn()
            case Unheard(doubt):
                self._transcript = Transcript("", doubt=doubt)
                await self._keep_only_sound()
            case Corrected(corrections):
                self._corrections = corrections
                if self.turn:
                    shapes = [correction_shape(each) for each in corrections]
                    await self._outgoing.send("talk.correction", item_id=self.turn.item_id, corrections=shapes)
            case Thought():
                # Begin now, so that the first sound does not have to wait.
                await self._begin()
            case Words(text, joined):
                await self._begin()
                if self.response and not self.response.done:
                    await self.response.words(text, joined=joined)
            case Speech(pcm) if self.response and not (self._stopped or self.response.done):
                is_first = not self.response.pcm
                await self.response.sound(pcm)
                if is_first:
                    await self._first_sound_sent()
            case Spoken():
                await self._end_response("cancelled" if self._stopped else "completed")
            case Ended():
                self._dialogue.ended = self._says_goodbye = True

    async def _take_transcript(self, heard: Transcript) -> None:
        turn, text = self.turn, heard.text
        if turn is None or turn.item_id is None:
            return
        # The engine has replied, so the turn was not silent.
        if not text and self.response:
            await self._keep_only_sound()
            return
        self._heard = True
        if turn.interrupts and (not text or is_backchannel(text) or is_part_of(text, turn.over)):
            await self._drop_turn()
            return
        if not text:
            # There is nothing to save.
            self._saved = True
            await self._send_transcription_failed("nothing_heard", NOTHING_HEARD)
            return
        if turn.is_much_softer and not heard.doubt:
            heard = in_doubt(text, heard.confidence, [])
        self._transcript = heard
        await self._place(turn)
        if not heard.doubt:
            self._to_check = text, self._dialogue.lines_before(turn.item_id)
        reached = self._dialogue.set_words(turn.item_id, heard.certain)
        if turn.text is None:
            kind = "conversation.item.input_audio_transcription.completed"
            usage = {"type": "duration", "seconds": round(turn.seconds, 2)}
            await self._outgoing.send(kind, item_id=turn.item_id, content_index=0, transcript=text, usage=usage)
        if heard.doubt:
            await self._outgoing.send("talk.doubt", item_id=turn.item_id, **heard.stored())
            await self._advise_if_hard_to_hear()
        if reached:
            await self._outgoing.send("talk.goals", goals=self._dialogue.goals)
        if self._sound_is_out:
            await self._save_turn()

    async def _drop_turn(self) -> None:
        """End a reply to a sound that is not a turn. It is neither saved nor answered."""
        self._heard = self._saved = self.dropped_turn = True
        self.stop()
        await self._send_transcription_failed("backchannel", BACKCHANNEL)

    async def _keep_only_sound(self) -> None:
        if self.turn and not self._heard:
            self._heard = True
            await self._place(self.turn)
            kept = KEPT_AS_SOUND if self._turn_saver.keeps_audio else NOTHING_KEPT
            await self._send_transcription_failed("not_made_out", f"{NOT_MADE_OUT} {kept}")
            if self._transcript.doubt:
                await self._advise_if_hard_to_hear()
            if self._sound_is_out:
                await self._save_turn()

    async def _advise_if_hard_to_hear(self) -> None:
        doubted = doubted_in_a_row(self._dialogue.lines)
        if doubted and doubted % _OFTEN == 0:
            await self._outgoing.send("talk.notice", code="hard_to_hear", message=HARD_TO_HEAR)

    async def _place(self, turn: Turn) -> None:
        """Give the learner's turn its place in the dialogue, before the reply, even if its words are not known yet."""
        assert turn.item_id
        if self._placed:
            return
        self._placed = True
        previous = self._dialogue.last_id
        self._dialogue.add(turn.item_id, "user", self._transcript.certain)
        item = user_item(turn.item_id, self._transcript.text, typed=turn.text is not None)
        await self._outgoing.send("conversation.item.added", previous_item_id=previous, item=item)
        await self._outgoing.send("conversation.item.done", previous_item_id=previous, item=item)

    async def _send_transcription_failed(self, code: str, message: str) -> None:
        assert self.turn
        kind = "conversation.item.input_audio_transcription.failed"
        detail = {"type": "transcription_error", "code": code, "message": message, "param": None}
        await self._outgoing.send(kind, item_id=self.turn.item_id, content_index=0, error=detail)

    async def _begin(self) -> None:
        """Begin the response when it is wanted. Called when the engine thinks or has the first words."""
        if self.response:
            return
        if self.turn and not self.turn.answer_wanted.is_set():
            if self._heard:
                await self._save_turn()
            await self.turn.answer_wanted.wait()
        if self._stopped:
            return
        if self.turn:
            await self._place(self.turn)
        previous = self._dialogue.last_id
        self.response = ReplyEvents(
            self._dialogue.new_id("assistant"), self._dialogue.stamp(), previous, self._outgoing, self.output
        )
        await self.response.begin()

    async def _first_sound_sent(self) -> None:
        """Save the turn and send the timing. Called when the first sound is out, because then there is time to save.

        All timing is in milliseconds. A step that was done before the end of the turn took 0. `transcribe_ms` and
        `heard_ms` are None for a turn that is answered before it is transcribed.
        """
        self._sound_is_out = True
        if self._heard:
            await self._save_turn()
        assert self.response
        self._engine = self._dialogue.engine
        end, now = self._times["end"], time.perf_counter()
        heard = max(end, self._times.get("Heard", end))
        words = max(heard, self._times.get("Thought", self._times.get("Words", heard)))
        heard_ms = _ms(heard - end) if "Heard" in self._times else None
        if self.turn:
            # These moments count from the end of the turn.
            self._timing = {"heard_ms": heard_ms, "thought_ms": _ms(words - end), "first_audio_ms": _ms(now - end)}
            metrics.answered(self._engine, self._timing)
        steps = {"think_ms": _ms(words - heard), "speak_ms": _ms(now - words), "total_ms": _ms(now - end)}
        ids = {"item_id": self.turn.item_id if self.turn else None, "response_id": self.response.id}
        await self._outgoing.send("talk.timing", **ids, transcribe_ms=heard_ms, **steps)

    async def _end_response(self, status: str, reason: str = "") -> None:
        if self.response is None or self.response.done:
            return
        if self.response.text and not self._taken_back:
            self._dialogue.add(self.response.item_id, "assistant", self.response.text)
        await self.response.end(status, reason)
        if self.response.text and not self._taken_back:
            self._save_response(interrupted=status != "completed")

    async def _finish(self, status: str, reason: str = "") -> None:
        await self._save_turn()
        await self._end_response(status, reason)
        spending.count(self._engine, self._preemptive.used)
        # Save the usage with the response if that was saved before the usage was known.
        if self._kept and self._kept != self._known():
            self._save_response(interrupted=None)
        if self.response is None and self.is_wanted and not self._stopped:
            # The client asked for a reply, and there is none. It must not wait for `response.done` for ever.
            shape = response_shape("resp_none", "incomplete", reason or "nothing_heard", [], self.output)
            await self._outgoing.send("response.created", response=shape | {"status": "in_progress"})
            await self._outgoing.send("response.done", response=shape)
        if self._says_goodbye and status == "completed":
            await self._outgoing.send("talk.ended")

    async def _fail(self, message: str) -> None:
        if self.turn:
            is_kept = self._heard or self.turn.text is not None or self._turn_saver.keeps_audio
            message = f"{message} {KEPT if is_kept else NOTHING_KEPT}"
        message = f"{message} {AGAIN}"
        await self._outgoing.send("talk.notice", code="engine", message=message)
        if self.turn and not self._heard:
            self._transcript = Transcript(self.turn.text or "")
            # The turn is saved, so it needs its place before the lines that follow.
            await self._place(self.turn)
            if self.turn.text is None:
                await self._send_transcription_failed("engine_failed", message)
        await self._finish("failed", "engine")

    async def _save_turn(self) -> None:
        turn = self.turn
        if turn is None or self._saved:
            return
        self._saved = True
        if self._to_check and self._checks.begin(turn, *self._to_check, self._preemptive.found_in_words):
            self._corrections = None
        assert turn.item_id
        assert turn.at
        text = turn.text if turn.text is not None else self._transcript.text
        found = self._corrections
        corrections = None if found is None else [correction_shape(each) for each in found]
        uptake = [] if self._transcript.doubt else self._dialogue.taken_up(text, found or ())
        about = self._transcript.stored() | ({"uptake": [each.words() for each in uptake]} if uptake else {})
        measured = {"engine": self._engine} | about if about else None
        draft = Draft(turn.item_id, "user", text, turn.at, corrections=corrections, measured=measured)
        pcm = b"" if turn.text is not None else turn.spoken()
        self._turn_saver.put(Save(draft, pcm, self._dialogue.columns(), untrimmed=turn.voice_from_ms is None))
        if uptake:
            shapes = [{"id": str(each.card), **each.words()} for each in uptake]
            await self._outgoing.send("talk.uptake", item_id=turn.item_id, uptake=shapes)

    def _save_response(self, *, interrupted: bool | None) -> None:
        """Save the response. With None for `interrupted`, it is saved already: update only what was measured."""
        response = self.response
        assert response
        self._kept, is_new = self._known(), interrupted is not None
        measured = spending.measured(self._engine, self._preemptive.used) | self._timing
        draft = Draft(
            response.item_id, "assistant", response.text, response.at, interrupted=interrupted, measured=measured
        )
        pcm, answers = bytes(response.pcm) if is_new else b"", self.turn.item_id if self.turn else None
        self._turn_saver.put(Save(draft, pcm, self._dialogue.columns(), answers, notifies=is_new))

    def _known(self) -> tuple[int, bool]:
        """Return what is known at a save of the response: the calls to providers so far, and whether the turn was handed over."""
        return len(self._preemptive.used), self._saved


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
