"""A talk: what stands between a connection and an engine. It follows the client's events, has each turn that is over
answered, sends the answer as it comes, and has everything saved beside it. It knows nothing of sockets."""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from django.conf import settings

from audio.encoding import MAX_SECONDS
from conversations import store, wire
from conversations.threads import in_thread
from tutor import listening, protocol
from tutor.answer import Answer
from tutor.attempt import Attempt
from tutor.checks import Checks
from tutor.dialogue import Dialogue, recent_mistakes
from tutor.engines import base
from tutor.engines.base import Engine, EngineError, Heard, Line, ListenerEvent
from tutor.floor import Floor
from tutor.hearing import SLICE, Hearing
from tutor.keeper import Keeper, Save
from tutor.protocol import Event, ProtocolError, event
from tutor.relay import Notice, Relay
from tutor.turn import Turn

logger = logging.getLogger(__name__)

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
        self._relay, self._hearing = Relay(engines, self._noticed), Hearing()
        self._speculate = settings.SPECULATE if speculate is None else speculate
        self._keeper: Keeper
        self._checks: Checks
        self._dialogue: Dialogue
        self._floor: Floor
        self._answer: Answer | None = None  # the latest
        self._warming: asyncio.Task[None] | None = None

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
        self._floor = Floor(
            self._hearing,
            self._relay,
            self._dialogue,
            send=self._send,
            answering=lambda: self._answer,
            reply=self._reply,
            take=self._take_turn,
            speculate=self._speculate,
        )
        await self._relay.open(self._dialogue.brief, self._dialogue.lines)
        with contextlib.suppress(EngineError):  # told by `_warm`; hold-to-talk does without
            await asyncio.to_thread(listening.load)
            self._hearing.listen()
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
        await self._floor.close()
        if self._answer:
            self._answer.stop()
        await self.settled()
        self._keeper.close()
        if self._warming:
            self._warming.cancel()
        await self._relay.close()
        if thrown := self._floor.thrown_away:
            logger.info("%s replies begun ahead were thrown away in %s.", thrown, self.conversation)

    async def _warm(self) -> None:
        try:
            await self._relay.warm()
        except EngineError as error:
            await self._send(event("talk.notice", code="engine", message=str(error)))

    @property
    def engine(self) -> Engine:
        return self._relay.engine

    def _shape(self) -> dict[str, Any]:
        pause_ms = self._floor.pause_ms
        detection = {"type": "server_vad", "silence_duration_ms": pause_ms} if self._floor.hands_free else None
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
            "talk": self._dialogue.shape() | {"engine": self.engine.name, "pause_ms": pause_ms, **wire.where()},
        }

    # What the client asks for

    async def _update(self, sent: Event) -> None:
        wishes = protocol.wishes_of(sent)
        if wishes.hands_free and not self._floor.can_be_hands_free:
            raise ProtocolError("hands_free_not_available", NOT_HANDS_FREE)
        is_opening_due = wishes.talk is not None and await self._begin_with(wishes.talk)
        if wishes.speed is not None:
            self._relay.speed = wishes.speed
        await self._floor.set_up(wishes.hands_free, wishes.pause_ms)
        if is_opening_due:
            self._answer_with(None, await self._reply(None))
        await self._send(event("session.updated", session=self._shape()))

    async def _begin_with(self, wishes: dict[str, str]) -> bool:
        """Choose what the talk is about. True if it was about to be opened: what was said of that is taken back."""
        before = self._dialogue.brief
        if not self._dialogue.begin_with(wishes) or self._dialogue.brief == before:
            return False
        opening = self._answer if self._answer and not (self._answer.done or self._answer.turn) else None
        if opening and replace(before, language=self._dialogue.brief.language) == self._dialogue.brief:
            return False  # it is opened alike in whatever language mistakes are explained
        if opening:
            await opening.take_back()
            if opening.response:
                await self._say_truncated(opening.response.item_id, 0, "")
        await self._floor.throw_away()
        await self._relay.open(self._dialogue.brief, self._dialogue.lines)
        return opening is not None

    async def _append(self, sent: Event) -> None:
        pcm = protocol.audio_of(sent)
        if not pcm:
            raise ProtocolError("empty_audio", "`audio` is empty.")
        for start in range(0, len(pcm), SLICE):
            if self._floor.is_turn_full:
                await self._floor.end_full_turn()
                raise ProtocolError("turn_too_long", TOO_LONG)
            await self._floor.hear(pcm[start : start + SLICE])
            if start:
                await asyncio.sleep(0)

    async def _commit(self, sent: Event) -> None:
        item_id = protocol.item_id_of(sent.get("item_id"))
        if item_id and self._dialogue.has(item_id):
            await self._floor.drop_turn()  # or it would be the beginning of the next turn
            raise ProtocolError("item_exists", f"The item {item_id} is there already.")
        turn = self._floor.turn
        if turn is None or not turn.pcm:
            raise ProtocolError("input_audio_buffer_commit_empty", "There is no sound to commit.")
        turn.item_id = item_id or turn.item_id
        await self._floor.end_turn()

    async def _clear(self, sent: Event) -> None:
        await self._floor.drop_turn()
        await self._send(event("input_audio_buffer.cleared"))

    async def _create_item(self, sent: Event) -> None:
        item_id, text = protocol.typed_text(sent)
        if item_id and self._dialogue.has(item_id):
            raise ProtocolError("item_exists", f"The item {item_id} is there already.")
        await self._take_turn(Turn(self._hearing.position_ms, item_id=item_id, text=text))

    async def _respond(self, sent: Event) -> None:
        answer = self._answer
        if answer is None or answer.done:
            if self._floor.turn:
                raise ProtocolError("input_audio_buffer_not_committed", "Commit or clear the sound first.")
            self._answer_with(None, await self._reply(None))
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
        answer.stop()
        await self._relay.interrupt(heard_ms)  # before the learner's words are waited for: it would go on speaking
        await self._say_truncated(answer.response.item_id, heard_ms, await answer.truncate(heard_ms))

    async def _say_truncated(self, item_id: str, heard_ms: int, text: str) -> None:
        kept = {"content_index": 0, "audio_end_ms": heard_ms, "transcript": text}
        await self._send(event("conversation.item.truncated", item_id=item_id, **kept))

    async def _think(self, sent: Event) -> None:
        await self._floor.hold(sent.get("on") is True)

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

    # What the engine tells by itself

    async def _noticed(self, happened: ListenerEvent | Notice) -> None:
        if not isinstance(happened, Notice):
            await self._floor.notice(happened)
        elif not self._floor.closed:
            await self._follow_notice(happened)

    async def _follow_notice(self, notice: Notice) -> None:
        await self._send(event("talk.notice", code=notice.code, message=notice.message, engine=notice.engine))
        if notice.engine == self._dialogue.engine:
            return
        self._dialogue.engine = self._keeper.engine = notice.engine
        await self._floor.change_listeners()
        await self._send(event("session.updated", session=self._shape()))
        self._floor.catch_up()

    # Answering

    async def _take_turn(self, turn: Turn, attempt: Attempt | None = None) -> None:
        """The learner's turn is over. `attempt`: its answer, if that was begun ahead."""
        turn.item_id, turn.at = turn.item_id or self._dialogue.new_id("user"), self._dialogue.stamp()
        if attempt is None:
            attempt = Attempt(_nothing(turn)) if self._was_silent(turn) else await self._reply(turn)
        self._answer_with(turn, attempt)
        await self._relay.end_turn()  # at once: what is heard from now on belongs to the next one

    def _was_silent(self, turn: Turn) -> bool:
        """Nobody spoke, as far as can be told; asked only for an engine that would make something up."""
        if not self.engine.invents_in_silence or turn.text is not None or self._relay.detects:
            return False
        if self._hearing.listens and not self.engine.detects_turns:
            return turn.voice_from_ms is None
        return not self._hearing.is_audible(turn)

    async def _reply(self, turn: Turn | None) -> Attempt:
        """An answer to what was heard; the one before is over first, so that it is in the transcript."""
        if self._answer and not self._answer.done:
            self._answer.stop()
            await self._answer.finished()
        await self._relay.bring_up_to(turn)
        events = self._relay.reply(turn, turn.text if turn else None, lambda: self._floor.turn)
        return Attempt(events, hears=turn is not None)

    def _answer_with(self, turn: Turn | None, attempt: Attempt) -> None:
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
