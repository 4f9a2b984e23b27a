"""Take one turn over plain HTTP, by the same `LiveTalk` as on the WebSocket. Send it the turn, and read its events."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Hashable
from dataclasses import dataclass

from rest_framework.exceptions import APIException

from audio import sound_threads
from audio.encoding import BYTES_PER_SECOND, MAX_SECONDS, BadAudio, TooLarge
from conversations import representations, store
from conversations.error_messages import DELETED
from conversations.models import Message
from conversations.store import StoredConversation
from core.admission import Slots
from core.json_types import Json
from core.threads import in_thread
from engines import engines
from engines.interface import is_live
from talk.live_talk import open_talk
from talk.protocol import Event, ProtocolError
from usage import speech

_driven: set[asyncio.Task[None]] = set()

# Recordings are weighed by the bytes of their sound. Transcribing one takes four times as many bytes of memory.
DECODING = MAX_SECONDS * BYTES_PER_SECOND
# The least weight of a recording, so that not too many are transcribed at once.
LEAST = DECODING // 4
RECORDED = Slots("recorded turns", total=2 * DECODING, each=1, waiting=24, waiting_each=3, patience=20.0)
# Analyses and chats. Long ones take seconds.
CALLS = Slots("analyses and chats", total=32, each=2, waiting=32, waiting_each=4)
TYPED = Slots("typed turns", total=8, each=2, waiting=24, waiting_each=6, patience=20.0)


ID_TAKEN = "messageId: Another message of this conversation has this id. Nothing was saved: send a new id."


class CallRefused(APIException):
    """Report that a request is refused, with this HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status_code = status


@dataclass(frozen=True, slots=True)
class SubmittedTurn:
    """Hold a turn as it was sent: a file with sound, or text."""

    audio: bytes | None
    text: str | None
    message_id: str | None
    wants_reply: bool
    # The `session` of a `session.update`.
    session: Json


async def take(
    learner: uuid.UUID, conversation: str, asked: SubmittedTurn, visitor: Hashable, country: str = ""
) -> AsyncIterator[Event]:
    """Take a turn, and yield its events, as on the WebSocket. Raises CallRefused, AtCapacity, SpokenEnough.

    Turns of the same `visitor` count together. `country` is the learner's, for crisis lines. A turn that waits for its slot
    is dropped when its client disconnects.
    """
    events: asyncio.Queue[Event | None] = asyncio.Queue()
    if asked.audio is not None:
        speech.require_time()
    slots = TYPED if asked.audio is None else RECORDED
    place = await slots.enter(visitor, 1 if asked.audio is None else DECODING)
    pcm = b""
    try:
        if asked.audio is not None:
            pcm = await sound_threads.to_pcm(asked.audio)
            place.shrink(max(len(pcm), LEAST))
    except BaseException as error:
        place.leave()
        if isinstance(error, BadAudio):
            raise CallRefused(413 if isinstance(error, TooLarge) else 400, f"audio: {error}") from error
        raise
    work = asyncio.create_task(_drive(learner, conversation, asked, pcm, events, country))
    del pcm
    # The work goes on after the client has disconnected, so that the turn is saved in any case.
    _driven.add(work)
    work.add_done_callback(_driven.discard)
    work.add_done_callback(lambda _: place.leave())
    work.add_done_callback(lambda _: events.put_nowait(None))
    while said := await events.get():
        yield said
    try:
        await work
    except store.ConversationDeleted as error:
        raise CallRefused(410, DELETED) from error
    except ProtocolError as problem:
        raise CallRefused(409 if problem.code == "item_exists" else 400, str(problem)) from problem


async def find(learner: uuid.UUID, conversation: str, asked: SubmittedTurn) -> Json | None:
    """Return the result of a turn that is stored already, else None. Raises CallRefused if another message has its id."""
    if not asked.message_id:
        return None
    try:
        stored = await in_thread(store.get, learner, conversation)
    # A turn that is taken twice is saved only once in any case.
    except store.OutOfReach:
        return None
    row = next((row for row in stored.messages if row.wire_id == asked.message_id), None) if stored else None
    if stored is None or row is None:
        return None
    # A recorded turn has its words from the transcription, so they cannot be compared.
    if row.role != Message.Role.USER or (asked.text is not None and row.content != asked.text and not row.audio_key):
        raise CallRefused(409, ID_TAKEN)
    return summary(stored, asked.message_id, [])


def summary(stored: StoredConversation, message_id: str, events: list[Event]) -> Json:
    """Return the result of a turn, as TurnResultSerializer describes it. `message_id` is the id of the learner's message."""
    at = [row.wire_id for row in stored.messages].index(message_id)
    message = representations.message(stored.messages[at], stored, signed=True)
    reply = next((row for row in stored.messages[at:] if row.role == Message.Role.ASSISTANT), None)
    notices = [said["message"] for said in events if said["type"] == "talk.notice"]
    return {
        "conversation": stored.conversation.wire_id,
        "message": message,
        "corrections": message.get("corrections", []),
        "reply": representations.message(reply, stored, signed=True) if reply else None,
        "goals": stored.conversation.goals,
        "ended": stored.conversation.call_ended,
        **representations.where(stored.storage),
        "notices": notices,
        "support": next((_support(said) for said in events if said["type"] == "talk.support"), None),
        "timing": next((said for said in events if said["type"] == "talk.timing"), None),
    }


def _support(said: Event) -> Json:
    return {name: said[name] for name in ("country", "lines", "elsewhere")}


async def _drive(
    learner: uuid.UUID,
    conversation: str,
    asked: SubmittedTurn,
    pcm: bytes,
    events: asyncio.Queue[Event | None],
    country: str,
) -> None:
    """Take the turn, and queue the events about it."""
    is_live.set(False)
    talk = await open_talk(
        learner=learner,
        conversation=conversation,
        engines=engines(),
        send=events.put,
        preemptive=False,
        country=country,
    )
    try:
        await talk.receive({"type": "session.update", "session": asked.session})
        if asked.text is not None:
            content = [{"type": "input_text", "text": asked.text}]
            item = {"id": asked.message_id, "type": "message", "role": "user", "content": content}
            await talk.receive({"type": "conversation.item.create", "item": item})
        else:
            await talk.take_recording(pcm, asked.message_id)
        if asked.wants_reply:
            await talk.receive({"type": "response.create"})
            await talk.settled()
    finally:
        await talk.close()


def as_server_sent(said: Event) -> str:
    return f"event: {said['type']}\ndata: {json.dumps(said)}\n\n"
