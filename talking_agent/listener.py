"""Add limits to uvicorn's protocols: the size of a head, the time to be silent or slow, the open connections.

A timer checks all open connections once a second, so a request costs only two additions.
"""

import asyncio
import ipaddress
import resource
from collections import Counter
from http import HTTPStatus

import httptools
from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from core import metrics
from core.admission import LINGER_S

HEAD_BYTES = 64 * 1024
# Seconds for a head, from its first byte, from the opening of the connection, or from the last answer.
HEAD_S = 30.0
# Seconds in which no byte of a body comes.
STALL_S = 30.0
# Seconds for a complete body, plus the time that it takes at SLOWEST bytes a second.
BODY_S = 30.0
SLOWEST = 8 * 1024
# Seconds that a client may leave an answer unread.
UNREAD_S = 60.0
# Bytes of unread pongs.
PONGS_BYTES = 1024 * 1024
# Connections. The system may allow fewer.
MOST_OPEN = 4096
# Seconds between two checks.
CHECK_EVERY = 1.0

HEAD_TOO_LARGE = f"The headers of a request may have at most {HEAD_BYTES // 1024} KB."
TOO_SLOW = "The request came too slowly. Send it again."
NOT_HTTP = "This is not HTTP."
TOO_MANY_OPEN = "Too many connections are open. Try again in a moment."


class _HeadTooLarge(Exception):
    """Stop the parser at a head that is too large."""


class _Open:
    """Hold the open connections of this process."""

    def __init__(self) -> None:
        self._connections: dict[asyncio.Transport, BoundedHttp | BoundedWebSocket] = {}
        self._from: Counter[str] = Counter()
        self._next_check: asyncio.TimerHandle | None = None

    def add(self, transport: asyncio.Transport, connection: "BoundedHttp | BoundedWebSocket") -> None:
        """Note a connection. A WebSocket replaces the HTTP connection that it came from."""
        if transport not in self._connections:
            self._from[_address(transport)] += 1
        self._connections[transport] = connection
        if self._next_check is None:
            self._check()

    def remove(self, transport: asyncio.Transport) -> None:
        if self._connections.pop(transport, None):
            address = _address(transport)
            self._from[address] -= 1
            if not self._from[address]:
                del self._from[address]

    @property
    def is_full(self) -> bool:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        allowed = MOST_OPEN if files == resource.RLIM_INFINITY else min(MOST_OPEN, files // 2)
        return len(self._connections) > allowed

    def has_too_many(self, address: str) -> bool:
        return self._from[address] > settings.CONNECTIONS_PER_ADDRESS and not _stands_for_others(address)

    def _check(self) -> None:
        loop = asyncio.get_running_loop()
        for connection in tuple(self._connections.values()):
            connection.check(loop.time())
        self._next_check = loop.call_later(CHECK_EVERY, self._check) if self._connections else None


_open = _Open()


class _Unread:
    """Close the connection of a client that does not read its answers. A closing transport waits for its client, too."""

    def __init__(self) -> None:
        self._since: float | None = None

    def check(self, transport: asyncio.Transport, now: float) -> None:
        if transport.is_closing() or transport.get_write_buffer_size() > transport.get_write_buffer_limits()[1]:
            self._since = self._since or now
            if now - self._since > UNREAD_S:
                _closed("unread")
                transport.abort()
        else:
            self._since = None


class BoundedHttp(HttpToolsProtocol):
    """Speak HTTP/1.1 within the limits. `_since`: when the present head, body or silence began. `_received`: bytes since then."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._since = self._heard_at = self.loop.time()
        self._received = 0
        self._in_head, self._is_refused = True, False
        self._unread = _Unread()
        self._cycles: list[RequestResponseCycle] = []
        _open.add(transport, self)
        if _open.is_full:
            _closed("too many")
            transport.abort()
        elif _open.has_too_many(_address(transport)):
            self._refuse("too many", 503, TOO_MANY_OPEN, b"retry-after: 5\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        _open.remove(self.transport)
        self._disconnect()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._unset_keepalive_if_required()
        self._received += len(data)
        self._heard_at = self.loop.time()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
            return
        except httptools.HttpParserError:
            if not self._is_refused:
                self._refuse("not HTTP", 400, NOT_HTTP)
            return
        # One piece may hold the end of a request and the beginning of the next head: `on_message_begin` counts from 0.
        if self._in_head and self._received > HEAD_BYTES:
            self._refuse("head", 431, HEAD_TOO_LARGE)

    def check(self, now: float) -> None:
        """Close the connection if its time is used up."""
        waited = now - self._since
        if self._is_refused:
            if waited > LINGER_S:
                self.transport.abort()
            return
        self._unread.check(self.transport, now)
        if self._in_head and waited > HEAD_S:
            self._refuse("slow head", 408, TOO_SLOW)
        elif self._awaits_body and (now - self._heard_at > STALL_S or waited > BODY_S + self._received / SLOWEST):
            self._refuse("slow body", 408, TOO_SLOW)

    @property
    def _awaits_body(self) -> bool:
        if self._in_head or not self.cycle.more_body or self.flow.read_paused:
            return False
        return self.cycle.response_complete or not self.cycle.response_started

    # Events of the parser

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._since, self._received = True, self.loop.time(), 0

    def on_headers_complete(self) -> None:
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > HEAD_BYTES:
            self._refuse("head", 431, HEAD_TOO_LARGE)
            raise _HeadTooLarge
        self._in_head, self._since, self._received = False, self.loop.time(), 0
        super().on_headers_complete()
        self._cycles = [each for each in self._cycles if not each.response_complete]
        if self.cycle:
            self._cycles.append(self.cycle)

    def on_response_complete(self) -> None:
        self._since, self._received = self.loop.time(), 0
        self._in_head = not self.pipeline and not self.cycle.more_body
        super().on_response_complete()

    # Refusing

    def _refuse(self, why: str, status: int, message: str, more: bytes = b"") -> None:
        """Answer, then discard all that comes for LINGER_S, so that the client can read the answer. `why` is for the metrics."""
        _closed(why)
        self._is_refused, self._since = True, self.loop.time()
        self._unset_keepalive_if_required()
        if self.transport.is_closing():
            return
        body = b'{"error": "%b"}' % message.encode()
        self.transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n%b\r\n%b"
            % (status, HTTPStatus(status).phrase.encode(), len(body), more, body)
        )
        self.transport.write_eof()
        self._disconnect()

    def _disconnect(self) -> None:
        """Signal to all running requests that their client is gone. uvicorn signals only to the last one of a pipeline."""
        for cycle in self._cycles:
            if not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """Speak WebSocket within the limits. `BoundedHttp` has received its whole handshake."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._unread = _Unread()
        _open.add(self.transport, self)

    def connection_lost(self, exc: Exception | None) -> None:
        _open.remove(self.transport)
        super().connection_lost(exc)

    def check(self, now: float) -> None:
        self._unread.check(self.transport, now)

    def handle_parser_exception(self) -> None:
        if self.conn.close_sent is None:
            # Frames came before the end of the handshake, which uvicorn does not expect.
            _closed("not a WebSocket")
            self.transport.abort()
        else:
            super().handle_parser_exception()

    def handle_ping(self) -> None:
        super().handle_ping()
        if self.transport.get_write_buffer_size() > PONGS_BYTES:
            _closed("unread")
            self.transport.abort()


def _closed(why: str) -> None:
    metrics.CONNECTIONS_CLOSED.labels(why).inc()


def _address(transport: asyncio.Transport) -> str:
    peer: object = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) else ""


def _stands_for_others(address: str) -> bool:
    """Return whether this is the address of a proxy with many clients behind it."""
    if settings.TRUST_PROXY or not address:
        return True
    found = ipaddress.ip_address(address.partition("%")[0])
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback
