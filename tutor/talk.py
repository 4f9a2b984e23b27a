"""A talk: what stands between a connection and an engine. It follows the client's events, decides when a turn has ended,
sends the answer as it comes, and has everything saved beside it. It knows nothing of sockets."""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings

from audio.encoding import BYTES_PER_SECOND, MAX_SECONDS
from conversations import store, wire
from conversations.threads import in_thread
from tutor import listening, protocol
from tutor.answer import Answer
from tutor.attempt import Attempt
from tutor.dialogue import Dialogue
from tutor.engines.base import Engine, EngineError, Session
from tutor.keeper import Keeper, Save
from tutor.listening import PAUSE_MS, Listener, ListenerEvent, ShortPause, SpeechResumed, SpeechStarted, TurnEnded
from tutor.protocol import Event, ProtocolError, event
from tutor.turn import Turn, bytes_of

logger = logging.getLogger(__name__)

SLICE = (
    BYTES_PER_SECOND // 25
)  # 40 ms: a large piece of sound is listened to in slices, so that nobody else waits for it
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
        engine: Engine,
        send: Send,
        hang_up: HangUp,
        speculate: bool | None = None,
    ) -> None:
        self.learner, self.conversation, self.engine = learner, conversation, engine
        self._send, self._hang_up = send, hang_up
        self._speculate = settings.SPECULATE if speculate is None else speculate
        self._keeper: Keeper
        self._stack = contextlib.AsyncExitStack()
        self._session: Session
        self._dialogue: Dialogue
        self._listener: Listener | None = None  # None where nothing can tell a voice from silence
        self._hands_free = False
        self._pause_ms: int | None = None
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
        stored = None
        with contextlib.suppress(store.OutOfReach):  # begun anew here; what is said joins what is there
            stored = await in_thread(store.get, self.learner, self.conversation)
        if stored is None and await in_thread(store.is_deleted, self.learner, self.conversation):
            raise store.Deleted(self.conversation)
        self._keeper = Keeper(self.learner, self.conversation, self.engine.name, self._tell)
        self._dialogue = Dialogue.of(self.conversation, stored, self.engine.name)
        await self._open_session()
        with contextlib.suppress(EngineError):  # told by `_warm`; hold-to-talk does without
            await asyncio.to_thread(listening.load)
            self._listener = Listener()
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
        await self._keeper.settled()

    async def close(self) -> None:
        """What was committed is still made out and saved; answers nobody hears are not finished."""
        if self._ahead:
            await self._ahead.discard()
        if self._answer:
            self._answer.stop()
        await self.settled()
        self._keeper.close()
        if self._warming:
            self._warming.cancel()
        await self._stack.aclose()
        if self._thrown_away:
            logger.info("%s replies begun ahead were thrown away in %s.", self._thrown_away, self.conversation)

    async def _warm(self) -> None:
        try:
            await self.engine.warm()
        except EngineError as error:
            await self._send(event("talk.notice", code="engine", message=str(error)))

    async def _open_session(self) -> None:
        speed = self._session.speed if hasattr(self, "_session") else 1.0
        await self._stack.aclose()
        self._session = await self._stack.enter_async_context(
            self.engine.talk(self._dialogue.brief, self._dialogue.lines)
        )
        self._session.speed = speed

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
                "output": {"format": {"type": "audio/pcm", "rate": 24000}, "speed": self._session.speed},
            },
            "talk": self._dialogue.shape() | {"engine": self.engine.name, "pause_ms": self._pause(), **wire.where()},
        }

    def _pause(self) -> int:
        return self._pause_ms or PAUSE_MS[self._dialogue.brief.level]

    # What the client asks for

    async def _update(self, sent: Event) -> None:
        wishes = protocol.wishes_of(sent)
        if wishes.hands_free and self._listener is None:
            raise ProtocolError("hands_free_not_available", NOT_HANDS_FREE)
        if wishes.talk is not None and self._dialogue.begin_with(wishes.talk):
            await self._open_session()
        if wishes.hands_free is not None and wishes.hands_free != self._hands_free:
            await self._drop_turn()
            self._hands_free = wishes.hands_free
        if wishes.hands_free:
            self._pause_ms = wishes.pause_ms
        if wishes.speed is not None:
            self._session.speed = wishes.speed
        if self._listener:
            self._listener.pause_ms = self._pause() if self._hands_free else None
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
            await self._answer_with(None, await self._reply())
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
        await self._session.interrupt(heard_ms)
        item = answer.response.item_id
        kept = {"content_index": 0, "audio_end_ms": heard_ms, "transcript": text}
        await self._send(event("conversation.item.truncated", item_id=item, **kept))

    async def _think(self, sent: Event) -> None:
        if self._listener:
            self._listener.hold = sent.get("on") is True

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

    async def _hear(self, pcm: bytes) -> None:
        start_ms = self._position_ms()
        self._received += len(pcm)
        if self._turn is None and not self._hands_free:
            self._turn = Turn(start_ms)
        if self._turn:
            self._turn.pcm += pcm
            await self._session.hear(pcm)
        else:
            self._preroll = (self._preroll + pcm)[-bytes_of(PREROLL_MS) :]
        for happened in self._listener.feed(pcm) if self._listener else ():
            await self._notice(happened)

    async def _notice(self, happened: ListenerEvent) -> None:
        match happened:
            case SpeechStarted(at_ms):
                turn = self._turn or await self._voice_began()
                turn.voice_began(at_ms)
            case ShortPause(at_ms) if self._turn:
                self._turn.voice_paused(at_ms)
                if self._speculate and not self._ahead and (self._answer is None or self._answer.done):
                    self._ahead = await self._reply()
            case SpeechResumed(at_ms) if self._turn:
                self._turn.voice_began(at_ms)
                await self._throw_away()
            case TurnEnded(at_ms) if self._turn:
                await self._send(
                    event("input_audio_buffer.speech_stopped", item_id=self._turn.item_id, audio_end_ms=at_ms)
                )
                self._turn.answer_wanted.set()
                await self._end_turn()

    async def _voice_began(self) -> Turn:
        """Hands-free: a turn begins. First of all the agent falls silent."""
        start_ms = self._position_ms() - len(self._preroll) * 1000 // BYTES_PER_SECOND
        turn = self._turn = Turn(start_ms, item_id=self._dialogue.new_id("user"), pcm=self._preroll)
        self._preroll = bytearray()
        await self._send(event("input_audio_buffer.speech_started", item_id=turn.item_id, audio_start_ms=start_ms))
        if self._answer:
            self._answer.stop()
        await self._session.hear(bytes(turn.pcm))
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
            await self._ahead.discard()
            self._ahead = None

    async def _drop_turn(self) -> None:
        await self._throw_away()
        if self._turn:
            self._turn = None
            await self._session.end_turn()
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
        if turn.text is None:
            await self._send(
                event("input_audio_buffer.committed", item_id=turn.item_id, previous_item_id=self._dialogue.last_id)
            )
        await self._answer_with(turn, attempt or await self._reply(turn.text))
        await self._session.end_turn()

    async def _reply(self, text: str | None = None) -> Attempt:
        """An answer to what was heard; the one before is over first, so that it is in the transcript."""
        if self._answer:
            self._answer.stop()
            await self._answer.finished()
        return Attempt(self._session.reply(text))

    async def _answer_with(self, turn: Turn | None, attempt: Attempt) -> None:
        self._answer = Answer(turn, attempt, dialogue=self._dialogue, keeper=self._keeper, send=self._send)

    async def _tell(self, said: Event) -> None:
        """What the keeper has to say; without its conversation a talk has nowhere to go on."""
        await self._send(said)
        if said.get("code") == "deleted":
            await self._hang_up(4004)
