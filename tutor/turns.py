"""One turn over plain HTTP: the same talk as on the WebSocket, fed at once and read to its end."""

import asyncio
import base64
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from audio.encoding import BadAudio, to_pcm
from conversations import store, wire
from conversations.store import Stored
from conversations.threads import in_thread
from tutor.engines import engines
from tutor.protocol import Event, ProtocolError
from tutor.talk import Talk

_driven: set[asyncio.Task[None]] = set()
PIECE = 1024 * 1024  # bytes of PCM in one event


class Refused(Exception):
    """The turn cannot be taken; `status` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Asked:
    """A turn as it was sent: sound as a file, or text."""

    audio: bytes | None
    text: str | None
    message_id: str | None
    wants_reply: bool
    session: dict[str, Any]  # of a `session.update`


async def take(learner: uuid.UUID, conversation: str, asked: Asked) -> AsyncIterator[Event]:
    """The events of the turn, as on the WebSocket; nothing, if this message is kept already. Raises Refused."""
    pcm = await _decoded(asked)
    events: asyncio.Queue[Event | None] = asyncio.Queue()

    async def send(said: Event) -> None:
        events.put_nowait(said)

    async def hang_up(code: int) -> None:
        """The end of the turn is the end of the connection."""

    talk = Talk(
        learner=learner, conversation=conversation, engines=engines(), send=send, hang_up=hang_up, speculate=False
    )
    try:
        await talk.begin()
    except store.Deleted as error:
        raise Refused(410, "This conversation was deleted.") from error
    work = asyncio.create_task(_drive(talk, asked, pcm))
    _driven.add(work)  # it goes on when whoever asked has gone: the turn is kept all the same
    work.add_done_callback(_driven.discard)
    work.add_done_callback(lambda _: events.put_nowait(None))
    while said := await events.get():
        yield said
    try:
        await work
    except ProtocolError as problem:
        raise Refused(409 if problem.code == "item_exists" else 400, str(problem)) from problem


async def find(learner: uuid.UUID, conversation: str, message_id: str | None) -> Stored | None:
    """The conversation, if it has this message already."""
    try:
        stored = await in_thread(store.get, learner, conversation) if message_id else None
    except store.OutOfReach:  # a turn that is taken twice is kept once all the same
        return None
    return stored if stored and any(row.wire_id == message_id for row in stored.messages) else None


def summary(stored: Stored, message_id: str, events: list[Event]) -> dict[str, Any]:
    """What became of the turn, in one object."""
    ids = [row.wire_id for row in stored.messages]
    rows = {row.wire_id: wire.message(row, stored, signed=True) for row in stored.messages}
    after = stored.messages[ids.index(message_id) + 1 :]
    reply = next((row for row in after if row.role == "assistant"), None)
    return {
        "conversation": stored.conversation.wire_id,
        "message": rows[message_id],
        "corrections": rows[message_id].get("corrections", []),
        "reply": rows[reply.wire_id] if reply else None,
        "goals": stored.conversation.goals,
        "ended": stored.conversation.call_ended,
        **wire.where(stored.storage),
        "timing": next((said for said in events if said["type"] == "talk.timing"), None),
    }


async def _drive(talk: Talk, asked: Asked, pcm: bytes) -> None:
    try:
        await talk.receive({"type": "session.update", "session": asked.session})
        if asked.text is not None:
            content = [{"type": "input_text", "text": asked.text}]
            item = {"id": asked.message_id, "type": "message", "role": "user", "content": content}
            await talk.receive({"type": "conversation.item.create", "item": item})
        else:
            for start in range(0, len(pcm), PIECE):
                audio = base64.b64encode(pcm[start : start + PIECE]).decode()
                await talk.receive({"type": "input_audio_buffer.append", "audio": audio})
            await talk.receive({"type": "input_audio_buffer.commit", "item_id": asked.message_id})
        if asked.wants_reply:
            await talk.receive({"type": "response.create"})
            await talk.settled()
    finally:
        await talk.close()


async def _decoded(asked: Asked) -> bytes:
    if asked.audio is None:
        return b""
    try:
        return await asyncio.to_thread(to_pcm, asked.audio)
    except BadAudio as error:
        raise Refused(413 if "larger" in str(error) else 400, f"audio: {error}") from error


def as_server_sent(said: Event) -> str:
    return f"event: {said['type']}\ndata: {json.dumps(said)}\n\n"
