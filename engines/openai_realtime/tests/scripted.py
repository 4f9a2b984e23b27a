"""Run a scripted server, for events that the simulated provider never sends."""

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from django.conf import settings
from websockets.asyncio.server import ServerConnection, serve

Event = dict[str, Any]
# The events that answer an event of the client.
Script = Callable[[Event], list[Any]]


class Scripted:
    """Serve sessions by a script.

    `received` holds every event of the clients, without the audio. Any session is accepted unless the script decides
    otherwise.
    """

    def __init__(self, script: Script) -> None:
        self.received: list[Event] = []
        self.connections = 0
        self.socket: ServerConnection | None = None
        self._script = script

    async def say(self, *events: Event | str) -> None:
        assert self.socket
        for event in events:
            await self.socket.send(event if isinstance(event, str) else json.dumps(event))

    async def serve(self, socket: ServerConnection) -> None:
        self.connections += 1
        self.socket = socket
        async for frame in socket:
            event = json.loads(frame)
            if event["type"] != "input_audio_buffer.append":
                self.received.append(event)
            said = self._script(event)
            if not said and event["type"] == "session.update":
                said = [{"type": "session.updated", "session": event["session"]}]
            await self.say(*said)

    def received_of(self, kind: str) -> list[Event]:
        return [event for event in self.received if event["type"] == kind]


@contextlib.asynccontextmanager
async def scripted(script: Script = lambda event: []) -> AsyncIterator[Scripted]:
    """Run the server, and let the settings name it meanwhile."""
    server = Scripted(script)
    before = settings.OPENAI
    async with serve(server.serve, "127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{next(iter(listening.sockets)).getsockname()[1]}/v1"
        settings.OPENAI = {stage: {**chosen, "url": url, "key": "sk"} for stage, chosen in before.items()}
        try:
            yield server
        finally:
            settings.OPENAI = before


def error(
    code: str, *, param: str | None = None, event_id: str | None = None, kind: str = "invalid_request_error"
) -> Event:
    detail = {
        "type": kind,
        "code": code,
        "param": param,
        "event_id": event_id,
        "message": f"No {param or code}: sk-secret",
    }
    return {"type": "error", "error": detail}


def response(
    kind: str, ask: str | None, status: str = "completed", *, response_id: str = "resp_1", **more: Any
) -> Event:
    shape = {"id": response_id, "status": status, "metadata": {"ask": ask} if ask else None, **more}
    return {"type": f"response.{kind}", "response": shape}


def words(text: str, response_id: str = "resp_1") -> Event:
    place = {"response_id": response_id, "item_id": "item_a", "content_index": 0}
    return {"type": "response.output_audio_transcript.delta", **place, "delta": text}


def sound(pcm_base64: str, response_id: str = "resp_1", item_id: str = "item_a") -> Event:
    place = {"response_id": response_id, "item_id": item_id, "content_index": 0}
    return {"type": "response.output_audio.delta", **place, "delta": pcm_base64}


def answer(event: Event, text: str = "Yes.", *, response_id: str = "resp_1") -> list[Event]:
    """Return a complete answer to a `response.create`."""
    ask = event["response"]["metadata"]["ask"]
    return [
        response("created", ask, "in_progress", response_id=response_id),
        words(text, response_id),
        sound("AAAA", response_id),
        response("done", ask, response_id=response_id),
    ]
