"""Middleware for both worlds: under ASGI a request must not hop to a thread and back for each of them."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from talking_agent import cloud, metrics

Before = Callable[[HttpRequest], HttpResponseBase | None]
After = Callable[[HttpRequest, HttpResponseBase], None]


def middleware(*, before: Before = lambda request: None, after: After = lambda request, response: None) -> Any:
    """A middleware of two plain functions; neither may block. What `before` returns, if anything, is the answer."""

    @sync_and_async_middleware
    def factory(get_response: Any) -> Any:
        def sync_middleware(request: HttpRequest) -> HttpResponseBase:
            response = before(request) or get_response(request)
            after(request, response)
            return response

        async def async_middleware(request: HttpRequest) -> HttpResponseBase:
            response = before(request) or await get_response(request)
            after(request, response)
            return response

        return async_middleware if iscoroutinefunction(get_response) else sync_middleware

    return factory


# Recordings come from a bucket: over HTTPS, or from a server of one's own that may do without.
MEDIA = "https:" if settings.AWS_S3_ENDPOINT_URL.startswith("https:") else f"https: {settings.AWS_S3_ENDPOINT_URL}"
POLICY = (
    f"default-src 'self'; img-src 'self' data:; media-src 'self' blob: {MEDIA.strip()}; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def _forbid_foreign_content(request: HttpRequest, response: HttpResponseBase) -> None:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("Permissions-Policy", "microphone=(self), camera=(), geolocation=()")


def _tell_the_wait(request: HttpRequest, response: HttpResponseBase) -> None:
    if waited := cloud.end_request():
        response.headers["Server-Timing"] = f"cloud;dur={waited * 1000:.1f}"


content_security_policy = middleware(after=_forbid_foreign_content)
measured = middleware(before=metrics.begin_request, after=metrics.end_request)
patience = middleware(before=lambda request: cloud.begin_request(), after=_tell_the_wait)
