import asyncio
from functools import lru_cache

from asgiref.sync import iscoroutinefunction
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.base import BaseHandler
from django.core.signals import request_started
from django.db import close_old_connections, reset_queries
from django.http import HttpResponseBase
from django.urls import Resolver404, resolve

from core.asgi_types import Message, Receive, Send
from core.threads import Threads
from talking_agent.limits import REQUESTS

_views = Threads(REQUESTS.total, "view")


class Handler(ASGIHandler):
    """Serve a view that is not async in one thread, with all its middleware.

    Django would change threads for each middleware, and start a new thread with new connections for each request. These
    threads keep their connections.
    """

    def __init__(self) -> None:
        super().__init__()
        self._sync = BaseHandler()
        self._sync.load_middleware()
        # They would run in another thread than the view. `_respond` closes connections instead.
        request_started.disconnect(close_old_connections)
        request_started.disconnect(reset_queries)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:  # type: ignore[override]
        if _is_async(scope["path"]):
            await super().__call__(scope, receive, send)
        else:
            # Without ASGIHandler.__call__: its ThreadSensitiveContext would start a thread for this request.
            await self.handle(scope | {"runs_in_thread": True}, receive, send)

    async def get_response_async(self, request: ASGIRequest) -> HttpResponseBase:  # type: ignore[override]
        if "runs_in_thread" in request.scope:
            view = asyncio.ensure_future(_views(self._respond, request))
            try:
                return await asyncio.shield(view)
            except asyncio.CancelledError:
                # The client has gone, and the thread works on. Until it has ended, the request keeps its place.
                await asyncio.wait([view])
                raise
        return await super().get_response_async(request)

    def _respond(self, request: ASGIRequest) -> HttpResponseBase:
        close_old_connections()
        try:
            return self._sync.get_response(request)
        finally:
            close_old_connections()


@lru_cache(1024)
def _is_async(path: str) -> bool:
    try:
        return iscoroutinefunction(resolve(path).func)
    except Resolver404:
        return False
