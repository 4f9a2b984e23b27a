"""Hold one session at the provider: its socket, its unsent events, and its incoming events."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import websockets

from engines.openai import realtime
from engines.openai.clients import model
from engines.openai.error_translation import translated
from engines.openai.realtime import ServerEvent, Socket

WHAT = "the realtime session"
OPENED_WITHIN = 5.0  # seconds
# Events. The audio of the longest turn arrives in fewer pieces.
MOST_UNSENT = 20_000


class RealtimeConnection:
    """Exchange events with the provider. `send` never waits and never fails. A failure to send shows in `receive`."""

    def __init__(self, socket: Socket) -> None:
        # The provider has accepted the configuration.
        self.configured = False
        # The provider has completed an answer.
        self.proved = False
        # The provider has reported the end of the session.
        self.expired = False
        # The session should be replaced by a new one, now that there is time.
        self.renews = False
        self._socket = socket
        self._unsent: asyncio.Queue[str] = asyncio.Queue()

    def send(self, kind: str, **fields: object) -> None:
        self._put(json.dumps({"type": kind, **fields}))

    def append(self, audio: str) -> None:
        """Send audio, given in base64."""
        self._put(f'{{"type":"input_audio_buffer.append","audio":"{audio}"}}')

    async def receive(self) -> ServerEvent:
        """Return the next event. Raises EngineError, also when the session ends."""
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
            # `receive` reports it.
            pass


@asynccontextmanager
async def connected() -> AsyncIterator[RealtimeConnection]:
    """Open a session at the provider and yield its connection. Raises EngineError."""
    name = model("realtime")
    with translated(WHAT, name):
        socket = await realtime.opened("realtime", within=OPENED_WITHIN)
    connection = RealtimeConnection(socket)
    writer = asyncio.create_task(connection._write())
    try:
        yield connection
    finally:
        writer.cancel()
        with translated(WHAT, name):
            await realtime.close(socket)
