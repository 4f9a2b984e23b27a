"""How much a request may carry. Django would spool a body of any size to disk before a view sees it."""

from typing import Any

from django.conf import settings
from django.http import JsonResponse


class BodyTooLarge(Exception):
    pass


class BodyLimit:
    """ASGI middleware: a body over DATA_UPLOAD_MAX_MEMORY_SIZE is answered with 413 as soon as that is known."""

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

        try:
            await self.application(scope, counted, send)
        except BodyTooLarge:
            await _refuse(send, limit)


async def _refuse(send: Any, limit: int) -> None:
    answer = JsonResponse({"error": f"The body is larger than {limit // 1024 // 1024} MB."}, status=413)
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.items()]
    headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": answer.content})
