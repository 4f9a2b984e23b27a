from asgiref.sync import iscoroutinefunction
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.core.signals import request_started
from django.db import close_old_connections, reset_queries
from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, resolve

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
        # They run in a thread that has no connection yet.
        request_started.disconnect(close_old_connections)
        request_started.disconnect(reset_queries)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        if _is_async(request):
            return await super().get_response_async(request)
        return await _views(self._respond, request)

    def _respond(self, request: HttpRequest) -> HttpResponseBase:
        close_old_connections()
        try:
            return self._sync.get_response(request)
        finally:
            close_old_connections()


def _is_async(request: HttpRequest) -> bool:
    try:
        return iscoroutinefunction(resolve(request.path_info).func)
    except Resolver404:
        return False
