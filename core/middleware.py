"""Build middleware for sync and async: under ASGI no middleware should cost a hop to a thread and back."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from core import cloud, metrics

FOR_MACHINES = ("/readyz",)
# The type of the requests. An app's own type declares the attributes that its middleware adds.
R = TypeVar("R", bound=HttpRequest)


def middleware(
    before: Callable[[R], HttpResponseBase | None] = lambda request: None,
    *,
    after: Callable[[R, HttpResponseBase], None] = lambda request, response: None,
) -> Any:
    """Build a middleware of two plain functions that must not block. A response returned by `before` is the answer.

    As a decorator, build it of `before` alone.
    """

    @sync_and_async_middleware
    def factory(get_response: Any) -> Any:
        def sync_middleware(request: R) -> HttpResponseBase:
            response = before(request) or get_response(request)
            after(request, response)
            return response

        async def async_middleware(request: R) -> HttpResponseBase:
            response = before(request) or await get_response(request)
            after(request, response)
            return response

        return async_middleware if iscoroutinefunction(get_response) else sync_middleware

    return factory


def _media_sources() -> str:
    """Return the allowed sources of recordings: HTTPS, or the bucket's own server if it uses plain HTTP."""
    address = settings.AWS_S3_PUBLIC_ENDPOINT_URL or settings.AWS_S3_ENDPOINT_URL
    # Leave out the password and the path: a path in a policy allows only that very path.
    plain = re.match(r"http://(?:[^/?#]*@)?([\w.:\[\]-]+)", address)
    if not plain:
        return "https:"
    bucket = f"{settings.S3_BUCKET_NAME}." if settings.AWS_S3_ADDRESSING_STYLE == "virtual" else ""
    return f"https: http://{bucket}{plain[1]}"


POLICY = (
    f"default-src 'self'; img-src 'self' data:; media-src 'self' blob: {_media_sources()}; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def _forbid_foreign_content(request: HttpRequest, response: HttpResponseBase) -> None:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("Permissions-Policy", "microphone=(self), camera=(), geolocation=()")


def _tell_the_wait(request: HttpRequest, response: HttpResponseBase) -> None:
    if waited := cloud.end_request():
        response.headers["Server-Timing"] = f"cloud;dur={waited * 1000:.1f}"


@middleware
def any_host_for_machines(request: HttpRequest) -> None:
    # Orchestrators and load balancers check readiness by an address that no setting names.
    if request.path_info in FOR_MACHINES:
        request.META["HTTP_HOST"] = "localhost"


content_security_policy = middleware(after=_forbid_foreign_content)
measured = middleware(before=metrics.begin_request, after=metrics.end_request)
patience = middleware(before=lambda request: cloud.begin_request(), after=_tell_the_wait)
