"""Handle one HTTP request and its answer, whole or streamed, with the fault that it meets."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence

from asgiref.typing import HTTPScope, WebSocketScope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from core.json_types import Json
from simulators.openai import error_shapes
from simulators.openai.error_shapes import ApiError
from simulators.openai.faults import Fault
from simulators.openai.journal import Journal
from simulators.openai.pace import Stopwatch
from simulators.openai.simulation import Simulation

Scope = HTTPScope | WebSocketScope
Receive = Callable[[], Coroutine[object, object, Json]]
Send = Callable[[dict[str, object]], Awaitable[None]]
MALFORMED = '{"type": "respon'


class Cut(Exception):
    """End the connection here, because a fault demands it."""


class ClientGone(Exception):
    """Report that the client hung up before its request was complete."""


def headers_of(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def check_key(headers: dict[str, str], expected: str) -> None:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise error_shapes.no_key()
    if expected and key.strip() != expected:
        raise error_shapes.wrong_key(key.strip())


def hang_up(simulation: Simulation, scope: Scope) -> None:
    """End this request's connection with a TCP reset, which uvicorn itself cannot do."""
    for connection in simulation.connections:
        if (
            isinstance(connection, HttpToolsProtocol | WebSocketsSansIOProtocol)
            and connection.client == scope["client"]
        ):
            sock = connection.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.transport.abort()
            return


class HttpExchange:
    """Hold one request and send its answer.

    Endpoints answer with `json` or `text`, or with `stream`, then `event`s or `piece`s, then `end`.
    """

    def __init__(self, simulation: Simulation, journal: Journal, scope: HTTPScope, body: bytes, send: Send) -> None:
        self.simulation = simulation
        self.settings = simulation.settings
        self.journal = journal
        self.path: str = scope["path"]
        self.headers = headers_of(scope)
        self.body = body
        self.pace = Stopwatch(scope["state"]["came_at"][0])
        self.complete = False
        self.entry: dict[str, object] = {}
        self._scope = scope
        self._send = send
        self._fault: Fault | None = None

    def request_json(self) -> Json:
        """Return the JSON of the request and note it in the journal. Raises ApiError."""
        try:
            asked = json.loads(self.body)
        except ValueError as error:
            raise ApiError(400, "We could not parse the JSON body of your request.") from error
        if not isinstance(asked, dict):
            raise ApiError(400, "The body of your request must be a JSON object.")
        self.entry["body"] = asked
        return asked

    def check_model(self, asked: Mapping[str, object]) -> str:
        model = asked.get("model")
        if not model:
            raise ApiError(400, "you must provide a model parameter")
        if model in self.settings.missing_models:
            raise error_shapes.no_model(model)
        return str(model)

    async def paced(self, tokens: Sequence[str], first_ms: float) -> AsyncIterator[str]:
        """Yield the tokens at the pace of the settings, the first at `first_ms`, and count them."""
        for number, token in enumerate(tokens):
            await self.pace.until(first_ms + self.settings.delays.token_ms * number)
            self.journal.tokens_out += 1
            yield token

    async def apply(self, fault: Fault | None) -> None:
        """Apply a fault that strikes before the first word of the answer. Keep any other one for later."""
        if fault is None:
            return
        if fault.kind == "slow":
            await asyncio.sleep(fault.delay_ms / 1000)
            self.pace = Stopwatch()
        elif fault.kind == "silence" and fault.is_early:
            await asyncio.Event().wait()
        elif fault.is_early:
            try:
                model = str(json.loads(self.body).get("model"))
            except (ValueError, AttributeError):
                model = self.path.rpartition("/")[2]
            raise error_shapes.ordered(fault, model)
        else:
            self._fault = fault

    async def json(self, answer: object, *, status: int = 200, headers: dict[str, str] | None = None) -> None:
        await self._whole(json.dumps(answer).encode(), "application/json", status, headers or {})

    async def text(self, answer: str) -> None:
        await self._whole(answer.encode(), "text/plain; charset=utf-8", 200, {})

    async def _whole(self, data: bytes, content_type: str, status: int, headers: dict[str, str]) -> None:
        headers = {**headers, "content-length": str(len(data))}
        fault, self._fault = self._fault, None
        if fault and fault.kind == "failed":
            raise error_shapes.server_error()
        await self._start(status, content_type, headers)
        if fault and fault.strikes(""):
            await self._write(data[: len(data) // 2])
            await self._strike(fault)
            # Malformed, with the announced length.
            data = data[len(data) // 2 : -1] + b"x"
        await self._write(data)
        await self.end()

    async def stream(self, content_type: str = "text/event-stream; charset=utf-8") -> None:
        await self._start(200, content_type, {})

    async def event(self, event: Mapping[str, object]) -> None:
        """Send a server-sent event."""
        kind = str(event.get("type") or event.get("object", ""))
        data = json.dumps(event)
        data = await self._struck(kind) or data
        await self._write(f"data: {data}\n\n".encode())

    async def done(self) -> None:
        """Send the mark that ends a chat stream."""
        await self._write(b"data: [DONE]\n\n")
        await self.end()

    async def piece(self, data: bytes) -> None:
        """Send a piece of an answer that is bare audio."""
        await self._struck("")
        await self._write(data)

    async def end(self) -> None:
        self.complete = True
        await self._send({"type": "http.response.body", "body": b""})

    async def _struck(self, kind: str) -> str | None:
        """Return the data to send instead of an event of this kind, if the fault strikes now."""
        if not (self._fault and self._fault.strikes(kind)):
            return None
        fault, self._fault = self._fault, None
        return await self._strike(fault)

    async def _strike(self, fault: Fault) -> str:
        """Apply the fault. Return the data to send instead of the event."""
        if fault.kind == "silence":
            await asyncio.Event().wait()
        if fault.kind == "reset":
            hang_up(self.simulation, self._scope)
        if fault.kind in ("cut", "reset"):
            raise Cut
        return MALFORMED if fault.kind == "malformed" else json.dumps(error_shapes.server_error().shape())

    async def _start(self, status: int, content_type: str, headers: dict[str, str]) -> None:
        self.journal.statuses[f"{self.path} {status}"] += 1
        self.entry["status"] = status
        every = {"content-type": content_type, "x-request-id": self.simulation.new_id("req"), **headers}
        encoded = [(name.encode(), value.encode()) for name, value in every.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def _write(self, data: bytes) -> None:
        self.journal.bytes_out += len(data)
        await self._send({"type": "http.response.body", "body": data, "more_body": True})


async def read_body(receive: Receive) -> bytes:
    """Return the whole body of a request. Raises ClientGone."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        parts.append(message["body"])
        if not message["more_body"]:
            return b"".join(parts)
