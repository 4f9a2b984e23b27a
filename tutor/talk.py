"""A talk: what stands between a connection and an engine. It follows the client's events, decides when a turn has ended,
sends the answer as it comes, and has everything saved beside it. It knows nothing of sockets."""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from django.conf import settings

from audio.encoding import BYTES_PER_SECOND, MAX_SECONDS
from conversations import store, wire
from conversations.threads import in_thread
from talking_agent import metrics
from tutor import listening, protocol, spending
from tutor.answer import Answer
from tutor.attempt import Attempt
from tutor.checks import Checks
from tutor.dialogue import Dialogue, recent_mistakes
from tutor.engines import base
from tutor.engines.base import (
    Detection,
    Engine,
    EngineError,
    Heard,
    Line,
    ListenerEvent,
    ShortPause,
    SpeechResumed,
    SpeechStarted,
    TurnEnded,
)
from tutor.keeper import Keeper, Save
from tutor.listening import PAUSE_MS, Listener
from tutor.protocol import Event, ProtocolError, event
from tutor.relay import Notice, Relay
from tutor.turn import Turn, bytes_of

logger = logging.getLogger(__name__)

SLICE = (
    BYTES_PER_SECOND // 25
)  # 40 ms: a large piece of sound is listened to in slices, so that nobody else waits for it
LONG_PREROLL_MS = 3000  # an engine that detects turns may tell late
PREROLL_MS = 400  # a voice is made out up to 100 ms after it began, and its first sound may be soft
TOO_LONG = f"A turn is at most {MAX_SECONDS // 60} minutes. What came after is not kept: end the turn."
NOT_HANDS_FREE = "Hands-free needs the packages of requirements-local.txt on the server. Hold to talk instead."
TAKEN_OVER = "This conversation was opened in another window. It goes on there."

Send = Callable[[Event], Awaitable[None]]
HangUp = Callable[[int], Awaitable[None]]


class Talk:
    """One connection's talk. `begin`, then `receive` each event, then `close`, which returns when all is saved."""

    def __init__(
        self,
        *,
        learner: uuid.UUID,
        conversation: str,
        engines: Sequence[Engine],
        send: Send,
        hang_up: HangUp,
        speculate: bool | None = None,
    ) -> None:
        self.learner, self.conversation = learner, conversation
        self._send, self._hang_up = send, hang_up
        self._relay = Relay(engines, self._notice)
        self._speculate = settings.SPECULATE if speculate is None else speculate
        self._keeper: Keeper
        self._checks: Checks
        self._dialogue: Dialogue
        self._is_closing = False
        self._catching_up: asyncio.Task[None] | None = None  # on what was said while no listener of ours was asked
        self._listener: Listener | None = None  # None where nothing can tell a voice from silence
        self._hands_free = False
        self._pause_ms: int | None = None
        self._hold = False  # "let me think"
        self._received = 0  # bytes of sound
        self._preroll = bytearray()
        self._turn: Turn | None = None  # being spoken
        self._ahead: Attempt | None = None  # its answer, begun in a short pause
        self._answer: Answer | None = None  # to the turn before it
        self._warming: asyncio.Task[None] | None = None
        self._thrown_away = 0

    # The connection's life

    async def begin(self) -> None:
        """Find the conversation, or begin it. Raises store.Deleted, DatabaseError."""
        recalled = asyncio.ensure_future(in_thread(recent_mistakes, self.learner))  # beside the rest; never fails
        stored = None
        with contextlib.suppress(store.OutOfReach):  # begun anew here; what is said joins what is there
            stored = await in_thread(store.get, self.learner, self.conversation)
        if stored is None and await in_thread(store.is_deleted, self.learner, self.conversation):
            raise store.Deleted(self.conversation)
        self._keeper = Keeper(self.learner, self.conversation, self.engine.name, self._tell)
        self._dialogue = Dialogue.of(self.conversation, stored, self.engine.name, mistakes=await recalled)
        self._checks = Checks(self._dialogue, self._keeper, self._send)
        await self._relay.open(self._dialogue.brief, self._dialogue.lines)
        with contextlib.suppress(EngineError):  # told by `_warm`; hold-to-talk does without
            await asyncio.to_thread(listening.load)
            self._listen()
        await self._send(event("session.created", session=self._shape()))
        self._warming = asyncio.create_task(self._warm())

    async def receive(self, sent: Event) -> None:
        """Follow one event of the client. Raises ProtocolError; the talk goes on."""
        follow = self._FOLLOWED.get(sent["type"])
        if follow is None:
            raise ProtocolError("unknown_event", f"There is no event {sent['type'][:100]!r}. See docs/api.md.")
        await follow(self, sent)

    async def taken_over(self) -> None:
        await self._send(event("talk.notice", code="taken_over", message=TAKEN_OVER))
        await self._hang_up(4001)

    async def settled(self) -> None:
        """Returns when the last turn is answered and all is saved."""
        if self._answer:
            await self._answer.finished()
        await self._checks.finished()
        await self._keeper.settled()

    async def close(self) -> None:
        """What was committed is still made out and saved; answers nobody hears are not finished."""
        if self._catching_up:
            await asyncio.wait([self._catching_up])
        self._is_closing = True
        if self._ahead:
            await self._ahead.discard()
        if self._answer:
            self._answer.stop()
        await self.settled()
        self._keeper.close()
        if self._warming:
            self._warming.cancel()
        await self._relay.close()
        if self._thrown_away:
            logger.info("%s replies begun ahead were thrown away in %s.", self._thrown_away, self.conversation)

    async def _warm(self) -> None:
        try:
            await self._relay.warm()
        except EngineError as error:
            await self._send(event("talk.notice", code="engine", message=str(error)))

    @property
    def engine(self) -> Engine:
        return self._relay.engine

    def _shape(self) -> dict[str, Any]:
        detection = {"type": "server_vad", "silence_duration_ms": self._pause()} if self._hands_free else None
        return {
            "type": "realtime",
            "object": "realtime.session",
            "id": f"sess_{self.conversation}",
            "model": self.engine.name,
            "output_modalities": ["audio"],
            "audio": {
                "input": {"format": {"type": "audio/pcm", "rate": 24000}, "turn_detection": detection},
                "output": {"format": {"type": "audio/pcm", "rate": 24000}, "speed": self._relay.speed},
            },
            "talk": self._dialogue.shape() | {"engine": self.engine.name, "pause_ms": self._pause(), **wire.where()},
        }

    def _pause(self) -> int:
        return self._pause_ms or PAUSE_MS[self._dialogue.brief.level]

    # What the client asks for

    async def _update(self, sent: Event) -> None:
        wishes = protocol.wishes_of(sent)
        if wishes.hands_free and self._listener is None and not self.engine.detects_turns:
            raise ProtocolError("hands_free_not_available", NOT_HANDS_FREE)
        before = self._dialogue.brief
        if wishes.talk is not None and self._dialogue.begin_with(wishes.talk) and self._dialogue.brief != before:
            await self._relay.open(self._dialogue.brief, self._dialogue.lines)
        if wishes.hands_free is not None and wishes.hands_free != self._hands_free:
            await self._drop_turn()
            self._hands_free = wishes.hands_free
        if wishes.hands_free:
            self._pause_ms = wishes.pause_ms
        if wishes.speed is not None:
            self._relay.speed = wishes.speed
        await self._listen_for_turns()
        await self._send(event("session.updated", session=self._shape()))

    async def _append(self, sent: Event) -> None:
        pcm = protocol.audio_of(sent)
        if not pcm:
            raise ProtocolError("empty_audio", "`audio` is empty.")
        for start in range(0, len(pcm), SLICE):
            if self._turn and len(self._turn.pcm) >= MAX_SECONDS * BYTES_PER_SECOND:
                await self._too_long()
                raise ProtocolError("turn_too_long", TOO_LONG)
            await self._hear(pcm[start : start + SLICE])
            if start:
                await asyncio.sleep(0)

    async def _commit(self, sent: Event) -> None:
        item_id = protocol.item_id_of(sent.get("item_id"))
        if item_id and self._dialogue.has(item_id):
            await self._drop_turn()  # or it would be the beginning of the next turn
            raise ProtocolError("item_exists", f"The item {item_id} is there already.")
        if self._turn is None or not self._turn.pcm:
            raise ProtocolError("input_audio_buffer_commit_empty", "There is no sound to commit.")
        self._turn.item_id = item_id or self._turn.item_id
        await self._end_turn()

    async def _clear(self, sent: Event) -> None:
        await self._drop_turn()
        await self._send(event("input_audio_buffer.cleared"))

    async def _create_item(self, sent: Event) -> None:
        item_id, text = protocol.typed_text(sent)
        if item_id and self._dialogue.has(item_id):
            raise ProtocolError("item_exists", f"The item {item_id} is there already.")
        await self._take_turn(Turn(self._position_ms(), item_id=item_id, text=text))

    async def _respond(self, sent: Event) -> None:
        answer = self._answer
        if answer is None or answer.done:
            if self._turn:
                raise ProtocolError("input_audio_buffer_not_committed", "Commit or clear the sound first.")
            await self._answer_with(None, await self._reply(None))
        elif answer.turn and not answer.turn.answer_wanted.is_set():
            answer.turn.answer_wanted.set()
        else:
            raise ProtocolError("conversation_already_has_active_response", "The agent is answering already.")

    async def _cancel(self, sent: Event) -> None:
        if self._answer is None or self._answer.done:
            raise ProtocolError("response_cancel_not_active", "The agent is not answering.")
        self._answer.stop()

    async def _truncate(self, sent: Event) -> None:
        heard_ms = protocol.milliseconds_of(sent, "audio_end_ms")
        answer = self._answer
        if not (answer and answer.response and sent.get("item_id") == answer.response.item_id):
            raise ProtocolError("item_not_found", "Only the agent's latest item can be truncated.")
        text = await answer.truncate(heard_ms)
        await self._relay.interrupt(heard_ms)
        item = answer.response.item_id
        kept = {"content_index": 0, "audio_end_ms": heard_ms, "transcript": text}
        await self._send(event("conversation.item.truncated", item_id=item, **kept))

    async def _think(self, sent: Event) -> None:
        self._hold = sent.get("on") is True
        await self._listen_for_turns()

    async def _hint(self, sent: Event) -> None:
        await self._send(event("talk.hint", text=self._dialogue.hint()))

    async def _end(self, sent: Event) -> None:
        if self._dialogue.lines:
            self._dialogue.ended = True
            self._keeper.put(Save(None, b"", self._dialogue.columns()))

    _FOLLOWED: dict[str, Callable[["Talk", Event], Awaitable[None]]] = {
        "session.update": _update,
        "input_audio_buffer.append": _append,
        "input_audio_buffer.commit": _commit,
        "input_audio_buffer.clear": _clear,
        "conversation.item.create": _create_item,
        "response.create": _respond,
        "response.cancel": _cancel,
        "conversation.item.truncate": _truncate,
        "talk.think": _think,
        "talk.hint": _hint,
        "talk.end": _end,
    }

    # Hearing

    async def _listen_for_turns(self) -> None:
        """Tell whoever listens what ends a turn."""
        if self.engine.detects_turns:
            detection = Detection(PAUSE_MS[self._dialogue.brief.level], self._pause_ms, self._hold)
            await self._relay.detect_turns(detection if self._hands_free else None)
        if self._listener:
            self._listener.pause_ms = self._pause() if self._hands_free else None
            self._listener.hold = self._hold

    def _listen(self) -> None:
        """From now on, with a listener of our own, where its packages are."""
        with contextlib.suppress(EngineError):
            self._listener, self._listened_from_ms = Listener(), self._position_ms()

    async def _hear(self, pcm: bytes) -> None:
        if self._turn is None and (self._answer is None or self._answer.done):
            await self._relay.return_if_rested()
        start_ms = self._position_ms()
        self._received += len(pcm)
        if self._turn is None and not self._hands_free:
            self._turn = Turn(start_ms)
        if self._turn:
            self._turn.pcm += pcm
            await self._relay.hear(self._turn, pcm)
        else:
            is_late = self._relay.detects or (self._catching_up and not self._catching_up.done())
            self._preroll = (self._preroll + pcm)[-bytes_of(LONG_PREROLL_MS if is_late else PREROLL_MS) :]
            await self._relay.pass_by(pcm)
        await self._notice_all(self._listen_to(pcm))

    def _listen_to(self, pcm: bytes) -> list[ListenerEvent]:
        if self._listener is None or self.engine.detects_turns:
            return []
        from_ms = self._listened_from_ms
        return [replace(happened, at_ms=happened.at_ms + from_ms) for happened in self._listener.feed(pcm)]

    async def _notice_all(self, found: Sequence[ListenerEvent]) -> None:
        for happened in found:
            await self._notice(happened)

    async def _notice(self, happened: ListenerEvent | Notice) -> None:
        if self._is_closing:  # a turn that begins now would have nobody to keep it
            return
        match happened:
            case Notice():
                await self._other_engine(happened)
            case SpeechStarted(at_ms):
                turn = self._turn or await self._voice_began(at_ms)
                if not self._relay.detects:  # whose pauses nobody here has measured: the keeper looks for the voice
                    turn.voice_began(at_ms)
            case ShortPause(at_ms) if self._turn:
                self._turn.voice_paused(at_ms)
                may_begin = self._speculate and self.engine.begins_early and not self._ahead
                if may_begin and (self._answer is None or self._answer.done):
                    self._ahead = await self._reply(self._turn)
            case SpeechResumed(at_ms) if self._turn:
                self._turn.voice_began(at_ms)
                await self._throw_away()
            case TurnEnded(at_ms) if self._turn:
                await self._send(
                    event("input_audio_buffer.speech_stopped", item_id=self._turn.item_id, audio_end_ms=at_ms)
                )
                self._turn.answer_wanted.set()
                await self._end_turn()

    async def _other_engine(self, notice: Notice) -> None:
        """Another engine goes on: what it does not do by itself is done here."""
        await self._send(event("talk.notice", code=notice.code, message=notice.message, engine=notice.engine))
        if notice.engine == self._dialogue.engine:
            return
        self._dialogue.engine = self._keeper.engine = notice.engine
        self._listen()
        if self._listener is None and not self.engine.detects_turns:
            self._hands_free = False
        await self._listen_for_turns()
        await self._send(event("session.updated", session=self._shape()))
        heard = bytes(self._turn.pcm if self._turn else self._preroll) if self._hands_free or self._turn else b""
        if heard:
            self._listened_from_ms = self._position_ms() - len(heard) * 1000 // BYTES_PER_SECOND
            found = self._listen_to(heard)
            # In a task of its own: this may be the task of the answer that a turn's end would wait for.
            self._catching_up = asyncio.create_task(self._notice_all(found))

    async def _voice_began(self, at_ms: int) -> Turn:
        """Hands-free: a turn begins. First of all the agent falls silent."""
        kept = bytes_of(self._position_ms() - at_ms + PREROLL_MS)  # a detector may be late to tell
        pcm = self._preroll[-kept:]
        start_ms = self._position_ms() - len(pcm) * 1000 // BYTES_PER_SECOND
        turn = self._turn = Turn(start_ms, item_id=self._dialogue.new_id("user"), pcm=bytearray(pcm))
        self._preroll = bytearray()
        await self._send(event("input_audio_buffer.speech_started", item_id=turn.item_id, audio_start_ms=start_ms))
        if self._answer:
            self._answer.stop()
        if self._relay.detects:
            self._relay.has_heard(turn)
        await self._relay.bring_up_to(turn)
        return turn

    async def _end_turn(self) -> None:
        turn, self._turn = self._turn, None
        assert turn is not None
        ahead, self._ahead = self._ahead, None
        self._forget_voice()
        await self._take_turn(turn, ahead)

    async def _too_long(self) -> None:
        # Hands-free has no button to end the turn with.
        if self._hands_free and self._turn:
            self._turn.answer_wanted.set()
            await self._end_turn()

    async def _throw_away(self) -> None:
        if self._ahead:
            self._thrown_away += 1
            metrics.thrown_away(self.engine.name)
            await self._ahead.discard()
            spending.count(self.engine.name, self._ahead.used)
            self._ahead = None

    async def _drop_turn(self) -> None:
        await self._throw_away()
        if self._turn:
            self._turn = None
            await self._relay.end_turn()
        self._forget_voice()

    def _forget_voice(self) -> None:
        if self._listener:
            self._listener.reset()

    def _position_ms(self) -> int:
        return self._received * 1000 // BYTES_PER_SECOND

    # Answering

    async def _take_turn(self, turn: Turn, attempt: Attempt | None = None) -> None:
        """The learner's turn is over. `attempt`: its answer, if that was begun ahead."""
        turn.item_id, turn.at = turn.item_id or self._dialogue.new_id("user"), self._dialogue.stamp()
        if attempt is None and self._was_silent(turn):
            attempt = Attempt(_nothing(turn))
        attempt = attempt or await self._reply(turn)  # under way before anything is said of it
        if turn.text is None:
            await self._send(
                event("input_audio_buffer.committed", item_id=turn.item_id, previous_item_id=self._dialogue.last_id)
            )
        await self._answer_with(turn, attempt)
        await self._relay.end_turn()

    def _was_silent(self, turn: Turn) -> bool:
        """Nobody spoke, as far as can be told; asked only for an engine that would make something up."""
        if not self.engine.invents_in_silence or turn.text is not None or self._relay.detects:
            return False
        if self._listener and not self.engine.detects_turns:
            return turn.voice_from_ms is None
        return not listening.is_audible(turn.pcm)

    async def _reply(self, turn: Turn | None) -> Attempt:
        """An answer to what was heard; the one before is over first, so that it is in the transcript."""
        if self._answer:
            self._answer.stop()
            await self._answer.finished()
        await self._relay.bring_up_to(turn)
        events = self._relay.reply(turn, turn.text if turn else None, lambda: self._turn)
        return Attempt(events, hears=turn is not None)

    async def _answer_with(self, turn: Turn | None, attempt: Attempt) -> None:
        self._answer = Answer(
            turn, attempt, dialogue=self._dialogue, keeper=self._keeper, send=self._send, check=self._check
        )

    def _check(self, turn: Turn, text: str, before: Sequence[Line]) -> bool:
        """Have the turn corrected beside its answer; False where the engine does so itself."""
        if not self.engine.corrects_aloud:
            self._checks.begin(self.engine, turn, text, before)
        return not self.engine.corrects_aloud

    async def _tell(self, said: Event) -> None:
        """What the keeper has to say; without its conversation a talk has nowhere to go on."""
        await self._send(said)
        if said.get("code") == "deleted":
            await self._hang_up(4004)


async def _nothing(turn: Turn) -> AsyncGenerator[base.Event, None]:
    """The answer to silence; it is over when it has been asked for, or would be taken for one that is yet to come."""
    yield Heard("")
    await turn.answer_wanted.wait()
