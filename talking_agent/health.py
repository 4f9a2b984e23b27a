"""Answer `GET /healthz` on the event loop, whatever the Host header is. It needs no thread and no database."""

from core.asgi_types import Application, Message, Receive, Send

PATH = "/healthz"
HEADERS = [
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]
ALIVE = b'{"status": "ok"}'
NOT_ALLOWED = b'{"error": "Here only GET, HEAD is allowed."}'


class Health:
    """Answer the health check as ASGI middleware."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["path"] != PATH:
            return await self.application(scope, receive, send)
        is_allowed = scope["method"] in ("GET", "HEAD")
        body = ALIVE if is_allowed else NOT_ALLOWED
        headers = [*HEADERS, (b"content-length", str(len(body)).encode())]
        if not is_allowed:
            headers += [(b"allow", b"GET, HEAD"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 200 if is_allowed else 405, "headers": headers})
        return await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
