"""Limit the size of request bodies and the number of requests at once. Django would take them all at once."""

import asyncio
import contextlib
import logging
import uuid
from collections import Counter
from collections.abc import Awaitable, Hashable, Mapping

from django.conf import settings
from django.http import JsonResponse

from core.admission import BUSY, LINGER_S, TOO_MANY, RequestRefused, Slots
from core.asgi_types import Application, Message, Receive, Send
from core.counts import MB, counted
from core.doors import Door, door_at
from learners import address, throttling
from learners.visitors import Visitor, limits_of, visitor_of

# Larger bodies are read and parsed one visitor at a time.
LIGHT = 1 * MB
# The least weight of a place in UPLOADS: a small body of many values takes as much memory.
LEAST = 8 * MB
# Bytes of received bodies on the disk that are still in use.
BODIES = 512 * MB
BODIES_EACH = 128 * MB

REQUESTS = Slots("requests", total=128, each=32, waiting=128, waiting_each=32, patience=10.0)
# Weights are in bytes. Parsing takes about four times as much memory.
UPLOADS = Slots("uploads", total=64 * MB, each=2, waiting=64, waiting_each=14)

TOO_FAST = "You have sent more than {limit} requests in a minute. Wait {wait}, then go on."
UNWRITABLE = "The server's disk cannot be written at the moment. Nothing was saved; try again later."

logger = logging.getLogger(__name__)


class Gone(Exception):
    """Report that the client disconnected while its request waited."""


class Limits:
    """Refuse requests that are too large or too many, with an explanation. ASGI middleware.

    413: the declared length is over the limit of the door. 411: the body declares no length. 429: the visitor has too
    much in progress, or sends too many requests in a minute. 503: the server has too much in progress.
    """

    def __init__(self, application: Application) -> None:
        self.application = application
        # Bytes of bodies by visitor.
        self._held: Counter[Hashable] = Counter()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(f"/{settings.STATIC_URL}"):
            return await self.application(scope, receive, send)
        try:
            headers = dict(scope["headers"])
            # Django treats such a body as empty.
            if b"transfer-encoding" in headers:
                raise RequestRefused("Send the body with its Content-Length, not in chunks.", status=411)
            declared = headers.get(b"content-length", b"0")
            if not declared.isdigit():
                raise RequestRefused("Content-Length must be a number of bytes.", status=400)
            length = int(declared)
            door = door_at(scope["path"], scope["method"]) if length else Door()
            if length > door.most:
                most = f"{door.most // MB} MB" if door.most >= MB else f"{door.most // 1024} KB"
                raise RequestRefused(f"The body is larger than {most}.", status=413)
            _count(scope)
            async with REQUESTS.taken(scope["visitor"]):
                if length:
                    await self._with_body(scope, receive, send, length, door)
                else:
                    await self.application(scope, receive, send)
        except RequestRefused as refusal:
            await _refuse(scope, receive, send, refusal)
        except Gone:
            pass

    async def _with_body(self, scope: Message, receive: Receive, send: Send, length: int, door: Door) -> None:
        visitor, received, has_begun = scope["visitor"], 0, False
        is_heavy = door.heavy or length > LIGHT
        async with contextlib.AsyncExitStack() as stack:

            async def counted() -> Message:
                nonlocal received, is_heavy
                message = await receive()
                if message["type"] == "http.request":
                    size = len(message.get("body", b""))
                    received += size
                    self._held[visitor] += size
                    if size and self._held[visitor] > BODIES_EACH:
                        raise RequestRefused(TOO_MANY, status=429, retry_after=5)
                    if size and self._held.total() > BODIES:
                        raise RequestRefused(BUSY, status=503, retry_after=5)
                    if is_heavy and not message.get("more_body"):
                        is_heavy = False
                        place = UPLOADS.taken(visitor, max(length, LEAST))
                        await _unless_gone(stack.enter_async_context(place), receive)
                return message

            async def noted(message: Mapping[str, object]) -> None:
                nonlocal has_begun
                has_begun = True
                await send(message)

            try:
                await self.application(scope, counted, noted)
            except OSError:
                if has_begun:
                    raise
                logger.exception("A body could not be buffered on the disk.")
                raise RequestRefused(UNWRITABLE, status=503, retry_after=30) from None
            finally:
                self._held[visitor] -= received
                if not self._held[visitor]:
                    del self._held[visitor]


def _count(scope: Message) -> None:
    """Count a request of its visitor, which is noted in the scope. Raises RequestRefused above the limit of a minute."""
    who = visitor_of(scope)
    visitor = Visitor(who if isinstance(who, uuid.UUID) else None, address.of_scope(scope))
    try:
        throttling.spend(*limits_of(visitor, "requests", "REQUESTS_PER_MINUTE", throttling.MINUTE))
    except throttling.Exceeded as exceeded:
        message = TOO_FAST.format(limit=exceeded.limit.most, wait=counted(exceeded.wait_s, "second"))
        raise RequestRefused(message, status=429, retry_after=exceeded.wait_s) from None


async def _unless_gone(entering: Awaitable[object], receive: Receive) -> None:
    """Wait for `entering` while the client stays connected. Raises Gone."""
    waiting, leaving = asyncio.ensure_future(entering), asyncio.ensure_future(receive())
    try:
        await asyncio.wait((waiting, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done() and leaving.result()["type"] == "http.disconnect":
            raise Gone
        await waiting
    finally:
        for each in (waiting, leaving):
            each.cancel()
        await asyncio.wait((waiting, leaving))


async def _refuse(scope: Message, receive: Receive, send: Send, refusal: RequestRefused) -> None:
    """Answer, then discard the rest of the body for LINGER_S seconds: a client that is cut off would not read the answer."""
    answer = JsonResponse({"error": str(refusal)}, status=refusal.status)
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.items()]
    headers += [(b"connection", b"close"), (b"content-length", str(len(answer.content)).encode())]
    if refusal.retry_after:
        headers.append((b"retry-after", str(refusal.retry_after).encode()))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    if scope["method"] == "HEAD":
        return await send({"type": "http.response.body", "body": b""})
    await send({"type": "http.response.body", "body": answer.content, "more_body": True})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while (message := await receive())["type"] == "http.request" and message.get("more_body"):
                pass
    return await send({"type": "http.response.body", "body": b""})
