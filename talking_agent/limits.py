"""How much a request may carry. Django would spool a body of any size to disk before a view sees it."""

from typing import Any

from django.conf import settings
from django.http import JsonResponse


class BodyTooLarge(Exception):
    pass


class BodyLimit:
    """ASGI middleware: a body over DATA_UPLOAD_MAX_MEMORY_SIZE is answered with 413 as soon as that is known, and one
    that does not say how long it is with 411."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        received = 0

        async def counted() -> Any:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise BodyTooLarge
            return message

        if any(name == b"transfer-encoding" for name, _ in scope["headers"]):
            # Django takes such a body for an empty one.
            return await _refuse(send, 411, "Send the body with its Content-Length, not in chunks.")
        try:
            return await self.application(scope, counted, send)
        except BodyTooLarge:
            return await _refuse(send, 413, f"The body is larger than {limit // 1024 // 1024} MB.")


async def _refuse(send: Any, status: int, message: str) -> None:
    answer = JsonResponse({"error": message}, status=status)
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.items()]
    headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.content})
