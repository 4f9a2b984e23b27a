"""Run a server that is compatible with OpenAI in its own way. A function of path and body gives its answers."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

Answer = tuple[int, str, bytes]  # status, content type, body
Respond = Callable[[str, Any], Answer]


class Compatible:
    """Serve answers. `asked` holds the path and the body of each request, with JSON parsed."""

    def __init__(self, respond: Respond) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.url = ""
        self._respond = respond

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            first, *fields = head.decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
            raw = await reader.readexactly(int(headers.get("content-length", 0)))
            body = json.loads(raw) if headers.get("content-type") == "application/json" else raw
            path = first.split()[1].removeprefix("/v1")
            self.asked.append((path, body))
            status, kind, content = self._respond(path, body)
            answer = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(content)}\r\n\r\n"
            writer.write(answer.encode() + content)
            await writer.drain()
        writer.close()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionResetError):
        return b""


@asynccontextmanager
async def compatible(respond: Respond) -> AsyncIterator[Compatible]:
    served = Compatible(respond)
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    served.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    yield served
    server.close()


def written(*texts: str, **more: Any) -> Answer:
    """Return a streamed answer of a language model, token by token."""
    chunks = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in texts] + ([more] if more else [])
    events = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    return 200, "text/event-stream", f"{events}data: [DONE]\n\n".encode()


def refused(status: int = 400) -> Answer:
    return status, "application/json", b'{"error": {"message": "I know no such thing."}}'
