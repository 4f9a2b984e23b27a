import contextlib
import json
import logging
import uuid
from typing import Any
from urllib.parse import parse_qs

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError
from django.http.cookie import parse_cookie

from conversations import store
from conversations.changes import conversation_key
from conversations.serializers import MAX_ID, is_wire_id, new_conversation_id
from learners import cookie
from learners.origin import is_foreign
from talking_agent import metrics
from tutor import fault, protocol
from tutor.engines import engines
from tutor.keeper import DELETED
from tutor.protocol import Event, ProtocolError
from tutor.talk import Talk

logger = logging.getLogger(__name__)

NO_LEARNER = "Send the `learner` cookie that any page or API answer sets."
BAD_ID = f"`conversation` must have from 1 to {MAX_ID} characters, none of them control characters."
UNREACHABLE = "The conversations cannot be reached. Try again in a moment."

_talks: dict[uuid.UUID, Talk] = {}  # by the key of their conversation: a second window takes a talk over
metrics.TALKS.set_function(lambda: len(_talks))


class TalkConsumer(AsyncWebsocketConsumer):
    """`WS /v1/realtime`: events of one connection, in order, to its `Talk` and back."""

    talk: Talk | None = None
    key: uuid.UUID
    failed = False  # it is being closed, and follows nothing any more

    async def dispatch(self, message: dict[str, Any]) -> None:
        # Channels would go through a thread before every frame, to close old connections to the database. A talk closes its own
        # where it uses them: conversations.threads.
        await getattr(self, get_handler_name(message))(message)

    async def connect(self) -> None:
        headers = {name.decode().title(): value.decode("latin-1") for name, value in self.scope["headers"]}
        if is_foreign(headers, headers.get("Host", "")):
            await self.close()  # before the handshake: HTTP 403
            return
        await self.accept(subprotocol="realtime" if "realtime" in self.scope["subprotocols"] else None)
        learner = cookie.unseal(parse_cookie(headers.get("Cookie", "")).get(cookie.NAME))
        conversation = _conversation(self.scope["query_string"])
        if learner is None:
            await self._refuse(4401, "no_learner", NO_LEARNER)
            return
        if conversation is None:
            await self._refuse(4400, "invalid_conversation", BAD_ID)
            return
        await self._begin(learner, conversation)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.talk is None or self.failed:
            return
        event_id = None
        try:
            if text_data is None:
                raise ProtocolError(
                    "invalid_event", "Send text frames: sound goes as base64 in input_audio_buffer.append."
                )
            sent = protocol.parse(text_data)
            event_id = sent["event_id"] if isinstance(sent.get("event_id"), str) else None
            await self.talk.receive(sent)
        except ProtocolError as problem:
            await self.say(protocol.error(problem, event_id))
        except Exception as error:  # noqa: BLE001  # the outermost loop of a connection; closing keeps what was said
            self.failed = True
            logger.error("A talk failed: %s", fault.of(error))
            await self.hang_up(1011)

    async def disconnect(self, code: int) -> None:
        if self.talk:
            if _talks.get(self.key) is self.talk:
                del _talks[self.key]
            await self.talk.close()

    async def say(self, said: Event) -> None:
        # A learner who is gone hears nothing; what is under way is still saved.
        with contextlib.suppress(RuntimeError, OSError):
            await self.send(text_data=json.dumps(said))

    async def hang_up(self, code: int) -> None:
        with contextlib.suppress(RuntimeError, OSError):  # it may be closed already
            await self.close(code)

    async def _begin(self, learner: uuid.UUID, conversation: str) -> None:
        self.key = conversation_key(learner, conversation)
        if before := _talks.get(self.key):
            await before.taken_over()
        talk = Talk(learner=learner, conversation=conversation, engines=engines(), send=self.say, hang_up=self.hang_up)
        try:
            await talk.begin()
        except store.Deleted:
            await self.say(protocol.event("talk.notice", code="deleted", message=DELETED))
            await self.close(4004)
            return
        except DatabaseError:
            logger.exception("A talk could not begin.")
            await self._refuse(1013, "unreachable", UNREACHABLE)
            return
        self.talk = _talks[self.key] = talk

    async def _refuse(self, code: int, name: str, message: str) -> None:
        await self.say(protocol.error(ProtocolError(name, message)))
        await self.close(code)


async def refuse(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Any other address: HTTP 403 before the handshake, and not a line in the log."""
    await receive()
    await send({"type": "websocket.close"})


def _conversation(query: bytes) -> str | None:
    """The conversation that the address names; a new one where it names none; None where it cannot be a name."""
    named = parse_qs(query.decode("latin-1"), keep_blank_values=True, encoding="utf-8", errors="replace").get(
        "conversation"
    )
    if named is None:
        return new_conversation_id()
    return named[0] if is_wire_id(named[0]) else None
