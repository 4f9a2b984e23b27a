"""One session at the provider: its socket, what is still to be sent, and its events as they come."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import websockets
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from tutor.engines.base import EngineError
from tutor.provider import clients, errors
from tutor.provider.errors import translated

WHAT = "the realtime session"
CLOSED_WITHIN = 0.5  # seconds; a provider that does not take leave must not delay whoever comes next
MOST_UNSENT = 20_000  # events: more than the sound of the longest turn, in the pieces that it comes in

ServerEvent = dict[str, Any]


class Connection:
    """`send` never waits and never fails: what cannot be sent shows in `receive`. The client's own `send` and `recv` check every
    event against all its types, which takes ten times as long as all else that is done with a piece of sound."""

    def __init__(self, socket: AsyncRealtimeConnection, model: str) -> None:
        self.speed = 1.0  # what the provider was told of it
        self.proved = False  # it has given an answer
        self.expired = False  # the provider has said that it is over
        self.renews = False  # another one is wanted, now that there is time
        self._socket, self._model = socket, model
        self._unsent: asyncio.Queue[str] = asyncio.Queue()

    def send(self, kind: str, **fields: Any) -> None:
        self._put(json.dumps({"type": kind, **fields}))

    def append(self, audio: str) -> None:
        """`audio`: sound in base64."""
        self._put(f'{{"type":"input_audio_buffer.append","audio":"{audio}"}}')

    async def receive(self) -> ServerEvent:
        """The next event. Raises EngineError, at the session's end, too."""
        with translated(WHAT, self._model):
            event = json.loads(await self._socket.recv_bytes())
        if not isinstance(event, dict):
            raise EngineError(errors.GARBLED, retryable=True, detail=f"{WHAT}: an event is not an object.")
        return event

    def _put(self, event: str) -> None:
        if self._unsent.qsize() < MOST_UNSENT:
            self._unsent.put_nowait(event)

    async def _write(self) -> None:
        try:
            while True:
                await self._socket.send_raw(await self._unsent.get())
        except websockets.ConnectionClosed:
            pass  # `receive` tells


@asynccontextmanager
async def connected() -> AsyncIterator[Connection]:
    """A new session at the provider, as it comes. Raises EngineError."""
    model = clients.model("realtime")
    # An option of the `websockets` that the client stands on, which takes whatever it is given.
    options: Any = {"close_timeout": CLOSED_WITHIN}
    manager = clients.client("realtime").realtime.connect(model=model, websocket_connection_options=options)
    with translated(WHAT, model):
        socket = await manager.enter()
    connection = Connection(socket, model)
    writer = asyncio.create_task(connection._write())
    try:
        yield connection
    finally:
        writer.cancel()
        await asyncio.wait([writer])
        with translated(WHAT, model):
            await socket.close()
