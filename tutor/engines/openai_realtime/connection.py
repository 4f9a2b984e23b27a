"""One session at the provider: its socket, what is still to be sent, and its events as they come."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import websockets

from tutor.provider import realtime
from tutor.provider.clients import model
from tutor.provider.errors import translated
from tutor.provider.realtime import ServerEvent, Socket

WHAT = "the realtime session"
OPENED_WITHIN = 5.0  # seconds
MOST_UNSENT = 20_000  # events: more than the sound of the longest turn, in the pieces that it comes in


class Connection:
    """`send` never waits and never fails: what cannot be sent shows in `receive`."""

    def __init__(self, socket: Socket) -> None:
        self.configured = False  # it has taken the configuration
        self.speed = 1.0  # what the provider was told of it
        self.proved = False  # it has given an answer
        self.expired = False  # the provider has said that it is over
        self.renews = False  # another one is wanted, now that there is time
        self._socket = socket
        self._unsent: asyncio.Queue[str] = asyncio.Queue()

    def send(self, kind: str, **fields: Any) -> None:
        self._put(json.dumps({"type": kind, **fields}))

    def append(self, audio: str) -> None:
        """`audio`: sound in base64."""
        self._put(f'{{"type":"input_audio_buffer.append","audio":"{audio}"}}')

    async def receive(self) -> ServerEvent:
        """The next event. Raises EngineError, at the session's end, too."""
        with translated(WHAT, model("realtime")):
            return await realtime.received(self._socket, WHAT)

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
    name = model("realtime")
    with translated(WHAT, name):
        socket = await realtime.opened("realtime", within=OPENED_WITHIN)
    connection = Connection(socket)
    writer = asyncio.create_task(connection._write())
    try:
        yield connection
    finally:
        writer.cancel()
        with translated(WHAT, name):
            await realtime.close(socket)
