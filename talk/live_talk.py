"""Connect one client with an engine for the length of a talk. `LiveTalk` handles the events, `Exchange` does the rest."""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Sequence

from django.conf import settings

from audio.encoding import MAX_SECONDS
from conversations import preferences, store
from conversations.store import StoredConversation
from core.threads import in_thread
from engines import vad
from engines.interface import Engine
from talk import protocol, reminders, reprompt, session_fields
from talk.dialogue import Dialogue
from talk.exchange import Exchange
from talk.fallback import FallbackSession
from talk.items import Items, typed_text
from talk.outgoing import Outgoing, Send
from talk.protocol import Event, ProtocolError
from talk.saver import Save, TurnSaver
from talk.session_config import possible
from talk.turn import Turn
from tutor.domain import EngineError
from usage import budget

logger = logging.getLogger(__name__)

# A talk does not wait longer for the mistakes of earlier talks. It begins without them.
RECALL_WITHIN_S = 0.5
TURN_TOO_LONG = f"A turn is at most {MAX_SECONDS // 60} minutes. What came after is not kept: end the turn."
NO_DELETING = "Items cannot be deleted one by one. DELETE /api/conversations/ID deletes a conversation."
NO_WEBRTC = "This is for WebRTC. Send response.cancel, and conversation.item.truncate with what was heard."
# Events of the Realtime API that a talk refuses, with the reason.
REFUSED_EVENTS = {"conversation.item.delete": NO_DELETING, "output_audio_buffer.clear": NO_WEBRTC}


async def open_talk(
    *,
    learner: uuid.UUID,
    conversation: str,
    engines: Sequence[Engine],
    send: Send,
    preemptive: bool | None = None,
    country: str = "",
) -> "LiveTalk":
    """Load the conversation, or begin a new one, and return its talk. Raises store.ConversationDeleted, DatabaseError.

    `send` is called with each event for the client. Call `receive` for each event of the client, and at the end `close`.
    `preemptive` allows preemptive replies, by default as the setting PREEMPTIVE_REPLIES does. `country` is the learner's, for
    crisis lines.
    """
    # Read in parallel with the rest. This never fails.
    recalled = asyncio.ensure_future(in_thread(reminders.recall, learner))
    stored, chosen = await asyncio.gather(_stored(learner, conversation), in_thread(preferences.of, learner))
    fallback_session = FallbackSession(engines)
    name = fallback_session.engine.name
    await asyncio.wait([recalled], timeout=RECALL_WITHIN_S)
    due = recalled.result() if recalled.done() else ()
    dialogue = Dialogue.of(conversation, stored, name, reminders=due)
    dialogue.country = country
    turn_saver = TurnSaver(learner, conversation, name, keeps_audio=chosen.keeps_audio)
    outgoing = Outgoing(send, Items(stored.messages if stored else ()))
    await fallback_session.open(dialogue.brief, dialogue.lines)
    preemptive = settings.PREEMPTIVE_REPLIES if preemptive is None else preemptive
    exchange = Exchange(dialogue, fallback_session, turn_saver, outgoing, preemptive=preemptive)
    talk = LiveTalk(exchange)
    try:
        # Warming the engine reports this error. Hold-to-talk works without voice activity detection.
        with contextlib.suppress(EngineError):
            await asyncio.to_thread(vad.load)
            exchange.input_buffer.listen()
        await talk.greet()
    except BaseException:
        await talk.close()
        raise
    return talk


async def _stored(learner: uuid.UUID, conversation: str) -> StoredConversation | None:
    # If the conversation is out of reach, begin anew here. The new messages are merged with the stored ones later.
    with contextlib.suppress(store.OutOfReach):
        if stored := await in_thread(store.get, learner, conversation):
            return stored
    if await in_thread(store.is_deleted, learner, conversation):
        raise store.ConversationDeleted(conversation)
    return None


class LiveTalk:
    """Run the talk of one connection. `open_talk` makes it. It must not be used after `close`."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        # Set when the conversation was deleted, because the talk cannot go on then.
        self.deleted = asyncio.Event()
        self._dialogue, self._replies, self._turn_detector = exchange.dialogue, exchange.replies, exchange.turn_detector
        self._turn_saver, self._outgoing = exchange.turn_saver, exchange.outgoing
        self._saving = asyncio.create_task(self._save_turns())

    # The connection's life

    async def greet(self) -> None:
        """Describe the session to the client, and warm up the engine in the background."""
        await self._outgoing.send("session.created", session=self.exchange.shape)
        if why_not := budget.why_not(self.exchange.fallback_session.preferred.name):
            goes_on = budget.allows(self.engine.name)
            message = f"{why_not} {budget.GOES_ON}" if goes_on else why_not
            named = {"engine": self.engine.name} if goes_on else {}
            await self._outgoing.send("talk.notice", code="engine", message=message, **named)
        self.exchange.warm_up()

    async def receive(self, sent: Event) -> None:
        """Process one event of the client. Raises ProtocolError, after which the talk goes on."""
        await self._outgoing.follow(sent)
        exchange, latest = self.exchange, self._replies.latest
        match sent["type"]:
            case "session.update":
                await self._update(sent)
            case "input_audio_buffer.append":
                await self._append(sent)
            case "input_audio_buffer.commit":
                await self._commit(sent)
            case "input_audio_buffer.clear":
                await exchange.drop_turn()
                await self._outgoing.send("input_audio_buffer.cleared")
            case "conversation.item.create":
                item_id, text = typed_text(sent, self._dialogue.last_id)
                self._require_new(item_id, "item.id")
                await exchange.take_turn(Turn(exchange.input_buffer.position_ms, item_id=item_id, text=text))
            case "conversation.item.truncate":
                heard_ms = protocol.milliseconds_of(sent, "audio_end_ms")
                if not await exchange.truncate(sent.get("item_id"), heard_ms):
                    raise ProtocolError("item_not_found", "Only what the agent said last can be truncated.", "item_id")
            case "conversation.item.retrieve":
                await self._outgoing.send("conversation.item.retrieved", item=self._outgoing.items[sent.get("item_id")])
            case "response.create":
                await self._respond(sent)
            case "response.cancel":
                if latest is None or latest.done:
                    raise ProtocolError("response_cancel_not_active", "The agent is not answering.")
                latest.stop()
            case "talk.reprompt":
                await self._ask_again()
            case "talk.think":
                await exchange.hold(on=protocol.flag_of(sent, "on"))
            case "talk.hint":
                await self._outgoing.send("talk.hint", text=self._dialogue.hint())
            case "talk.end":
                if self._dialogue.lines:
                    self._dialogue.ended = True
                    self._turn_saver.put(Save(None, b"", self._dialogue.columns()))
            case kind if kind in REFUSED_EVENTS:
                raise ProtocolError("not_supported", REFUSED_EVENTS[kind], "type")
            case kind:
                raise ProtocolError("unknown_event", f"There is no event {kind[:100]!r}. See docs/api.md.")

    async def take_recording(self, pcm: bytes, item_id: str | None) -> None:
        """Take a turn that was recorded beforehand, as one piece of PCM16 24 kHz. Raises ProtocolError."""
        self._require_new(item_id)
        await self.exchange.take_recording(pcm, item_id)

    async def notify(self, code: str, message: str) -> None:
        """Send a notice for the learner."""
        await self._outgoing.send("talk.notice", code=code, message=message)

    async def settled(self) -> None:
        """Wait until the last turn is answered and everything is saved."""
        await self.exchange.settled()

    async def close(self) -> None:
        """End the talk. Turns that were committed are still transcribed and saved. Replies are not finished."""
        await self.exchange.close()
        self._saving.cancel()
        if thrown := self._replies.thrown_away:
            logger.info("%s replies begun ahead were thrown away in %s.", thrown, self._dialogue.conversation)

    async def _save_turns(self) -> None:
        """Send the events of the turn saver."""
        async for said in self._turn_saver.work():
            await self._outgoing.send_event(said)
            if said.get("code") == "deleted":
                self.deleted.set()

    @property
    def engine(self) -> Engine:
        return self.exchange.engine

    @property
    def is_hands_free(self) -> bool:
        return self._turn_detector.hands_free

    # Events of the client

    async def _update(self, sent: Event) -> None:
        wishes = possible(session_fields.session_wishes(sent.get("session")), self._turn_detector)
        await self.exchange.set_up(wishes)
        for refusal in wishes.refusals:
            await self._outgoing.send_event(protocol.error(refusal, protocol.event_id_of(sent)))
        await self._outgoing.send("session.updated", session=self.exchange.shape)

    async def _append(self, sent: Event) -> None:
        decoder = self.exchange.config.decoder
        for number, pcm in enumerate(decoder.pieces(protocol.audio_of(sent, decoder.format.width))):
            if self._turn_detector.is_turn_full:
                await self.exchange.end_full_turn()
                raise ProtocolError("turn_too_long", TURN_TOO_LONG)
            await self.exchange.hear(pcm)
            if number:
                await asyncio.sleep(0)

    async def _commit(self, sent: Event) -> None:
        item_id = protocol.item_id_of(sent.get("item_id"))
        if item_id and self._dialogue.has(item_id):
            # Otherwise its sound would become the beginning of the next turn.
            await self.exchange.drop_turn()
        self._require_new(item_id)
        if self._turn_detector.turn is None or not self._turn_detector.turn.pcm:
            raise ProtocolError("input_audio_buffer_commit_empty", "There is no sound to commit.")
        await self.exchange.end_turn(item_id)

    def _require_new(self, item_id: str | None, param: str | None = None) -> None:
        if item_id and self._dialogue.has(item_id):
            raise ProtocolError("item_exists", f"The item {item_id} is there already.", param)

    async def _respond(self, sent: Event) -> None:
        output = self.exchange.config.output_with(session_fields.response_wishes(sent.get("response")))
        latest = self._replies.latest
        if latest is None or latest.done:
            if self._turn_detector.turn:
                raise ProtocolError("input_audio_buffer_not_committed", "Commit or clear the sound first.")
            self._replies.begin(None, await self._replies.request(None), output)
        elif latest.turn and not latest.is_wanted:
            latest.output = output
            latest.turn.answer_wanted.set()
        else:
            raise ProtocolError("conversation_already_has_active_response", "The agent is answering already.")

    async def _ask_again(self) -> None:
        """Help a silent learner. Raises ProtocolError without a question to repeat, or while the learner or the agent speaks."""
        if self._turn_detector.turn or not self._replies.is_free:
            raise ProtocolError("conversation_already_has_active_response", "The agent or the learner is speaking.")
        if reprompt.wait_ms(self._dialogue.lines, reprompt.IDLE_MS) is None:
            raise ProtocolError(
                "nothing_to_repeat", "No question waits for an answer, or it was repeated often enough."
            )
        await self.exchange.help_silent_learner()
