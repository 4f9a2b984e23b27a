import asyncio
import contextlib
import json
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import DatabaseError
from django.http.cookie import parse_cookie

from conversations import ids, store
from conversations.changes import conversation_key
from core import absolute_links, metrics, safe_traceback
from core.admission import AtCapacity, Slot, Slots
from core.json_types import Json
from core.parsers import check_size
from core.threads import in_thread
from engines import engines
from learners import address, cookie, erased, identity, throttling, tokens
from learners.identity import Identity
from learners.learner_middleware import ACCOUNT_NEEDED
from learners.origin import is_foreign, is_our_host
from learners.visitors import Visitor
from talk import capacity, protocol
from talk.call_limit import count_call, too_many_calls
from talk.fallback import first_awake
from talk.live_talk import LiveTalk, open_talk
from talk.outgoing import Send
from talk.protocol import Event, ProtocolError
from talk.saver import TALK_DELETED
from tutor import crisis_lines
from usage import payer, speech

logger = logging.getLogger(__name__)

NO_LEARNER = "Send an API token, or the `learner` cookie that any page or API answer sets."
TAKEN_OVER = "This conversation was opened in another window. It goes on there."
SIGNED_OUT = "This device was signed out. Sign in to go on."
# Seconds between two checks whether the cookie is still valid.
RECHECK_S = 20.0
UNREACHABLE = "The conversations cannot be reached. Try again in a moment."

# Events that may make the engine work.
CALLING = {"conversation.item.create", "input_audio_buffer.commit", "response.create"}

AsgiReceive = Callable[[], Awaitable[object]]

# The connections by the key of their conversation. A second window takes over the talk of the first.
_talks: dict[uuid.UUID, "TalkConsumer"] = {}
metrics.TALKS.set_function(lambda: len(_talks))


class TalkConsumer(AsyncWebsocketConsumer):
    """Serve `WS /v1/realtime`: pass the events of one connection, in order, to its `LiveTalk` and back."""

    talk: LiveTalk | None = None
    key: uuid.UUID
    learner: uuid.UUID
    visitor: Visitor
    place: Slot | None = None
    place_at_address: Slot | None = None
    # The connection is being closed and ignores further events.
    failed = False
    has_sent = False
    # When the client or the talk last sent something, in seconds of time.monotonic().
    active_at = 0.0
    watch: asyncio.Task[None] | None = None
    # The learner cookie as it was sent.
    cookie: str | None = None
    # The API token, if there is one.
    secret: str | None = None

    async def dispatch(self, message: Json) -> None:
        # Channels would go through a thread before every frame, to close old connections to the database. A talk closes
        # its own connections in core.threads.
        await getattr(self, get_handler_name(message))(message)

    async def connect(self) -> None:
        self.pace, self.active_at = capacity.RateLimiter(), time.monotonic()
        headers = {name.decode().title(): value.decode("latin-1") for name, value in self.scope["headers"]}
        self.cookie = parse_cookie(headers.get("Cookie", "")).get(cookie.NAME)
        self.secret = tokens.secret_in(headers) or tokens.secret_in_subprotocols(self.scope["subprotocols"])
        # Browsers add no token by themselves, so the origin of a connection with one does not matter.
        is_from_elsewhere = not self.secret and is_foreign(headers, headers.get("Host", ""))
        if not is_our_host(headers.get("Host", "")) or is_from_elsewhere:
            # Close before the handshake, so that the client gets an HTTP 403.
            await self.close()
            return
        absolute_links.remember(headers.get("Host", ""), secure=settings.HTTPS or self.scope.get("scheme") == "wss")
        await self.accept(subprotocol="realtime" if "realtime" in self.scope["subprotocols"] else None)
        try:
            known = await self._identify()
        except tokens.InvalidToken:
            await self._refuse(4401, "invalid_api_key", tokens.INVALID)
        except tokens.TokensOutOfReach:
            await self._refuse(1013, "unreachable", tokens.UNREACHABLE)
        else:
            if known is None:
                await self._refuse(4401, "no_learner", NO_LEARNER)
            elif settings.SIGNUP == "required" and not (known.device or self.secret):
                await self._refuse(4401, "no_account", ACCOUNT_NEEDED)
            else:
                await self._open(known.learner, crisis_lines.country(headers.get("Accept-Language", "")))

    async def _open(self, learner: uuid.UUID, country: str) -> None:
        self.visitor = Visitor(learner, address.of_scope(self.scope))
        payer.work_for(self.visitor)
        try:
            speech.require_time()
        except speech.SpokenEnough as enough:
            await self._refuse_speech(enough)
            return
        asked = self.scope["query_string"].decode("latin-1")
        query = parse_qs(asked, keep_blank_values=True, encoding="utf-8", errors="replace")
        conversation = query["conversation"][0] if "conversation" in query else ids.new_conversation_id()
        try:
            if not ids.is_wire_id(conversation):
                await in_thread(ids.require, learner, conversation)
        except ids.BadId as error:
            await self._refuse(4400, "invalid_conversation", str(error))
        except (store.OutOfReach, DatabaseError):
            await self._refuse(1013, "unreachable", UNREACHABLE)
        else:
            await self._begin(learner, conversation, country)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.talk is None or self.failed:
            return
        if erased.is_erased(self.learner):
            # Nothing more is heard, and nothing goes to a provider.
            self.failed = True
            await self.hang_up(4004)
            return
        event_id = None
        try:
            if text_data is None:
                raise ProtocolError(
                    "invalid_event", "Send text frames: sound goes as base64 in input_audio_buffer.append."
                )
            await self.pace.spend(len(text_data))
            try:
                check_size(text_data, capacity.MOST_VALUES)
            except ValueError as error:
                raise ProtocolError("invalid_json", str(error)) from None
            sent = protocol.parse(text_data)
            event_id = protocol.event_id_of(sent)
            self.has_sent = True
            # Hands-free sound is no activity, because it comes even in silence.
            if sent["type"] != "input_audio_buffer.append" or not self.talk.is_hands_free:
                self.active_at = time.monotonic()
            if sent["type"] in CALLING:
                count_call(self.visitor)
            await self.talk.receive(sent)
        except ProtocolError as problem:
            await self.say(protocol.error(problem, event_id))
        except throttling.Exceeded as exceeded:
            too_many = ProtocolError("rate_limit_exceeded", too_many_calls(exceeded), retry_after=exceeded.wait_s)
            await self.say(protocol.error(too_many, event_id))
        # The outermost loop of a connection. Closing saves the turns so far.
        except Exception as error:  # noqa: BLE001
            self.failed = True
            logger.error("A talk failed: %s", safe_traceback.of(error))
            await self.hang_up(1011)

    async def disconnect(self, code: int) -> None:
        if self.watch:
            self.watch.cancel()
        try:
            if self.talk:
                self._forget()
                await self.talk.close()
        finally:
            self._leave()

    async def say(self, said: Event) -> None:
        self.active_at = time.monotonic()
        # Every change of engines is announced by an event.
        self._count_by_engine()
        # The client may have disconnected. The talk still saves the turns under way.
        with contextlib.suppress(RuntimeError, OSError):
            await self.send(text_data=json.dumps(said))

    async def hang_up(self, code: int) -> None:
        # The connection may be closed already.
        with contextlib.suppress(RuntimeError, OSError):
            await self.close(code)

    async def _identify(self, *, anew: bool = False) -> Identity | None:
        """Return whom the token or the cookie stands for. Raises InvalidToken, TokensOutOfReach.

        With `anew`, the accounts are asked, because another server may have revoked the token or signed out the device.
        """
        if self.secret is None:
            return await identity.aof_cookie(self.cookie, anew=anew)
        cached = RECHECK_S / 2 if anew else tokens.CACHED
        return Identity(await in_thread(tokens.learner_of, self.secret, cached=cached))

    async def _is_signed_out(self) -> bool:
        try:
            return await self._identify(anew=True) is None
        except tokens.InvalidToken:
            return True
        except tokens.TokensOutOfReach:
            return False

    async def _begin(self, learner: uuid.UUID, conversation: str, country: str) -> None:
        self.key, self.learner = conversation_key(learner, conversation), learner
        available = engines()
        capacity.follow_limits()
        try:
            self.place_at_address = await capacity.ADDRESS_SLOTS.enter(self.visitor.address)
        except AtCapacity as full:
            await self._refuse(4029, "full", str(full), retry_after=full.retry_after)
            return
        # Register before the first await. If several connections begin at the same time, the last one gets the talk.
        before, _talks[self.key] = _talks.get(self.key), self
        try:
            if before:
                self.place, before.place = before.place, None
                await before._give_way()
            self.place = self.place or await _place(learner, first_awake(available).name)
            talk = await open_talk(
                learner=learner, conversation=conversation, engines=available, send=self.say, country=country
            )
        except AtCapacity as full:
            await self._refuse(4029, "full", str(full), retry_after=full.retry_after)
        except store.ConversationDeleted:
            await self._refuse(4004, "deleted", TALK_DELETED)
        except DatabaseError:
            logger.exception("A talk could not begin.")
            await self._refuse(1013, "unreachable", UNREACHABLE)
        else:
            self.talk = talk
            self._count_by_engine()
            self.watch = asyncio.create_task(self._hang_up_when_over(talk))
            if _talks.get(self.key) is not self:
                await self._give_way()
        finally:
            if self.talk is None:
                self._forget()
                self._leave()

    async def _give_way(self) -> None:
        """Leave the conversation to a later connection. A talk that is still beginning leaves it once it has begun."""
        self._leave()
        if self.talk:
            await self.talk.notify("taken_over", TAKEN_OVER)
            await self.hang_up(4001)

    def _forget(self) -> None:
        if _talks.get(self.key) is self:
            del _talks[self.key]

    def _count_by_engine(self) -> None:
        """Count the talk with the engine that it uses now. A talk is never ended because these slots are full."""
        if self.talk and self.place:
            self.place.move(capacity.slots_for(self.talk.engine.name))

    def _leave(self) -> None:
        places = self.place, self.place_at_address
        self.place = self.place_at_address = None
        for place in places:
            if place:
                place.leave()

    # Idle talks

    @property
    def idle_s(self) -> float:
        return time.monotonic() - self.active_at

    def can_be_paused_for(self, slots: Slots) -> bool:
        """Return whether this talk holds one of these slots and is idle, so that it may be paused for a newcomer."""
        held = self.talk and self.place and self.place.slots is slots
        return bool(held) and self.idle_s >= capacity.MAKES_ROOM_S

    async def pause(self) -> None:
        """Hang up on an idle talk. The learner can continue it later."""
        self.failed = True
        if self.talk:
            await self.talk.notify("idle", capacity.IDLE)
            await self.hang_up(4008)

    async def _hang_up_when_over(self, talk: LiveTalk) -> None:
        """Hang up when the conversation is deleted, the device is signed out, the learner has spoken enough, or it was idle."""
        deleted = asyncio.ensure_future(talk.deleted.wait())
        enough = talk.exchange.spoken_enough
        try:
            while (left := (capacity.IDLE_S if self.has_sent else capacity.SILENT_S) - self.idle_s) > 0:
                timeout = min(left, RECHECK_S)
                await asyncio.wait((deleted, enough), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
                if deleted.done():
                    await self.hang_up(4004)
                    return
                if enough.done():
                    await self._refuse_speech(enough.result())
                    return
                if await self._is_signed_out():
                    self.failed = True
                    await talk.notify("signed_out", tokens.INVALID if self.secret else SIGNED_OUT)
                    await self.hang_up(4401)
                    return
        finally:
            deleted.cancel()
        await self.pause()

    async def _refuse_speech(self, enough: speech.SpokenEnough) -> None:
        self.failed = True
        await self._refuse(4029, "spoken_enough", str(enough), retry_after=enough.wait_s)

    async def _refuse(self, code: int, name: str, message: str, *, retry_after: int | None = None) -> None:
        await self.say(protocol.error(ProtocolError(name, message, retry_after=retry_after)))
        await self.hang_up(code)


async def _place(learner: uuid.UUID, engine: str) -> Slot:
    """Return a slot for a talk with this engine. If there is none, pause idle talks to free one. Raises AtCapacity."""
    slots = capacity.slots_for(engine)
    try:
        return await slots.enter(learner)
    except AtCapacity as full:
        # This is more than one if talks have changed to this engine while its slots were full.
        needed = slots.used + 1 - slots.total
        still = [each for each in _talks.values() if each.can_be_paused_for(slots)]
        if full.status == 429 or len(still) < needed:
            raise
    for each in sorted(still, key=lambda each: each.idle_s, reverse=True)[:needed]:
        await each.pause()
        each._leave()
    return await slots.enter(learner)


async def refuse(scope: object, receive: AsgiReceive, send: Send) -> None:
    """Refuse any other address with an HTTP 403 before the handshake, without a line in the log."""
    await receive()
    await send({"type": "websocket.close"})
